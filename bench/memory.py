"""A server in memory, and a driver that talks to it: what a message costs without sockets and without a system call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from postwright import SMTP
from postwright.flow import Call, Converse, Dial, Poll, Read, Wait, Write
from postwright.words import Line

if TYPE_CHECKING:
    from postwright.flow import Effect, Flow

T = TypeVar("T")

_OK = b"250 2.0.0 Ok\r\n"
_TAKEN = b"250 2.0.0 Ok: queued as 7F3A91C0D2\r\n"
_ANSWERS = {b"DATA": b"354 go on\r\n", b"QUIT": b"221 2.0.0 Bye\r\n", b"BDAT": b""}


class Server:
    """Takes what a client says, and returns what it answers.

    Args:
        *extensions: What it offers.

    Attributes:
        messages: How many it took.
    """

    def __init__(self, *extensions: str) -> None:
        self.messages = 0
        self._hello = "".join(f"250-{word}\r\n" for word in ("memory.example", *extensions)).encode() + b"250 HELP\r\n"
        self._heard = bytearray()
        self._searched = 0  # no end of a body before this index
        self._in_body = False

    def take(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the answers to all that is complete."""
        self._heard += data
        answers = []
        while (answer := self._body() if self._in_body else self._line()) is not None:
            answers.append(answer)
        return b"".join(answers)

    def _line(self) -> bytes | None:
        end = self._heard.find(b"\r\n") + 2
        if end < 2:
            return None
        line = bytes(self._heard[:end])
        verb = line[:4].upper()
        if verb == b"BDAT":
            end += int(line.split()[1])
            if len(self._heard) < end:
                return None
        del self._heard[:end]
        if verb == b"BDAT":
            last = b"LAST" in line.upper()
            self.messages += last
            return _TAKEN if last else _OK
        self._in_body = verb == b"DATA"
        return self._hello if verb == b"EHLO" else _ANSWERS.get(verb, _OK)

    def _body(self) -> bytes | None:
        end = 3 if self._heard.startswith(b".\r\n") else self._heard.find(b"\r\n.\r\n", self._searched) + 5
        self._searched = max(0, len(self._heard) - 4)
        if end < 5 and end != 3:
            return None
        del self._heard[:end]
        self._searched = 0
        self._in_body = False
        self.messages += 1
        return _TAKEN


class MemoryDriver:
    """Grants effects from a server in memory; it stands in the place of a client's own driver."""

    def __init__(self, server: Server) -> None:
        self.busy = False
        self._server = server
        self._answers = b""

    def interrupt(self) -> None:
        """Nothing here takes long enough."""

    def hang_up(self) -> None:
        self._answers = b""

    def run(self, flow: Flow[T], limit: float | None = None) -> T:  # noqa: ARG002 - a driver has it
        self.busy = True
        answer: Any = None
        try:
            while True:
                answer = self._grant(flow.send(answer))
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            self.busy = False

    def _grant(self, effect: Effect[Any]) -> Any:
        if isinstance(effect, Write):
            data = effect.whole()
            self._answers += self._server.take(data)
            effect.written = len(data)
            return b""
        if isinstance(effect, Read):
            answers, self._answers = self._answers, b""
            return answers
        if isinstance(effect, Converse):
            return self._converse(effect)
        if isinstance(effect, Poll):
            return None
        if isinstance(effect, Call | Wait):
            return effect.function(*effect.args)
        if isinstance(effect, Dial):
            self._answers = b"220 memory.example ESMTP\r\n"
            return Line("127.0.0.1", 25, "127.0.0.1", 40000)
        return None

    def _converse(self, effect: Converse) -> bytes:
        while True:
            answers, self._answers = self._answers, b""
            out = effect.respond(answers)
            if out is None:
                return b""
            self._answers = self._server.take(out)
            effect.written = len(out)
            effect.ahead()


def client(server: Server) -> SMTP:
    """Return a client that talks to a server in memory."""
    made = SMTP(mail_server="127.0.0.1", mail_port=25, ssl_start_mode=3)
    made._driver = MemoryDriver(server)  # type: ignore[assignment]
    return made
