"""``send_many`` for both clients: messages in, one result for each out, in order or as they come."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from postwright.errors import SMTPError
from postwright.session.batch import Batch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from email.message import Message

    from postwright.component.operations import Operations
    from postwright.message.draft import Draft
    from postwright.words import Envelope, SendResult

Letter: TypeAlias = "Message | bytes | tuple[Message | bytes, str | None, str | Iterable[str] | None]"
"""A finished message; in a tuple also its sender and its recipients, where they are not those of its headers."""


class Feed:
    """Feeds a batch and puts its results in order.

    Args:
        operations: The connection's operations.
        adopt: Turns a finished message, a sender and recipients into an envelope and a draft.
        ordered: Whether results come in the order of the messages.
    """

    def __init__(
        self,
        operations: Operations,
        adopt: Callable[..., tuple[Envelope, Draft]],
        *,
        ordered: bool,
    ) -> None:
        self.batch = Batch(operations.session, operations.open, operations.send_alone)
        self._adopt = adopt
        self._ordered = ordered
        self._waiting: dict[int, SendResult | SMTPError] = {}
        self._given = 0
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
        done, self.batch.done = self.batch.done, []
        if not self._ordered:
            yield from (result for _, result in done)
            return
        self._waiting.update(done)
        while self._given in self._waiting:
            result = self._waiting.pop(self._given)
            self._given += 1
            yield result
