"""The enumerations of the public interface, in the reference's order; plain integers are accepted everywhere."""

from __future__ import annotations

from enum import Enum, IntEnum


class AuthMechanism(IntEnum):
    """How to log in; 0 takes the strongest password mechanism offered, any other value is exact, with no fallback."""

    USER_PASSWORD = 0
    CRAM_MD5 = 1
    NTLM = 2
    APOP = 3
    SASL_PLAIN = 4
    SASL_DIGEST_MD5 = 5
    KERBEROS = 6
    XOAUTH2 = 7
    LOGIN = 100
    SCRAM_SHA_1 = 101
    SCRAM_SHA_256 = 102
    SCRAM_SHA_512 = 103
    OAUTHBEARER = 104
    EXTERNAL = 105


class FirewallType(IntEnum):
    """The kind of proxy to connect through."""

    NONE = 0
    TUNNEL = 1
    SOCKS4 = 2
    SOCKS5 = 3
    SOCKS4A = 10


class Importance(IntEnum):
    """The Importance header (RFC 2156)."""

    UNSPECIFIED = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


class Priority(IntEnum):
    """The Priority header (RFC 2156)."""

    UNSPECIFIED = 0
    NORMAL = 1
    URGENT = 2
    NON_URGENT = 3


class Sensitivity(IntEnum):
    """The Sensitivity header (RFC 2156)."""

    UNSPECIFIED = 0
    PERSONAL = 1
    PRIVATE = 2
    COMPANY_CONFIDENTIAL = 3


class RecipientType(IntEnum):
    """Where a recipient is named: in To, in Cc, or nowhere (Bcc)."""

    TO = 0
    CC = 1
    BCC = 2


class SSLCertStoreType(IntEnum):
    """What holds the client certificate."""

    USER = 0
    MACHINE = 1
    PFX_FILE = 2
    PFX_BLOB = 3
    JKS_FILE = 4
    JKS_BLOB = 5
    PEM_KEY_FILE = 6
    PEM_KEY_BLOB = 7
    PUBLIC_KEY_FILE = 8
    PUBLIC_KEY_BLOB = 9
    SSH_PUBLIC_KEY_BLOB = 10
    P7B_FILE = 11
    P7B_BLOB = 12
    SSH_PUBLIC_KEY_FILE = 13
    PPK_FILE = 14
    PPK_BLOB = 15
    XML_FILE = 16
    XML_BLOB = 17
    JWK_FILE = 18
    JWK_BLOB = 19
    SECURITY_KEY = 20
    BCFKS_FILE = 21
    BCFKS_BLOB = 22
    PKCS11 = 23
    AUTO = 99


class SSLProvider(IntEnum):
    """Which TLS implementation to use."""

    AUTOMATIC = 0
    PLATFORM = 1
    INTERNAL = 2


class SSLStartMode(IntEnum):
    """When TLS starts; AUTOMATIC is EXPLICIT on ports 25, 587 and 2525 and IMPLICIT on all others."""

    AUTOMATIC = 0
    IMPLICIT = 1
    EXPLICIT = 2
    NONE = 3
    OPPORTUNISTIC = 4


class UseIPv6(IntEnum):
    """Which addresses of the server to dial."""

    IPV4_ONLY = 0
    IPV6_ONLY = 1
    BOTH = 2


class Direction(IntEnum):
    """Who speaks in an event."""

    CLIENT = 0
    SERVER = 1
    INFO = 2


class Outcome(Enum):
    """What happened to the mail, as far as anyone can know.

    UNKNOWN is possible only between the first byte of the final CRLF.CRLF (or of the last BDAT chunk's end) and the
    server's reply to it: the mail may have been taken, so sending it again may make a second one.
    """

    NOT_SENT = "not_sent"
    UNKNOWN = "unknown"
    SENT = "sent"
