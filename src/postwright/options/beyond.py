"""The settings that the reference does not have."""

from __future__ import annotations

import re

from postwright.lazy import pattern
from postwright.options.kinds import BOOLEAN, LINE, LINES, SECONDS, Choice, Integer, Kind
from postwright.options.option import Option, OptionSet

_MECHANISM = pattern(r"[A-Z0-9_-]{0,20}", re.ASCII)


class Number(Kind[float, float]):
    """A number from 0 on, which need not be whole.

    Args:
        unit: What is counted.
    """

    python = "float"

    def __init__(self, unit: str) -> None:
        self.allowed = f"a number of {unit} from 0 on"

    def check(self, name: str, value: object) -> float:
        """Take numbers from 0 on, but for infinity."""
        if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < float("inf"):
            return float(value)
        raise self.refuse(name, value)

    def parse(self, name: str, text: str) -> float:
        """Take a decimal number."""
        try:
            return self.check(name, float(text))
        except ValueError:
            raise self.refuse(name, text) from None


def _envelope_id(value: str) -> str:
    """RFC 3461 section 4.4: printable ASCII, at most 100 characters."""
    return "" if value.isascii() and len(value) <= 100 else "is too long or not ASCII; allowed are 100 characters"


def _mechanism(value: str) -> str:
    """RFC 4422 section 3.1."""
    return (
        "" if _MECHANISM.fullmatch(value) else "is no mechanism's name; allowed are A to Z, 0 to 9, - and _, at most 20"
    )


class PostwrightSettings(OptionSet):
    """What the wire has learned since, and what a careful sender wants."""

    __slots__ = ()

    allow_cleartext_auth = Option(
        "AllowCleartextAuth", BOOLEAN, False, "Whether passwords and tokens may go out without TLS."
    )
    body_type = Option(
        "BodyType",
        Choice("", "7BIT", "8BITMIME", "BINARYMIME"),
        "",
        "The BODY of MAIL (RFC 6152, RFC 3030); empty takes what the message needs and the server offers.",
    )
    close_stream_after_transfer = Option(
        "CloseStreamAfterTransfer",
        BOOLEAN,
        True,
        "Whether the stream of set_message_stream() is closed once it is read.",
    )
    dsn_return = Option(
        "DSNReturn",
        Choice("", "FULL", "HDRS"),
        "",
        "What a bounce brings back (RET of RFC 3461): FULL, HDRS, or as the server does it.",
    )
    envelope_id = Option(
        "EnvelopeId", LINE, "", "An identifier that bounces bring back (ENVID of RFC 3461).", rule=_envelope_id
    )
    final_reply_timeout = Option(
        "FinalReplyTimeout",
        SECONDS,
        600,
        "Seconds to wait for the reply to the message itself (RFC 5321 section 4.5.3.2.6); 0 waits for ever.",
    )
    max_message_rate = Option(
        "MaxMessageRate",
        Number("messages per second"),
        0.0,
        "How many messages per second may begin, over all connections that work together; 0 for no limit.",
    )
    max_messages_per_connection = Option(
        "MaxMessagesPerConnection",
        Integer(0, None, "messages"),
        0,
        "After so many messages a connection is closed and a new one opened; 0 for no limit but the server's (MAILMAX).",
    )
    max_retries = Option(
        "MaxRetries",
        Integer(0, 100),
        0,
        "How often send_many() sends a message again that was refused for now, or not sent because of the line.",
    )
    queue_connections = Option(
        "QueueConnections",
        Integer(1, 1000),
        1,
        "How many connections process_queue() uses at a time, each in a thread or a task; the first is the object's own.",
    )
    reply_timeout = Option(
        "ReplyTimeout", SECONDS, 300, "Seconds in which a whole reply must arrive, however it trickles; 0 for no limit."
    )
    retry_delay = Option(
        "RetryDelay", SECONDS, 30, "Seconds before send_many() sends a message again; doubled each time (MaxRetries)."
    )
    sasl_mechanism = Option(
        "SASLMechanism",
        LINE,
        "",
        "The SASL mechanism to log in with, by its registered name, and no other; empty leaves it to AuthMechanism.",
        rule=_mechanism,
    )
    ssl_crls = Option(
        "SSLCRLs",
        LINES,
        "",
        "Revocation lists (PEM); where there are any, every certificate of the server's chain must be in none.",
    )
    tls_provider = Option(
        "TLSProvider",
        LINE,
        "",
        "A TLS provider that another package brings (entry point group `postwright.tls`); empty: as SSLProvider says.",
    )
    tls_server_name = Option(
        "TLSServerName", LINE, "", "The name that the server's certificate must have; empty takes MailServer."
    )
    transfer_text_limit = Option(
        "TransferTextLimit",
        Integer(0, None, "bytes"),
        1048576,
        "Up to this size TransferText is kept; 0 keeps nothing.",
    )
    use_chunking = Option("UseChunking", BOOLEAN, True, "Whether to use BDAT where it is offered (RFC 3030).")
    use_pipelining = Option(
        "UsePipelining", BOOLEAN, True, "Whether to send commands in groups where it is offered (RFC 2920)."
    )
    use_smtputf8 = Option(
        "UseSMTPUTF8", BOOLEAN, True, "Whether addresses outside ASCII may ask for SMTPUTF8 (RFC 6531)."
    )
