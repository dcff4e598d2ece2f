"""The properties and settings of the dialogue: whom to talk to, how to log in, what to ask of the server."""

from __future__ import annotations

from postwright import enums, errors
from postwright.options.kinds import BOOLEAN, LINE, LINES, SECONDS, Choice, Enumeration, Integer
from postwright.options.message import MessageProperties
from postwright.options.option import Option, OptionSet
from postwright.options.secrets import SECRET_OR_SOURCE


def _no_apop(value: enums.AuthMechanism) -> str:
    return "is APOP, which POP3 has and SMTP does not" if value is enums.AuthMechanism.APOP else ""


def _charset(value: str) -> str:
    """A charset stands in headers (RFC 2047), so it must look like a token and be known to Python."""
    try:
        "".encode(value or "ascii")
    except LookupError:
        known = False
    else:
        known = value.isascii() and all(c.isalnum() or c in "-_.:+" for c in value)
    return "" if known else f"is {value!r}; allowed is the name of a character set that Python knows, such as UTF-8"


def _greeting(value: str) -> str:
    good = value.isascii() and " " not in value
    return "" if good else f"is {value!r}; allowed is a host name or an address in brackets: ASCII without blanks"


class SMTPProperties(OptionSet):
    """The server and the login."""

    __slots__ = ()

    allow_extensions = Option("AllowExtensions", BOOLEAN, True, "Whether to greet with EHLO; False greets with HELO.")
    auth_mechanism = Option(
        "AuthMechanism",
        Enumeration(enums.AuthMechanism),
        enums.AuthMechanism.USER_PASSWORD,
        "How to log in; USER_PASSWORD takes the best password mechanism offered, others are exact.",
        rule=_no_apop,
    )
    mail_port = Option(
        "MailPort",
        Integer(1, 65535, error=errors.RemotePortInvalid),
        25,
        "The server's port.",
        lock=errors.RemotePortLocked,
    )
    mail_server = Option("MailServer", LINE, "", "The server's name or address.", lock=errors.RemoteHostLocked)
    password = Option(
        "Password", SECRET_OR_SOURCE, "", "The password to log in with, or a function that gives it at each login."
    )
    timeout = Option("Timeout", SECONDS, 60, "Seconds of silence before an operation fails; 0 waits for ever.")
    user = Option("User", LINE, "", "The user to log in as; empty for no login.")


class SMTPSettings(OptionSet):
    """Headers, refusals, RSET and the message id."""

    __slots__ = ()

    allow_empty_to = Option("AllowEmptyTo", BOOLEAN, False, "Whether Cc or Bcc alone are enough to send.")
    authorization_identity = Option(
        "AuthorizationIdentity",
        SECRET_OR_SOURCE,
        "",
        "The identity to act as (SASL); for XOAUTH2 and OAUTHBEARER the token, or a function that gives it at each login.",
    )
    charset = Option("Charset", LINE, "", "The character set of encoded headers; empty takes UTF-8.", rule=_charset)
    hello = Option(
        "Hello",
        LINE,
        "",
        "The argument of EHLO and HELO; empty takes this host's name.",
        ambient=True,
        rule=_greeting,
    )
    keep_queue = Option("KeepQueue", BOOLEAN, False, "Whether queue files that were sent stay, as `.sent`.")
    max_header_length = Option(
        "MaxHeaderLength", Integer(20, 998, "bytes"), 80, "Header lines longer than this are folded."
    )
    message_headers_string = MessageProperties.message_headers_string
    message_id_algorithm = Option(
        "MessageIdAlgorithm", Choice("MD5", "SHA1", "SHA256"), "SHA1", "The hash that makes a Message-ID."
    )
    other_headers = MessageProperties.other_headers
    return_path = MessageProperties.return_path
    send_rset = Option("SendRSET", BOOLEAN, True, "Whether to send RSET between messages.")
    stop_on_bcc_errors = Option("StopOnBccErrors", BOOLEAN, False, "Whether one refused Bcc recipient ends the send.")
    stop_on_cc_errors = Option("StopOnCcErrors", BOOLEAN, True, "Whether one refused Cc recipient ends the send.")
    stop_on_to_errors = Option("StopOnToErrors", BOOLEAN, True, "Whether one refused To recipient ends the send.")
    transfer_text = Option(
        "TransferText",
        LINES,
        "",
        "The body as it was sent; after MessageHeadersString it completes the message.",
        read_only=True,
        live=True,
    )
