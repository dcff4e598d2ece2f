"""Where bodies come from, as streams of canonical CRLF data: any size passes through a constant amount of memory.

A source is opened before any byte of the mail is sent, so that a file that can't be read costs nothing. What this
module must never do: read a file whole, or hand out a line end that is not CRLF.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from postwright.errors import AttachedFileUnreadable, FileUnreadable, InvalidValue
from postwright.message.transfer_encodings import BLOCK, Base64Lines, base64_lines, base64_size
from postwright.wire.lines import CHUNK, LineEnds
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Awaitable

FileLike: TypeAlias = "str | os.PathLike[str] | Any"
"""A path, or an object with ``read(count)``, which may be a coroutine function."""


class Source(Protocol):
    """Where a part of a body comes from; the transaction opens it, reads it to its end and closes it."""

    @property
    def size(self) -> int | None:
        """The octets it will deliver, exactly or nearly; None while that is unknown (before ``open``, mostly)."""

    @property
    def eight_bit(self) -> bool | None:
        """Whether it has octets above 127; None while that is unknown."""

    @property
    def blocking(self) -> bool:
        """Whether its methods touch a disk, so that the flow must run them through the Call effect."""

    @property
    def awaits(self) -> bool:
        """Whether ``read`` and ``close`` may return awaitables, so that the flow must use the Wait effect."""

    @property
    def repeatable(self) -> bool:
        """Whether it can be opened again and delivers the same."""

    def open(self) -> None:
        """Make ready to read from the start."""

    def read(self) -> bytes | Awaitable[bytes]:
        """Return the next chunk; b"" at the end."""

    def close(self) -> Awaitable[None] | None:
        """Let go of what it holds; may be called at any time, also twice."""


class Memory:
    """Canonical data that is there already."""

    __slots__ = ("_at", "_eight_bit", "data", "size")

    blocking = False
    awaits = False
    repeatable = True

    def __init__(self, data: bytes, *, eight_bit: bool | None = None) -> None:
        self.data = data
        self.size = len(data)
        self._eight_bit = eight_bit
        self._at = 0

    @property
    def eight_bit(self) -> bool:
        """Whether it has octets above 127."""
        if self._eight_bit is None:
            self._eight_bit = not self.data.isascii()
        return self._eight_bit

    def open(self) -> None:
        """Go to the start."""
        self._at = 0

    def read(self) -> bytes:
        """Return the next chunk; small data comes in one piece and is not copied."""
        at = self._at
        self._at = at + CHUNK
        return self.data if at == 0 and self.size <= CHUNK else self.data[at : at + CHUNK]

    def close(self) -> None:
        """Nothing to let go of."""


class Encoded:
    """Octets that are there already, turned into base64 only as they go out."""

    __slots__ = ("_at", "_data", "size")

    blocking = False
    awaits = False
    repeatable = True
    eight_bit = False

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = base64_size(len(data))
        self._at = 0

    def open(self) -> None:
        """Go to the start."""
        self._at = 0

    def read(self) -> bytes:
        """Return the next lines."""
        at = self._at
        self._at = at + BLOCK
        return base64_lines(memoryview(self._data)[at : at + BLOCK])

    def close(self) -> None:
        """Nothing to let go of."""


class _AsItIs:
    __slots__ = ()

    def feed(self, data: bytes) -> bytes:
        return data

    def finish(self) -> bytes:
        return b""


_KNOWN_EIGHT_BIT: dict[str | None, bool] = {"base64": False, "binary": True}


class FileSource:
    """A file or a binary stream, read as it goes out, from where it stands to its end.

    Args:
        file: A path, or an object with ``read(count)`` that gives bytes; ``read`` may be a coroutine function.
        encode: "base64" for an attachment; "binary" sends every octet as it is, which only BDAT can (RFC 3030);
            None makes the line ends CRLF.
        close: Close a stream afterwards; a file that was opened here always is.
        attached: Whether it is the AttachedFile, which has an error of its own.
    """

    __slots__ = (
        "_attached",
        "_close",
        "_eight_bit",
        "_encode",
        "_ended",
        "_file",
        "_lines",
        "_path",
        "_spent",
        "_start",
        "_stream",
        "awaits",
        "size",
    )

    blocking = True

    def __init__(
        self, file: FileLike, *, encode: str | None = None, close: bool = True, attached: bool = False
    ) -> None:
        self._file = file
        self._path = isinstance(file, str | os.PathLike)
        if not self._path and not callable(getattr(file, "read", None)):
            raise InvalidValue(f"neither a path nor a binary stream: {type(file).__name__}")
        self._encode = encode
        self._close = close
        self._attached = attached
        self._stream: Any = None
        self._start: int | None = None
        self._lines: LineEnds | Base64Lines | _AsItIs = _AsItIs()
        self._ended = False
        self._spent = False
        self._eight_bit: bool | None = _KNOWN_EIGHT_BIT.get(encode)
        self.size: int | None = None
        self.awaits = not self._path and _is_coroutine_function(getattr(file, "read", None))

    @property
    def eight_bit(self) -> bool | None:
        """Whether it has octets above 127: no for base64; otherwise it shows when the file has been read."""
        return self._eight_bit

    @property
    def repeatable(self) -> bool:
        """Whether it can be opened again: a path, or a stream that can seek, until it is closed."""
        return self._path or self._start is not None

    def open(self) -> None:
        """Open the file, or note where the stream stands, and learn the size.

        Raises:
            AttachedFileUnreadable: The AttachedFile can't be opened.
            FileUnreadable: Another file or stream can't be.
        """
        if self._path and self._stream is not None:
            self._stream.close()
        try:
            self._stream = open(self._file, "rb", buffering=0) if self._path else self._file  # noqa: SIM115
            octets = self._rewind()
        except (OSError, ValueError) as error:
            kind = AttachedFileUnreadable if self._attached else FileUnreadable
            raise kind(_reason(self._file, error)) from error
        if octets is not None:
            self.size = base64_size(octets) if self._encode == "base64" else octets

    def _rewind(self) -> int | None:
        """Go to where the stream stood at first, and return what there is from there to its end, where one can know."""
        encode = self._encode
        self._lines = Base64Lines() if encode == "base64" else _AsItIs() if encode else LineEnds(strict=True)
        self._ended = False
        stream = self._stream
        if getattr(stream, "closed", False):
            raise ValueError("the stream is closed")
        seekable = None if self.awaits else getattr(stream, "seekable", None)
        if seekable is None or not seekable():
            if self._spent:  # or the mail would go out without it
                raise ValueError("the stream can be read only once")
            self._spent = True
            return None
        if self._start is None:
            self._start = stream.tell()
        end: int = stream.seek(0, os.SEEK_END)
        stream.seek(self._start)
        return max(0, end - self._start)

    def read(self) -> bytes | Awaitable[bytes]:
        """Return the next chunk of canonical data; b"" at the end.

        Raises:
            FileUnreadable: The file can't be read any further.
            InvalidValue: It has a NUL octet or an overlong line, or gives text instead of bytes.
        """
        return self._read_later() if self.awaits else self._read_now()

    def _read_now(self) -> bytes:
        while not self._ended:
            try:
                data = self._stream.read(self._portion)
            except (OSError, ValueError) as error:
                raise FileUnreadable(_reason(self._file, error)) from error
            if out := self._convert(data):
                return out
        return b""

    async def _read_later(self) -> bytes:
        while not self._ended:
            try:
                data = await self._stream.read(self._portion)
            except (OSError, ValueError) as error:
                raise FileUnreadable(_reason(self._file, error)) from error
            if out := self._convert(data):
                return out
        return b""

    @property
    def _portion(self) -> int:
        return BLOCK if self._encode == "base64" else CHUNK

    def _convert(self, data: object) -> bytes:
        if isinstance(data, bytearray | memoryview):
            data = bytes(data)
        if not isinstance(data, bytes):
            raise InvalidValue(f"the stream gives {type(data).__name__} instead of bytes: open it in binary mode")
        if data:
            out = self._lines.feed(data)
        else:
            self._ended = True
            out = self._lines.finish()
        if isinstance(self._lines, LineEnds) and (self._ended or self._lines.eight_bit):
            self._eight_bit = self._lines.eight_bit
        return out

    def survey(self) -> None:
        """Read it once, after ``open``, to learn whether it has 8-bit data, NUL or overlong lines, and go back.

        This is for servers that can't take 8-bit data: it shows before MAIL instead of inside the mail.

        Raises:
            InvalidValue: It has NUL or overlong lines, or can be read only once.
        """
        if self._eight_bit is not None:
            return
        if self._start is None:
            raise InvalidValue("a stream that can be read only once can't be looked through before it is sent")
        while self._read_now():
            pass
        self._rewind()

    def close(self) -> Awaitable[None] | None:
        """Close the file; a stream of the user only where that was asked for."""
        stream, self._stream = self._stream, None
        if stream is None or not (self._path or self._close):
            return None
        closing = getattr(stream, "close", None)
        result: Awaitable[None] | None = closing() if closing is not None else None
        return result


def _is_coroutine_function(function: Any) -> bool:
    """Whether calling it makes a coroutine (inspect.CO_COROUTINE); objects count by what their call does."""
    code = getattr(function, "__code__", None) or getattr(getattr(function, "__func__", None), "__code__", None)
    return bool(code is not None and code.co_flags & 0x80)


def _reason(file: FileLike, error: Exception) -> str:
    name = os.fspath(file) if isinstance(file, str | os.PathLike) else getattr(file, "name", type(file).__name__)
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return f"{printable(str(name))}: {why}"
