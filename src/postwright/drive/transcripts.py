"""Transcripts: the server's side of a dialogue as text, and a peer that plays it, without a line or a clock.

A transcript has one line for each thing that is said::

    S: 220 mx.example.org
    C: EHLO *
    S: 250-mx.example.org
    S: 250 PIPELINING
    C: QUIT
    S: 221 bye
    S: <close>

``C:`` is what the client must say; ``*`` stands for anything. The octets that follow a BDAT command are taken without
being written down. Besides:

- ``C: <body>``: everything up to the line with a single dot.
- ``C: <any>``: whatever the client has said so far, and at least one octet.
- ``S: <raw b"...">``: these bytes, as a Python literal, without a line end.
- ``S: <close>``, ``S: <reset>``: the server closes the line, or breaks it.
- ``S: <silence>``: the server says no more.
- ``S-TLS``: from here on both sides speak TLS.

Empty lines, and lines that begin with ``#``, are left out. The client must not speak before its turn: what it sends as
one group stands in consecutive ``C:`` lines.
"""

from __future__ import annotations

import ast
import re
from collections import deque
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class TranscriptMismatch(AssertionError):  # noqa: N818 - like those of postwright.errors it says what is wrong
    """The client said something else than the transcript has."""


class Deed(Enum):
    """What a server does besides talking."""

    CLOSE = "close"
    RESET = "reset"
    SILENCE = "silence"
    TLS = "tls"


class Expect(NamedTuple):
    """The client's turn: the line as it stands in the transcript, and the pattern of its octets."""

    shown: str
    pattern: re.Pattern[bytes]


Step: TypeAlias = Expect | Deed | bytes

_ANY = "<any>"
_BODY = "<body>"
_RAW = re.compile(r"<raw (b(?:\"|').*)>")
_END = re.compile(rb"(?:^|\r\n)\.\r\n")
_CHUNK = re.compile(rb"BDAT (\d+)(?: LAST)?\r\n", re.IGNORECASE)


def parse(text: str) -> tuple[Step, ...]:
    """Read a transcript.

    Raises:
        ValueError: A line is none of those that a transcript may have.
    """
    return tuple(_step(line.strip()) for line in text.splitlines() if line.strip() and line.strip()[0] != "#")


def _step(line: str) -> Step:
    if line == "S-TLS":
        return Deed.TLS
    who, colon, said = line.partition(":")
    said = said.removeprefix(" ")
    if who == "C" and colon:
        parts = said.encode().split(b"*")
        return Expect(said, re.compile(b"[^\r\n]*".join(map(re.escape, parts)) + b"\r\n"))
    if who != "S" or not colon:
        raise ValueError(f"a transcript's line begins with 'C:', 'S:' or is 'S-TLS': {line}")
    if raw := _RAW.fullmatch(said):
        data: bytes = ast.literal_eval(raw.group(1))
        return data
    if said in {"<close>", "<reset>", "<silence>"}:
        return Deed(said[1:-1])
    return said.encode() + b"\r\n"


