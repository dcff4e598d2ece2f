"""Several addresses, one connection: attempts that start one after the other and run side by side (RFC 8305).

It decides what to try and when; it never waits. A driver waits for ``pending`` sockets to become writable, for at most
as long as ``advance`` says, and reports them to ``settle``. Whatever happens, it calls ``close`` in the end: all sockets
but the winner's are closed then.
"""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

from postwright.drive import dialing
from postwright.errors import NetworkError
from postwright.errors.system import code_for

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.words import Target

DELAY = 0.25
"""Seconds before the next address is tried beside one that has not answered (RFC 8305 section 5)."""


class Race:
    """The attempts to reach one target.

    Args:
        places: The target's addresses, in the order to try them.
        target: Whom to reach, and how.
        clock: Seconds that only grow.
    """

    def __init__(self, places: list[dialing.Place], target: Target, clock: Callable[[], float]) -> None:
        self._waiting = list(places)
        self._target = target
        self._clock = clock
        started = clock()
        self._end = None if target.timeout is None else started + target.timeout
        self._next = started
        self._attempts: list[tuple[dialing.Place, str, int]] = []
        self.pending: dict[socket.socket, dialing.Place] = {}
        self.winner: socket.socket | None = None

    def advance(self) -> float | None:
        """Start what is due; return how many seconds to wait for the pending sockets, None for ever.

        Raises:
            NetworkError: Nothing is left to try, or the time is up; the text has every attempt.
        """
        now = self._clock()
        while self.winner is None and self._waiting and (now >= self._next or not self.pending):
            self._start(self._waiting.pop(0))
            self._next = now + DELAY
        if self.winner is not None:
            return 0.0
        if self._end is not None and now >= self._end:
            self._give_up()
        if not self.pending:
            raise dialing.failure(self._target, self._attempts)
        moments = [moment for moment in (self._end, self._next if self._waiting else None) if moment is not None]
        return min(moments) - now if moments else None

    def _start(self, place: dialing.Place) -> None:
        try:
            if self._target.check is not None and not self._target.check(place.address[0]):
                self._attempts.append((place, "the address check refused it", 10013))
                return
            sock, there = dialing.start(place, self._target)
        except OSError as error:
            self._attempts.append((place, error.strerror or str(error), code_for(error)))
            return
        if there:
            self.winner = sock
        else:
            self.pending[sock] = place

    def settle(self, sock: socket.socket) -> None:
        """Take note of a socket that became writable: it is connected, or its attempt failed."""
        place = self.pending.get(sock)
        if place is None:
            return
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        del self.pending[sock]  # not before: where a signal's handler raises, abandon() knows of the socket
        if number:
            sock.close()
            error = OSError(number, os.strerror(number))
            self._attempts.append((place, str(error.strerror), code_for(error)))
            self._next = self._clock()  # a failure starts the next attempt at once
        elif self.winner is None:
            self.winner = sock
        else:
            sock.close()

    def _give_up(self) -> None:
        timeout = self._target.timeout
        self._attempts += [(place, f"no answer in {timeout:g} s", 10060) for place in self.pending.values()]
        self._attempts += [(place, "not tried: the time was up", 10060) for place in self._waiting]
        self.close()
        error = dialing.failure(self._target, self._attempts)
        raise NetworkError(error.detail, code=10060)

    def close(self) -> None:
        """Close every socket but the winner's."""
        for sock in self.pending:
            sock.close()
        self.pending.clear()

    def abandon(self) -> None:
        """Close every socket: nobody will use the winner's either."""
        self.close()
        if self.winner is not None:
            self.winner.close()
            self.winner = None
