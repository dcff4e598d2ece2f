"""A message that was composed and is not sent yet, so that many can go in one batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postwright.message.draft import Draft
    from postwright.options import Plan
    from postwright.words import Address, Envelope, Recipient


class Composed:
    """What ``compose`` gives: ``send_message``, ``send_many`` and ``queue_many`` take it like a finished message."""

    __slots__ = ("_draft", "_envelope")

    def __init__(self, envelope: Envelope, draft: Draft) -> None:
        self._envelope = envelope
        self._draft = draft

    @property
    def sender(self) -> Address:
        """The sender of the envelope."""
        return self._envelope.reverse_path

    @property
    def recipients(self) -> tuple[Recipient, ...]:
        """The recipients of the envelope, Bcc too."""
        return self._envelope.recipients

    @property
    def message_id(self) -> str:
        """The Message-ID with its brackets; "" where the message has none."""
        return self._draft.message_id

    @property
    def headers(self) -> bytes:
        """The header block, with the empty line that ends it."""
        return self._draft.headers

    def __repr__(self) -> str:
        return f"<Composed {self.message_id or 'without a Message-ID'} for {len(self.recipients)} recipients>"


class Composing:
    """The method that composes without sending."""

    if TYPE_CHECKING:
        _present: Plan

        def _prepared(self, plan: Plan) -> tuple[Envelope, Draft]: ...

    def compose(self) -> Composed:
        """Compose the message that the properties describe, without sending it; they may be changed afterwards.

        Files and streams are read when it is sent.

        Returns:
            The message, for ``send_message``, ``send_many`` or ``queue_many``.

        Raises:
            SenderMissing: from_ is empty.
            RecipientMissing: There is no recipient.
            InvalidValue: Something can't be sent as it is; the subclass and the text say what.
        """
        return Composed(*self._prepared(self._present))
