"""postwright: an SMTP client, synchronous and asyncio, that says of every failure whether the mail went out.

Example:
    >>> from postwright import SMTP
    >>> with SMTP(mail_server="mail.example.org", mail_port=587, user="me", password="secret") as smtp:
    ...     result = smtp.send_message(message)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from postwright.component.aio import AsyncSMTP
    from postwright.component.pool import Pool
    from postwright.component.pool_aio import AsyncPool
    from postwright.component.recipients import MessageRecipient
    from postwright.component.smtp import SMTP
    from postwright.enums import (
        AuthMechanism,
        Direction,
        FirewallType,
        Importance,
        Outcome,
        Priority,
        RecipientType,
        Sensitivity,
        SSLCertStoreType,
        SSLProvider,
        SSLStartMode,
        UseIPv6,
    )
    from postwright.errors import SMTPError
    from postwright.words import RecipientResult, Reply, SendResult

_HOMES = {
    "AsyncPool": "component.pool_aio",
    "AsyncSMTP": "component.aio",
    "Pool": "component.pool",
    "SMTP": "component.smtp",
    "MessageRecipient": "component.recipients",
    "SMTPError": "errors",
    "RecipientResult": "words",
    "Reply": "words",
    "SendResult": "errors.partial",  # with the error that it raises
    "AuthMechanism": "enums",
    "Direction": "enums",
    "FirewallType": "enums",
    "Importance": "enums",
    "Outcome": "enums",
    "Priority": "enums",
    "RecipientType": "enums",
    "SSLCertStoreType": "enums",
    "SSLProvider": "enums",
    "SSLStartMode": "enums",
    "Sensitivity": "enums",
    "UseIPv6": "enums",
}

__all__ = [
    "SMTP",
    "AsyncPool",
    "AsyncSMTP",
    "AuthMechanism",
    "Direction",
    "FirewallType",
    "Importance",
    "MessageRecipient",
    "Outcome",
    "Pool",
    "Priority",
    "RecipientResult",
    "RecipientType",
    "Reply",
    "SMTPError",
    "SSLCertStoreType",
    "SSLProvider",
    "SSLStartMode",
    "SendResult",
    "Sensitivity",
    "UseIPv6",
    "__version__",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used: who sends synchronously never pays for asyncio."""
    if name not in _HOMES:
        raise AttributeError(f"module 'postwright' has no attribute '{name}'")
    import sys  # noqa: PLC0415 - as above

    home = f"postwright.{_HOMES[name]}"
    __import__(home)
    value = globals()[name] = getattr(sys.modules[home], name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
