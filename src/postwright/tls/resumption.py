"""Sessions to resume (ReuseSSLSession): kept with the verdict on the certificate, since a resumed one shows none.

They belong to one SMTP object, and to the server, the authorities and the client certificate that they were made with.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from postwright.tls.faults import Verdict

LIFETIME = 10 * 3600.0
"""Seconds; the server may give a ticket less."""
_KEPT = 32


class Ticket(NamedTuple):
    """What resumes a session."""

    session: object
    """The library's own object."""
    context: object
    """What it was made with: OpenSSL resumes under the same context only."""
    chain: tuple[bytes, ...]
    """The certificates that the server showed when the session began."""
    verdict: Verdict
    """What verification said of them then."""


class Memory:
    """The tickets of one SMTP object for one server and one set of settings.

    Args:
        tickets: The tickets of the object, by key, with the moment when each was made.
        key: Server and settings.
        clock: Seconds that only grow.
    """

    def __init__(
        self, tickets: dict[Hashable, tuple[float, Ticket]], key: Hashable, clock: Callable[[], float]
    ) -> None:
        self._tickets = tickets
        self._key = key
        self._clock = clock

    def take(self, context: object) -> Ticket | None:
        """Return the ticket for a context, once: used twice it would let others link the connections (RFC 8446 C.4)."""
        made, ticket = self._tickets.pop(self._key, (0.0, None))
        if ticket is None or ticket.context is not context or self._clock() - made >= LIFETIME:
            return None
        return ticket

    def keep(self, ticket: Ticket) -> None:
        """Keep a ticket in place of the one before."""
        self._tickets.pop(self._key, None)
        while len(self._tickets) >= _KEPT:
            del self._tickets[next(iter(self._tickets))]
        self._tickets[self._key] = (self._clock(), ticket)
