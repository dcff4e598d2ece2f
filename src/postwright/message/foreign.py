"""Messages of the email package, and the envelope that a finished message's own fields describe.

Header fields are written by our own rules, because the email package's folding has corrupted and spoofed fields
(CVE-2024-6923); its structure and its encoded parts are kept. The email package is never imported here: whoever has
such an object has it already.
"""

from __future__ import annotations

from functools import lru_cache
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
from postwright.words import Address, Recipient

if TYPE_CHECKING:
    from collections.abc import Callable
    from email.message import Message

NOBODY = Address("", "")
"""The null reverse-path, written <>."""

_RECIPIENTS = (("to", RecipientType.TO), ("cc", RecipientType.CC), ("bcc", RecipientType.BCC))
_RESENT = frozenset({"resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc"})


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
        text = header_text(raw.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t"))
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


def sender_told(told: dict[str, list[str]]) -> Address:
    """Return the sender that a message's fields name: Sender or From, ``NOBODY`` where there is neither.

    Of a message that was sent on, the Resent fields count first (RFC 5322 section 3.6.6).

    Args:
        told: The fields' values without folds, by their names in lower case.

    Raises:
        InvalidAddress: The field has something else than mailboxes.
        InvalidHeader: The message was sent on more than once, so that nobody can tell which sender is meant.
    """
    prefix = "" if _RESENT.isdisjoint(told) else _prefix(told)
    for key in (f"{prefix}sender", f"{prefix}from", "sender", "from") if prefix else ("sender", "from"):
        for value in told.get(key, ()):
            if found := _authors(value):
                return found[0]
    return NOBODY


_authors = lru_cache(maxsize=64)(parse_mailbox_list)  # one sender has many messages


def recipients_told(told: dict[str, list[str]]) -> tuple[Recipient, ...]:
    """Return the recipients that a message's fields name in To, Cc and Bcc, each mailbox once; see ``sender_told``.

    Raises:
        InvalidAddress: One of these fields has something else than mailboxes.
        InvalidHeader: The message was sent on more than once.
    """
    prefix = "" if _RESENT.isdisjoint(told) else _prefix(told)
    found = []
    for key, kind in _RECIPIENTS:
        for value in told.get(prefix + key, ()):
            found += [Recipient(address, kind) for address in parse_mailbox_list(value)]
    if len(found) > 1:
        once: dict[tuple[str, str], Recipient] = {}
        for recipient in found:
            once.setdefault((recipient.address.local_part, recipient.address.domain.lower()), recipient)
        return tuple(once.values())
    return tuple(found)


def _prefix(told: dict[str, list[str]]) -> str:
    """Return "resent-", for a message that was sent on."""
    if len(told.get("resent-date", ())) > 1:
        raise InvalidHeader("the message was resent more than once: name its sender and recipients")
    return "resent-"
