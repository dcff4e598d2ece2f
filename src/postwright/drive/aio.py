"""The asyncio driver: one flow at a time, on a non-blocking socket and the event loop's readers and writers.

A transport would hide how many octets the operating system took, and that number decides between NOT_SENT and UNKNOWN
after a fault; so the socket is our own. A reader stays registered while the connection is open: what the server says
is here before it is asked for, and reading never starves while a large group is written.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from postwright.drive import dialing
from postwright.drive.awaitables import is_awaitable, is_coroutine
from postwright.drive.carrier import LATER, Carrier
from postwright.drive.errand import late
from postwright.drive.handover import READ, hand_over, some
from postwright.drive.patience import Patience
from postwright.drive.reaching import reach, resolve
from postwright.drive.sync import EARLY
from postwright.errors import (
    Busy,
    ConnectFirst,
    InactivityTimeout,
    NotPossibleNow,
    ReplyTooLong,
)
from postwright.flow import Apart, Call, Converse, Dial, Finish, Fire, Hangup, Poll, Read, Resolve, Sleep, Wait, Write

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from postwright.flow import Flow, Octets
    from postwright.words import Line

T = TypeVar("T")


class AsyncDriver(Carrier):
    """Runs flows as part of an asyncio task.

    Args:
        fire: Hands an event to the user's handler; what it returns is awaited if it can be.
    """

    def __init__(self, fire: Callable[[object], object]) -> None:
        super().__init__()
        self._fire = fire
        self._sock: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = bytearray()
        self._eof = False
        self._fault: OSError | None = None
        self._reading = False
        self._tasks: set[asyncio.Future[Any]] = set()
        self.busy = False
        self.on_idle: Callable[[bytes], None] | None = None
        """Called with what the server says while no flow is running; b"" is the end of the connection."""

    async def run(self, flow: Flow[T], limit: float | None = None) -> T:
        """Run a flow to its end.

        Args:
            flow: What to run.
            limit: Seconds for all of it (AbsoluteTimeout); None for no limit.

        Raises:
            Busy: Another flow is running.
            NotPossibleNow: The connection belongs to another event loop.
        """
        loop = asyncio.get_running_loop()
        if self.busy or (self._sock is not None and self._loop is not loop):
            flow.close()
            raise Busy if self.busy else NotPossibleNow("the connection belongs to another event loop")
        self.busy = True
        self.on_idle = None
        self._loop = loop
        patience = self._patience = Patience(loop, limit)
        try:
            return await self._drive(flow, patience)
        finally:
            self.busy = False
            patience.disarm()

    def interrupt(self) -> None:
        """End the flow in progress with error 301; may be called from any thread, and from a handler."""
        if self.busy and self._patience is not None:
            self._patience.interrupt()

    def hang_up(self) -> None:
        """Close the connection and everything that belongs to it."""
        sock, self._sock = self._sock, None
        if sock is not None:
            if self._loop is not None and not self._loop.is_closed():
                self._loop.remove_reader(sock)
                self._loop.remove_writer(sock)
            sock.close()
        self._reading = False
        self._arrived.clear()
        self._eof = False
        self._fault = None

    def disown(self) -> None:
        """Let go of a connection that belongs to the parent of this process.

        The event loop is not told: what it watches is the same object of the kernel in both processes, and taking the
        socket out of it here would take it out there.
        """
        sock, self._sock = self._sock, None
        if sock is not None:
            sock.close()
        self.busy = self._reading = False
        self.on_idle = None

    def fire_idle(self, event: object) -> None:
        """Hand over an event between two flows; a handler that is a coroutine function runs as a task."""
        answer = self._fire(event)
        if is_coroutine(answer):
            task = asyncio.ensure_future(answer)
            self._tasks.add(task)  # asyncio itself keeps no hold on a task
            task.add_done_callback(self._tasks.discard)

    # Reading, which goes on all the time

    def _start_reading(self) -> None:
        if not self._reading and not self._eof and self._sock is not None and self._loop is not None:
            self._loop.add_reader(self._sock, self._readable)
            self._reading = True

    def _stop_reading(self) -> None:
        if self._reading and self._sock is not None and self._loop is not None:
            self._loop.remove_reader(self._sock)
            self._reading = False

    def _readable(self) -> None:
        if type(self._wish) is Converse and not self._arrived and self._turn(self._wish):
            return
        if not self._receive():
            return
        if not self.busy and self.on_idle is not None:
            self.on_idle(self._take())
        elif not self._go_on() and self._patience is not None:
            self._patience.wake()

    def _turn(self, talk: Converse) -> bool:
        """Take one turn of a Converse, the usual way that it goes; say whether that was all there was to do."""
        sock, patience = self._sock, self._patience
        if sock is None or patience is None or not patience.waiting:
            return False
        try:
            data = sock.recv(READ)
        except OSError:
            data = b""
        if not data:
            return False  # the end of the connection, or what is wrong with it, comes again
        try:
            out = talk.respond(data)
            left = some(sock, out, talk) if out else b""
            if out and not left:
                talk.ahead()
        except BaseException as error:  # noqa: BLE001 - it goes into the flow
            self._resume(None, error)
            return True
        if out is None or left:
            self._resume(left, None)
        elif not patience.allow(talk.timeout):
            self._resume(LATER, None)
        return True

    def _receive(self) -> bool:
        """Take what has arrived; say whether that was anything, if only the end of the connection."""
        assert self._sock is not None
        try:
            data = self._sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._fault = error
            data = b""
        if data:
            self._arrived += data
        else:
            self._eof = True
        if not data or len(self._arrived) > EARLY:
            self._stop_reading()
        return True

    def _take(self) -> bytes:
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    def _connected(self) -> socket.socket:
        if self._sock is None:
            raise ConnectFirst
        return self._sock

    # The effects

    async def _dial(self, patience: Patience, effect: Dial) -> Line:
        self.hang_up()
        sock = self._sock = await reach(patience, effect.target)
        self._start_reading()
        return dialing.ends(sock)

    async def _look_up(self, patience: Patience, effect: Resolve) -> tuple[str, ...]:
        return tuple(place.address[0] for place in await resolve(patience, effect.target))

    def _heard(self) -> bytes | object:
        """Return what arrived, b"" at the end of the connection, LATER for nothing yet.

        Raises:
            NetworkError: The connection broke.
        """
        if self._arrived:
            return self._take()
        if self._fault is not None:
            raise dialing.explained(self._fault, "reading") from self._fault
        return b"" if self._eof else LATER

    def _read_now(self, _: Read) -> bytes | object:
        self._connected()
        heard = self._heard()
        if heard is LATER:
            self._start_reading()
        return heard

    def _converse_now(self, effect: Converse) -> Octets | object:
        sock = self._connected()
        while isinstance(heard := self._heard(), bytes):
            out = effect.respond(heard)
            if out is None:
                return b""
            if out:
                if left := some(sock, out, effect):
                    return left
                effect.ahead()
        self._start_reading()
        return heard

    def _poll_now(self, effect: Poll) -> bytes | object | None:
        self._connected()
        if not self._arrived and not self._eof:
            self._receive()
        if self._arrived:
            return self._take()
        if self._eof:
            return b""
        return LATER if effect.seconds else None

    async def _poll(self, patience: Patience, effect: Poll) -> bytes | None:
        self._start_reading()
        try:
            await patience.wait(effect.seconds, InactivityTimeout)
        except InactivityTimeout:
            return None
        return self._take() or (b"" if self._eof else None)

    def _write_now(self, effect: Write) -> bytes | object:
        sock, large = self._connected(), isinstance(effect.data, list)
        try:
            done = hand_over(sock, effect)
        except OSError as error:
            if not self._eof:
                self._receive()
            effect.early = self._take()
            raise dialing.explained(error, "sending") from error
        return b"" if done and not large else LATER  # what arrived meanwhile is kept here for the next Read

    async def _write(self, patience: Patience, effect: Write) -> bytes:
        """Write the rest of what could not be written at once; between the parts of a body others have their turn."""
        sock = self._connected()
        while effect.data:
            if len(self._arrived) > EARLY:
                raise ReplyTooLong(f"over {EARLY} octets while it was sent to")
            await patience.writable(
                sock, effect.timeout, lambda: InactivityTimeout(f"the server took nothing for {effect.timeout:g} s")
            )
            if self._write_now(effect) is not LATER:
                return b""
        await asyncio.sleep(0)
        return b""

    async def _hang(self, _: Patience, __: Hangup) -> None:
        self.hang_up()

    async def _event(self, _: Patience, effect: Fire) -> None:
        answer = self._fire(effect.event)
        if is_awaitable(answer):
            await answer

    async def _call(self, patience: Patience, effect: Call[Any]) -> Any:
        return await patience.beside(effect.function, *effect.args)

    async def _finish(self, patience: Patience, effect: Finish[Any]) -> Any:
        return await patience.loop.run_in_executor(None, effect.function, *effect.args)

    async def _aside(self, patience: Patience, effect: Apart[Any]) -> Any:
        return await patience.apart(effect.timeout, lambda: late(effect), effect.function, *effect.args)

    async def _user_call(self, _: Patience, effect: Wait[Any]) -> Any:
        answer = effect.function(*effect.args)
        return await answer if is_awaitable(answer) else answer

    async def _sleep(self, patience: Patience, effect: Sleep) -> None:
        try:
            await patience.wait(effect.seconds, InactivityTimeout)
        except InactivityTimeout:
            return

    grants: ClassVar = {
        Dial: _dial,
        Resolve: _look_up,
        Poll: _poll,
        Write: _write,
        Hangup: _hang,
        Fire: _event,
        Call: _call,
        Finish: _finish,
        Apart: _aside,
        Wait: _user_call,
        Sleep: _sleep,
    }
    at_once: ClassVar = {Read: _read_now, Converse: _converse_now, Poll: _poll_now, Write: _write_now}
