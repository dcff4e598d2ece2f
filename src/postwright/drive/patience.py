"""Waiting under asyncio: one future at a time, and one timer that is armed lazily, since most waits are short.

It owns nothing but the wait itself. It must never swallow a cancellation.
"""

from __future__ import annotations

import contextlib
from math import inf
from typing import TYPE_CHECKING, TypeVar

from postwright.drive.errand import Errand
from postwright.errors import InactivityTimeout, Interrupted, OperationTimeout

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable

    from postwright.errors import SMTPError

T = TypeVar("T")


class Patience:
    """The waits of one operation.

    Args:
        loop: The running event loop.
        limit: Seconds for all of them together; None for no limit.
    """

    __slots__ = ("_due", "_end", "_final", "_interrupted", "_timer", "_waiter", "loop")

    def __init__(self, loop: asyncio.AbstractEventLoop, limit: float | None) -> None:
        self.loop = loop
        self._end = None if limit is None else loop.time() + limit
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._due = 0.0
        self._interrupted = False
        self._final = False  # whether the wait ends with the whole operation's time

    async def wait(self, timeout: float | None, late: Callable[[], SMTPError]) -> None:
        """Wait until ``wake`` is called.

        Raises:
            SMTPError: What ``late`` returns, when the time is up.
            Interrupted: ``interrupt`` was called.
            OperationTimeout: The time of the whole operation is up.
        """
        self.check()
        if not self.allow(timeout):
            raise OperationTimeout
        waiter = self._waiter = self.loop.create_future()
        try:
            await waiter
        except TimeoutError as error:
            if type(error) is TimeoutError:
                raise OperationTimeout if self._final else late() from None
            raise
        finally:
            self._waiter = None

    def allow(self, timeout: float | None) -> bool:
        """Give the wait that begins, or goes on, so many seconds from now; say whether there is any time left."""
        moment = self.loop.time()
        self._final = False
        if self._end is not None:
            remaining = self._end - moment
            if remaining <= 0:
                return False
            if timeout is None or remaining < timeout:
                timeout, self._final = remaining, True
        if timeout is None:
            self._due = inf  # a timer of an earlier wait may still ring
        else:
            self._arm(moment + timeout)
        return True

    @property
    def waiting(self) -> bool:
        """Whether a wait is going on that nothing has ended yet."""
        return self._waiter is not None and not self._waiter.done()

    def wake(self, *_: object) -> None:
        """End the wait that is going on, if there is one."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def interrupt(self) -> None:
        """End the wait that is going on, or the next one, with error 301; from any thread."""
        self._interrupted = True
        self.loop.call_soon_threadsafe(self._break)

    def _break(self) -> None:
        if self._interrupted and self._waiter is not None and not self._waiter.done():
            self._interrupted = False
            self._waiter.set_exception(Interrupted())

    def check(self) -> None:
        """Raise an interruption that came while nothing was waited for."""
        if self._interrupted:
            self._interrupted = False
            raise Interrupted

    def _arm(self, due: float) -> None:
        self._due = due
        if self._timer is None or self._timer.when() > due:
            self.disarm()
            self._timer = self.loop.call_at(due, self._ring)

    def disarm(self) -> None:
        """Give the timer back; call it when the operation is over."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _ring(self) -> None:
        self._timer = None
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if self.loop.time() >= self._due:
            waiter.set_exception(TimeoutError())
        elif self._due < inf:  # a later wait has more time
            self._timer = self.loop.call_at(self._due, self._ring)

    async def beside(self, function: Callable[..., T], *args: object) -> T:
        """Run a function in one of the loop's threads; when the wait ends early its result is dropped."""
        awaited = True

        def arrive(done: asyncio.Future[T]) -> None:
            if awaited:
                self.wake()
            elif not done.cancelled():
                done.exception()  # else asyncio would complain that nobody looked

        work = self.loop.run_in_executor(None, function, *args)
        work.add_done_callback(arrive)  # the loop comes to it later: another wait may be going on by then
        try:
            while not work.done():
                await self.wait(None, InactivityTimeout)
            return work.result()
        finally:
            awaited = False

    async def apart(
        self, timeout: float | None, late: Callable[[], SMTPError], function: Callable[..., T], *args: object
    ) -> T:
        """Run a function in a thread of its own, for which neither the loop nor the program waits at their ends.

        Raises:
            SMTPError: What ``late`` returns, when the time is up.
        """
        awaited = True
        ended = False

        def arrive() -> None:
            nonlocal ended
            ended = True
            if awaited:
                self.wake()

        def done() -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody wants it any more
                self.loop.call_soon_threadsafe(arrive)

        errand = Errand(function, args, done)
        try:
            while not ended:
                await self.wait(timeout, late)
        finally:
            awaited = False
        return errand.result()

    async def writable(self, sock: socket.socket, timeout: float | None, late: Callable[[], SMTPError]) -> None:
        """Wait until a socket can be written to, or ``wake`` is called."""
        self.loop.add_writer(sock, self.wake)
        try:
            await self.wait(timeout, late)
        finally:
            self.loop.remove_writer(sock)

    async def any_writable(self, socks: list[socket.socket], timeout: float | None) -> list[socket.socket]:
        """Wait until one of the sockets can be written to; return those that can, none when the time is up."""
        ready: list[socket.socket] = []

        def note(sock: socket.socket) -> None:
            ready.append(sock)
            self.loop.remove_writer(sock)
            self.wake()

        for sock in socks:
            self.loop.add_writer(sock, note, sock)
        try:
            await self.wait(timeout, InactivityTimeout)
        except InactivityTimeout:
            pass
        finally:
            for sock in socks:
                self.loop.remove_writer(sock)
        return ready
