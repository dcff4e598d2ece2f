"""``send_many`` for both clients: messages in, one result for each out, in order or as they come."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from postwright.component.attachments import Bodies
from postwright.component.composed import Composed
from postwright.component.load import BRIEF, MOMENT
from postwright.component.rooms import writing
from postwright.drive import clock
from postwright.errors import SMTPError
from postwright.flow import Sleep
from postwright.session.batch import MOMENT as GATHERED
from postwright.session.batch import WINDOW, Batch
from postwright.session.tally import FINAL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from email.message import Message

    from postwright.component.base import Component
    from postwright.component.load import Load
    from postwright.component.operations import Operations
    from postwright.message.draft import Draft
    from postwright.options import Plan
    from postwright.words import Envelope, SendResult

    Adopt: TypeAlias = Callable[..., tuple[Envelope, Draft]]

C = TypeVar("C", bound="Component")

Letter: TypeAlias = (
    "Message | bytes | Composed | tuple[Message | bytes | Composed, str | None, str | Iterable[str] | None]"
)
"""A finished message; in a tuple also its sender and its recipients, where they are not those of its headers."""


_SIZES = frozenset({1, 2, 3})
"""How many parts a letter that is a tuple has."""

_FIXED = frozenset({bytes, str, type(None)})
"""Kinds of things that don't change, and run nobody's code."""

Given: TypeAlias = "bytes | tuple[bytes, str | None, str | None] | Composed | SMTPError"
"""What became of a letter when it was given: from then on nobody can change it."""


class Place(Protocol):
    """The place of one connection among several of a ``send_many``."""

    placed: bool

    @property
    def crowded(self) -> bool:
        """Whether there are more than there may be now."""

    async def reopen(self, operations: Operations) -> None:
        """Open the connection; raise CrowdedError, and leave the place, where the server bears no more."""

    async def stand_back(self, operations: Operations, over: Callable[[], bool]) -> None:
        """Close the connection, leave the place and queue for another, until there is one or all is over."""


def adopting(client: Component, plan: Plan) -> Adopt:
    """Return what makes envelope and draft of a letter."""
    return partial(writing.adopted, plan, client._session.host_name)


def keeping(client: Component, plan: Plan) -> Callable[[Letter], Given]:
    """Return what keeps a letter as it is now: several are taken at a time, and a user may use one object for all."""
    return partial(_kept, adopting(client, plan))


def _kept(adopt: Adopt, letter: Letter) -> Given:
    if type(letter) is bytes or (
        type(letter) is tuple and len(letter) in _SIZES and _FIXED.issuperset(map(type, letter))
    ):
        return letter  # type: ignore[return-value]  # it is what was just asked
    if isinstance(letter, Composed):
        return letter
    try:
        return Composed(*(adopt(*letter) if isinstance(letter, tuple) else adopt(letter)))
    except SMTPError as error:
        return error


class CrowdedError(Exception):
    """The server bears no further connection."""


class Feed:
    """Feeds a batch with messages, and waits where there are none to take.

    Args:
        client: The client that has the connection.
        plan: The settings in force.
        load: All messages.
        place: This connection's place, where there are several.
        window: How many messages are taken before they are sent.
    """

    def __init__(
        self,
        client: Component,
        plan: Plan,
        load: Load,
        *,
        place: Place | None = None,
        window: int = WINDOW,
    ) -> None:
        operations = self._operations = client._operations
        self._adopt = adopting(client, plan)
        self._load = load
        self._place = place
        opening = operations.open if place is None else partial(place.reopen, operations)
        moment = GATHERED if place is None else BRISK  # others take their turns in between
        self.batch = Batch(operations.session, opening, operations.send_alone, window, moment=moment)

    def take(self, letters: list[tuple[int, Given]]) -> bool:
        """Take messages; say whether it is time to send or to hand over.

        Octets are looked at when their turn comes, while the server has something to do.
        """
        batch, adopt, wrong = self.batch, self._adopt, False
        for number, letter in letters:
            if isinstance(letter, tuple):
                batch.add(number, partial(adopt, *letter))
            elif not isinstance(letter, SMTPError):
                batch.add(number, partial(adopt, letter))
            else:
                batch.done.append((number, letter))
                wrong = True
        return wrong or batch.full

    @property
    def room(self) -> int:
        """How many more messages are wanted now."""
        return self.batch.lack

    def results(self) -> list[tuple[int, SendResult | SMTPError]]:
        """Return the results that can be given now, with the numbers of the messages."""
        return self._load.settle(self.batch.fetch())

    def pending(self) -> bool:
        """Whether any message of this connection has no result yet."""
        return self.batch.pending

    def blocked(self) -> bool:
        """Whether this connection may take no message now."""
        place = self._place
        return place is not None and (not place.placed or place.crowded)

    async def advance(self, *, more: bool = False) -> None:
        """Send, see ``Batch.advance``; where the server bears no more connections, others get the messages."""
        began = clock.monotonic()
        try:
            await self.batch.advance(more=more)
        except CrowdedError:
            self._load.give_back(self.batch.withdraw())
        if more and self._place is not None:
            self.batch.window = share(self.batch.window, clock.monotonic() - began)

    async def rest(self) -> None:
        """Do what there is to do where there is no message to take."""
        place = self._place if self.blocked() else None
        pause = self._load.pause()
        if self.batch.pending and (place.placed if place else not 0 < pause <= BRIEF):
            await self.advance()
            return
        try:
            if place is not None:
                await place.stand_back(self._operations, lambda: self._load.over)
            else:
                await Sleep(max(0.001, min(pause, MOMENT)))
        except FINAL:
            self._load.give_up()


SHARE = 8
"""Messages that one of several connections takes at first: few, so that all have their share."""

BRISK = 0.1
"""Seconds for a share on a connection that may take a larger one the next time: it never holds others up for long."""


def share(last: int, took: float) -> int:
    """Return how many messages a connection takes next, after so many took so many seconds."""
    return min(2 * last, WINDOW) if took < BRISK else max(last // 2, SHARE)


class Numbered:
    """Brings numbered results into the order of their numbers, or hands them on as they come."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._waiting: dict[int, SendResult | SMTPError] = {}
        self._given = 0

    def ready(self, results: list[tuple[int, SendResult | SMTPError]]) -> list[SendResult | SMTPError]:
        """Take results with their numbers; return those that can be given now."""
        if not self._ordered:
            return [result for _, result in results]
        ready: list[SendResult | SMTPError] = []
        for number, result in results:
            if number != self._given:
                self._waiting[number] = result
                continue
            ready.append(result)
            self._given += 1
            while self._waiting and self._given in self._waiting:
                ready.append(self._waiting.pop(self._given))
                self._given += 1
        return ready


def refurnish(client: Component, twin: Component) -> None:
    """Make an object, connected or not, equal to a client: its properties, recipients, handlers; nothing of its own."""
    twin._store.values.clear()
    twin._store.values.update(client._store.values)
    twin._recipients.clear()
    twin._recipients.extend(client._recipients)
    twin._bodies = Bodies()
    # In place: the dialogue holds on to the set of what is wanted. Handlers set on the twin are not the client's.
    twin._handlers.clear()
    twin._handlers.update(client._handlers)
    twin._wanted.clear()
    twin._wanted.update(client._wanted)
    twin.address_check = client.address_check
    twin._operations.cadence = client._operations.cadence


def furnish(client: Component, twin: C) -> C:
    """Give a new object a client's settings, handlers and address check, for a connection of its own."""
    twin._store.values.update(client._store.values)
    twin._handlers, twin._wanted = client._handlers, client._wanted
    twin._session.wanted = client._wanted
    twin.address_check = client.address_check
    twin._operations.cadence = client._operations.cadence
    return twin
