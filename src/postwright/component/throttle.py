"""How many connections one server gets at a time: fewer after it complained, more again slowly.

The policy, which a pool and ``send_many`` share:

- A connection that is refused while others are open: those others are as many as the server bears.
- A server that closes a connection (421), or takes no message now (4yz in answer to the message or to its sender, unless
  the enhanced code is about an address): half as many. Complaints that come together count as one.
- Each ``GROWTH`` seconds without a complaint: one more, up to what the user allows.

What a server says of one recipient (450, 451, 452) is no complaint about the connections. Nothing here waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import (
    GreetingRefused,
    LoginRefused,
    MessageRefused,
    PartlyRefused,
    SenderRefused,
    ServiceClosing,
    SMTPError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

GROWTH = 30.0
"""Seconds without a complaint after which there may be one more connection."""

TOGETHER = 1.0
"""Seconds in which complaints count as one: a server that goes down closes all connections at once."""

_OF_ADDRESSES = frozenset({"4.1.", "4.2."})
"""Enhanced codes that are about an address or a mailbox (RFC 3463 section 3)."""


def complains(error: BaseException) -> bool:
    """Whether a server says with an error that it has too much to do, or too many connections.

    421 anywhere; any 4yz in place of a greeting or in answer to EHLO; 432 and 454 to a login (RFC 4954 section 6).
    """
    if isinstance(error, ServiceClosing):
        return True
    return isinstance(error, GreetingRefused | LoginRefused) and error.is_transient


def burdened(error: object) -> bool:
    """Whether it says so, or takes no message now."""
    if not isinstance(error, SMTPError) or isinstance(error, PartlyRefused):
        return False
    if complains(error):
        return True
    if not isinstance(error, SenderRefused | MessageRefused) or error.reply is None or not error.is_transient:
        return False
    return (error.reply.enhanced or "")[:4] not in _OF_ADDRESSES


class Throttle:
    """How many connections there may be.

    Args:
        most: How many the user allows.
        clock: Seconds that only grow.
    """

    def __init__(self, most: int, clock: Callable[[], float]) -> None:
        self.most = most
        self._clock = clock
        self._narrowed = most
        self._since = float("-inf")

    @property
    def width(self) -> int:
        """How many there may be now."""
        if self._narrowed == self.most:
            return self.most
        return min(self.most, self._narrowed + int((self._clock() - self._since) // GROWTH))

    def refused(self, others: int) -> None:
        """Note that the server refused one more connection beside so many others."""
        self._narrow(max(1, min(self.width, others)))

    def burdened(self) -> None:
        """Note that the server has too much to do."""
        if self._clock() - self._since >= TOGETHER:
            self._narrow(max(1, self.width // 2))

    def _narrow(self, width: int) -> None:
        self._narrowed, self._since = width, self._clock()
