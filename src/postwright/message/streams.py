"""Files and streams as sources of a body: any size passes through a constant amount of memory.

A file is opened before any byte of the mail is sent, so that one which can't be read costs nothing. Where its size can
be known it is sent as it was then: what grows is cut there, and what shrinks is an error. What this module must never
do: read a file whole, hand out a line end that is not CRLF, or take a fault for the end of the file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, TypeAlias

from postwright.errors import AttachedFileUnreadable, FileUnreadable, InvalidValue, SMTPError
from postwright.message.transfer_encodings import BLOCK, Base64Lines, base64_size
from postwright.wire.lines import CHUNK, LineEnds
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Iterator

FileLike: TypeAlias = "str | os.PathLike[str] | Any"
"""A path, an object with ``read(count)``, or an iterator of octets; ``read`` and the iterator may be asynchronous."""

_END = object()


class _Pieces:
    """An iterator of octets, to be read like a file."""

    def __init__(self, iterator: Iterator[object]) -> None:
        self._iterator = iterator
        self._left = memoryview(b"")
        self.name = type(iterator).__name__
        self.close = getattr(iterator, "close", None)

    def read(self, count: int) -> object:
        while not self._left:
            piece = next(self._iterator, _END)
            if not isinstance(piece, bytes | bytearray | memoryview):
                return b"" if piece is _END else piece
            self._left = memoryview(piece).cast("B")
        return self._part(count)

    def _part(self, count: int) -> bytes:
        part, self._left = self._left[:count], self._left[count:]
        return bytes(part)


class _LaterPieces(_Pieces):
    """An asynchronous iterator of octets, to be read like an asynchronous file."""

    def __init__(self, iterator: AsyncIterator[object]) -> None:
        super().__init__(iter(()))
        self._later = iterator
        self.name = type(iterator).__name__
        self.close = getattr(iterator, "aclose", None)

    async def read(self, count: int) -> object:
        while not self._left:
            piece = await anext(self._later, _END)
            if not isinstance(piece, bytes | bytearray | memoryview):
                return b"" if piece is _END else piece
            self._left = memoryview(piece).cast("B")
        return self._part(count)


def _readable(file: Any) -> Any:
    """Return an object with ``read``.

    Raises:
        InvalidValue: There is no way to read this.
    """
    if callable(getattr(file, "read", None)):
        return file
    if hasattr(file, "__aiter__"):
        return _LaterPieces(aiter(file))
    if hasattr(file, "__next__"):
        return _Pieces(file)
    raise InvalidValue(f"neither a path nor a binary stream nor an iterator of bytes: {type(file).__name__}")


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
        file: A path, an object with ``read(count)`` that gives bytes, or an iterator of bytes; ``read`` may be a
            coroutine function, and the iterator an asynchronous one.
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
        "_judged",
        "_left",
        "_lines",
        "_path",
        "_portion",
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
        self._path = isinstance(file, str | os.PathLike)
        self._file: Any = file if self._path else _readable(file)
        self._encode = encode
        self._portion = 2 * BLOCK if encode == "base64" else CHUNK
        self._close = close
        self._attached = attached
        self._stream: Any = None
        self._start: int | None = None
        self._left: int | None = None  # octets up to what was the end when it was opened, where that is known
        self._lines: LineEnds | Base64Lines | _AsItIs = _AsItIs()
        self._ended = False
        self._spent = False
        self._judged = True  # whether octets above 127 are looked for
        self._eight_bit: bool | None = _KNOWN_EIGHT_BIT.get(encode)
        self.size: int | None = None
        self.awaits = not self._path and _is_coroutine_function(getattr(self._file, "read", None))

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
            raise kind(self._named(_reason(error))) from error
        if octets is not None:
            self.size = base64_size(octets) if self._encode == "base64" else octets

    def take_any(self) -> None:
        """Don't look for octets above 127 when it is read now: the server takes them."""
        if isinstance(self._lines, LineEnds) and self._eight_bit is None:
            self._judged = False
            self._lines.eight_bit = True

    def _rewind(self) -> int | None:
        """Go to where the stream stood at first, and return what there is from there to its end, where one can know."""
        encode = self._encode
        self._lines = Base64Lines() if encode == "base64" else _AsItIs() if encode else LineEnds(strict=True)
        self._ended = False
        self._judged = True
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
        octets = max(0, end - self._start)
        self._left = octets or None  # the files of /proc have none, and are not empty
        return octets

    def read(self) -> bytes | Awaitable[bytes]:
        """Return the next chunk of canonical data; b"" at the end.

        Raises:
            FileUnreadable: The file can't be read any further, or was cut meanwhile.
            InvalidValue: It has a NUL octet or an overlong line, or gives text instead of bytes.
        """
        return self._read_later() if self.awaits else self._read_now()

    def _read_now(self) -> bytes:
        while not self._ended:
            try:
                data = self._stream.read(self._wanted)
            except Exception as error:
                raise self._failed(error) from error
            if out := self._convert(data):
                return out
        return b""

    async def _read_later(self) -> bytes:
        while not self._ended:
            try:
                data = await self._stream.read(self._wanted)
            except Exception as error:
                raise self._failed(error) from error
            if out := self._convert(data):
                return out
        return b""

    @property
    def _wanted(self) -> int:
        return self._portion if self._left is None else min(self._portion, self._left)

    def _failed(self, error: Exception) -> Exception:
        """Return the error for a stream that raises, whatever it raises: one that says what became of the mail."""
        return error if isinstance(error, SMTPError) else FileUnreadable(self._named(_reason(error)))

    def _convert(self, data: object) -> bytes:
        if isinstance(data, bytearray | memoryview):
            data = bytes(data)
        if not isinstance(data, bytes):
            raise InvalidValue(f"the stream gives {type(data).__name__} instead of bytes: open it in binary mode")
        out = self._lines.feed(data) if data else b""
        if self._left is not None:
            self._left = max(0, self._left - len(data))
            if self._left and not data:
                raise FileUnreadable(self._named(f"it was cut while it was sent, {self._left} octets are missing"))
        if not data or self._left == 0:
            self._ended = True
            out += self._lines.finish()
        if self._judged and isinstance(self._lines, LineEnds) and (self._ended or self._lines.eight_bit):
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

    def _named(self, what: str) -> str:
        file = self._file
        name = os.fspath(file) if isinstance(file, str | os.PathLike) else getattr(file, "name", type(file).__name__)
        return f"{printable(str(name))}: {what}"


def _is_coroutine_function(function: Any) -> bool:
    """Whether calling it makes a coroutine (inspect.CO_COROUTINE); objects count by what their call does."""
    code = getattr(function, "__code__", None) or getattr(getattr(function, "__func__", None), "__code__", None)
    return bool(code is not None and code.co_flags & 0x80)


def _reason(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: {error}"
