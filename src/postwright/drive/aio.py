"""The asyncio driver: one flow at a time, on a non-blocking socket and the event loop's readers and writers.

A transport would hide how many octets the operating system took, and that number decides between NOT_SENT and UNKNOWN
after a fault; so the socket is our own. A reader stays registered while the connection is open: what the server says
is here before it is asked for, and reading never starves while a large group is written.
"""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any, TypeVar

from postwright.drive import dialing
from postwright.drive.sync import EARLY, READ
from postwright.errors import (
    Busy,
    ConnectFirst,
    InactivityTimeout,
    Interrupted,
    NetworkError,
    NotPossibleNow,
    OperationTimeout,
    ReplyTooLong,
)
from postwright.errors.system import code_for
from postwright.flow import Call, Dial, Fire, Hangup, Poll, Read, Sleep, Wait, Write

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable

    from postwright.errors import (
        SMTPError,
    )
    from postwright.flow import Effect, Flow
    from postwright.words import Line, Target

T = TypeVar("T")


class AsyncDriver:
    """Runs flows as part of an asyncio task.

    Args:
        fire: Hands an event to the user's handler; what it returns is awaited if it can be.
    """

    def __init__(self, fire: Callable[[object], object]) -> None:
        self._fire = fire
        self._sock: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = bytearray()
        self._eof = False
        self._fault: OSError | None = None
        self._reading = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._late: SMTPError | None = None
        self._end: float | None = None
        self._interrupted = False
        self.busy = False

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
        self._loop = loop
        self._interrupted = False
        self._end = None if limit is None else loop.time() + limit
        try:
            return await self._drive(flow)
        finally:
            self.busy = False
            self._disarm()

    async def _drive(self, flow: Flow[T]) -> T:
        answer: Any = None
        error: BaseException | None = None
        while True:
            try:
                effect = flow.send(answer) if error is None else flow.throw(error)
            except StopIteration as stop:
                result: T = stop.value
                return result
            answer = error = None
            try:
                answer = await self._grant(effect)
            except BaseException as caught:  # noqa: BLE001 - it goes into the flow, and out of it if unhandled
                error = caught

    async def _grant(self, effect: Effect[Any]) -> Any:
        kind = type(effect)
        if self._interrupted and kind is not Hangup:
            self._interrupted = False
            raise Interrupted
        return await _GRANTS[kind](self, effect)

    def interrupt(self) -> None:
        """End the flow in progress with error 301; may be called from any thread, and from a handler."""
        if self.busy and self._loop is not None:
            self._interrupted = True
            self._loop.call_soon_threadsafe(self._interrupt)

    def _interrupt(self) -> None:
        if self._interrupted and self._waiter is not None and not self._waiter.done():
            self._interrupted = False
            self._waiter.set_exception(Interrupted())

    def hang_up(self) -> None:
        """Close the connection and everything that belongs to it."""
        self._disarm()
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

    # Waiting: one future, and one timer that is armed lazily, since most waits are short

    async def _wait(self, timeout: float | None, late: Callable[[], SMTPError]) -> None:
        """Wait until ``_wake`` is called.

        Raises:
            SMTPError: What ``late`` returns, when the time is up; Interrupted; OperationTimeout.
        """
        loop = self._loop
        assert loop is not None
        moment = loop.time()
        if self._end is not None:
            remaining = self._end - moment
            if remaining <= 0:
                raise OperationTimeout
            if timeout is None or remaining < timeout:
                timeout, late = remaining, OperationTimeout
        waiter = self._waiter = loop.create_future()
        if timeout is not None:
            self._arm(loop, moment + timeout)
        try:
            await waiter
        except TimeoutError as error:
            if type(error) is TimeoutError:
                raise late() from None
            raise
        finally:
            self._waiter = None

    def _arm(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._due = due
        if self._timer is None or self._timer.when() > due:
            self._disarm()
            self._timer = loop.call_at(due, self._ring)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        loop, waiter = self._loop, self._waiter
        if waiter is None or waiter.done() or loop is None:
            return
        if loop.time() >= self._due:
            waiter.set_exception(TimeoutError())
        else:
            self._timer = loop.call_at(self._due, self._ring)

    def _wake(self, *_: object) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _beside(self, work: asyncio.Future[T], timeout: float | None, late: Callable[[], SMTPError]) -> T:
        """Wait for work that goes on in a thread; when the wait ends early, the work's result is not missed."""
        work.add_done_callback(self._wake)
        try:
            while not work.done():
                await self._wait(timeout, late)
        except BaseException:
            work.remove_done_callback(self._wake)
            work.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise
        return work.result()

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
        assert self._sock is not None
        try:
            data = self._sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._fault = error
            data = b""
        if data:
            self._arrived += data
        else:
            self._eof = True
        if not data or len(self._arrived) > EARLY:
            self._stop_reading()
        self._wake()

    def _take(self) -> bytes:
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    def _connected(self) -> socket.socket:
        if self._sock is None:
            raise ConnectFirst
        return self._sock

    # The effects

    async def _dial(self, effect: Dial) -> Line:
        self.hang_up()
        target = effect.target
        sock = await self._reach(target)
        self._sock = sock
        self._start_reading()
        return dialing.ends(sock)

    async def _reach(self, target: Target) -> socket.socket:
        """Try the addresses one after the other; each gets its share of the time that is left."""
        loop = self._loop
        assert loop is not None
        places = await self._resolve(loop, target)
        end = None if target.timeout is None else loop.time() + target.timeout
        attempts: list[tuple[dialing.Place, str, int]] = []
        for index, place in enumerate(places):
            share = None if end is None else max(0.0, end - loop.time()) / (len(places) - index)
            try:
                sock, there = dialing.start(place, target)
            except OSError as error:
                attempts.append((place, error.strerror or str(error), code_for(error)))
                continue
            try:
                if not there:
                    await self._writable(loop, sock, share, lambda: NetworkError(code=10060))
                dialing.check(sock)
            except NetworkError:
                attempts.append((place, f"no answer in {share:.1f} s", 10060))
            except OSError as error:
                if isinstance(error, OperationTimeout):
                    sock.close()
                    raise
                attempts.append((place, error.strerror or str(error), code_for(error)))
            except BaseException:
                sock.close()
                raise
            else:
                return sock
            sock.close()
        raise dialing.failure(target, attempts)

    async def _resolve(self, loop: asyncio.AbstractEventLoop, target: Target) -> list[dialing.Place]:
        if dialing.is_numeric(target.host):
            return dialing.resolve(target)
        return await self._beside(
            loop.run_in_executor(None, dialing.resolve, target),
            target.timeout,
            lambda: NetworkError(f"{target.host}: no answer in {target.timeout:g} s", code=11002),
        )

    async def _writable(
        self, loop: asyncio.AbstractEventLoop, sock: socket.socket, timeout: float | None, late: Callable[[], SMTPError]
    ) -> None:
        loop.add_writer(sock, self._wake)
        try:
            await self._wait(timeout, late)
        finally:
            loop.remove_writer(sock)

    async def _read(self, effect: Read) -> bytes:
        self._connected()
        while not self._arrived:
            if self._eof:
                if self._fault is not None:
                    raise dialing.explained(self._fault, "reading") from self._fault
                return b""
            self._start_reading()
            await self._wait(
                effect.timeout, lambda: InactivityTimeout(f"the server sent nothing for {effect.timeout:g} s")
            )
        return self._take()

    async def _poll(self, effect: Poll) -> bytes | None:
        self._connected()
        if not self._arrived and not self._eof:
            self._readable()
        if not self._arrived and not self._eof and effect.seconds:
            self._start_reading()
            try:
                await self._wait(effect.seconds, InactivityTimeout)
            except InactivityTimeout:
                return None
        return self._take() or (b"" if self._eof else None)

    async def _write(self, effect: Write) -> bytes:
        sock, loop = self._connected(), self._loop
        assert loop is not None
        view = memoryview(effect.data)
        while True:
            try:
                count = sock.send(view)
            except (BlockingIOError, InterruptedError):
                count = 0
            except OSError as error:
                if not self._eof:
                    self._readable()
                effect.early = self._take()
                raise dialing.explained(error, "sending") from error
            effect.written += count
            view = view[count:]
            if not view:
                return b""  # what arrived meanwhile is kept here, and the next Read gets it
            if len(self._arrived) > EARLY:
                raise ReplyTooLong(f"over {EARLY} octets while it was sent to")
            await self._writable(
                loop,
                sock,
                effect.timeout,
                lambda: InactivityTimeout(f"the server took nothing for {effect.timeout:g} s"),
            )

    async def _hang(self, _: Hangup) -> None:
        self.hang_up()

    async def _event(self, effect: Fire) -> None:
        answer = self._fire(effect.event)
        if inspect.isawaitable(answer):
            await answer

    async def _call(self, effect: Call[Any]) -> Any:
        loop = self._loop
        assert loop is not None
        return await self._beside(loop.run_in_executor(None, effect.function, *effect.args), None, OperationTimeout)

    async def _user_call(self, effect: Wait[Any]) -> Any:
        answer = effect.function(*effect.args)
        return await answer if inspect.isawaitable(answer) else answer

    async def _sleep(self, effect: Sleep) -> None:
        try:
            await self._wait(effect.seconds, InactivityTimeout)
        except InactivityTimeout:
            return


_GRANTS: dict[type, Callable[[AsyncDriver, Any], Awaitable[Any]]] = {
    Dial: AsyncDriver._dial,
    Read: AsyncDriver._read,
    Poll: AsyncDriver._poll,
    Write: AsyncDriver._write,
    Hangup: AsyncDriver._hang,
    Fire: AsyncDriver._event,
    Call: AsyncDriver._call,
    Wait: AsyncDriver._user_call,
    Sleep: AsyncDriver._sleep,
}
