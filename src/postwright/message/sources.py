"""Where bodies come from, as streams of canonical CRLF data: what a source is, and those that are in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from postwright.message.transfer_encodings import BLOCK, base64_lines, base64_size
from postwright.wire.lines import CHUNK

if TYPE_CHECKING:
    from collections.abc import Awaitable


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
    """Canonical data that is there already.

    Args:
        data: What holds it.
        start: Where in that it begins: a large message is not copied for the sake of its header.
        eight_bit: Whether it has octets above 127, where that is known.
    """

    __slots__ = ("_at", "_eight_bit", "_start", "_whole", "size")

    blocking = False
    awaits = False
    repeatable = True

    def __init__(self, data: bytes, *, start: int = 0, eight_bit: bool | None = None) -> None:
        self._whole = data
        self._start = self._at = start
        self.size = len(data) - start
        self._eight_bit = eight_bit

    @property
    def data(self) -> bytes:
        """All of it."""
        return self._whole[self._start :]

    @property
    def eight_bit(self) -> bool:
        """Whether it has octets above 127."""
        if self._eight_bit is None:
            self._eight_bit = not (self._whole.isascii() or self.data.isascii())
        return self._eight_bit

    def open(self) -> None:
        """Go to the start."""
        self._at = self._start

    def read(self) -> bytes:
        """Return the next chunk; small data comes in one piece and is not copied."""
        at = self._at
        self._at = at + CHUNK
        return self._whole[at : at + CHUNK]

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
        self._at = at + 2 * BLOCK
        return base64_lines(memoryview(self._data)[at : at + 2 * BLOCK])

    def close(self) -> None:
        """Nothing to let go of."""
