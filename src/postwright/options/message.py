"""The properties that make up the message: its headers, its text and who it is from."""

from __future__ import annotations

from postwright import enums
from postwright.options.kinds import BYTES, LINE, LINES, TEXT, Enumeration
from postwright.options.option import Option, OptionSet


class MessageProperties(OptionSet):
    """What is sent."""

    __slots__ = ()

    delivery_notification_to = Option(
        "DeliveryNotificationTo", LINE, "", "Address in the Return-Receipt-To header; empty for no such header."
    )
    from_ = Option("From", LINE, "", "The author, as `Name <local@domain>` or `local@domain`; required.")
    importance = Option(
        "Importance",
        Enumeration(enums.Importance),
        enums.Importance.UNSPECIFIED,
        "The Importance header; UNSPECIFIED for none.",
    )
    message = Option(
        "Message", BYTES, b"", "The body as raw bytes, in place of MessageText; headers still come from the properties."
    )
    message_date = Option("MessageDate", LINE, "*", "The Date header; `*` is the time of sending, empty for none.")
    message_headers_string = Option(
        "MessageHeadersString", LINES, "", "All headers of the message, as sent.", read_only=True, live=True
    )
    message_html = Option("MessageHTML", TEXT, "", "The text as HTML; with MessageText, both go as alternatives.")
    message_id = Option("MessageId", LINE, "*", "The Message-ID header; `*` makes a new one for each message.")
    message_text = Option("MessageText", TEXT, "", "The text of the message, without headers.")
    other_headers = Option(
        "OtherHeaders",
        LINES,
        "",
        "More header lines, separated by CRLF; beginning with an empty line, they replace all other headers.",
    )
    priority = Option(
        "Priority",
        Enumeration(enums.Priority),
        enums.Priority.UNSPECIFIED,
        "The Priority header; UNSPECIFIED for none.",
    )
    read_receipt_to = Option(
        "ReadReceiptTo", LINE, "", "Address in the Disposition-Notification-To header; empty for no such header."
    )
    reply_to = Option("ReplyTo", LINE, "", "The Reply-To header; empty for none.")
    return_path = Option("ReturnPath", LINE, "", "The envelope's sender, who gets bounces; empty takes From.")
    sensitivity = Option(
        "Sensitivity",
        Enumeration(enums.Sensitivity),
        enums.Sensitivity.UNSPECIFIED,
        "The Sensitivity header; UNSPECIFIED for none.",
    )
    subject = Option("Subject", LINE, "", "The Subject header.")