class Peer:
    """Plays the server of a transcript: takes what the client says, and gives what it does.

    Args:
        transcript: The text, or its steps.

    Attributes:
        heard: All that the client said, without TLS.
        lines: The client's lines that the transcript expected.
        bodies: What came as the body of a message, by DATA (with its dots and its end) or BDAT.
    """

    def __init__(self, transcript: str | Iterable[Step]) -> None:
        self._steps = deque(parse(transcript) if isinstance(transcript, str) else transcript)
        self._inbox = bytearray()
        self._owed = self._searched = 0
        self.heard = bytearray()
        self.lines: list[str] = []
        self.bodies: list[bytes] = []

    @property
    def left(self) -> tuple[str, ...]:
        """The lines of the client that have not come."""
        return tuple(step.shown for step in self._steps if isinstance(step, Expect))

    def take(self, data: bytes) -> None:
        """Take what the client says."""
        self._inbox += data
        self.heard += data

    def act(self) -> bytes | Deed | None:
        """Return the next thing that the server does; None while it waits for the client, and at the end.

        Raises:
            TranscriptMismatch: The client said something that it should not.
        """
        while self._steps:
            step = self._steps[0]
            if isinstance(step, Expect):
                if not self._hear(step):
                    return None
                self._steps.popleft()
                continue
            if self._inbox and step is not Deed.TLS:
                raise TranscriptMismatch(f"the client spoke before its turn: {bytes(self._inbox[:200])!r}")
            self._steps.popleft()
            return step
        return self.afterwards()

    def afterwards(self) -> bytes | Deed | None:
        """Return what the server does when the transcript is at its end: nothing, unless a subclass knows better."""
        return None

    def line(self) -> bytes | None:
        """Return the next line of the client, its end included, or None while it is not complete."""
        end = self._inbox.find(b"\n") + 1
        return self._cut(end) if end else None

    def body(self) -> bytes | None:
        """Return the client's data up to the line with a single dot, or None while it is not complete."""
        match = _END.search(self._inbox, self._searched)
        if match is None:
            self._searched = max(0, len(self._inbox) - 4)  # the end may have begun
            return None
        self.bodies.append(self._cut(match.end()))
        return self.bodies[-1]

    def chunk(self) -> bool:
        """Take the octets that a BDAT command announced; say whether all of them are here."""
        part = self._cut(min(self._owed, len(self._inbox)))
        self._owed -= len(part)
        if part:
            self.bodies[-1] += part
        return not self._owed

    def announce(self, line: bytes) -> None:
        """Note the octets that follow a BDAT command."""
        if match := _CHUNK.fullmatch(line):
            self._owed = int(match.group(1))
            self.bodies.append(b"")

    def _cut(self, count: int) -> bytes:
        data = bytes(self._inbox[:count])
        del self._inbox[:count]
        self._searched = 0
        return data

    def _hear(self, step: Expect) -> bool:
        if step.shown == _ANY:
            return bool(self._cut(len(self._inbox)))
        if step.shown == _BODY:
            return self.body() is not None
        if not self._owed:
            line = self.line()
            if line is None:
                return False
            if not step.pattern.fullmatch(line):
                raise TranscriptMismatch(f"the client said {line!r}, the transcript has {step.shown!r}")
            self.lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
            self.announce(line)
        return self.chunk()


class ServerLayer(Protocol):
    """The server's end of TLS over memory, which the caller brings along."""

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is finished."""

    def outgoing(self) -> bytes:
        """Return the records that must go out now."""

    def feed(self, data: bytes) -> None:
        """Take records from the client."""

    def encrypt(self, data: bytes) -> bytes:
        """Return the records for plaintext."""

    def decrypt(self) -> bytes | None:
        """Return plaintext that arrived, None when there is none."""

    def farewell(self) -> bytes:
        """Return the records that close the connection in order."""


class Station:
    """A peer behind TLS where its transcript says so, whose bytes come whole, by line or by byte.

    Args:
        peer: Who speaks.
        mode: "whole" (all that may be said so far in one piece), "line" or "byte".
        secure: Makes the server's end of TLS; only transcripts with S-TLS need it.
    """

    def __init__(self, peer: Peer, mode: str = "whole", secure: Callable[[], ServerLayer] | None = None) -> None:
        self.peer = peer
        self._mode = mode
        self._secure = secure
        self._tls: ServerLayer | None = None
        self._shaken = False

    def take(self, data: bytes) -> None:
        """Take bytes off the line."""
        if self._tls is None:
            self.peer.take(data)
            return
        self._tls.feed(data)

    def pieces(self) -> Iterator[bytes | Deed]:
        """Yield what goes over the line now, and what else the server does, until it waits for the client.

        Raises:
            TranscriptMismatch: The client said something that it should not.
        """
        while True:
            if self._tls is not None and not self._shaken:
                self._shaken = self._tls.handshake()
                yield from self._cut(self._tls.outgoing())
                if not self._shaken:
                    return
            if self._tls is not None and (plain := self._tls.decrypt()):
                self.peer.take(plain)
            said, deed = self._turn()
            yield from self._cut(self._tls.encrypt(said) if said and self._tls is not None else said)
            if deed is None:
                return
            if deed is Deed.TLS:
                assert self._secure is not None, "the transcript has S-TLS, but no TLS was brought along"
                self._tls = self._secure()
                self._shaken = False
                self._tls.feed(self.peer._cut(len(self.peer._inbox)))
            else:
                if deed is Deed.CLOSE and self._tls is not None and self._shaken:
                    yield from self._cut(self._tls.farewell())
                yield deed

    def _turn(self) -> tuple[bytes, Deed | None]:
        """Return what the peer says next, in one piece or line by line, and what it does then."""
        said = b""
        while (act := self.peer.act()) is not None:
            if isinstance(act, Deed):
                return said, act
            said += act
        return said, None

    def _cut(self, data: bytes) -> Iterator[bytes]:
        if self._mode == "byte":
            yield from (data[i : i + 1] for i in range(len(data)))
        elif self._mode == "line" and self._tls is None:
            yield from data.splitlines(keepends=True)
        elif data:
            yield data
