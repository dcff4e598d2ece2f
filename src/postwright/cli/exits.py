"""Exit codes, as sysexits.h has them: one table from errors to codes.

Who retries by exit code alone must never send a mail twice: an error after which nobody knows what became of the mail
is never TEMPORARY.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from postwright import errors
from postwright.enums import Outcome

if TYPE_CHECKING:
    from typing import Self


class Exit(IntEnum):
    """How the program ends; ``meaning`` is its line in the help."""

    meaning: str

    def __new__(cls, value: int, meaning: str) -> Self:
        """Make a member of a number and its meaning."""
        member = int.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    OK = 0, "sent (or answered), to everybody"
    PARTLY = 1, "sent, but some recipients were refused; probe: something is wrong with the server"
    USAGE = 64, "the command line is wrong"
    DATA = 65, "an address, a header or the text can't be sent as it is"
    NO_INPUT = 66, "a file can't be read"
    NO_USER = 67, "recipients were refused for good"
    NO_HOST = 68, "there is no such host"
    UNAVAILABLE = 69, "the server refused for good, or does not offer what is needed"
    INTERNAL = 70, "a bug in postwright"
    CANT_CREATE = 73, "a file can't be written"
    IO = 74, "the connection broke, and nothing was sent"
    TEMPORARY = 75, "not now (4xx, timeout, refused connection): nothing was sent, trying later may help"
    PROTOCOL = 76, "the dialogue went wrong; also: the mail may or may not have been sent"
    NO_PERMISSION = 77, "login refused, or the server's certificate is not trusted"
    CONFIG = 78, "a setting is wrong, or the password can't be had"
    INTERRUPTED = 130, "interrupted from the keyboard"


TABLE: dict[type[errors.SMTPError], Exit] = {
    errors.SMTPError: Exit.UNAVAILABLE,
    errors.UsageError: Exit.USAGE,
    errors.InvalidAddress: Exit.DATA,
    errors.InvalidHeader: Exit.DATA,
    errors.ForbiddenCharacter: Exit.DATA,
    errors.TextNotEncodable: Exit.DATA,
    errors.AttachedFileUnreadable: Exit.NO_INPUT,
    errors.FileUnreadable: Exit.NO_INPUT,
    errors.UnknownSetting: Exit.CONFIG,
    errors.NotAvailable: Exit.UNAVAILABLE,
    errors.RecipientsRefused: Exit.NO_USER,
    errors.LoginRefused: Exit.NO_PERMISSION,
    errors.NetworkError: Exit.IO,
    errors.CommunicationError: Exit.IO,
    errors.ConnectionDropped: Exit.IO,
    errors.FirewallError: Exit.IO,
    errors.InactivityTimeout: Exit.TEMPORARY,
    errors.OperationTimeout: Exit.TEMPORARY,
    errors.MalformedReply: Exit.PROTOCOL,
    errors.UnexpectedReply: Exit.PROTOCOL,
    errors.ReplyTooLong: Exit.PROTOCOL,
    errors.Interrupted: Exit.INTERRUPTED,
    errors.SecurityError: Exit.NO_PERMISSION,
    errors.CertificateStoreUnreadable: Exit.CONFIG,
    errors.CertificateNotFound: Exit.CONFIG,
    errors.CredentialsUnusable: Exit.CONFIG,
    errors.HandshakeFailed: Exit.PROTOCOL,
    errors.EncryptionFailed: Exit.PROTOCOL,
    errors.DecryptionFailed: Exit.PROTOCOL,
    errors.SecurityLibraryMissing: Exit.UNAVAILABLE,
}
"""The code of each class; a class that is not here has its nearest base's."""

_NO_SUCH_HOST = {11001, 11004}


def exit_for(error: errors.SMTPError) -> Exit:
    """Return the code of an error."""
    if error.outcome is Outcome.SENT:
        return Exit.OK
    if error.outcome is Outcome.UNKNOWN:
        return Exit.PROTOCOL
    if error.reply is not None and error.reply.is_transient:
        return Exit.TEMPORARY
    if isinstance(error, errors.NetworkError):
        if error.code in _NO_SUCH_HOST:
            return Exit.NO_HOST
        return Exit.TEMPORARY if error.is_transient else Exit.IO
    return next(TABLE[kind] for kind in type(error).__mro__ if kind in TABLE)


def table() -> str:
    """Return all codes with their meanings, for the help."""
    return "\n".join(f"  {int(code):>3}  {code.meaning}" for code in Exit)
