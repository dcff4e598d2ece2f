"""The synchronous driver: one flow at a time, on a non-blocking socket and poll().

It owns the socket and the waker. Everything that ends a wait early (a timeout, an interruption) is thrown into the
flow at the effect that it waits for.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from postwright.drive import dialing
from postwright.drive.awaitables import is_awaitable, is_coroutine
from postwright.drive.clock import monotonic
from postwright.drive.errand import Errand, late
from postwright.drive.handover import READ, arrived, hand_over, some
from postwright.drive.loop import carry
from postwright.drive.race import Race
from postwright.errors import (
    Busy,
    ConnectFirst,
    InactivityTimeout,
    Interrupted,
    NotAvailable,
    OperationTimeout,
    ReplyTooLong,
)
from postwright.flow import Apart, Call, Converse, Dial, Finish, Fire, Hangup, Poll, Read, Resolve, Sleep, Wait, Write

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.errors import SMTPError
    from postwright.flow import Effect, Flow, Octets
    from postwright.words import Line, Target

T = TypeVar("T")

EARLY = 1024 * 1024
"""Octets that a peer may send while we are sending, before that counts as an attack."""


class SyncDriver:
    """Runs flows in the calling thread.

    Args:
        fire: Hands an event to the user's handler.
    """

    def __init__(self, fire: Callable[[object], object]) -> None:
        self._fire = fire
        self._sock: socket.socket | None = None
        self._waker: tuple[socket.socket, socket.socket] | None = None
        self.busy = False
        """Whether a flow is running."""
        self._guard = threading.RLock()  # of busy and the waker, which other threads and signal handlers use
        self._interrupted = False
        self._end: float | None = None
        self._listening: select.poll | None = None  # waits for the socket to be read from, and for the waker

    def run(self, flow: Flow[T], limit: float | None = None) -> T:
        """Run a flow to its end.

        Args:
            flow: What to run.
            limit: Seconds for all of it (AbsoluteTimeout); None for no limit.

        Raises:
            Busy: Another flow is running.
        """
        mine = False
        try:
            with self._guard:  # from the moment at which the driver is busy, interrupt() reaches this flow
                if self.busy:
                    flow.close()
                    raise Busy
                mine = self.busy = True
                if self._interrupted:
                    self._was_interrupted()  # what came too late for the flow before
            try:
                self._end = None if limit is None else monotonic() + limit
                return carry(flow, self._grant)
            finally:
                if self._sock is None and self._waker is not None:
                    self.hang_up()  # the waker is kept only as long as a connection is
        finally:
            if mine:  # also where a signal's handler raises while all this is done
                self.busy = False

    def _wake_up(self) -> socket.socket:
        """Return the waker, a socket that interrupt() makes readable; it is made when something is first waited for."""
        with self._guard:
            if self._waker is None:
                self._waker = socket.socketpair()
                for each in self._waker:
                    each.setblocking(False)
                if self._interrupted:
                    self._waker[1].send(b"!")
            return self._waker[0]

    def _grant(self, effect: Effect[Any]) -> Any:
        if self._interrupted and not effect.calm and self._was_interrupted():
            raise Interrupted
        return _GRANTS[type(effect)](self, effect)

    def interrupt(self) -> None:
        """End the flow in progress with error 301; may be called from any thread, and from a handler."""
        with self._guard:
            if self.busy and not self._interrupted:
                self._interrupted = True
                if self._waker is not None:
                    self._waker[1].send(b"!")

    def _was_interrupted(self) -> bool:
        """Say whether interrupt() was called since this was asked last, and forget it."""
        with self._guard:
            was, self._interrupted = self._interrupted, False
            if was and self._waker is not None:
                with contextlib.suppress(BlockingIOError):
                    self._waker[0].recv(64)
            return was

    def hang_up(self) -> None:
        """Close the connection and everything that belongs to it."""
        self._close_socket()
        with self._guard:
            waker, self._waker = self._waker, None
            self._listening = None
        for each in waker or ():
            each.close()

    def disown(self) -> None:
        """Let go of a connection that belongs to the parent of this process; its locks may be held by lost threads."""
        self._guard, self.busy, self._interrupted = threading.RLock(), False, False
        self.hang_up()  # closes this process's descriptors only: the connection lives on in the parent

    def _close_socket(self) -> None:
        sock, self._sock = self._sock, None
        self._listening = None
        if sock is not None:
            sock.close()

    # Waiting

    def _wait(self, sock: socket.socket, events: int, timeout: float | None) -> int:
        """Wait for events on one socket; return those that came, 0 when the time is up."""
        return self._wait_for([sock], events, timeout).get(sock, 0)

    def _wait_for(self, socks: list[socket.socket], events: int, timeout: float | None) -> dict[socket.socket, int]:
        """Wait for events; return those that came, none when the time is up."""
        poll = self._poll_for(socks, events)
        ready = dict(self._ready(poll, timeout))
        return {sock: ready[sock.fileno()] for sock in socks if sock.fileno() in ready}

    def _poll_for(self, socks: list[socket.socket], events: int) -> select.poll:
        poll = select.poll()
        for sock in socks:
            poll.register(sock, events)
        poll.register(self._wake_up(), select.POLLIN)
        return poll

    def _ready(self, poll: select.poll, timeout: float | None) -> list[tuple[int, int]]:
        """Wait for what is registered; return the events that came, none when the time is up.

        Raises:
            Interrupted: interrupt() was called.
            OperationTimeout: The whole operation's time is up.
        """
        final = False
        if self._end is not None:
            remaining = self._end - monotonic()
            if remaining <= 0:
                raise OperationTimeout
            if timeout is None or remaining < timeout:
                timeout, final = remaining, True
        ready = poll.poll(None if timeout is None else max(0.0, timeout) * 1000)
        assert self._waker is not None
        waker = self._waker[0].fileno()
        for descriptor, _ in ready:
            if descriptor == waker:
                self._was_interrupted()
                raise Interrupted
        if not ready and final:
            raise OperationTimeout
        return ready

    def _connected(self) -> socket.socket:
        if self._sock is None:
            raise ConnectFirst
        return self._sock

    # The effects

    def _dial(self, effect: Dial) -> Line:
        self._close_socket()
        self._sock = self._reach(effect.target)
        return dialing.ends(self._sock)

    def _reach(self, target: Target) -> socket.socket:
        """Race the target's addresses."""
        race = Race(self._resolve(target), target, monotonic)
        try:
            while True:
                wait = race.advance()
                if race.winner is not None:
                    race.close()
                    return race.winner
                for sock in self._wait_for(list(race.pending), select.POLLOUT, wait):
                    race.settle(sock)
        except BaseException:
            race.abandon()
            raise

    def _resolve(self, target: Target) -> list[dialing.Place]:
        """Look a name up in a thread, so that a slow name server can be interrupted."""
        if dialing.is_numeric(target.host):
            return dialing.resolve(target)
        return self._run_apart(target.timeout, lambda: dialing.late(target), dialing.resolve, target)

    def _run_apart(
        self, timeout: float | None, late: Callable[[], SMTPError], function: Callable[..., T], *args: object
    ) -> T:
        """Run a function in a thread of its own, and give it up when the time is up or this flow is interrupted."""
        done, ready = socket.socketpair()
        with done:
            errand = Errand(function, args, ready.close)
            if not self._wait(done, select.POLLIN, timeout):
                raise late()
        return errand.result()

    def _look_up(self, effect: Resolve) -> tuple[str, ...]:
        return tuple(place.address[0] for place in self._resolve(effect.target))

    def _read(self, effect: Read | Converse) -> bytes:
        sock = self._connected()
        data: bytes | None = None
        while data is None:
            if self._listening is None:
                self._listening = self._poll_for([sock], select.POLLIN)
            if not self._ready(self._listening, effect.timeout):
                raise InactivityTimeout(f"the server sent nothing for {effect.timeout:g} s")
            data = arrived(sock)
        return data

    def _converse(self, effect: Converse) -> Octets:
        sock, read, respond = self._connected(), self._read, effect.respond
        data: bytes | None = None
        while (out := respond(read(effect) if data is None else data)) is not None:
            data = None
            if out:
                if left := some(sock, out, effect):
                    return left
                effect.ahead()
                if not self._interrupted and self._end is None:  # a fast server has answered meanwhile
                    data = arrived(sock)
        return b""

    def _poll(self, effect: Poll) -> bytes | None:
        sock = self._connected()
        if effect.seconds and not self._wait(sock, select.POLLIN, effect.seconds):
            return None
        try:
            return sock.recv(READ)
        except (BlockingIOError, InterruptedError):
            return None
        except OSError:
            return b""

    def _write(self, effect: Write) -> bytes:
        sock = self._connected()
        listening = select.POLLIN
        while True:
            try:
                if hand_over(sock, effect):
                    return effect.early
            except OSError as error:
                effect.early += self._leftover(sock)
                raise dialing.explained(error, "sending") from error
            ready = self._wait(sock, select.POLLOUT | listening, effect.timeout)
            if not ready:
                raise InactivityTimeout(f"the server took nothing for {effect.timeout:g} s")
            if ready & select.POLLIN:
                data = self._leftover(sock)
                listening = select.POLLIN if data else 0  # at end of file poll() would report it without end
                effect.early += data
                if len(effect.early) > EARLY:
                    raise ReplyTooLong(f"over {EARLY} octets while it was sent to")

    @staticmethod
    def _leftover(sock: socket.socket) -> bytes:
        try:
            return sock.recv(READ)
        except OSError:
            return b""

    def _hang(self, _: Hangup) -> None:
        self._close_socket()

    def _event(self, effect: Fire) -> None:
        if is_awaitable(self._fire(effect.event)):
            raise NotAvailable("a coroutine function can't handle the events of SMTP; use AsyncSMTP")

    def _call(self, effect: Call[Any]) -> Any:
        return effect.function(*effect.args)

    def _aside(self, effect: Apart[Any]) -> Any:
        return self._run_apart(effect.timeout, lambda: late(effect), effect.function, *effect.args)

    @staticmethod
    def _user_call(effect: Wait[Any]) -> Any:
        answer = effect.function(*effect.args)
        if is_awaitable(answer):
            if is_coroutine(answer):
                answer.close()
            raise NotAvailable("SMTP can't wait for a coroutine function or an asynchronous stream; use AsyncSMTP")
        return answer

    def _sleep(self, effect: Sleep) -> None:
        quiet, other = socket.socketpair()  # a socket on which nothing ever happens
        with quiet, other:
            self._wait(quiet, select.POLLIN, effect.seconds)


_GRANTS: dict[type, Callable[[SyncDriver, Any], Any]] = {
    Dial: SyncDriver._dial,
    Resolve: SyncDriver._look_up,
    Read: SyncDriver._read,
    Poll: SyncDriver._poll,
    Converse: SyncDriver._converse,
    Write: SyncDriver._write,
    Hangup: SyncDriver._hang,
    Fire: SyncDriver._event,
    Call: SyncDriver._call,
    Finish: SyncDriver._call,
    Apart: SyncDriver._aside,
    Wait: lambda _, effect: SyncDriver._user_call(effect),
    Sleep: SyncDriver._sleep,
}
