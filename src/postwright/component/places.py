"""Who may have a connection now: so many at a time, and who waits longest is next.

It owns the count and the queue, and never waits: a turn is granted by waking whoever waits for it.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol

from postwright.drive import clock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from postwright.errors import SMTPError


class Turn(Protocol):
    """Somebody who waits; ``refused`` is the error that ends it."""

    refused: SMTPError | None

    def wake(self) -> None:
        """Let go on."""

    def wait(self, seconds: float | None) -> bool | Awaitable[bool]:
        """Wait until it is woken; say whether it was."""


class Places:
    """Places for connections, first come, first served.

    Args:
        width: Says how many there are now.
        lock: Guards the count where several threads use it.
    """

    def __init__(self, width: Callable[[], int], lock: AbstractContextManager[object]) -> None:
        self._width = width
        self._lock = lock
        self._queue: deque[Turn] = deque()
        self.taken = 0
        self.left = float("-inf")
        """When one was given back last."""

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._queue)

    @property
    def crowded(self) -> bool:
        """Whether more places are taken than there are now: whoever can should leave."""
        return self.taken > self._width()

    def ask(self, turn: Turn) -> bool:
        """Take a place and return True; or queue, and be woken once a place was taken for the turn."""
        with self._lock:
            if not self._queue and self.taken < self._width():
                self.taken += 1
                return True
            self._queue.append(turn)
            return False

    def leave(self) -> int:
        """Give a place back; return how many others are taken."""
        with self._lock:
            self.taken -= 1
            self.left = clock.monotonic()
            others = self.taken
            self._grant()
            return others

    def give_up(self, turn: Turn) -> None:
        """Stop waiting; a place that was granted meanwhile goes to the next one."""
        with self._lock:
            if turn in self._queue:
                self._queue.remove(turn)
            elif turn.refused is None:
                self.taken -= 1
            self._grant()

    def squeeze_in(self) -> None:
        """Take a place, whether there is one or not."""
        with self._lock:
            self.taken += 1

    def send_away(self, reason: Callable[[], SMTPError]) -> None:
        """End the waiting of everyone who queues, with an error."""
        with self._lock:
            while self._queue:
                turn = self._queue.popleft()
                turn.refused = reason()
                turn.wake()

    def _grant(self) -> None:
        while self._queue and self.taken < self._width():
            self.taken += 1
            self._queue.popleft().wake()
