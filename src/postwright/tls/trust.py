"""Whom to trust: the settings that make a TLS context, and what a certificate's faults are called.

It never opens a connection and never decides for the user: it names the verdict, the session fires the event.
"""

from __future__ import annotations

from typing import NamedTuple

PROTOCOLS = {192: "TLSv1", 768: "TLSv1_1", 3072: "TLSv1_2", 12288: "TLSv1_3"}
"""The reference's bits of SSLEnabledProtocols, in the order of the protocols, with their names in ``ssl``."""


class Trust(NamedTuple):
    """Everything that a TLS context depends on; contexts are kept by it."""

    server_name: str
    protocols: int
    ciphers: str
    ca_file: str
    ca_dir: str
    ca_paths: str
    ca_pem: str
    key_log: str
    pinned: bytes
    asked: bool
    """Whether someone may overrule the verdict (a handler of SSLServerAuthentication, or a pinned certificate)."""


class Verdict(NamedTuple):
    """What verification said: ``status`` is "OK" or names the fault in words."""

    accept: bool
    status: str


OK = Verdict(accept=True, status="OK")

_FAULTS = {
    2: "its issuer is not known here",
    7: "its signature is wrong",
    9: "it is not valid yet",
    10: "it has expired",
    18: "it is self-signed",
    19: "its chain ends in a root that is not trusted here",
    20: "its issuer is not trusted here, or the server left an intermediate certificate out",
    21: "it can't be verified: its issuer's certificate is missing",
    23: "it was revoked",
    24: "its issuer is no certificate authority",
    26: "it is not meant for servers",
    62: "it was issued for another name",
    64: "it was issued for another address",
    66: "its key is too weak",
    67: "a key in its chain is too weak",
    68: "its signature algorithm is too weak",
}

_ADVICE = {
    9: "check this machine's clock",
    10: "the server's owner must renew it",
    18: "if you know it, set ssl_accept_server_cert_encoded to it, or SSLServerCACerts",
    19: "add the root to SSLServerCACerts or OpenSSLCAFile if you trust it",
    20: "add the authority to SSLServerCACerts or OpenSSLCAFile if you trust it",
    21: "add the authority to SSLServerCACerts or OpenSSLCAFile if you trust it",
    62: "use the name on the certificate as mail_server, or set TLSServerName",
    64: "use the name on the certificate as mail_server, or set TLSServerName",
}


def fault(code: int, words: str, server_name: str) -> Verdict:
    """Return the verdict for one of OpenSSL's verification errors (X509_V_ERR_...)."""
    what = _FAULTS.get(code, words)
    if code in {62, 64}:
        what += f" than {server_name}"
    advice = _ADVICE.get(code)
    return Verdict(
        accept=False, status=f"{what} (OpenSSL {code}: {words.rstrip('.')})" + (f"; {advice}" if advice else "")
    )


def protocol_block(bits: int) -> tuple[str, str]:
    """Return the names of the lowest and the highest protocol of a contiguous set of bits."""
    names = [name for bit, name in PROTOCOLS.items() if bits & bit]
    return names[0], names[-1]
