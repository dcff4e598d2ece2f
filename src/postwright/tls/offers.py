"""Groups, key shares and signature algorithms: what to offer to the server, and whether its choice is allowed.

One extension serves TLS 1.2 and 1.3, so the union of both settings is offered; what was not meant for the version that
was negotiated is refused afterwards, for the lists that the user set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import HandshakeFailed, InvalidValue
from postwright.options.tls_names import GROUPS_12, GROUPS_13, SIGNATURES_12, SIGNATURES_13, split
from postwright.tls import certificate
from postwright.tls.faults import SIGNATURE_NOT_ALLOWED, UNREADABLE, Fault
from postwright.tls.trust import OLD, TLS_12, TLS_13

if TYPE_CHECKING:
    from postwright.tls.certificate import Certificate
    from postwright.tls.trust import Trust

SHARES_13 = ("ecdhe_x25519", "ecdhe_secp256r1", "ecdhe_secp384r1", "ffdhe_2048", "ffdhe_3072")
MOST_SHARES = 4
"""OpenSSL sends no more key shares than this."""

_SAME = {
    "RSA+SHA256": "rsa_pkcs1_sha256",
    "RSA+SHA384": "rsa_pkcs1_sha384",
    "RSA+SHA512": "rsa_pkcs1_sha512",
    "ECDSA+SHA256": "ecdsa_secp256r1_sha256",
    "ECDSA+SHA384": "ecdsa_secp384r1_sha384",
    "ECDSA+SHA512": "ecdsa_secp521r1_sha512",
}
"""Two names of one code point: in TLS 1.2 any curve goes with any hash (RFC 8446 section 4.2.3)."""


def words(value: str) -> list[str]:
    """Return the names of a list."""
    return split(value.casefold(), ",")


def shares(trust: Trust) -> list[str]:
    """Return the groups to send key shares for; there may be more than OpenSSL sends."""
    supported = words(trust.groups_13) or list(GROUPS_13)
    if not trust.shares_13:
        return [name for name in SHARES_13 if name in supported]
    wanted = words(trust.shares_13)
    if lost := [name for name in wanted if name not in supported]:
        raise InvalidValue(f"TLS13KeyShareGroups names {', '.join(lost)}, which TLS13SupportedGroups lacks")
    return wanted


def groups(trust: Trust) -> str:
    """Return OpenSSL's list of groups, key shares marked by a star; "" leaves it to the library."""
    if not (trust.groups_12 or trust.groups_13 or trust.shares_13):
        return ""
    new = (words(trust.groups_13) or list(GROUPS_13)) if trust.protocols & TLS_13 else []
    old = (words(trust.groups_12) or list(GROUPS_12)) if trust.protocols & (TLS_12 | OLD) else []
    starred = shares(trust)[:MOST_SHARES] if new else []
    names = dict.fromkeys([*new, *old])
    return ":".join(("*" if name in starred else "") + GROUPS_13[name] for name in names)


def note_on_shares(trust: Trust) -> str:
    """Say which key shares are sent where the settings name more than OpenSSL sends; "" else."""
    if not (trust.groups_13 or trust.shares_13) or not trust.protocols & TLS_13:
        return ""
    wanted = shares(trust)
    if len(wanted) <= MOST_SHARES:
        return ""
    return f"key shares are sent for {', '.join(wanted[:MOST_SHARES])} only: OpenSSL sends at most {MOST_SHARES}"


def signatures(trust: Trust) -> str:
    """Return OpenSSL's list of signature algorithms; "" leaves it to the library."""
    if not (trust.signatures_12 or trust.signatures_13):
        return ""
    names: list[str] = []
    if trust.protocols & TLS_13:
        names += [SIGNATURES_13[name] for name in words(trust.signatures_13) or SIGNATURES_13]
    if trust.protocols & (TLS_12 | OLD):
        own = words(trust.signatures_12) or [
            name for name in SIGNATURES_12 if name.startswith(("sha5", "sha3", "sha256")) and "dsa" not in name[7:8]
        ]
        names += [SIGNATURES_12[name] for name in own]
    each = [part for name in names for part in name.split(":")]
    return ":".join(dict.fromkeys(_SAME.get(name, name) for name in each))


def check_group(trust: Trust, version: str, group: str) -> None:
    """Refuse a group that the settings do not allow for the version that was negotiated.

    Raises:
        HandshakeFailed: The server chose a group that was only meant for the other version.
    """
    option, allowed = ("TLS13SupportedGroups", trust.groups_13)
    if version != "TLSv1.3":
        option, allowed = ("TLS12SupportedGroups", trust.groups_12)
    if allowed and group in GROUPS_13 and group not in words(allowed):
        raise HandshakeFailed(f"the server chose {group} for {version}, which {option} does not allow")


def check_signature(trust: Trust, version: str, der: bytes) -> list[Fault]:
    """Return a fault where the server's certificate is signed by an algorithm that the settings do not allow.

    OpenSSL offers the list and then takes any certificate. Without a list nothing is read: that would cost a fifth of
    the handshake.
    """
    option, allowed = ("TLS13SignatureAlgorithms", trust.signatures_13)
    if version != "TLSv1.3":
        option, allowed = ("TLS12SignatureAlgorithms", trust.signatures_12)
    if not allowed:
        return []
    try:
        leaf = certificate.read(der)
    except ValueError as error:
        return [Fault(UNREADABLE, str(error))]
    name = _name_13(leaf) if version == "TLSv1.3" else _name_12(leaf)
    if name in words(allowed):
        return []
    return [Fault(SIGNATURE_NOT_ALLOWED, f"{name} is not in {option}")]


def _name_12(leaf: Certificate) -> str:
    key = leaf.signature.removesuffix("-pss")
    return f"{leaf.hash}-{key}" if leaf.hash else key


def _name_13(leaf: Certificate) -> str:
    known = {
        "rsa": f"rsa_pkcs1_{leaf.hash}",
        "rsa-pss": f"rsa_pss_{leaf.hash}",
        "ecdsa": next((name for name in SIGNATURES_13 if name.startswith("ecdsa") and name.endswith(leaf.hash)), ""),
    }
    return known.get(leaf.signature) or _name_12(leaf)
