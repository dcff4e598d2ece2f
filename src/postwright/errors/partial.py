"""The error of a message that the server took, but not for all of its recipients."""

from __future__ import annotations

from postwright.enums import Outcome
from postwright.errors.remote import Refused
from postwright.words import SendResult

__all__ = ["PartlyRefused", "SendResult"]


class PartlyRefused(Refused):
    """The server took the message, but not for all of its recipients.

    Args:
        result: What the server said; ``outcome`` is SENT, and ``recipients`` has everyone.
    """

    result: SendResult

    def __init__(self, result: SendResult) -> None:
        told = "; ".join(f"<{r.address}>: {r.reply}" if r.reply else f"<{r.address}>" for r in result.refused)
        replies = [r.reply for r in result.refused if r.reply]
        super().__init__(
            told, reply=replies[0] if replies else None, outcome=Outcome.SENT, recipients=result.recipients
        )
        self.result = result

    @property
    def is_transient(self) -> bool:
        """Whether every refusal is for now only: sending to ``result.refused`` alone may help later."""
        return all(r.reply is not None and r.reply.is_transient for r in self.result.refused)


SendResult.partly_refused = PartlyRefused
