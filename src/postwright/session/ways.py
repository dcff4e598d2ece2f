"""What can be overlapped: which messages of a batch, with which server, and what is said for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.events import EndTransfer, PITrail, StartTransfer, Transfer
from postwright.message.addresses import needs_utf8, wire_path
from postwright.session.delivery import SMALL
from postwright.session.transaction import stop_rules
from postwright.wire.commands import encode
from postwright.wire.dots import Dots

if TYPE_CHECKING:
    from postwright.message.draft import Draft
    from postwright.session.session import Session
    from postwright.words import Envelope, SendResult

_SHOWN = frozenset({PITrail, StartTransfer, Transfer, EndTransfer})  # who listens gets them message by message

overlap: dict[tuple[str, int], bool] = {}
"""By server: whether it understands commands behind a final dot in the same write; learned by trying."""


class Item:
    """One message of a batch, and where its end stands in the stream; ``alone`` where it can't be overlapped."""

    __slots__ = ("alone", "draft", "earlier", "end_at", "envelope", "key", "tries")

    def __init__(self, key: int, envelope: Envelope, draft: Draft, *, alone: bool = False) -> None:
        self.key = key
        self.envelope = envelope
        self.draft = draft
        self.alone = alone
        self.end_at: int | None = None
        self.tries = 0
        self.earlier: SendResult | None = None
        """What became of it in a transaction that had no room for those who are in this envelope."""


class Ways:
    """What is the same for all messages over one connection; looked at once, when it is new.

    Args:
        session: The connection.

    Attributes:
        offered: The extensions that this was read from.
        overlapped: Whether the server and the settings let messages be overlapped.
        chunked: Whether bodies go as BDAT.
    """

    __slots__ = ("_eight", "_limit", "_most", "_size", "_stops", "chunked", "offered", "overlapped")

    def __init__(self, session: Session) -> None:
        settings = session.plan.settings
        self.offered = session.extensions
        self.chunked = "CHUNKING" in self.offered and settings.use_chunking
        self.overlapped = (
            "PIPELINING" in self.offered
            and settings.use_pipelining
            and settings.send_rset
            and not (settings.body_type or settings.dsn_return or settings.envelope_id)
            and session.wanted.isdisjoint(_SHOWN)
            and session.allowance.domains is None
        )
        self._most = session.allowance.recipients
        self._stops = stop_rules(settings)
        self._limit = self.offered.size_limit or SMALL
        self._eight = "8BITMIME" in self.offered
        self._size = " SIZE=%d" if "SIZE" in self.offered else ""

    def fits(self, item: Item) -> bool:
        """Whether a message can be overlapped: small, in memory, plain, and no refusal of a recipient can stop it."""
        draft, recipients = item.draft, item.envelope.recipients
        size = draft.size
        if item.alone or size is None or size > SMALL or size > self._limit or draft.body.whole is None:
            return False
        if draft.needs_utf8 or (draft.eight_bit and not self._eight) or needs_utf8(item.envelope.reverse_path):
            return False
        single = len(recipients) == 1
        if not single and self._most and len(recipients) > self._most:
            return False
        for recipient in recipients:
            if recipient.options or needs_utf8(recipient.address) or not (single or not self._stops[recipient.type]):
                return False
        return True

    def group(self, item: Item, last: bytes) -> bytes:
        """Return MAIL, RCPT for each recipient, and what stands behind them, in octets that the choke point passed."""
        mail = f"MAIL FROM:<{wire_path(item.envelope.reverse_path)}>"
        if self._size:
            mail += self._size % item.draft.size
        if item.draft.eight_bit:
            mail += " BODY=8BITMIME"
        rcpts = [encode(f"RCPT TO:<{wire_path(recipient.address)}>") for recipient in item.envelope.recipients]
        return b"".join((encode(mail), *rcpts, last))


def dotted(item: Item) -> bytes:
    """Return a message as DATA carries it, with the dot that ends it."""
    dots = Dots()
    return dots.feed(item.draft.headers + (item.draft.body.whole or b"")) + dots.finish()
