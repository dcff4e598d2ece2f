"""From properties, or from a finished message, to a draft and its envelope; nothing here talks to a server."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from postwright.component.composed import Composed
from postwright.drive import clock
from postwright.enums import RecipientType
from postwright.errors import (
    MailServerMissing,
    RecipientMissing,
    RemoteHostInvalid,
    RemotePortInvalid,
    SenderMissing,
    TextNotEncodable,
)
from postwright.message.addresses import parse_mailbox_list
from postwright.message.draft import Content
from postwright.message.encoded_words import charset_name
from postwright.message.finished import from_bytes
from postwright.message.foreign import NOBODY, from_email, recipients_told, sender_told
from postwright.options.codepages import CODECS, UTF_8
from postwright.words import Envelope, Recipient

if TYPE_CHECKING:
    from collections.abc import Iterable
    from email.message import Message

    from postwright.component.attachments import Bodies
    from postwright.component.recipients import MessageRecipients
    from postwright.message.draft import Draft
    from postwright.options.plan import Plan
    from postwright.words import Address


_OCTETS = (bytes, bytearray, memoryview)


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


def envelope_of(plan: Plan, rows: MessageRecipients) -> Envelope:
    """Return the envelope that the properties describe.

    Raises:
        SenderMissing: There is no sender.
        RecipientMissing: There is no recipient, or no To recipient and AllowEmptyTo is off.
    """
    properties = plan.properties
    author = properties.from_
    if not author:
        raise SenderMissing
    recipients = []
    to = False
    for row in rows:
        recipient = row.frozen()
        if not recipient.address.local_part:
            raise RecipientMissing("one of the records has no address")
        to |= recipient.type is RecipientType.TO
        recipients.append(recipient)
    if not recipients:
        raise RecipientMissing
    if not to and not plan.settings.allow_empty_to:
        raise RecipientMissing("there is only Cc or Bcc; set AllowEmptyTo=True to send like that")
    return Envelope(reverse_path(properties.return_path or author), tuple(recipients))


@lru_cache(maxsize=256)
def reverse_path(text: str) -> Address:
    """Return the sender of the envelope; "<>" is the null reverse-path (RFC 5321 section 4.5.5)."""
    if text.strip() == "<>":
        return NOBODY
    # From may name several authors; the first one sends (RFC 5322 section 3.6.2 wants a Sender field then).
    return authors(text)[0]


_SAME = {
    "subject": "subject",
    "message_date": "date",
    "message_id": "message_id",
    "importance": "importance",
    "priority": "priority",
    "sensitivity": "sensitivity",
    "other_headers": "other_headers",
    "max_header_length": "width",
    "message_id_algorithm": "message_id_algorithm",
    "message_text": "text",
    "message_html": "html",
    "close_stream_after_transfer": "close_stream",
}
"""Options that are taken over as they are, by their keys, and what they are called in the content."""

_PEOPLE = ("reply_to", "delivery_notification_to", "read_receipt_to")

authors = lru_cache(maxsize=64)(parse_mailbox_list)
"""Reads From, which many messages have in common."""


def content_of(plan: Plan, rows: MessageRecipients, bodies: Bodies, host_name: str) -> Content:
    """Return everything that the message is made of; what was not set has the content's own default."""
    values = plan.properties._store.values
    given = {_SAME[key]: value for key, value in values.items() if key in _SAME}
    for key in _PEOPLE:
        if key in values:
            given[key] = parse_mailbox_list(values[key])
    author = given["from_"] = authors(values["from_"])
    given["to"] = tuple([row._address for row in rows if row._type is RecipientType.TO])
    given["cc"] = tuple([row._address for row in rows if row._type is RecipientType.CC])
    given["domain"] = author[0].domain or host_name
    if charset := charset_of(plan, rows):
        given["charset"] = charset
    if raw := values.get("message"):
        given["raw_body"] = raw
        given["binary"] = plan.settings.body_type == "BINARYMIME"
    if bodies.stream is not None:
        given["stream"] = bodies.stream
        given["binary"] = plan.settings.body_type == "BINARYMIME"
    if bodies.attached_file:
        given["attached_file"] = str(bodies.attached_file)
    if bodies.attachments:
        given["attachments"] = tuple(bodies.attachments)
    return Content(**given)


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
    moment = clock.now()
    return from_email(
        message,
        now=moment.seconds,
        utc_offset=moment.utc_offset,
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
