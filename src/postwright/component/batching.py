"""``send_many`` for both clients: messages in, one result for each out, in order or as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias, TypeVar

from postwright.component.attachments import Bodies
from postwright.errors import SMTPError
from postwright.session.batch import WINDOW, Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import Message

    from postwright.component.base import Component
    from postwright.component.operations import Operations
    from postwright.message.draft import Draft
    from postwright.words import Envelope, SendResult

C = TypeVar("C", bound="Component")

Letter: TypeAlias = "Message | bytes | tuple[Message | bytes, str | None, str | Iterable[str] | None]"
"""A finished message; in a tuple also its sender and its recipients, where they are not those of its headers."""


class Feed:
    """Feeds a batch and puts its results in order.

    Args:
        operations: The connection's operations.
        adopt: Turns a finished message, a sender and recipients into an envelope and a draft.
        ordered: Whether results come in the order of the messages.
        window: How many messages are taken before they are sent.
    """

    def __init__(
        self,
        operations: Operations,
        adopt: Callable[..., tuple[Envelope, Draft]],
        *,
        ordered: bool,
        window: int = WINDOW,
    ) -> None:
        self.batch = Batch(operations.session, operations.open, operations.send_alone, window)
        self._adopt = adopt
        self._order = Numbered(ordered=ordered)
        self._taken = 0

    def take(self, letter: Letter) -> bool:
        """Take a message; say whether it is time to send. One that can't be sent has its result at once."""
        key = self._taken
        self._taken += 1
        message, sender, recipients = letter if isinstance(letter, tuple) else (letter, None, None)
        try:
            self.batch.add(key, *self._adopt(message, sender, recipients))
        except SMTPError as error:
            self.batch.done.append((key, error))
            return True
        return self.batch.full

    def results(self) -> Iterator[SendResult | SMTPError]:
        """Yield the results that can be given now."""
        done = self.batch.fetch()
        for key, result in done:
            yield from self._order.next(key, result)


SHARE = 8
"""Messages that one of several connections takes at a time: few, so that all have their share."""


class Numbered:
    """Brings numbered results into the order of their numbers, or hands them on as they come."""

    def __init__(self, *, ordered: bool) -> None:
        self._ordered = ordered
        self._waiting: dict[int, SendResult | SMTPError] = {}
        self._given = 0

    def next(self, number: int, result: SendResult | SMTPError) -> Iterator[SendResult | SMTPError]:
        """Take a result; yield those that can be given now."""
        if not self._ordered:
            yield result
            return
        self._waiting[number] = result
        while self._given in self._waiting:
            ready = self._waiting.pop(self._given)
            self._given += 1
            yield ready


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


def furnish(client: Component, twin: C) -> C:
    """Give a new object a client's settings, handlers and address check, for a connection of its own."""
    twin._store.values.update(client._store.values)
    twin._handlers, twin._wanted = client._handlers, client._wanted
    twin._session.wanted = client._wanted
    twin.address_check = client.address_check
    return twin
