"""The messages of a batch: those that wait, those in flight, and what became of each."""

from __future__ import annotations

from collections import deque
from copy import copy
from typing import TYPE_CHECKING

from postwright.enums import Outcome
from postwright.errors import (
    CommunicationError,
    ConnectionDropped,
    InactivityTimeout,
    Interrupted,
    NetworkError,
    OperationTimeout,
    ServiceClosing,
    SMTPError,
    UnexpectedReply,
)
from postwright.session.crowd import is_open, joined, rest_of
from postwright.session.verdict import verdict
from postwright.session.ways import Item
from postwright.words import SendResult

if TYPE_CHECKING:
    from postwright.words import Reply

TRIES = 2
"""How often a message is offered at most, while no server can have taken it."""

LINE_FAULTS = (NetworkError, CommunicationError, ConnectionDropped, InactivityTimeout, ServiceClosing)
"""What ends a connection and says nothing about a message that was not offered to its end."""

FINAL = (Interrupted, OperationTimeout)
"""What ends a whole batch."""


class Tally:
    """What is to be sent, and what became of it.

    Attributes:
        todo: What was not offered yet, or goes again.
        flight: What was offered and is not answered, in the order of the stream.
        done: Results that were not fetched yet, with the key of each message.
    """

    __slots__ = ("done", "flight", "todo")

    def __init__(self) -> None:
        self.todo: deque[Item] = deque()
        self.flight: deque[Item] = deque()
        self.done: list[tuple[int, SendResult | SMTPError]] = []

    def next(self) -> Item | None:
        """Return the message that comes next, None where there is none."""
        todo = self.todo
        while todo:
            item = todo[0]
            if item.unread is None or self._understood(item):
                return item
            todo.popleft()
        return None

    def _understood(self, item: Item) -> bool:
        """Whether a message can be sent at all; if not, why is its result."""
        try:
            item.understand()
        except SMTPError as error:
            self.done.append((item.key, error))
            return False
        return True

    def finish(self, item: Item, result: SendResult | SMTPError) -> None:
        """Note a result; the rest of the recipients goes in a further transaction where this one had no room."""
        if item.earlier is not None:
            result = joined(item.earlier, result)
        elif isinstance(result, SendResult) and item.envelope.recipients[1:] and any(map(is_open, result.recipients)):
            rest = Item(item.key, (rest_of(item.envelope, result), item.draft))
            rest.earlier = result
            self.todo.appendleft(rest)
            return
        self.done.append((item.key, result))

    def settle(self, item: Item, mail: Reply, rcpts: list[Reply], final: Reply) -> SendResult | None:
        """Note what became of a message whose replies are all here; return its result if recipients were refused.

        Raises:
            UnexpectedReply: The replies don't fit together.
        """
        try:
            result = verdict(item, mail, rcpts, final)
        except UnexpectedReply:
            self.flight.appendleft(item)
            raise
        self.finish(item, result)  # first of all: a handler may end what follows
        return result if len(rcpts) > 1 and isinstance(result, SendResult) else None

    def withdraw(self) -> list[int]:
        """Forget what nothing was said of, and return the keys; what some of its recipients have already goes on."""
        begun = [item for item in self.todo if item.earlier is not None]
        keys = [item.key for item in self.todo if item.earlier is None]
        self.todo.clear()
        self.todo.extend(begun)
        return keys

    def unknown(self, taken: int) -> list[int]:
        """Return the keys of messages without a result that the server can have (see ``fault``), in part or whole."""
        flying = [item.key for item in self.flight if item.earlier or _may_have(item, taken)]
        return flying + [item.key for item in self.todo if item.earlier]

    def spare(self) -> None:
        """Count nothing as a try but the first of what is in flight: the server did not come to the rest."""
        for item in list(self.flight)[1:]:
            item.tries -= 1

    def take_back(self) -> None:
        """Let all in flight go again, as if it had never been offered: the server did not understand where it began."""
        for item in self.flight:
            item.tries -= 1
        self.todo.extendleft(reversed(self.flight))
        self.flight.clear()

    def fault(self, error: SMTPError, taken: int, *, final: bool) -> None:
        """Settle what was in flight when the line failed; what the server can't have taken goes again.

        Args:
            error: What happened to the line.
            taken: How much of the stream the server can have (``Link.taken``).
            final: Whether nothing goes again: no line can be opened, or the user or the time ended it.
        """
        again: list[Item] = []
        for item in (*self.flight, *self.todo) if final else tuple(self.flight):
            if not self._understood(item):
                continue
            unknown = _may_have(item, taken)
            if unknown or final or item.tries >= TRIES:
                self.finish(item, told(error, Outcome.UNKNOWN if unknown else Outcome.NOT_SENT))
            else:
                item.end_at = None
                again.append(item)
        self.flight.clear()
        if final:
            self.todo.clear()
        self.todo.extendleft(reversed(again))


def told(error: SMTPError, outcome: Outcome) -> SMTPError:
    """Return an error that ended a line, as one message's result."""
    result = copy(error)
    result.outcome = outcome
    return result


def _may_have(item: Item, taken: int) -> bool:
    return item.end_at is not None and taken > item.end_at
