"""When the next message may begin, where there are only so many in a second: one schedule for many connections."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager


class Cadence:
    """The schedule of messages.

    Args:
        clock: Seconds that only grow.
        lock: Guards the schedule where several threads use it.
    """

    __slots__ = ("_clock", "_due", "_lock")

    def __init__(self, clock: Callable[[], float], lock: AbstractContextManager[object]) -> None:
        self._clock = clock
        self._lock = lock
        self._due = float("-inf")

    def take(self, rate: float) -> float:
        """Take the turn of one message and return 0.0; or return the seconds until there may be one.

        Time in which nothing was sent is not saved up: there is never a burst.

        Args:
            rate: Messages per second.
        """
        with self._lock:
            now = self._clock()
            if now < self._due:
                return self._due - now
            self._due = now + 1 / rate
            return 0.0
