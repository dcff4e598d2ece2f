"""The messages of one ``send_many``: which is next and when, which go again, and when all is done.

What goes again: a message that was not sent, for a reason that is for now only, as often as MaxRetries says; the wait
before it doubles each time, and differs a little so that not all come back at once. When the reason is the server
itself and not one message, nothing else is sent in that time either. Nothing here waits.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from postwright.component.throttle import burdened
from postwright.drive import clock
from postwright.drive.crew import SLOW, Guard
from postwright.enums import Outcome
from postwright.errors import MessageRefused, RecipientsRefused, SenderRefused, SMTPError
from postwright.session.tally import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from postwright.component.base import Component
    from postwright.component.batching import Given
    from postwright.words import SendResult

    Numbered: TypeAlias = tuple[int, Given]
    Result: TypeAlias = SendResult | SMTPError

BRIEF: Final = 0.05
"""Seconds for which what is in flight is left alone: its answers come while the next messages are sent."""

MOMENT: Final = 1.2 * BRIEF
"""Seconds after which to look again, where what is waited for is up to others. It is more than brief: with a shorter
one, a connection that waits for others would never hear what is in flight on its own."""

END: Final = (-1, b"")
"""In place of a message: there are no more."""

_OF_ONE_MESSAGE = (SenderRefused, RecipientsRefused, MessageRefused)


class Load:
    """What a ``send_many`` has to do.

    Args:
        client: Whose settings hold: MaxRetries, RetryDelay, MaxMessageRate.
        shared: Whether several connections share it, so that one may give messages back.
    """

    def __init__(self, client: Component, *, shared: bool = False) -> None:
        settings = client._plan().settings
        self._retries, self._delay = settings.max_retries, settings.retry_delay
        self._rate, self._cadence = settings.max_message_rate, client._operations.cadence
        self._tracked = shared or self._retries > 0
        self._lock = Guard()
        self._out: dict[int, Given] = {}
        self._tries: dict[int, int] = {}
        self._again: list[tuple[float, int, SMTPError | None]] = []
        self._given_up: list[tuple[int, Result]] = []
        self._until = 0.0
        self.exhausted = False
        """Whether the user gives no more messages."""
        self.stopped = False
        """Whether nobody wants more results."""

    @property
    def plain(self) -> bool:
        """Whether nothing has to be kept or waited for: messages go as they come."""
        return not (self._tracked or self._rate)

    @property
    def over(self) -> bool:
        """Whether every message has its result, or nobody wants it."""
        return self.stopped or (self.exhausted and not self._out)

    def pause(self) -> float:
        """Return the seconds in which there is nothing to take, as far as is known; 0.0 for none."""
        now, pause = clock.monotonic(), self._until - clock.monotonic()
        if self.exhausted:
            pause = max(pause, self._again[0][0] - now if self._again else MOMENT)
        return max(0.0, pause)

    def step(self) -> Numbered | bool:
        """Say what comes next.

        Returns:
            A message that goes again; END; True where the user is to be asked for one; False for nothing now.
        """
        if not (self.stopped or self.exhausted or self._again or self._rate or self._until):
            return True  # as it is nearly all the time
        with self._lock:
            if self.over:
                return END
            now = clock.monotonic()
            due = bool(self._again) and self._again[0][0] <= now
            if now < self._until or (self.exhausted and not due):
                return False
            if self._rate and (wait := self._cadence.take(self._rate)):
                self._until = now + wait
                return False
            if not due:
                return True
            number = heappop(self._again)[1]
            return number, self._out[number]

    def took(self, letters: list[Numbered]) -> list[Numbered]:
        """Note what the user gave; nothing is the end."""
        if not letters:
            self.exhausted = True
        elif self._tracked:
            self._out.update(letters)
        return letters

    def most(self, room: int) -> int:
        """Return how many messages the user is asked for at a time, where there is room for so many."""
        return 1 if self._rate else max(1, room)

    def settle(self, results: list[tuple[int, Result]]) -> list[tuple[int, Result]]:
        """Note results; return those that are final."""
        if not self._tracked:
            return results
        final = []
        with self._lock:
            for row in results:
                number, result = row
                if isinstance(result, SMTPError) and self._goes_again(number, result):
                    continue
                self._out.pop(number, None)
                if self._tries:
                    self._tries.pop(number, None)
                final.append(row)
            final += self._given_up
            self._given_up = []
        return final

    def _goes_again(self, number: int, result: SMTPError) -> bool:
        tries = self._tries.get(number, 0)
        if tries >= self._retries or self.stopped or not passing(result):
            return False
        self._tries[number] = tries + 1
        spread = 0.75 + int.from_bytes(clock.randomness(2), "big") / 0x1FFFF
        due = clock.monotonic() + self._delay * 2.0**tries * spread
        heappush(self._again, (due, number, result))
        if burdened(result) or not isinstance(result, _OF_ONE_MESSAGE):
            self._until = max(self._until, due)
        return True

    def give_back(self, numbers: Iterable[int]) -> None:
        """Let other connections take messages that were not offered."""
        with self._lock:
            for number in numbers:
                heappush(self._again, (0.0, number, None))

    def give_up(self) -> None:
        """Let what waits to go again have its last error as its result: the user wants no more waiting."""
        with self._lock:
            waiting = [(number, error) for _, number, error in self._again if error is not None]
            self._again = [row for row in self._again if row[2] is None]
            self._given_up += waiting
            self._until = 0.0
            for number, _ in waiting:
                del self._out[number]


def passing(result: Result) -> bool:
    """Whether a message was not sent, and for now only."""
    return (
        isinstance(result, SMTPError)
        and result.outcome is Outcome.NOT_SENT
        and result.is_transient
        and not isinstance(result, FINAL)
    )


class Eater(Protocol):
    """Whoever takes the messages for one connection."""

    @property
    def room(self) -> int:
        """How many more are wanted now."""

    def pending(self) -> bool:
        """Whether any message of this connection has no result yet."""

    def blocked(self) -> bool:
        """Whether this connection may have none now."""


def letters(load: Load, take: Callable[[int], list[Numbered]], eater: Eater) -> Iterator[list[Numbered] | None]:
    """Yield the messages for one connection; None where there is nothing to take now, or where that takes time.

    Args:
        load: All of them.
        take: Takes so many more from the user, at most; none is the end.
        eater: Who takes them.
    """
    slow, now = False, clock.monotonic
    while True:
        waits = (slow and eater.pending()) or (eater.blocked() and not load.over)
        step = False if waits else load.step()
        if step is True:
            began = now()
            taken = load.took(take(load.most(eater.room)))
            slow = now() - began > SLOW
            if taken:
                yield taken
            elif load.plain:
                return
        elif step is END:
            return
        else:
            yield [step] if isinstance(step, tuple) else None
