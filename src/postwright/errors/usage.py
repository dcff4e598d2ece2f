"""Errors made on this side: something was asked for that can't be done. No byte was sent for them."""

from __future__ import annotations

from postwright.errors.base import SMTPError


class UsageError(SMTPError):
    """The call was wrong, and nothing was sent for it."""


class RemotePortLocked(UsageError, code=100):
    """MailPort can't be changed while a connection is open."""


class RemoteHostLocked(UsageError, code=101):
    """MailServer can't be changed while a connection is open."""


class RemoteHostInvalid(UsageError, ValueError, code=102):
    """The mail server's address is invalid: nobody is at 0.0.0.0."""


class AlreadyConnected(UsageError, code=104):
    """A connection is open already: disconnect() it first."""


class LocalPortLocked(UsageError, code=106):
    """LocalPort can't be changed while a connection is open."""


class LocalHostLocked(UsageError, code=107):
    """LocalHost can't be changed while a connection is open."""


class MaxLineLengthLocked(UsageError, code=112):
    """MaxLineLength can't be changed while a connection is open."""


class RemotePortInvalid(UsageError, ValueError, code=116):
    """MailPort must be a number from 1 to 65535."""


class ConnectionInUse(UsageError, code=117):
    """The use of the connection can't be changed while it is active."""


class WouldBlock(UsageError, code=135):
    """The operation would have to wait, and waiting is not allowed here."""


class MailServerMissing(UsageError, code=163):
    """No mail server is given: set mail_server."""


class SenderMissing(UsageError, code=164):
    """No sender is given: set from_."""


class RecipientMissing(UsageError, code=165):
    """No recipient is given: set send_to, cc or bcc."""


class Busy(UsageError, code=166):
    """Another method of this object is in progress: wait for it, or use a second object."""


class NotPossibleNow(UsageError, code=211):
    """This can't be done in the present state."""


class NotConnected(UsageError, code=212):
    """This can't be done without a connection."""


class NotPossibleListening(UsageError, code=213):
    """This can't be done while listening."""


class TextNotEncodable(UsageError, ValueError, code=434):
    """The text can't be converted to the selected code page."""


class AlreadyConnecting(UsageError, code=1105):
    """A connection is being opened already: wait for it, or interrupt() it first."""


class ConnectFirst(UsageError, code=1117):
    """There is no connection: connect() first."""


class LocalHostInUse(UsageError, code=1119):
    """LocalHost is in use by the open connection and can't be changed."""


class AttachedFileUnreadable(UsageError, OSError, code=302):
    """The attached file can't be opened."""


class FileUnreadable(UsageError, OSError, code=302):
    """The file can't be opened."""


class InvalidValue(UsageError, ValueError):
    """The value is not allowed here."""

    code = 10022


class InvalidAddress(InvalidValue):
    """The address is not a valid mailbox."""


class InvalidHeader(InvalidValue):
    """The header field is not valid."""


class ForbiddenCharacter(InvalidValue):
    """The text holds a control character that could start a new command or header."""


class UnknownSetting(InvalidValue, KeyError):
    """There is no such setting."""

    def __str__(self) -> str:
        return UsageError.__str__(self)


class NotAvailable(UsageError):
    """This is not available."""

    code = 211


class ReadOnly(UsageError, AttributeError):
    """The value can only be read."""

    code = 211
