"""A message on its way: a header block, and a body that can be streamed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.message.addresses import parse_mailbox_list
from postwright.message.blocks import header_text
from postwright.message.body import Body, Memory
from postwright.wire.lines import CHUNK

if TYPE_CHECKING:
    from postwright.words import Address


class Draft:
    """A message ready to be sent.

    Args:
        headers: The header block, with the empty line that ends it.
        body: What follows.
        message_id: The Message-ID with its brackets; "" where the message has none.
        hidden_fields: Bcc and Resent-Bcc fields that were found and are not in ``headers``.
    """

    __slots__ = ("_body", "_fields", "_headers", "_message_id", "hidden_fields")

    def __init__(
        self, headers: bytes, body: Body, message_id: str, hidden_fields: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self._headers: bytes | None = headers  # None is for subclasses that make it when it is asked for
        self._body: Body | None = body
        self._message_id = message_id
        self.hidden_fields = hidden_fields
        self._fields: tuple[tuple[str, str], ...] | None = None

    @property
    def headers(self) -> bytes:
        """The header block, with the empty line that ends it."""
        assert self._headers is not None
        return self._headers

    @property
    def body(self) -> Body:
        """What follows, as a stream."""
        assert self._body is not None
        return self._body

    @property
    def message_id(self) -> str:
        """The Message-ID with its brackets; "" where the message has none."""
        return self._message_id

    @property
    def whole(self) -> bytes | None:
        """The whole message where it is small and in memory: it can go out in one write with what is around it."""
        body = self.body.whole
        return None if body is None else self.headers + body

    @property
    def fields(self) -> tuple[tuple[str, str], ...]:
        """Names and values of the header fields as they are sent, without folds."""
        if self._fields is None:
            self._fields = fields_of(self.headers)
        return self._fields

    @property
    def told(self) -> dict[str, list[str]]:
        """The values of all fields, also of hidden ones, by their names in lower case."""
        told: dict[str, list[str]] = {}
        for name, value in (*self.fields, *self.hidden_fields):
            told.setdefault(name.lower(), []).append(value)
        return told

    @property
    def hidden(self) -> tuple[Address, ...]:
        """The addresses of the Bcc fields that were taken out.

        Raises:
            InvalidAddress: A Bcc field has something else.
        """
        return tuple(address for _, value in self.hidden_fields for address in parse_mailbox_list(value))

    @property
    def needs_utf8(self) -> bool:
        """Whether the header block has raw UTF-8, so that the server must know SMTPUTF8 (RFC 6531)."""
        return not self.headers.isascii()

    @property
    def eight_bit(self) -> bool | None:
        """Whether anything in it has octets above 127 (RFC 6152); None while that is unknown."""
        return True if self.needs_utf8 else self.body.eight_bit

    @property
    def size(self) -> int | None:
        """Its octets (RFC 1870), exactly or nearly; None while that is unknown."""
        size = self.body.size
        return None if size is None else len(self.headers) + size


class Whole(Draft):
    """A message that is in memory in one piece, with all line ends CRLF.

    Args:
        data: The whole message, as it is sent.
        cut: Where in it the body begins.
        message_id: The Message-ID with its brackets; "" where the message has none.
        hidden_fields: Bcc and Resent-Bcc fields that were taken out.
    """

    __slots__ = ("_cut", "data")

    def __init__(self, data: bytes, cut: int, message_id: str, hidden_fields: tuple[tuple[str, str], ...] = ()) -> None:
        self.data = data
        self.hidden_fields = hidden_fields
        self._cut = cut
        self._message_id = message_id
        self._headers = self._body = self._fields = None

    @property
    def headers(self) -> bytes:
        """The header block, with the empty line that ends it."""
        if self._headers is None:
            self._headers = self.data[: self._cut]
        return self._headers

    @property
    def body(self) -> Body:
        """What follows, as a stream."""
        if self._body is None:
            self._body = Body((("text", (Memory(self.data, start=self._cut),)),))
        return self._body

    @property
    def whole(self) -> bytes | None:
        """The whole message where it is small."""
        return self.data if len(self.data) <= CHUNK else None

    @property
    def needs_utf8(self) -> bool:
        """Whether the header block has raw UTF-8, so that the server must know SMTPUTF8 (RFC 6531)."""
        return not self.data.isascii() and not self.headers.isascii()

    @property
    def eight_bit(self) -> bool | None:
        """Whether anything in it has octets above 127 (RFC 6152)."""
        return not self.data.isascii()

    @property
    def size(self) -> int | None:
        """Its octets (RFC 1870)."""
        return len(self.data)


def fields_of(block: bytes) -> tuple[tuple[str, str], ...]:
    """Return names and values of the fields of a header block, without folds."""
    text = header_text(block).replace("\r\n ", " ").replace("\r\n\t", "\t")
    pairs = (line.partition(":") for line in text.split("\r\n") if line)
    return tuple((name.rstrip(" \t"), value.strip(" \t")) for name, _, value in pairs)
