"""A peer that goes on as a well-behaved server where its transcript ends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.drive.transcripts import Deed, Peer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postwright.drive.transcripts import Step


class PolitePeer(Peer):
    """Plays a transcript, then takes every message; without a transcript it greets first.

    Attributes:
        taken: How many messages it took after the transcript's end.
    """

    def __init__(self, transcript: str | Iterable[Step] = "") -> None:
        super().__init__(transcript)
        self.taken = 0
        self._greet = not self._steps
        self._reading = False
        self._chunk = b""

    def afterwards(self) -> bytes | Deed | None:
        if self._greet:
            self._greet = False
            return b"220 polite.example\r\n"
        if self._reading:
            if self.body() is None:
                return None
            self._reading = False
            self.taken += 1
            return b"250 2.0.0 queued as POLITE\r\n"
        if self._chunk:
            if not self.chunk():
                return None
            last, self._chunk = self._chunk.upper().endswith(b"LAST\r\n"), b""
            self.taken += last
            return b"250 2.0.0 queued as POLITE\r\n" if last else b"250 more\r\n"
        line = self.line()
        if line is not None and line[:4].upper() == b"BDAT":
            self._chunk = line
            self.announce(line)
            return self.afterwards()
        return None if line is None else self._answer(line[:4].upper())

    def _answer(self, verb: bytes) -> bytes | Deed:
        if verb == b"DATA":
            self._reading = True
            return b"354 go on\r\n"
        if verb == b"QUIT":
            self._steps.append(Deed.CLOSE)
            return b"221 bye\r\n"
        if verb in {b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP"}:
            return b"250 fine\r\n"
        return b"500 what?\r\n"
