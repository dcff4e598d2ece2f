"""Sending no faster than a given rate, evenly: the schedule, without a clock of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from postwright.flow import Octets

_PER_SECOND = 20  # writes a second: often enough to be even, seldom enough to be cheap


class Pace:
    """The schedule of one connection.

    Args:
        rate: Octets per second.
        clock: Seconds that only grow.
    """

    __slots__ = ("_clock", "_due", "_rate")

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._due = clock()

    def parts(self, buffers: Iterable[Octets]) -> Iterator[memoryview]:
        """Cut buffers into parts that go out one at a time."""
        size = max(1, self._rate // _PER_SECOND)
        for buffer in buffers:
            view = memoryview(buffer)
            for start in range(0, len(view), size):
                yield view[start : start + size]

    def delay(self, octets: int) -> float:
        """Book so many octets and return the seconds to wait before they may go out.

        Time in which nothing was sent is not saved up: there is never a burst.
        """
        now = self._clock()
        start = max(now, self._due)
        self._due = start + octets / self._rate
        return start - now
