"""Everything that makes a message, before it is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postwright.enums import Importance, Priority, Sensitivity
from postwright.message.headers import DEFAULT_WIDTH
from postwright.record import Frozen, Record

if TYPE_CHECKING:
    import os
    from typing import Final

    from postwright.message.mime import Attachment
    from postwright.words import Address


class Extras(Frozen):
    """What few messages have.

    Attributes:
        delivery_notification_to: For Return-Receipt-To.
        read_receipt_to: For Disposition-Notification-To (RFC 8098).
        other_headers: More header lines; with an empty line first, they replace all that is computed.
        raw_body: The body as it is, line ends made CRLF; it stands in place of the text.
        stream: The same as a binary stream; it stands in place of both.
        attached_file: A path; the file is appended after the text as it is.
        binary: Send a raw body or a stream octet by octet, for BINARYMIME (RFC 3030); only BDAT can carry that.
    """

    reply_to: tuple[Address, ...] = ()
    importance: int = Importance.UNSPECIFIED
    priority: int = Priority.UNSPECIFIED
    sensitivity: int = Sensitivity.UNSPECIFIED
    delivery_notification_to: tuple[Address, ...] = ()
    read_receipt_to: tuple[Address, ...] = ()
    other_headers: str = ""
    message_id_algorithm: str = "SHA1"
    raw_body: bytes | None = None
    stream: Any = None
    close_stream: bool = True
    attached_file: str | os.PathLike[str] = ""
    binary: bool = False


NO_EXTRAS = Extras()


class Content(Record):
    """Everything that makes a message, as the user's properties have it.

    Attributes:
        date: "*" for now, "" for no Date, or the text of it.
        message_id: "*" for a new one, "" for none, or the text of it.
        charset: The character set for headers and text that need one; "" is UTF-8.
        domain: The right side of a new Message-ID; "" takes the sender's domain.
        width: Where headers are folded.
        utf8: Whether header fields may have local parts in UTF-8 (RFC 6532).
    """

    __slots__ = (
        *("attachments", "cc", "charset", "date", "domain", "extras", "from_", "html", "message_id", "subject"),
        *("text", "to", "utf8", "width"),
    )

    def __init__(
        self,
        from_: tuple[Address, ...] = (),
        to: tuple[Address, ...] = (),
        cc: tuple[Address, ...] = (),
        subject: str = "",
        date: str = "*",
        message_id: str = "*",
        text: str = "",
        html: str = "",
        attachments: tuple[Attachment, ...] = (),
        charset: str = "",
        domain: str = "",
        width: int = DEFAULT_WIDTH,
        utf8: bool = True,
        extras: Extras = NO_EXTRAS,
    ) -> None:
        self.from_: Final = from_
        self.to: Final = to
        self.cc: Final = cc
        self.subject: Final = subject
        self.date: Final = date
        self.message_id: Final = message_id
        self.text: Final = text
        self.html: Final = html
        self.attachments: Final = attachments
        self.charset: Final = charset
        self.domain: Final = domain
        self.width: Final = width
        self.utf8: Final = utf8
        self.extras: Final = extras
