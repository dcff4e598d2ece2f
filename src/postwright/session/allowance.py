"""What one connection may carry, by the server's own word (LIMITS, RFC 9422): messages, recipients, domains.

It counts what was used, and says when a connection is used up; opening the next one is up to others. Two of the limits
are for a whole connection (MAILMAX counts every MAIL command, RCPTDOMAINMAX the domains of all recipients), the third
one is for a transaction (RCPTMAX).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postwright.wire.extensions import Extensions
    from postwright.words import Recipient, Reply


class Allowance:
    """The limits of one connection, and what was used of them.

    Attributes:
        mails: How many transactions were begun.
        recipients: The most recipients of one transaction; None for no limit.
        domains: The most domains that recipients of this connection may have; None for no limit.
    """

    __slots__ = ("_most_mails", "_seen", "domains", "mails", "recipients")

    def __init__(self) -> None:
        self.mails = 0
        self._seen: set[str] = set()
        self.renew({})

    def renew(self, limits: dict[str, int]) -> None:
        """Take the limits of the latest EHLO reply: they may differ before and after TLS and a login."""
        self._most_mails = limits.get("MAILMAX")
        self.recipients = limits.get("RCPTMAX")
        self.domains = limits.get("RCPTDOMAINMAX")

    def counts(self, most: int) -> bool:
        """Whether there is a limit to the number of transactions; see ``more``."""
        return bool(most) or self._most_mails is not None

    def more(self, most: int) -> bool:
        """Whether one more transaction may begin.

        Args:
            most: The most messages of one connection by the settings; 0 for no limit.
        """
        if not self.mails:  # a connection is there for one message at least
            return True
        return not (most and self.mails >= most) and (self._most_mails is None or self.mails < self._most_mails)

    def admits(self, recipients: Sequence[Recipient]) -> bool:
        """Whether these recipients may be named on this connection, beside those that were named before."""
        return not self.mails or self.domains is None or len(self._seen | _domains(recipients)) <= self.domains

    def share(self, recipients: Sequence[Recipient]) -> list[int]:
        """Return which of the recipients one transaction takes, as indices; at least the first one."""
        chosen = range(len(recipients))
        if self.domains is not None:
            first = list(dict.fromkeys(_domain(recipient) for recipient in recipients))[: max(1, self.domains)]
            return [index for index in chosen if _domain(recipients[index]) in first][: self.recipients or None]
        return list(chosen[: self.recipients or None])

    def use(self, recipients: Sequence[Recipient]) -> None:
        """Count a transaction."""
        self.mails += 1
        if self.domains is not None:
            self._seen |= _domains(recipients)


def no_room(reply: Reply) -> bool:
    """Whether a reply to RCPT says that the transaction is full, and nothing of the recipient."""
    if reply.code not in {452, 552}:
        return False
    return reply.enhanced.endswith(".5.3") if reply.enhanced else "too many" in reply.text.casefold()


def _domain(recipient: Recipient) -> str:
    return recipient.address.domain.casefold()


def _domains(recipients: Sequence[Recipient]) -> set[str]:
    return {_domain(recipient) for recipient in recipients}


def limits(offered: Extensions) -> dict[str, int]:
    """Return the limits that a server names; what is no number from 1 to 999999 is none (RFC 9422 section 3)."""
    pairs = (word.partition("=") for word in offered.parameters("LIMITS"))
    return {
        name.upper(): int(value)
        for name, _, value in pairs
        if value.isascii() and value.isdigit() and len(value) <= 6 and int(value)
    }
