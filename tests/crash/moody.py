"""A server in a bad mood: too many connections, 421 in the middle of anything, refusals that pass; it counts what it took."""

from __future__ import annotations

import re
import threading
from collections import Counter
from typing import TYPE_CHECKING

from tests.crash.sink import _END, Octets, Sink

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

_FAIL = re.compile(rb"^X-Fail: (\d+) (.*?)\r?$", re.MULTILINE)


class MoodySink(Sink):
    """Takes mail, or not.

    A message with the header ``X-Fail: 2 451 not now`` gets that answer the first two times.

    Args:
        most: Connections at a time; one more gets a 421 in place of a greeting. 0 for any number.
        closing: Where every so many-th time a 421 is said and the connection closed: GREETING, EHLO, MAIL, RCPT, DATA,
            BODY (in answer to it), AFTER (behind the acceptance), with the numbers.
        extensions: What EHLO offers.
        port: Where to listen; 0 for anywhere.

    Attributes:
        open: How many connections are open.
        peak: How many were open and greeted at a time.
        quits: How many clients said goodbye.
        refused: How many connections got a 421 in place of a greeting.
    """

    def __init__(
        self,
        most: int = 0,
        closing: dict[str, int] | None = None,
        extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "CHUNKING", "SIZE"),
        port: int = 0,
    ) -> None:
        super().__init__(extensions, port)
        self._most = most
        self._closing = closing or {}
        self._times: Counter[str] = Counter()
        self._offers: Counter[bytes] = Counter()
        self._counting = threading.Lock()
        self.open = self.peak = self.refused = self.quits = 0

    def _serve(self, line: socket.socket) -> None:
        with self._counting:
            self.open += 1
            welcome = not self._most or self.open <= self._most
            if welcome:
                self.peak = max(self.peak, self.open)
            else:
                self.refused += 1
        try:
            if welcome:
                super()._serve(line)
            else:
                with line:
                    self._refuse(line)
        finally:
            with self._counting:
                self.open -= 1

    def _refuse(self, line: socket.socket) -> None:
        line.sendall(b"421 4.7.0 too many connections\r\n")

    def _closes(self, octets: Octets, place: str) -> None:
        """Say 421 and leave, where it is time to."""
        with self._counting:
            self._times[place] += 1
            often = self._closing.get(place, 0)
            now = often and self._times[place] % often == 0
        if now:
            octets.say(f"421 4.3.2 closing at {place}")
            raise EOFError

    def _converse(self, octets: Octets) -> None:
        self._closes(octets, "GREETING")
        octets.say("220 moody.example")
        for words in octets.lines():
            verb = words[0].upper()
            self._closes(octets, verb)
            if verb == "EHLO":
                rows = ("moody.example", *self._extensions)
                octets.say(*(f"250{'-' if row != rows[-1] else ' '}{row}" for row in rows))
            elif verb == "DATA":
                octets.say("354 go on")
                self._end(octets, octets.until(_END)[:-3].replace(b"\r\n..", b"\r\n."))
            elif verb == "BDAT":
                self._end(octets, octets.take(int(words[1])))
            elif verb == "QUIT":
                self.quits += 1
                octets.say("221 bye")
                return
            else:
                octets.say("250 fine")

    def _end(self, octets: Octets, message: bytes) -> None:
        self._closes(octets, "BODY")
        octets.say(self._mood(message))
        self._closes(octets, "AFTER")

    def _mood(self, message: bytes) -> str:
        if fail := _FAIL.search(message):
            with self._counting:
                self._offers[message] += 1
                if self._offers[message] <= int(fail[1]):
                    return fail[2].decode()
        return self._judge(message)


def letters(count: int, extra: str = "") -> Iterator[bytes]:
    """Messages that can be told apart by their Message-ID."""
    for number in range(count):
        yield (
            f"From: a@example.org\r\nTo: b@example.net\r\nMessage-ID: <{number}@example.org>\r\n{extra}\r\nHello {number}\r\n"
        ).encode()
