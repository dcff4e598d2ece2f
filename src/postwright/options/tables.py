"""All properties and all settings: the two classes, and the rows that only the documentation needs here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from postwright import enums
from postwright.options.base import BaseSettings
from postwright.options.beyond import PostwrightSettings
from postwright.options.kinds import BOOLEAN, LINE, LINES, Enumeration, Integer
from postwright.options.message import MessageProperties
from postwright.options.option import Option
from postwright.options.security import SecurityProperties, SSLSettings
from postwright.options.smtp import SMTPProperties, SMTPSettings
from postwright.options.tcp import SocketSettings, TCPProperties, TCPSettings

if TYPE_CHECKING:
    from postwright.options.option import OptionSet


class Properties(MessageProperties, SMTPProperties, TCPProperties, SecurityProperties):
    """Every property that is a plain value, as a typed attribute."""

    __slots__ = ()


class Settings(
    SMTPSettings,
    TCPSettings,
    SSLSettings,
    SocketSettings,
    BaseSettings,
    PostwrightSettings,
):
    """Every setting, as a typed attribute."""

    __slots__ = ()


PROPERTIES: Final[dict[str, Option[Any, Any]]] = Properties._options
"""The properties that are plain values, by Python name."""

SETTINGS: Final[dict[str, Option[Any, Any]]] = {o.name.casefold(): o for o in Settings._options.values()}
"""The settings, by case-folded name."""

PROPERTY_GROUPS: Final[dict[str, type[OptionSet]]] = {
    "Message": MessageProperties,
    "Server": SMTPProperties,
    "Network": TCPProperties,
    "Security": SecurityProperties,
}
SETTING_GROUPS: Final[dict[str, type[OptionSet]]] = {
    "SMTP": SMTPSettings,
    "TCPClient": TCPSettings,
    "SSL": SSLSettings,
    "Socket": SocketSettings,
    "Base": BaseSettings,
    "Postwright": PostwrightSettings,
}
"""The options in the order of the documentation."""

_COUNT = Integer(0)

COMPUTED: Final[dict[str, Option[Any, Any]]] = {
    row.key: row
    for row in (
        Option("SendTo", LINE, "", "The To recipients, separated by commas; setting it replaces them.", key="send_to"),
        Option("Cc", LINE, "", "The Cc recipients, separated by commas; setting it replaces them.", key="cc"),
        Option("BCc", LINE, "", "The Bcc recipients, who are in no header; setting it replaces them.", key="bcc"),
        Option("Command", LINE, "", "Assigning sends a command of your own.", key="command", write_only=True),
        Option(
            "Connected", BOOLEAN, False, "Whether a connection is open; assigning opens or closes.", key="connected"
        ),
        Option("Idle", BOOLEAN, True, "Whether no method is in progress.", key="idle", read_only=True),
        Option("LastReply", LINES, "", "The server's last reply.", key="last_reply", read_only=True),
        Option(
            "MessageHeaderCount", _COUNT, 0, "How many headers there are.", key="message_header_count", read_only=True
        ),
        Option(
            "MessageHeaderField",
            LINE,
            "",
            "The name of each header.",
            key="message_header_field",
            read_only=True,
            indexed=True,
        ),
        Option(
            "MessageHeaderValue",
            LINES,
            "",
            "The value of each header.",
            key="message_header_value",
            read_only=True,
            indexed=True,
        ),
        Option(
            "MessageRecipientCount",
            _COUNT,
            0,
            "How many recipients there are; setting it adds empty ones or drops the last.",
            key="message_recipient_count",
        ),
        Option(
            "MessageRecipientAddress",
            LINE,
            "",
            "The address of each recipient.",
            key="message_recipient_address",
            indexed=True,
        ),
        Option(
            "MessageRecipientName",
            LINE,
            "",
            "The display name of each recipient.",
            key="message_recipient_name",
            indexed=True,
        ),
        Option(
            "MessageRecipientOptions",
            LINE,
            "",
            "The parameters of each RCPT, such as `NOTIFY=SUCCESS,FAILURE`.",
            key="message_recipient_options",
            indexed=True,
        ),
        Option(
            "MessageRecipientType",
            Enumeration(enums.RecipientType),
            enums.RecipientType.TO,
            "The kind of each recipient.",
            key="message_recipient_type",
            indexed=True,
        ),
    )
}
"""The properties that the component makes itself, from its recipients, headers and state, by Python name."""
