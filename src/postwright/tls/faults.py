"""What can be wrong with a server's certificate, in words, and what SSLSecurityFlags overlook.

Both providers name OpenSSL's error numbers (X509_V_ERR_...); the words and the verdict are made here, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from postwright.tls.trust import AUTHORITY, CA_REVOCATION, NAME, REVOCATION, TIME, USAGE

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postwright.tls.trust import Trust

SIGNATURE_NOT_ALLOWED, NOT_PINNED, UNREADABLE, NOT_STAPLED, NOT_SHOWN = range(1001, 1006)
"""Faults that OpenSSL has no number for."""

EE_KEY_WEAK, CA_KEY_WEAK, SIGNATURE_WEAK = 66, 67, 68
NO_CRL, REVOKED, PURPOSE, HOST, ADDRESS = 3, 23, 26, 62, 64
TIMES = frozenset({9, 10, 13, 14})
AUTHORITIES = frozenset({2, 18, 19, 20, 21, 27})
UNKNOWN_REVOCATION = frozenset({NO_CRL, 11, 12, 33, 36, 44, NOT_STAPLED})

_WORDS = {
    2: "its issuer is not known here",
    NO_CRL: "whether it was revoked is not known: SSLCRLs has no list of its issuer",
    7: "its signature is wrong",
    9: "it is not valid yet",
    10: "it has expired",
    11: "the revocation list is not valid yet",
    12: "the revocation list has expired",
    13: "its first day can't be read",
    14: "its last day can't be read",
    18: "it is self-signed",
    19: "its chain ends in a root that is not trusted here",
    20: "its issuer is not trusted here, or the server left an intermediate certificate out",
    21: "it can't be verified: its issuer's certificate is missing",
    REVOKED: "it was revoked",
    24: "its issuer is no certificate authority",
    25: "there are too many certificates between it and its root",
    PURPOSE: "it is not meant for servers",
    27: "its root is not trusted for servers",
    28: "its root rejects servers",
    32: "its issuer may not sign certificates",
    47: "its issuer may not issue certificates for this name",
    HOST: "it was issued for another name than {name}",
    ADDRESS: "it was issued for another address than {name}",
    EE_KEY_WEAK: "its key is too weak",
    CA_KEY_WEAK: "a key in its chain is too weak",
    SIGNATURE_WEAK: "its signature algorithm is too weak",
    79: "its issuer is no certificate authority",
    SIGNATURE_NOT_ALLOWED: "its signature algorithm {words}",
    NOT_PINNED: "it is not the one set in ssl_accept_server_cert_encoded",
    UNREADABLE: "it can't be read: {words}",
    NOT_STAPLED: "it demands an OCSP answer from the server, which {words}",
    NOT_SHOWN: "the server showed no certificate",
}

_ADVICE = {
    9: "check this machine's clock",
    10: "the server's owner must renew it",
    12: "give a newer one in SSLCRLs",
    18: "if you know it, set ssl_accept_server_cert_encoded to it, or SSLServerCACerts",
    19: "add the root to SSLServerCACerts or OpenSSLCAFile if you trust it",
    20: "add the authority to SSLServerCACerts or OpenSSLCAFile if you trust it",
    HOST: "use the name on the certificate as mail_server, or set TLSServerName",
    ADDRESS: "use the name on the certificate as mail_server, or set TLSServerName",
}

_WITHOUT_EFFECT = {
    0x2: "list time",
    0x4: "nesting of times",
    0x200: "list signer",
    0x800: "root revocation",
    0x4000: "test root",
    0x8000: "test root",
}


class Fault(NamedTuple):
    """One fault of a certificate or of its chain."""

    code: int
    """OpenSSL's number, or one of this module's."""
    words: str = ""
    """OpenSSL's words, for numbers that have none here; a detail for others."""
    depth: int = 0
    """0 is the server's own certificate, 1 its issuer's, and so on."""


class Verdict(NamedTuple):
    """What verification said: ``status`` is "OK" or names every fault in words."""

    accept: bool
    status: str
    faults: tuple[Fault, ...] = ()
    """All that was found, also what is overlooked."""
    overlooked: str = ""
    """The faults that SSLSecurityFlags overlook, in words."""


OK = Verdict(accept=True, status="OK")


def bit_of(fault: Fault) -> int:
    """Return the bit of SSLSecurityFlags that overlooks a fault, 0 where none may: 7, 23, 24, 32, 79 and others."""
    if fault.code in TIMES:
        return TIME
    if fault.code in AUTHORITIES:
        return AUTHORITY
    if fault.code == PURPOSE and fault.depth == 0:
        return USAGE
    if fault.code in UNKNOWN_REVOCATION:
        return REVOCATION if fault.depth == 0 else CA_REVOCATION
    return NAME if fault.code in {HOST, ADDRESS} else 0


def verdict(trust: Trust, faults: Iterable[Fault]) -> Verdict:
    """Return the verdict on a certificate with these faults."""
    found = tuple(faults)
    if not found:
        return OK
    found = _distinct(found)
    flags = trust.flags
    serious = [fault for fault in found if not bit_of(fault) & flags]
    overlooked = "; ".join(_say(fault, trust.server_name) for fault in found if bit_of(fault) & flags)
    if not serious:
        return Verdict(accept=True, status="OK", faults=found, overlooked=overlooked)
    advice = [_ADVICE[fault.code] for fault in serious if fault.code in _ADVICE]
    status = "; ".join([*(_say(fault, trust.server_name) for fault in serious), *dict.fromkeys(advice)])
    return Verdict(accept=False, status=status, faults=found, overlooked=overlooked)


def _distinct(faults: tuple[Fault, ...]) -> tuple[Fault, ...]:
    """Return the faults without those that only follow from another: OpenSSL tells some twice."""
    found = {fault.code: fault for fault in reversed(faults)}
    found = dict(sorted(found.items()))
    authority = [code for code in found if code in AUTHORITIES]
    for code in authority[1:] if 21 not in authority[:1] else authority[:-1]:
        del found[code]
    if PURPOSE in found and found[PURPOSE].depth and (79 in found or 24 in found):
        del found[PURPOSE]  # what is no authority is not meant to issue
    if EE_KEY_WEAK in found and CA_KEY_WEAK in found and found[CA_KEY_WEAK].depth == 0:
        del found[CA_KEY_WEAK]
    return tuple(found.values())


def _say(fault: Fault, name: str) -> str:
    where = f" (certificate {fault.depth} of its chain)" if fault.depth and fault.code in TIMES | {REVOKED} else ""
    number = f" (OpenSSL {fault.code})" if fault.code < SIGNATURE_NOT_ALLOWED else ""
    return _WORDS.get(fault.code, fault.words).format(name=name, words=fault.words) + where + number


def without_effect(flags: int) -> str:
    """Return the bits of SSLSecurityFlags that have no counterpart in OpenSSL, in words; "" for none."""
    return ", ".join(f"0x{bit:x} ({words})" for bit, words in _WITHOUT_EFFECT.items() if flags & bit)
