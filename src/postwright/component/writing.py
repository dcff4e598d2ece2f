"""From properties, or from a finished message, to a draft and its envelope; nothing here talks to a server."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from postwright.component.composed import Composed
from postwright.drive import clock
from postwright.enums import RecipientType
from postwright.errors import (
    InvalidAddress,
    MailServerMissing,
    RecipientMissing,
    RemoteHostInvalid,
    RemotePortInvalid,
    SenderMissing,
    TextNotEncodable,
)
from postwright.message.addresses import parse_mailbox_list
from postwright.message.composing import compose
from postwright.message.content import NO_EXTRAS, Content, Extras
from postwright.message.encoded_words import charset_name
from postwright.message.finished import from_bytes
from postwright.message.foreign import NOBODY, from_email, recipients_told, sender_told
from postwright.message.headers import DEFAULT_WIDTH
from postwright.options.codepages import CODECS, UTF_8
from postwright.words import Envelope, Recipient, printable

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message

    from postwright.component.attachments import Bodies
    from postwright.component.recipients import MessageRecipients
    from postwright.message.draft import Draft
    from postwright.options.plan import Plan
    from postwright.words import Address


_OCTETS = (bytes, bytearray, memoryview)
_TO, _CC = RecipientType.TO, RecipientType.CC


def check_server(plan: Plan) -> None:
    """Make sure that there is a server to connect to.

    Raises:
        MailServerMissing: MailServer is empty.
        RemoteHostInvalid: MailServer is 0.0.0.0.
        RemotePortInvalid: MailPort is no port.
    """
    if not plan.properties.mail_server:
        raise MailServerMissing
    if plan.properties.mail_server == "0.0.0.0":  # noqa: S104 - refused, not listened on
        raise RemoteHostInvalid
    if not 1 <= plan.properties.mail_port <= 65535:
        raise RemotePortInvalid


def composed(plan: Plan, rows: MessageRecipients, bodies: Bodies, host_name: str) -> tuple[Envelope, Draft]:
    """Return the message that the properties describe, with its envelope.

    Raises:
        SenderMissing: There is no sender.
        RecipientMissing: There is no recipient, or no To recipient and AllowEmptyTo is off.
        InvalidValue: Something can't be sent as it is; the subclass and the text say what.
    """
    values = plan.properties._store.values
    get = values.get
    author = get("from_")
    if not author:
        raise SenderMissing
    recipients = rows.frozen()
    to, cc = _named(plan, recipients)
    envelope = Envelope(reverse_path(get("return_path") or author), recipients)
    from_ = authors(author)
    usual = _FURTHER.isdisjoint(values)
    extras = NO_EXTRAS if usual and bodies.plain else extras_of(plan, bodies)
    content = Content(
        from_,
        to,
        cc,
        get("subject", ""),
        get("message_date", "*"),
        get("message_id", "*"),
        get("message_text", ""),
        get("message_html", ""),
        tuple(bodies.attachments),
        "" if usual else charset_of(plan, rows),
        from_[0].domain or host_name,
        get("max_header_length", DEFAULT_WIDTH),
        True,
        extras,
    )
    now = clock.now()
    draft = compose(content, now=now, utc_offset=clock.utc_offset(now), randomness=clock.randomness)
    return envelope, draft


def _named(plan: Plan, recipients: tuple[Recipient, ...]) -> tuple[tuple[Address, ...], tuple[Address, ...]]:
    """Return those whom To and Cc name."""
    to: list[Address] = []
    cc: list[Address] = []
    for recipient in recipients:
        address, kind = recipient.address, recipient.type
        if not address.local_part:
            raise RecipientMissing("one of the records has no address")
        if kind is _TO:
            to.append(address)
        elif kind is _CC:
            cc.append(address)
    if not recipients:
        raise RecipientMissing
    if not to and not plan.settings.allow_empty_to:
        raise RecipientMissing("there is only Cc or Bcc; set AllowEmptyTo=True to send like that")
    return tuple(to), tuple(cc)


@lru_cache(maxsize=256)
def reverse_path(text: str) -> Address:
    """Return the sender of the envelope; "<>" is the null reverse-path (RFC 5321 section 4.5.5).

    Raises:
        InvalidAddress: It is no address.
    """
    if text.strip() == "<>":
        return NOBODY
    found = authors(text)
    if not found:
        raise InvalidAddress(
            f'"{printable(text)}": an address is missing: a sender is named by blanks or a comment only'
        )
    # From may name several authors; the first one sends (RFC 5322 section 3.6.2 wants a Sender field then).
    return authors(text)[0]


@lru_cache(maxsize=64)
def authors(text: str) -> tuple[Address, ...]:
    """Return the mailboxes of a sender, which many messages have in common.

    Raises:
        InvalidAddress: There is none, or what is there is none.
    """
    found = parse_mailbox_list(text)
    if not found:
        raise InvalidAddress(f'"{printable(text)}": an address is missing: there are only blanks or comments')
    return found


_EXTRAS = {
    "importance": "importance",
    "priority": "priority",
    "sensitivity": "sensitivity",
    "other_headers": "other_headers",
    "message_id_algorithm": "message_id_algorithm",
    "message": "raw_body",
    "close_stream_after_transfer": "close_stream",
}
"""Options that are taken over as they are, by their keys, and what they are called in the content."""

_PEOPLE = ("reply_to", "delivery_notification_to", "read_receipt_to")
_FURTHER = frozenset([*_EXTRAS, *_PEOPLE, "charset", "code_page"])
"""Options that few set, by their keys: as long as none of them is, there is nothing to look up."""


def extras_of(plan: Plan, bodies: Bodies) -> Extras:
    """Return what few messages have; what was not set has its own default.

    Raises:
        InvalidAddress: A property has something else than mailboxes.
    """
    values = plan.properties._store.values
    given = {name: values[key] for key, name in _EXTRAS.items() if key in values}
    for key in _PEOPLE:
        if key in values:
            given[key] = parse_mailbox_list(values[key])
    if bodies.stream is not None:
        given["stream"] = bodies.stream
    if bodies.attached_file:
        given["attached_file"] = str(bodies.attached_file)
    given["binary"] = plan.settings.body_type == "BINARYMIME"
    return Extras(**given)


def charset_of(plan: Plan, rows: MessageRecipients) -> str:
    """Return the character set of texts that are not ASCII, "" for UTF-8.

    Raises:
        TextNotEncodable: CodePage is set, and a text has characters that it can't hold, or that mail can't carry so.
    """
    properties, settings = plan.properties, plan.settings
    if settings.charset or settings.code_page == UTF_8:
        return settings.charset
    codec = CODECS[settings.code_page]
    for name, text in (
        ("From", properties.from_),
        ("ReplyTo", properties.reply_to),
        ("Subject", properties.subject),
        ("OtherHeaders", properties.other_headers),
        ("MessageText", properties.message_text),
        ("MessageHTML", properties.message_html),
        *(("a recipient's name", row.name) for row in rows),
    ):
        if text.isascii():
            continue
        if charset_name(codec) == "utf-8":
            raise TextNotEncodable(
                f"{name}: code page {settings.code_page} does not contain ASCII as it is, so mail can't carry it"
            )
        try:
            text.encode(codec)
        except UnicodeEncodeError as error:
            wrong = text[error.start : error.start + 1]
            raise TextNotEncodable(f"{name}: code page {settings.code_page} has no '{wrong}'") from None
    return codec


def adopted(
    plan: Plan,
    host_name: str,
    message: Message | bytes | Composed,
    from_addr: str | None = None,
    to_addrs: str | Iterable[str] | None = None,
) -> tuple[Envelope, Draft]:
    """Return a finished or composed message with its envelope; nothing was sent when this raises."""
    draft: Draft
    if type(message) is bytes:
        draft = from_bytes(message)
    elif not isinstance(message, Composed):
        draft = draft_of(message, host_name)
    elif from_addr is None and to_addrs is None:
        return message._envelope, message._draft
    else:
        draft = message._draft
    return named_envelope(plan, draft, from_addr, to_addrs), draft


def draft_of(message: Message | bytes, host_name: str) -> Draft:
    """Return a finished message as a draft.

    Args:
        message: An object of the email package, or complete bytes.
        host_name: The right side of a Message-ID, where there is none and the sender has no domain.

    Raises:
        InvalidValue: It can't be sent as it is; the subclass and the text say what is wrong.
    """
    if isinstance(message, _OCTETS):
        return from_bytes(bytes(message))
    now = clock.now()
    return from_email(
        message,
        now=now,
        utc_offset=clock.utc_offset(now),
        randomness=clock.randomness,
        host_name=host_name,
    )


def named_envelope(plan: Plan, draft: Draft, from_addr: str | None, to_addrs: str | Iterable[str] | None) -> Envelope:
    """Return the envelope of a finished message: what the caller names, else what its own fields say.

    Raises:
        SenderMissing: Nobody says who sends it.
        RecipientMissing: Nobody says who receives it.
        InvalidAddress: What is said is no address.
    """
    if isinstance(to_addrs, str):
        addresses = parse_mailbox_list(to_addrs)
        recipients = (Recipient(addresses[0]),) if len(addresses) == 1 else tuple(map(Recipient, addresses))
    elif to_addrs is None:
        recipients = recipients_told(draft.told)
    else:
        recipients = tuple([Recipient(address) for text in to_addrs for address in parse_mailbox_list(text)])
    if from_addr is not None:
        sender = reverse_path(from_addr)
    elif returns := plan.properties.return_path:
        sender = reverse_path(returns)
    else:
        sender = sender_told(draft.told)
        if sender is NOBODY:
            raise SenderMissing("the message has no From or Sender header, and no from_addr was given")
    if not recipients:
        raise RecipientMissing("the message has no To, Cc or Bcc header, and no to_addrs were given")
    return Envelope(sender, recipients)
