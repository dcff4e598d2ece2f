"""What was sent last: the headers and, up to a limit, the text, exactly as they went out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import NotAvailable
from postwright.message.draft import fields_of

if TYPE_CHECKING:
    from postwright.enums import Outcome
    from postwright.session.transaction import Transaction


class Sent:
    """The last message that was offered to a server."""

    __slots__ = ("_parts", "headers", "outcome")

    def __init__(self) -> None:
        self.headers = b""
        self.outcome: Outcome | None = None
        """What became of it; also known when the operation ended with an error that is not postwright's."""
        self._parts: list[bytes] | None = []

    def remember(self, deal: Transaction) -> None:
        """Keep what a transaction sent."""
        self.headers = deal.draft.headers
        self.outcome = deal.outcome
        self._parts = deal.kept

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Names and values of the headers, without folds."""
        return fields_of(self.headers)

    def text(self) -> str:
        """Return the body as it was sent, without the dots of transparency; octets that are not UTF-8 are escaped.

        Raises:
            NotAvailable: It was longer than the TransferTextLimit setting.
        """
        if self._parts is None:
            raise NotAvailable("the body was longer than TransferTextLimit, and was not kept")
        return b"".join(self._parts).decode("utf-8", "surrogateescape")
