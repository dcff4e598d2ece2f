"""The client of the program: SMTP with two more wishes, a look before sending and DSN for finished messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.component.recipients import parse_options
from postwright.component.smtp import SMTP
from postwright.words import Envelope, Recipient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message
    from typing import Any

    from postwright.component.composed import Composed
    from postwright.message.draft import Draft
    from postwright.options import Plan

NO_SERVER = "dry-run.invalid"
"""Stands for the server that a dry run does not need (RFC 6761)."""


class Client(SMTP):
    """An SMTP client for one mail.

    Attributes:
        notify: When delivery reports are wanted, for every recipient; "" for no wish.
        draft: The mail that was composed last.
    """

    def __init__(self, **values: Any) -> None:
        super().__init__(**values)
        self.notify = ""
        self.draft: Draft | None = None

    @property
    def sent_id(self) -> str:
        """The Message-ID of the mail that was composed last, "" before."""
        return self.draft.message_id if self.draft else ""

    def _prepared(self, plan: Plan) -> tuple[Envelope, Draft]:
        envelope, self.draft = super()._prepared(plan)
        return self._notified(envelope), self.draft

    def _adopted(
        self,
        plan: Plan,
        message: Message | bytes | Composed,
        from_addr: str | None = None,
        to_addrs: str | Iterable[str] | None = None,
    ) -> tuple[Envelope, Draft]:
        envelope, self.draft = super()._adopted(plan, message, from_addr, to_addrs)
        return self._notified(envelope), self.draft

    def _notified(self, envelope: Envelope) -> Envelope:
        if not self.notify:
            return envelope
        options = parse_options(f"NOTIFY={self.notify}")
        return Envelope(
            envelope.reverse_path, tuple(Recipient(each.address, each.type, options) for each in envelope.recipients)
        )

    def look(self, message: bytes | None, from_addr: str | None, to_addrs: list[str] | None) -> tuple[Envelope, Draft]:
        """Return what ``send``, or ``send_message`` where there is a message, would send; its files were opened."""
        self.mail_server = self.mail_server or NO_SERVER
        plan = self._plan()
        if message is None:
            envelope, draft = self._prepared(plan)
        else:
            envelope, draft = self._adopted(plan, message, from_addr, to_addrs)
        try:
            draft.body.open()
        finally:
            draft.body.close()
        return envelope, draft
