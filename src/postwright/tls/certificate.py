"""What a certificate says, read from its DER: names, dates, key and signature. It never decides whether that is good.

The standard library shows a certificate only once it is trusted, and never its key or its signature; this is the little
that is needed of RFC 5280.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING, NamedTuple

from postwright.tls.octets import expect, node
from postwright.wire.hosts import is_address

if TYPE_CHECKING:
    from postwright.tls.octets import Node

_SEQUENCE, _SET, _BITS, _OID = 0x30, 0x31, 0x03, 0x06
_UTF_16, _UTF_32, _LATIN = 0x1E, 0x1C, 0x14
_RSA, _RSA_PSS, _EC, _DSA = "1.2.840.113549.1.1.1", "1.2.840.113549.1.1.10", "1.2.840.10045.2.1", "1.2.840.10040.4.1"
_SAN, _FEATURES = "2.5.29.17", "1.3.6.1.5.5.7.1.24"
_FEATURES_OID = bytes.fromhex("06082b06010505070118")  # _FEATURES as it stands in a certificate
_STATUS_REQUEST = b"\x02\x01\x05"  # INTEGER 5: the server must show an OCSP answer (RFC 7633)

_ATTRIBUTES = {
    "2.5.4.3": "CN",
    "2.5.4.10": "O",
    "2.5.4.11": "OU",
    "2.5.4.7": "L",
    "2.5.4.8": "S",
    "2.5.4.6": "C",
    "1.2.840.113549.1.9.1": "E",
    "0.9.2342.19200300.100.1.25": "DC",
    "2.5.4.4": "surname",
    "2.5.4.5": "serialNumber",
    "2.5.4.9": "street",
    "2.5.4.12": "title",
    "2.5.4.42": "givenName",
    "2.5.4.97": "organizationIdentifier",
    "0.9.2342.19200300.100.1.1": "UID",
}

_HASHES = {
    "1.3.14.3.2.26": "sha1",
    "2.16.840.1.101.3.4.2.1": "sha256",
    "2.16.840.1.101.3.4.2.2": "sha384",
    "2.16.840.1.101.3.4.2.3": "sha512",
    "2.16.840.1.101.3.4.2.4": "sha224",
}

_SIGNATURES = {
    "1.2.840.113549.1.1.2": ("md2", "rsa"),
    "1.2.840.113549.1.1.4": ("md5", "rsa"),
    "1.2.840.113549.1.1.5": ("sha1", "rsa"),
    "1.2.840.113549.1.1.11": ("sha256", "rsa"),
    "1.2.840.113549.1.1.12": ("sha384", "rsa"),
    "1.2.840.113549.1.1.13": ("sha512", "rsa"),
    "1.2.840.113549.1.1.14": ("sha224", "rsa"),
    "1.2.840.10045.4.1": ("sha1", "ecdsa"),
    "1.2.840.10045.4.3.1": ("sha224", "ecdsa"),
    "1.2.840.10045.4.3.2": ("sha256", "ecdsa"),
    "1.2.840.10045.4.3.3": ("sha384", "ecdsa"),
    "1.2.840.10045.4.3.4": ("sha512", "ecdsa"),
    "1.2.840.10040.4.3": ("sha1", "dsa"),
    "2.16.840.1.101.3.4.3.1": ("sha224", "dsa"),
    "2.16.840.1.101.3.4.3.2": ("sha256", "dsa"),
    "2.16.840.1.101.3.4.3.3": ("sha384", "dsa"),
    "2.16.840.1.101.3.4.3.4": ("sha512", "dsa"),
    "1.3.101.112": ("", "ed25519"),
    "1.3.101.113": ("", "ed448"),
}

_CURVES = {
    "1.2.840.10045.3.1.1": 192,
    "1.2.840.10045.3.1.7": 256,
    "1.3.132.0.10": 256,
    "1.3.132.0.33": 224,
    "1.3.132.0.34": 384,
    "1.3.132.0.35": 521,
    "1.3.36.3.3.2.8.1.1.7": 256,
    "1.3.36.3.3.2.8.1.1.11": 384,
    "1.3.36.3.3.2.8.1.1.13": 512,
}


class Certificate(NamedTuple):
    """The readable parts of one certificate."""

    subject: str
    issuer: str
    self_issued: bool
    not_before: str
    """Year to second as digits in UTC, so that moments compare as texts do."""
    not_after: str
    key: str
    """RSA, EC, DSA, or the name of another kind."""
    bits: int
    """The size of its key; 0 where it is not known."""
    hash: str
    """The hash of its signature, such as sha256; empty where the algorithm has none of its own (Ed25519)."""
    signature: str
    """The kind of its signature: rsa, rsa-pss, ecdsa, dsa, ed25519, ed448, or its number."""
    hosts: tuple[str, ...]
    addresses: tuple[str, ...]
    must_staple: bool
    """Whether the server has to show an OCSP answer with it (RFC 7633)."""


def read(der: bytes) -> Certificate:
    """Return what a certificate says.

    Raises:
        ValueError: It is damaged.
    """
    try:
        return _read(der)
    except IndexError:
        raise ValueError("it is cut short") from None


def _read(der: bytes) -> Certificate:
    body, algorithm, *_ = expect(node(der), _SEQUENCE)
    fields = expect(body, _SEQUENCE)
    if fields[0].tag == 0xA0:  # the version, which the oldest ones leave out
        del fields[0]
    _, _, issuer, validity, subject, key, *rest = fields
    not_before, not_after = map(_moment, expect(validity, _SEQUENCE))
    extensions = _extensions(rest)
    kind, bits = _key(key)
    digest, signature = _signature(algorithm)
    hosts, addresses = _alternatives(extensions.get(_SAN))
    return Certificate(
        subject=_name(subject),
        issuer=_name(issuer),
        self_issued=subject.whole == issuer.whole,
        not_before=not_before,
        not_after=not_after,
        key=kind,
        bits=bits,
        hash=digest,
        signature=signature,
        hosts=hosts,
        addresses=addresses,
        must_staple=_STATUS_REQUEST in extensions.get(_FEATURES, b""),
    )


def _oid(value: Node) -> str:
    numbers, number = [], 0
    for octet in value.content:
        number = number << 7 | octet & 0x7F
        if not octet & 0x80:
            numbers.append(number)
            number = 0
    first = numbers[0] if numbers else 0
    top = min(first // 40, 2)
    return ".".join(map(str, [top, first - 40 * top, *numbers[1:]]))


def _text(value: Node) -> str:
    code = {_UTF_16: "utf-16-be", _UTF_32: "utf-32-be", _LATIN: "latin-1"}.get(value.tag, "utf-8")
    text = value.content.decode(code, "backslashreplace")
    # Control characters have no place in a name; on a terminal they could do anything.
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)


def _name(name: Node) -> str:
    """Return a name in the reference's form: CN=..., O=..., C=..., a value with a comma or quote in quotes."""
    parts = []
    for group in expect(name, _SEQUENCE):
        for pair in expect(group, _SET):
            kind, value = expect(pair, _SEQUENCE)
            text, key = _text(value), _oid(kind)
            if "," in text or '"' in text:
                text = '"' + text.replace('"', '""') + '"'
            parts.append(f"{_ATTRIBUTES.get(key, key)}={text}")
    return ", ".join(reversed(parts))


