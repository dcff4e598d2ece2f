"""Messages that others composed: complete bytes, or an object of the email package.

Bytes stay as they are, so that signatures over them hold (DKIM, S/MIME, PGP); only line ends become CRLF, and Bcc
fields go. Of an object, header fields are written by our own rules, because the email package's folding has
corrupted and spoofed fields (CVE-2024-6923); its structure and its encoded parts are kept. The email package is never
imported here: whoever has such an object has it already.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from postwright.enums import RecipientType
from postwright.errors import InvalidHeader, InvalidValue
from postwright.message import headers, stamps
from postwright.message.addresses import parse_mailbox_list
from postwright.message.blocks import HIDDEN, header_text
from postwright.message.body import Body, Memory
from postwright.message.draft import Draft
from postwright.message.enclosed import content_of, write_field
from postwright.wire.lines import LineEnds
from postwright.words import Address, Envelope, Recipient, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from email.message import Message

_LINE = re.compile(rb"(?:([!-9;-~]+)[ \t]*:|[ \t])[^\n]*\n")
# A block of fields, none of which begins like Bcc or Resent-Bcc.
_ORDINARY = re.compile(rb"(?:(?![Bb][Cc]|[Rr][Ee][Ss][Ee][Nn][Tt]-[Bb])[!-9;-~]+[ \t]*:[^\n]*\n(?:[ \t][^\n]*\n)*)+")
_IDENTIFIER = re.compile(rb"^message-id[ \t]*:([^\n]*\n(?:[ \t][^\n]*\n)*)", re.IGNORECASE | re.MULTILINE)
_NAMED = Envelope(Address("", ""), ())
_RECIPIENTS = (("to", RecipientType.TO), ("cc", RecipientType.CC), ("bcc", RecipientType.BCC))


def foreign_draft(
    message: Message[Any, Any] | bytes,
    *,
    now: float,
    utc_offset: int,
    randomness: Callable[[int], bytes],
    host_name: str,
    sender_named: bool = False,
    recipients_named: bool = False,
) -> tuple[Draft, Envelope]:
    """Return a finished message as a draft, and the envelope that its header fields describe.

    Args:
        message: Complete bytes, or an object of the email package.
        now: Seconds since 1970, UTC; for a missing Date.
        utc_offset: How many seconds local time is ahead of UTC.
        randomness: Gives that many random bytes; for a missing Message-ID.
        host_name: The right side of a new Message-ID, where the sender has no domain.
        sender_named: The caller names the sender: the fields are not asked for it, and may be anything.
        recipients_named: The same for recipients.

    Raises:
        InvalidValue: It can't be sent as it is; the subclass and the text say what is wrong.
    """
    if isinstance(message, bytes | bytearray | memoryview):
        draft = from_bytes(bytes(message))
    else:
        draft = from_email(message, now=now, utc_offset=utc_offset, randomness=randomness, host_name=host_name)
    if sender_named and recipients_named:
        return draft, _NAMED
    fields = draft.fields + draft.hidden_fields
    return draft, envelope_from(fields, sender_named=sender_named, recipients_named=recipients_named)


def from_bytes(data: bytes) -> Draft:
    """Return complete bytes of a message (header fields, an empty line, a body) as a draft.

    Raises:
        InvalidHeader: A line of the header is no field.
        InvalidValue: There is a NUL, or a line longer than mail may have.
    """
    lines = LineEnds(strict=True)
    data = lines.feed(data)
    end = data.find(b"\r\n\r\n")
    if data.startswith(b"\r\n") or not data:
        raise InvalidHeader("the message has no header: it starts with an empty line")
    head = data[: end + 2] if end >= 0 else data if data.endswith(b"\r\n") else data + b"\r\n"
    body = data[end + 4 :] if end >= 0 else b""
    kept, hidden = (head, ()) if _ORDINARY.fullmatch(head) else _sift(head)
    body_eight_bit = lines.eight_bit and not body.isascii()
    named = _IDENTIFIER.search(kept)
    identifier = header_text(named[1].replace(b"\r\n", b"").strip(b" \t")) if named else ""
    return Draft(kept + b"\r\n", Body((("text", (Memory(body, eight_bit=body_eight_bit),)),)), identifier, hidden)


def _sift(head: bytes) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """Part a header block into what is sent and Bcc fields, whatever their spelling."""
    found: list[tuple[str, bytes]] = []
    at = 0
    while at < len(head):
        match = _LINE.match(head, at)
        if not match or (match[1] is None and not found):
            line = printable(head[at : head.find(b"\r\n", at)][:100].decode("utf-8", "surrogateescape"))
            raise InvalidHeader(f'a line of the message\'s header is not "Name: value": "{line}"')
        if match[1] is None:
            found[-1] = (found[-1][0], found[-1][1] + match[0])
        else:
            found.append((match[1].decode(), match[0]))
        at = match.end()
    hidden = tuple((name, _value(raw)) for name, raw in found if name.lower() in HIDDEN)
    if hidden:
        head = b"".join(raw for name, raw in found if name.lower() not in HIDDEN)
    return head, hidden


def _value(raw: bytes) -> str:
    return header_text(raw.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t"))


def from_email(
    message: Message[Any, Any],
    *,
    now: float,
    utc_offset: int,
    randomness: Callable[[int], bytes],
    host_name: str = "",
) -> Draft:
    """Return an object of the email package as a draft; Date and Message-ID are added where they are missing.

    Raises:
        InvalidValue: It can't be sent as it is; the subclass and the text say what is wrong.
    """
    if not callable(getattr(message, "raw_items", None)) or not callable(getattr(message, "get_payload", None)):
        raise InvalidValue(f"neither bytes nor an email.message.Message: {type(message).__name__}")
    mime_headers, content = content_of(message, randomness)
    out: list[bytes] = []
    hidden: list[tuple[str, str]] = []
    texts: dict[str, str] = {}
    for name, value in message.raw_items():
        key = str(name).lower()
        if key == "content-type" and mime_headers:
            continue
        raw = write_field(str(name), value, message)
        text = _value(raw)
        texts.setdefault(key, text)
        if key in HIDDEN:
            hidden.append((str(name), text))
        else:
            out.append(raw)
    if "date" not in texts:
        out.append(headers.structured("Date", stamps.date_header(now, utc_offset)))
    identifier = texts.get("message-id", "")
    if not identifier:
        identifier = stamps.message_id("SHA1", randomness(16), now, _domain(texts.get("from", "")) or host_name)
        out.append(headers.structured("Message-ID", identifier))
    lines = LineEnds(strict=True)
    content = lines.feed(content)
    body = Body((("text", (Memory(content, eight_bit=lines.eight_bit),)),))
    return Draft(b"".join([*out, mime_headers, b"\r\n"]), body, identifier, tuple(hidden))


def _domain(author: str) -> str:
    try:
        return parse_mailbox_list(author)[0].domain
    except (InvalidValue, IndexError):
        return ""


def envelope_from(
    fields: Iterable[tuple[str, str]], *, sender_named: bool = False, recipients_named: bool = False
) -> Envelope:
    """Return the envelope that header fields describe: Sender or From, and To, Cc and Bcc.

    Of a message that was sent on, the Resent fields count instead (RFC 5322 section 3.6.6).

    Args:
        fields: Names and values without folds.
        sender_named: Don't look for the sender; it is the null reverse-path then.
        recipients_named: Don't look for recipients.

    Raises:
        InvalidAddress: One of these fields has something else than mailboxes.
        InvalidHeader: The message was sent on more than once, so that nobody can tell which recipients are meant.
    """
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name.lower(), []).append(value)
    prefix = "resent-" if any(f"resent-{key}" in values for key in ("from", "sender", "to", "cc", "bcc")) else ""
    if prefix and len(values.get("resent-date", ())) > 1:
        raise InvalidHeader("the message was resent more than once: name its sender and recipients")
    reverse_path = Address("", "")
    if not sender_named:
        keys = (f"{prefix}sender", f"{prefix}from", "sender", "from")
        found = (address for key in keys for value in values.get(key, ()) for address in parse_mailbox_list(value))
        reverse_path = next(found, reverse_path)
    recipients: dict[tuple[str, str], Recipient] = {}
    if not recipients_named:
        for key, kind in _RECIPIENTS:
            for value in values.get(prefix + key, ()):
                for address in parse_mailbox_list(value):
                    recipients.setdefault((address.local_part, address.domain.lower()), Recipient(address, kind))
    return Envelope(reverse_path, tuple(recipients.values()))
