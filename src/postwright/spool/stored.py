"""A large message on its way out of the queue: read from its file while it is sent."""

from __future__ import annotations

import os

from postwright.errors import FileUnreadable
from postwright.wire.lines import CHUNK


class Stored:
    """A message's body inside its queue file, as a source of the transfer."""

    __slots__ = ("_at", "_fd", "_start", "eight_bit", "size")

    blocking = True
    awaits = False
    repeatable = True

    def __init__(self, fd: int, start: int, size: int, *, eight_bit: bool) -> None:
        self._fd = fd
        self._start = start
        self._at = 0
        self.size = size
        self.eight_bit = eight_bit

    def open(self) -> None:
        """Go to the start."""
        self._at = 0

    def read(self) -> bytes:
        """Return the next chunk; b"" at the end.

        Raises:
            FileUnreadable: The disk failed.
        """
        wanted = min(CHUNK, self.size - self._at)
        try:
            data = os.pread(self._fd, wanted, self._start + self._at)
        except OSError as error:
            raise FileUnreadable(f"the queue file: {error.strerror}") from error
        if wanted and not data:
            raise FileUnreadable("the queue file was cut while it was sent")
        self._at += len(data)
        return data

    def close(self) -> None:
        """The descriptor belongs to the claim."""
