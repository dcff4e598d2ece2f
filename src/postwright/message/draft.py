"""A message on its way: what the user asked for becomes a header block and a body that can be streamed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from postwright.enums import Importance, Priority, Sensitivity
from postwright.errors import InvalidHeader, InvalidValue
from postwright.message import blocks, headers, mime, plain, stamps
from postwright.message.addresses import parse_mailbox_list
from postwright.message.blocks import header_text
from postwright.message.body import Body, FileSource, Memory
from postwright.record import Frozen
from postwright.wire.lines import LineEnds

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from postwright.words import Address

    Randomness: TypeAlias = Callable[[int], bytes]

_NONE: frozenset[str] = frozenset()
_IMPORTANCE = {Importance.HIGH: "high", Importance.NORMAL: "normal", Importance.LOW: "low"}
_PRIORITY = {Priority.NORMAL: "normal", Priority.URGENT: "urgent", Priority.NON_URGENT: "non-urgent"}
_SENSITIVITY = {
    Sensitivity.PERSONAL: "Personal",
    Sensitivity.PRIVATE: "Private",
    Sensitivity.COMPANY_CONFIDENTIAL: "Company-Confidential",
}


class Content(Frozen):
    """Everything that makes a message, as the user's properties have it.

    Attributes:
        date: "*" for now, "" for no Date, or the text of it.
        message_id: "*" for a new one, "" for none, or the text of it.
        delivery_notification_to: For Return-Receipt-To.
        read_receipt_to: For Disposition-Notification-To (RFC 8098).
        other_headers: More header lines; with an empty line first, they replace all that is computed.
        charset: The character set for headers and text that need one; "" is UTF-8.
        width: Where headers are folded.
        raw_body: The body as it is, line ends made CRLF; it stands in place of the text.
        stream: The same as a binary stream; it stands in place of both.
        attached_file: A path; the file is appended after the text as it is.
        domain: The right side of a new Message-ID; "" takes the sender's domain.
        utf8: Whether header fields may have local parts in UTF-8 (RFC 6532).
        binary: Send a raw body or a stream octet by octet, for BINARYMIME (RFC 3030); only BDAT can carry that.
    """

    from_: tuple[Address, ...] = ()
    to: tuple[Address, ...] = ()
    cc: tuple[Address, ...] = ()
    bcc: tuple[Address, ...] = ()
    reply_to: tuple[Address, ...] = ()
    subject: str = ""
    date: str = "*"
    message_id: str = "*"
    importance: int = Importance.UNSPECIFIED
    priority: int = Priority.UNSPECIFIED
    sensitivity: int = Sensitivity.UNSPECIFIED
    delivery_notification_to: tuple[Address, ...] = ()
    read_receipt_to: tuple[Address, ...] = ()
    other_headers: str = ""
    charset: str = ""
    width: int = headers.DEFAULT_WIDTH
    message_id_algorithm: str = "SHA1"
    text: str = ""
    html: str = ""
    raw_body: bytes | None = None
    stream: Any = None
    close_stream: bool = True
    attached_file: str | os.PathLike[str] = ""
    attachments: tuple[mime.Attachment, ...] = ()
    domain: str = ""
    utf8: bool = True
    binary: bool = False


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


def fields_of(block: bytes) -> tuple[tuple[str, str], ...]:
    """Return names and values of the fields of a header block, without folds."""
    text = header_text(block).replace("\r\n ", " ").replace("\r\n\t", "\t")
    pairs = (line.partition(":") for line in text.split("\r\n") if line)
    return tuple((name.rstrip(" \t"), value.strip(" \t")) for name, _, value in pairs)


_NOT_GIVEN: dict[str, str] = {}


def compose(content: Content, *, now: float, utc_offset: int, randomness: Randomness) -> Draft:
    """Compose a message.

    Args:
        content: What it is made of.
        now: Seconds since 1970, UTC.
        utc_offset: How many seconds local time is ahead of UTC.
        randomness: Gives that many random bytes.

    Raises:
        InvalidValue: Something can't be sent as it is; the subclass and the text say what.
    """
    if not content.other_headers:
        mime_headers, body, _ = _content(content, _NOT_GIVEN, randomness, replaced=False)
        identifier = _message_id(content, now, randomness) if content.message_id else ""
        out = _computed(content, _NOT_GIVEN, identifier, now, utc_offset)
        return Draft(b"".join([*out, mime_headers, b"\r\n"]), body, identifier)
    lines = content.other_headers.removeprefix("\r\n" if content.other_headers.startswith("\r\n") else "\n")
    replaced = len(lines) < len(content.other_headers)
    theirs = blocks.parse(lines)
    hidden = tuple((field.name, field.text) for field in theirs if field.key in blocks.HIDDEN)
    theirs = [field for field in theirs if field.key not in blocks.HIDDEN]
    blocks.refuse_twins(theirs)
    given = {field.key: field.text for field in theirs}
    mime_headers, body, superseded = _content(content, given, randomness, replaced=replaced)
    identifier = given.get("message-id", "")
    if replaced:
        out = []
    else:
        if not identifier and content.message_id:
            identifier = _message_id(content, now, randomness)
        out = _computed(content, given, identifier, now, utc_offset)
        out.append(mime_headers)
        if superseded:
            theirs = [field for field in theirs if field.key not in superseded]
    width, charset, utf8 = content.width, content.charset, content.utf8
    out += [blocks.write(field, width=width, charset=charset, utf8=utf8) for field in theirs]
    out.append(b"\r\n")
    return Draft(b"".join(out), body, identifier, hidden)


def _message_id(content: Content, now: float, randomness: Randomness) -> str:
    if content.message_id == "*":
        domain = content.domain or (content.from_[0].domain if content.from_ else "")
        return stamps.message_id(content.message_id_algorithm, randomness(16), now, domain)
    text = content.message_id
    if not text.startswith("<"):
        text = f"<{text}>"
    if not text.endswith(">") or " " in text or not text.isascii():
        raise InvalidHeader(f"{text!r} is no message identifier such as <1234@example.com>")
    return text


def _computed(content: Content, given: dict[str, str], identifier: str, now: float, utc_offset: int) -> list[bytes]:
    """Return the fields that come from properties, in their order, but those that the user gave by hand."""
    out = []
    if content.from_ and not (given and "from" in given):
        out.append(_author(content.from_, content.width, content.charset, content.utf8))
    if len(content.from_) > 1:  # RFC 5322 section 3.6.2
        out += _people((("Sender", content.from_[:1]),), content, given)
    out += _people((("To", content.to), ("Cc", content.cc), ("Reply-To", content.reply_to)), content, given)
    if content.subject and "subject" not in given:
        out.append(headers.unstructured("Subject", content.subject, width=content.width, charset=content.charset))
    if content.date == "*" and "date" not in given:
        out.append(f"Date: {stamps.date_header(now, utc_offset)}\r\n".encode())
    elif content.date and "date" not in given:
        out.append(headers.structured("Date", content.date, width=content.width))
    if identifier and "message-id" not in given:
        out.append(headers.structured("Message-ID", identifier, width=content.width))
    if content.importance or content.priority or content.sensitivity:
        values = (
            ("Importance", _IMPORTANCE, content.importance),
            ("Priority", _PRIORITY, content.priority),
            ("Sensitivity", _SENSITIVITY, content.sensitivity),
        )
        out += [
            f"{name}: {_value(names, name, value)}\r\n".encode()
            for name, names, value in values
            if value and name.lower() not in given
        ]
    if content.delivery_notification_to or content.read_receipt_to:
        receipts = (
            ("Return-Receipt-To", content.delivery_notification_to),
            ("Disposition-Notification-To", content.read_receipt_to),
        )
        out += _people(receipts, content, given)
    return out


@lru_cache(maxsize=64)
def _author(addresses: tuple[Address, ...], width: int, charset: str, utf8: bool) -> bytes:
    """Return the From field, which many messages have in common."""
    return headers.mailboxes("From", addresses, width=width, charset=charset, utf8=utf8)


def _people(
    fields: tuple[tuple[str, tuple[Address, ...]], ...], content: Content, given: dict[str, str]
) -> list[bytes]:
    return [
        headers.mailboxes(name, addresses, width=content.width, charset=content.charset, utf8=content.utf8)
        for name, addresses in fields
        if addresses and not (given and name.lower() in given)
    ]


def _value(names: dict[Any, str], kind: str, value: int) -> str:
    try:
        return names[value]
    except KeyError:
        raise InvalidValue(f"{value!r} is no value of {kind}") from None


def _content(
    content: Content, given: dict[str, str], randomness: Randomness, *, replaced: bool
) -> tuple[bytes, Body, frozenset[str]]:
    """Return the MIME headers, the body, and which of the given fields those headers stand in place of."""
    if content.html or content.attachments:
        if content.stream is not None or content.raw_body:
            raise InvalidValue("a raw body can't have message_html or attachments")
        if content.attached_file:
            raise InvalidValue("attached_file goes behind plain text: use attachments with message_html or attachments")
        if replaced:
            raise InvalidValue("other_headers with an empty line first can't describe message_html and attachments")
        entity = mime.compose(content.text, content.html, content.attachments, content.charset, randomness)
        # The body has our structure, so it must have our headers.
        return b"MIME-Version: 1.0\r\n" + entity.headers, Body((("text", entity.sources()),)), blocks.MIME
    if content.stream is not None:
        if content.attached_file:
            raise InvalidValue("a message stream can't have an attached_file")
        return b"", Body((("text", (_stream(content),)),)), _NONE
    if content.raw_body:
        head, text, superseded = b"", _raw(content.raw_body, binary=content.binary), _NONE
    else:
        head, text, superseded = plain.compose(
            content.text, content.charset, given, followed=bool(content.attached_file), frozen=replaced
        )
    if not content.attached_file:
        return head, Body((("text", (text,)),)), superseded
    if text.data and not text.data.endswith(b"\r\n"):
        text = Memory(text.data + b"\r\n")
    file = FileSource(content.attached_file, attached=True)
    return head, Body((("text", (text,)), ("file", (file,)))), superseded


def _stream(content: Content) -> FileSource:
    return FileSource(content.stream, encode="binary" if content.binary else None, close=content.close_stream)


def _raw(data: bytes, *, binary: bool) -> Memory:
    if binary:
        return Memory(bytes(data), eight_bit=True)
    lines = LineEnds(strict=True)
    data = lines.feed(bytes(data))
    return Memory(data, eight_bit=lines.eight_bit)
