"""Errors of the dialogue: the server refused, spoke out of turn, or went away."""

from __future__ import annotations

from postwright.errors.base import SMTPError


class RemoteError(SMTPError):
    """The other side, or the way to it, failed."""


class FirewallError(RemoteError, ConnectionError, code=118):
    """The proxy did not open the connection."""

    @property
    def is_transient(self) -> bool:
        """The way to the server is at fault, not the message: it may be mended."""
        return True


class Refused(RemoteError, code=161):
    """The server refused."""


class CommunicationError(RemoteError, ConnectionError, code=162):
    """The dialogue with the server broke down."""

    @property
    def is_transient(self) -> bool:
        """A broken line may work the next time."""
        return True


class ConnectionDropped(RemoteError, ConnectionError, code=1120):
    """The server closed the connection."""

    @property
    def is_transient(self) -> bool:
        """A line that was dropped may hold the next time."""
        return True


class InactivityTimeout(RemoteError, TimeoutError, code=201):
    """Nothing moved on the line for too long."""

    @property
    def is_transient(self) -> bool:
        """A slow server may be quicker later."""
        return True


class OperationTimeout(RemoteError, TimeoutError, code=301):
    """The whole operation took too long."""

    @property
    def is_transient(self) -> bool:
        """A slow server may be quicker later."""
        return True


class PoolTimeout(OperationTimeout):
    """No connection of the pool became free in time, and nothing was sent."""


class Interrupted(RemoteError, code=301):
    """The operation was interrupted."""


class GreetingRefused(Refused):
    """The server does not want to talk to this client."""


class ServiceClosing(Refused, ConnectionError):
    """The server is closing the connection (421)."""


class SenderRefused(Refused):
    """The server refused the sender."""


class RecipientsRefused(Refused):
    """The server refused recipients."""


class MessageRefused(Refused):
    """The server refused the message."""


class LoginRefused(Refused):
    """The server refused the login."""


class ExtensionMissing(RemoteError):
    """The server does not offer what this message or these settings need."""

    code = 161


class MalformedReply(CommunicationError):
    """The server sent something that is not a reply."""


class UnexpectedReply(CommunicationError):
    """The server sent a reply that fits no command."""


class ReplyTooLong(CommunicationError):
    """The server sent more than a reply may hold."""
