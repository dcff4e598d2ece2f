"""What the user asked for becomes a header block and a body that can be streamed."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

from postwright.enums import Importance, Priority, Sensitivity
from postwright.errors import InvalidHeader, InvalidValue
from postwright.message import blocks, headers, mime, plain, stamps
from postwright.message.body import Body, FileSource, Memory
from postwright.message.content import NO_EXTRAS
from postwright.message.draft import Draft, Whole
from postwright.wire.lines import CHUNK, LineEnds

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.message.content import Content, Extras
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
    other_headers = content.extras.other_headers
    if not other_headers:
        mime_headers, body, _ = _content(content, _NOT_GIVEN, randomness, replaced=False)
        identifier = _message_id(content, now, randomness) if content.message_id else ""
        out = _computed(content, _NOT_GIVEN, identifier, now, utc_offset)
        out.append(mime_headers)
        return _made(out, body, identifier)
    lines = other_headers.removeprefix("\r\n" if other_headers.startswith("\r\n") else "\n")
    replaced = len(lines) < len(other_headers)
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
    return _made(out, body, identifier, hidden)


def _made(out: list[bytes], body: Body | bytes, identifier: str, hidden: tuple[tuple[str, str], ...] = ()) -> Draft:
    """Return the draft of header fields and a body."""
    out.append(b"\r\n")
    if type(body) is bytes:
        if len(body) <= CHUNK:
            out.append(body)
            data = b"".join(out)
            return Whole(data, len(data) - len(body), identifier, hidden)
        body = Body((("text", (Memory(body),)),))
    assert isinstance(body, Body)
    return Draft(b"".join(out), body, identifier, hidden)


def _message_id(content: Content, now: float, randomness: Randomness) -> str:
    text = content.message_id
    if text == "*":
        domain = content.domain or (content.from_[0].domain if content.from_ else "")
        return stamps.message_id(content.extras.message_id_algorithm, randomness(16), now, domain)
    if not text.startswith("<"):
        text = f"<{text}>"
    if not text.endswith(">") or " " in text or not text.isascii():
        raise InvalidHeader(f"{text!r} is no message identifier such as <1234@example.com>")
    return text


def _computed(content: Content, given: dict[str, str], identifier: str, now: float, utc_offset: int) -> list[bytes]:
    """Return the fields that come from properties, in their order, but those that the user gave by hand."""
    out = []
    authors, to, extras = content.from_, content.to, content.extras
    width, charset, utf8 = content.width, content.charset, content.utf8
    if authors and "from" not in given:
        out.append(_author(authors, width, charset, utf8))
    if len(authors) > 1 and "sender" not in given:  # RFC 5322 section 3.6.2
        out.append(headers.mailboxes("Sender", authors[:1], width, charset, utf8))
    if to and "to" not in given:
        out.append(headers.mailboxes("To", to, width, charset, utf8))
    if content.cc and "cc" not in given:
        out.append(headers.mailboxes("Cc", content.cc, width, charset, utf8))
    if extras.reply_to and "reply-to" not in given:
        out.append(headers.mailboxes("Reply-To", extras.reply_to, width, charset, utf8))
    if content.subject and "subject" not in given:
        out.append(headers.unstructured("Subject", content.subject, width, charset))
    if content.date and "date" not in given:
        out.append(_date(stamps.date_header(now, utc_offset) if content.date == "*" else content.date, width))
    if identifier and "message-id" not in given:
        if content.message_id == "*" and len(identifier) <= width - len("Message-ID: "):
            out.append(f"Message-ID: {identifier}\r\n".encode())
        else:
            out.append(headers.structured("Message-ID", identifier, width))
    if extras is not NO_EXTRAS:
        _special(extras, content, given, out)
    return out


def _special(extras: Extras, content: Content, given: dict[str, str], out: list[bytes]) -> None:
    """Add the fields that few messages have."""
    for name, names, value in (
        ("Importance", _IMPORTANCE, extras.importance),
        ("Priority", _PRIORITY, extras.priority),
        ("Sensitivity", _SENSITIVITY, extras.sensitivity),
    ):
        if value and name.lower() not in given:
            out.append(f"{name}: {_value(names, name, value)}\r\n".encode())
    for name, people in (
        ("Return-Receipt-To", extras.delivery_notification_to),
        ("Disposition-Notification-To", extras.read_receipt_to),
    ):
        if people and name.lower() not in given:
            out.append(headers.mailboxes(name, people, content.width, content.charset, content.utf8))


@lru_cache(maxsize=64)
def _author(addresses: tuple[Address, ...], width: int, charset: str, utf8: bool) -> bytes:
    """Return the From field, which many messages have in common."""
    return headers.mailboxes("From", addresses, width, charset, utf8)


@lru_cache(maxsize=8)
def _date(text: str, width: int) -> bytes:
    """Return the Date field, which all messages of one second have in common."""
    return headers.structured("Date", text, width)


def _value(names: dict[Any, str], kind: str, value: int) -> str:
    try:
        return names[value]
    except KeyError:
        raise InvalidValue(f"{value!r} is no value of {kind}") from None


def _content(
    content: Content, given: dict[str, str], randomness: Randomness, *, replaced: bool
) -> tuple[bytes, Body | bytes, frozenset[str]]:
    """Return the MIME headers, the body, and which of the given fields those headers stand in place of."""
    extras = content.extras
    if content.html or content.attachments:
        if extras.stream is not None or extras.raw_body:
            raise InvalidValue("a raw body can't have message_html or attachments")
        if extras.attached_file:
            raise InvalidValue("attached_file goes behind plain text: use attachments with message_html or attachments")
        if replaced:
            raise InvalidValue("other_headers with an empty line first can't describe message_html and attachments")
        entity = mime.compose(content.text, content.html, content.attachments, content.charset, randomness)
        # The body has our structure, so it must have our headers.
        head = b"MIME-Version: 1.0\r\n" + entity.headers
        return head, entity.whole or Body((("text", entity.sources()),)), blocks.MIME
    if extras is NO_EXTRAS:
        return plain.compose(content.text, content.charset, given)
    if extras.stream is not None:
        if extras.attached_file:
            raise InvalidValue("a message stream can't have an attached_file")
        return b"", Body((("text", (_stream(extras),)),)), _NONE
    binary = bool(extras.raw_body) and extras.binary
    if extras.raw_body:
        head, text, superseded = b"", bytes(extras.raw_body), _NONE
        if not binary:
            text = LineEnds(strict=True).feed(text)
    else:
        head, text, superseded = plain.compose(
            content.text, content.charset, given, followed=bool(extras.attached_file), frozen=replaced
        )
    if not extras.attached_file:
        return head, Body((("text", (Memory(text, eight_bit=True),)),)) if binary else text, superseded
    if text and not text.endswith(b"\r\n"):
        text += b"\r\n"
    file = FileSource(extras.attached_file, attached=True)
    return head, Body((("text", (Memory(text, eight_bit=binary or None),)), ("file", (file,)))), superseded


def _stream(extras: Extras) -> FileSource:
    return FileSource(extras.stream, encode="binary" if extras.binary else None, close=extras.close_stream)