def _moment(value: Node) -> str:
    digits = value.content.decode("ascii", "replace").rstrip("Z")
    if value.tag == 0x17:  # UTCTime: two digits of the year (RFC 5280 section 4.1.2.5.1)
        digits = ("19" if digits >= "50" else "20") + digits
    return digits


def _key(value: Node) -> tuple[str, int]:
    algorithm, bits = expect(value, _SEQUENCE)
    kind, *parameters = expect(algorithm, _SEQUENCE)
    name = _oid(kind)
    if name in {_RSA, _RSA_PSS}:
        modulus = expect(node(bits.content[1:]), _SEQUENCE)[0]  # after the count of unused bits
        return "RSA", int.from_bytes(modulus.content, "big").bit_length()
    if name == _EC:
        return "EC", _CURVES.get(_oid(parameters[0]), 0) if parameters and parameters[0].tag == _OID else 0
    if name == _DSA:
        prime = expect(parameters[0], _SEQUENCE)[0] if parameters else bits
        return "DSA", int.from_bytes(prime.content, "big").bit_length()
    return {"1.3.101.112": ("Ed25519", 256), "1.3.101.113": ("Ed448", 456)}.get(name, (name, 0))


def _signature(value: Node) -> tuple[str, str]:
    kind, *parameters = expect(value, _SEQUENCE)
    name = _oid(kind)
    if name != _RSA_PSS:
        return _SIGNATURES.get(name, ("", name))
    digest = "sha1"  # what RFC 4055 section 3.1 leaves out
    for part in expect(parameters[0], _SEQUENCE) if parameters else ():
        if part.tag == 0xA0:
            digest = _HASHES.get(_oid(expect(node(part.content), _SEQUENCE)[0]), "")
    return digest, "rsa-pss"


def _extensions(rest: list[Node]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for tagged in rest:
        if tagged.tag == 0xA3:
            for extension in expect(node(tagged.content), _SEQUENCE):
                parts = expect(extension, _SEQUENCE)
                found[_oid(parts[0])] = parts[-1].content
    return found


def _alternatives(extension: bytes | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    hosts, addresses = [], []
    for value in expect(node(extension), _SEQUENCE) if extension else ():
        if value.tag == 0x82:
            hosts.append(value.content.decode("ascii", "backslashreplace"))
        elif value.tag == 0x87 and len(value.content) in {4, 16}:
            addresses.append(str(ipaddress.ip_address(value.content)))
    return tuple(hosts), tuple(addresses)


def demands_staple(der: bytes) -> bool:
    """Whether a server has to show an OCSP answer with a certificate (RFC 7633); one that can't be read demands none."""
    if _FEATURES_OID not in der:
        return False  # as in most, which need not be read
    try:
        return read(der).must_staple
    except ValueError:
        return False


def fits(cert: Certificate, name: str) -> bool:
    """Whether a certificate was issued for a host name or address, by RFC 9525 section 6.3.

    OpenSSL decides; this only tells people more about a certificate that OpenSSL already refused.
    """
    if is_address(name):
        return str(ipaddress.ip_address(name)) in cert.addresses
    wanted = name.lower().removesuffix(".").split(".")
    for host in cert.hosts:
        labels = host.lower().removesuffix(".").split(".")
        if labels == wanted or (labels[0] == "*" and len(labels) > 2 and labels[1:] == wanted[1:]):
            return True
    return False
