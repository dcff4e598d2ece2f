"""Errors of the operating system's network, in one table: the reference's rows 10004 to 11004."""

from __future__ import annotations

import errno

from postwright.errors.base import REGISTER
from postwright.errors.remote import RemoteError

# number: (words, names of the errno values that mean it)
ROWS: dict[int, tuple[str, str]] = {
    10004: ("Interrupted system call", "EINTR"),
    10009: ("Bad file number", "EBADF"),
    10013: ("Access denied", "EACCES EPERM"),
    10014: ("Bad address", "EFAULT"),
    10022: ("Invalid argument", "EINVAL"),
    10024: ("Too many open files", "EMFILE ENFILE"),
    10035: ("Operation would block", "EWOULDBLOCK EAGAIN"),
    10036: ("Operation now in progress", "EINPROGRESS"),
    10037: ("Operation already in progress", "EALREADY"),
    10038: ("Socket operation on something that is no socket", "ENOTSOCK"),
    10039: ("Destination address required", "EDESTADDRREQ"),
    10040: ("Message too long", "EMSGSIZE"),
    10041: ("Wrong protocol type for this socket", "EPROTOTYPE"),
    10042: ("Bad protocol option", "ENOPROTOOPT"),
    10043: ("Protocol not supported", "EPROTONOSUPPORT"),
    10044: ("Socket type not supported", "ESOCKTNOSUPPORT"),
    10045: ("Operation not supported on this socket", "EOPNOTSUPP"),
    10046: ("Protocol family not supported", "EPFNOSUPPORT"),
    10047: ("Address family not supported", "EAFNOSUPPORT"),
    10048: ("Address already in use", "EADDRINUSE"),
    10049: ("The local address can't be used", "EADDRNOTAVAIL"),
    10050: ("The network is down", "ENETDOWN"),
    10051: ("The network is unreachable", "ENETUNREACH"),
    10052: ("The network dropped the connection", "ENETRESET"),
    10053: ("The connection was aborted", "ECONNABORTED EPIPE"),
    10054: ("The connection was reset by the server", "ECONNRESET"),
    10055: ("No buffer space available", "ENOBUFS ENOMEM"),
    10056: ("The socket is connected already", "EISCONN"),
    10057: ("The socket is not connected", "ENOTCONN"),
    10058: ("The socket was shut down already", "ESHUTDOWN"),
    10059: ("Too many references", "ETOOMANYREFS"),
    10060: ("The connection attempt timed out", "ETIMEDOUT"),
    10061: ("Connection refused", "ECONNREFUSED"),
    10062: ("Too many symbolic links", "ELOOP"),
    10063: ("The file name is too long", "ENAMETOOLONG"),
    10064: ("The host is down", "EHOSTDOWN"),
    10065: ("No route to the host", "EHOSTUNREACH"),
    10066: ("The directory is not empty", "ENOTEMPTY"),
    10067: ("Too many processes", "EPROCLIM"),
    10068: ("Too many users", "EUSERS"),
    10069: ("The disk quota is exceeded", "EDQUOT"),
    10070: ("Stale file handle", "ESTALE"),
    10071: ("Too many levels of remote in path", "EREMOTE"),
    10091: ("The network subsystem is not available", ""),
    10092: ("The network library has the wrong version", ""),
    10093: ("The network library is not loaded", ""),
    11001: ("Host not found", "EAI_NONAME"),
    11002: ("Host not found for now: the name server did not answer; try again or check DNS", "EAI_AGAIN"),
    11003: ("The name server refused or failed", "EAI_FAIL"),
    11004: ("The name exists but has no address", "EAI_NODATA EAI_ADDRFAMILY"),
}

_BY_ERRNO = {
    number: code
    for code, (_, names) in ROWS.items()
    for name in names.split()
    if (number := getattr(errno, name, None)) is not None
}
_PASSING = {10004, 10024, 10035, 10050, 10051, 10052, 10053, 10054, 10055, 10060, 10061, 10064, 10065, 11002, 11003}


class NetworkError(RemoteError, ConnectionError):
    """The network failed.

    One class for the whole table: ``code`` is the row's number. It is also a ConnectionError, hence an OSError.
    """

    def __init__(self, detail: str = "", *, code: int = 10091, **kwargs: object) -> None:
        super().__init__(detail, **kwargs)  # type: ignore[arg-type]
        self.__dict__["code"] = code
        self.__dict__["summary"] = ROWS[code][0] + "."

    @property
    def is_transient(self) -> bool:
        """Whether the failure may pass by itself."""
        return self.code in _PASSING


for _code in ROWS:
    REGISTER.setdefault(_code, []).append(NetworkError)


def code_for(error: OSError, resolver: dict[int, str] | None = None) -> int:
    """Return the table's number for an OSError.

    Args:
        error: What the operating system said.
        resolver: For failed name look-ups: the resolver's numbers and their names (EAI_NONAME, ...).
    """
    if resolver is not None:
        name = resolver.get(error.errno or 0, "")
        return next((code for code, (_, names) in ROWS.items() if name and name in names.split()), 11003)
    return _BY_ERRNO.get(error.errno or 0, 10091)
