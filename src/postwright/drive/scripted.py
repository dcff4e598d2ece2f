"""The scripted driver: runs a flow against transcripts, in memory, with a clock that only waiting moves.

It is a tool for tests of flows, and of programs that use postwright: no socket is opened, no time passes, and what the
server says comes whole, line by line or byte by byte (see ``transcripts``). Put in the place of a client's own driver
it lets the client talk to a transcript.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, TypeVar

from postwright.drive.awaitables import is_awaitable, is_coroutine
from postwright.drive.loop import carry
from postwright.drive.transcripts import Deed, Peer, Station, TranscriptMismatch
from postwright.errors import (
    Busy,
    ConnectFirst,
    InactivityTimeout,
    Interrupted,
    NetworkError,
    NotAvailable,
    OperationTimeout,
)
from postwright.flow import Apart, Call, Converse, Dial, Finish, Fire, Hangup, Poll, Read, Sleep, Wait, Write
from postwright.words import Line

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.drive.transcripts import ServerLayer
    from postwright.errors import SMTPError
    from postwright.flow import Effect, Flow

T = TypeVar("T")


class ScriptedDriver:
    """Grants the effects of a flow from transcripts, one for each connection.

    Args:
        *peers: Transcripts, or peers that play one; each connection takes the next.
        mode: How the server's words arrive: "whole", "line" or "byte".
        fire: Hands an event to a handler.
        secure: Makes the server's end of TLS, for transcripts with S-TLS.

    Attributes:
        events: Every event that was fired.
        effects: Every effect that was granted.
        peers: The peers that were talked to.
        time: The seconds that have passed, by the driver's own clock.
    """

    def __init__(
        self,
        *peers: str | Peer,
        mode: str = "whole",
        fire: Callable[[object], object] | None = None,
        secure: Callable[[], ServerLayer] | None = None,
    ) -> None:
        self.events: list[object] = []
        self.effects: list[Effect[Any]] = []
        self.peers: list[Peer] = []
        self.time = 0.0
        self.busy = False
        self._waiting = deque(Peer(peer) if isinstance(peer, str) else peer for peer in peers)
        self._mode = mode
        self._fire = fire
        self._secure = secure
        self._station: Station | None = None
        self._incoming: deque[bytes] = deque()
        self._ended: Deed | None = None
        self._end: float | None = None
        self._interrupted = False

    def clock(self) -> float:
        """Return the seconds that have passed; a session takes it as its clock."""
        return self.time

    def run(self, flow: Flow[T], limit: float | None = None) -> T:
        """Run a flow to its end.

        Args:
            flow: What to run.
            limit: Seconds for all of it; None for no limit.

        Raises:
            Busy: Another flow is running.
            TranscriptMismatch: The client said something else than the transcript has.
        """
        if self.busy:
            flow.close()
            raise Busy
        self.busy = True
        self._interrupted = False
        self._end = None if limit is None else self.time + limit
        try:
            return carry(flow, self._grant)
        finally:
            self.busy = False

    def _grant(self, effect: Effect[Any]) -> Any:
        self.effects.append(effect)
        if self._interrupted and not effect.calm:
            self._interrupted = False
            raise Interrupted
        return _GRANTS[type(effect)](self, effect)

    def interrupt(self) -> None:
        """End the flow in progress with error 301 at its next effect; for handlers."""
        self._interrupted = self.busy

    def hang_up(self) -> None:
        """Close the connection."""
        self._station = None
        self._incoming.clear()
        self._ended = None

    def check(self) -> None:
        """Make sure that every transcript was played to its end.

        Raises:
            TranscriptMismatch: The client left something out.
        """
        left = [line for peer in (*self.peers, *self._waiting) for line in peer.left]
        if left:
            raise TranscriptMismatch(f"the client never said: {left}")

    def _open(self) -> Station:
        if self._station is None:
            raise ConnectFirst
        return self._station

    def _pump(self) -> None:
        """Let the server do what it can do now."""
        station = self._open()
        if self._ended is not None:
            return
        for piece in station.pieces():
            if isinstance(piece, Deed):
                self._ended = piece
                return
            self._incoming.append(piece)

    def _late(self, seconds: float | None) -> SMTPError:
        """Let time pass, and return the error with which a real driver would end the wait."""
        if self._end is not None and (seconds is None or self.time + seconds >= self._end):
            self.time = self._end
            return OperationTimeout()
        if seconds is None:
            raise TranscriptMismatch("the client waits for ever for a server that says no more")
        self.time += seconds
        return InactivityTimeout(f"the server sent nothing for {seconds:g} s")

    # The effects

    def _dial(self, effect: Dial) -> Line:
        self.hang_up()
        if not self._waiting:
            raise NetworkError(f"{effect.target.host}: there is no transcript for this connection", code=10061)
        peer = self._waiting.popleft()
        self.peers.append(peer)
        self._station = Station(peer, self._mode, self._secure)
        return Line("192.0.2.25", effect.target.port, "192.0.2.1", 49152)

    def _read(self, effect: Read | Converse) -> bytes:
        if not self._incoming:
            self._pump()
        if self._incoming:
            return self._incoming.popleft()
        if self._ended is Deed.CLOSE:
            return b""
        if self._ended is Deed.RESET:
            raise NetworkError("while reading", code=10054)
        raise self._late(effect.timeout)

    def _converse(self, effect: Converse) -> bytes:
        while (out := effect.respond(self._read(effect))) is not None:
            if out:
                self._write(Write(out, effect.timeout))
                effect.written = len(out)
                effect.ahead()
        return b""

    def _poll(self, effect: Poll) -> bytes | None:
        if not self._incoming:
            self._pump()
        if self._incoming:
            return self._incoming.popleft()
        if self._ended in {Deed.CLOSE, Deed.RESET}:
            return b""
        self.time += effect.seconds
        return None

    def _write(self, effect: Write) -> bytes:
        station = self._open()
        if self._ended is None and not self._incoming:
            self._pump()
        if self._ended is Deed.RESET:
            raise NetworkError("while sending", code=10054)
        data = effect.whole()
        effect.written = len(data)
        if self._ended is None:
            station.take(data)
            self._pump()  # what is wrong with it is raised here, where it was said
        return b""

    def _hang(self, _: Hangup) -> None:
        self.hang_up()

    def _event(self, effect: Fire) -> None:
        self.events.append(effect.event)
        if self._fire is not None:
            self._fire(effect.event)

    @staticmethod
    def _call(effect: Call[Any] | Apart[Any] | Wait[Any]) -> Any:
        answer = effect.function(*effect.args)
        if is_awaitable(answer):
            if is_coroutine(answer):
                answer.close()
            raise NotAvailable("a transcript has no event loop for asynchronous functions")
        return answer

    def _sleep(self, effect: Sleep) -> None:
        self.time += effect.seconds


_GRANTS: dict[type, Callable[[ScriptedDriver, Any], Any]] = {
    Dial: ScriptedDriver._dial,
    Read: ScriptedDriver._read,
    Poll: ScriptedDriver._poll,
    Converse: ScriptedDriver._converse,
    Write: ScriptedDriver._write,
    Hangup: ScriptedDriver._hang,
    Fire: ScriptedDriver._event,
    Call: lambda _, effect: ScriptedDriver._call(effect),
    Finish: lambda _, effect: ScriptedDriver._call(effect),
    Apart: lambda _, effect: ScriptedDriver._call(effect),
    Wait: lambda _, effect: ScriptedDriver._call(effect),
    Sleep: ScriptedDriver._sleep,
}
