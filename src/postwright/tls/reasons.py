"""Why a handshake failed, in words, and what to do about it: OpenSSL's reasons are the same in both providers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postwright.errors import ClientCertificateMissing, HandshakeFailed
from postwright.wire.replies import shown

if TYPE_CHECKING:
    from postwright.errors import SecurityError
    from postwright.tls.trust import Trust

_PREFIX = re.compile(
    r"^(?:ssl ?v3|tls ?v1(?:\.?3)?|ssl/tls|tls|ssl) (?=alert|bad|unsupported|certificate|unrecognized)"
)
_VERSION = "the server and SSLEnabledProtocols have no TLS version in common"
_SUITES = (
    "the server accepts nothing that is offered here; see SSLEnabledCipherSuites, OpenSSLCipherList, the groups and "
    "the signature algorithms"
)

_ADVICE = (
    ("unsupported protocol", _VERSION),
    ("protocol version", _VERSION),
    ("no protocols available", _VERSION),
    ("version too low", "the server wants an older TLS version than SSLEnabledProtocols allows"),
    ("handshake failure", _SUITES),
    ("insufficient security", _SUITES),
    ("no ciphers available", "SSLEnabledCipherSuites and OpenSSLCipherList have nothing for SSLEnabledProtocols"),
    ("dh key too small", "the server's Diffie-Hellman group is too weak; offer suites with ECDHE only"),
    ("ee key too small", "the server's key is too weak"),
    ("unsafe legacy renegotiation", "the server lacks secure renegotiation (RFC 5746), and must be updated"),
    ("wrong signature type", "the server signs with an algorithm that is not offered here"),
    ("legacy sigalg", "the server signs with an algorithm that is too weak"),
    ("internal error", "the server failed; it may be overloaded or wrongly configured"),
    ("unrecognized name", "the server does not know this name: set TLSServerName to the one it has"),
    ("inappropriate fallback", "the server can do better than SSLEnabledProtocols allows"),
    ("bad record mac", "the data was damaged on the way, or somebody changed it"),
)
_ABOUT_US = ("bad certificate", "unsupported certificate", "certificate", "unknown ca", "access denied")


def plain(reason: str) -> str:
    """Return OpenSSL's reason in one form: its versions and providers write it in several."""
    return _PREFIX.sub("", reason.lower().replace("_", " ").strip())


def damaged(reason: str) -> str:
    """Say what is wrong with a record, whatever a version of OpenSSL calls it."""
    return (
        f"a record was damaged or forged on the way, or does not belong here ({plain(reason)}): connect anew; if it "
        "happens again, something between here and the server changes what is sent"
    )


def not_sent(reason: str) -> str:
    """Say why nothing more can be sent; an empty reason is that the library waits for the server first."""
    if not reason:
        return "the server renegotiates, and takes nothing before that is over: set SSLEnableRenegotiation to False"
    return f"{plain(reason)}: this connection can't be used any more, a new one can"


def failure(trust: Trust, reason: str, first: bytes, *, wanted: bool = False, after: bool = False) -> SecurityError:
    """Return the error for a handshake that failed.

    Args:
        trust: The settings.
        reason: OpenSSL's reason.
        first: The first bytes that came from the server.
        wanted: Whether the server is known to have asked for a client certificate.
        after: Whether the handshake was over for us; with TLS 1.3 the server may see it otherwise.
    """
    if first[:1] not in {b"\x16", b"\x15", b""}:  # neither a handshake nor an alert record
        return HandshakeFailed(
            f"the server answered in plaintext: {shown(first)}. This port does not start with TLS: "
            "set ssl_start_mode=2 (STARTTLS)"
        )
    words = plain(reason)
    if "eof" in words:
        return HandshakeFailed("the server closed the connection in the middle of the handshake")
    if "alert certificate required" in words or (wanted and trust.credential is None and "alert" in words):
        return ClientCertificateMissing(
            "the server wants a client certificate: give one with ssl_cert_store_type, ssl_cert_store and "
            f"ssl_cert_subject ({words})"
        )
    if trust.credential is not None and "alert" in words and any(part in words for part in _ABOUT_US):
        return HandshakeFailed(f"the server refused the client certificate: {words}")
    if after:
        return HandshakeFailed(f"the server ended the connection: {words}")
    advice = next((text for part, text in _ADVICE if part in words), "")
    return HandshakeFailed(f"{words}: {advice}" if advice else words)
