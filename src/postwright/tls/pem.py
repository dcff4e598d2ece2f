"""PEM key files: a private key in any of its forms, and the certificates that stand beside it; DER works too."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls import costs, sshkeys
from postwright.tls.contents import Contents, certificate, damaged, distinct, measured, wrong_password
from postwright.tls.octets import INTEGER, OCTETS, OID, SEQUENCE, expect, from_base64, node, nodes

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

WHAT = "the PEM key file"

_SIGNED_DATA = bytes.fromhex("2a864886f70d010702")
_BLOCK = re.compile(rb"-----BEGIN ([A-Z0-9 #.]+)-----\s*(.*?)-----END \1-----", re.DOTALL)
_CERTIFICATES = {b"CERTIFICATE", b"X509 CERTIFICATE", b"TRUSTED CERTIFICATE"}
_IGNORED = {b"EC PARAMETERS", b"DH PARAMETERS", b"X509 CRL", b"CERTIFICATE REQUEST", b"NEW CERTIFICATE REQUEST"}
_PUBLIC = {b"PUBLIC KEY", b"RSA PUBLIC KEY"}


def blocks(data: bytes) -> list[tuple[bytes, bytes, bytes]]:
    """Return the name, the text inside and the whole text of each PEM block."""
    found = [(match[1], match[2], match[0]) for match in _BLOCK.finditer(data)]
    if data.count(b"-----BEGIN ") > len(found):
        raise ValueError("a block has no end")
    return found


def certificates(data: bytes) -> tuple[x509.Certificate, ...]:
    """Return the certificates of a file that holds some as PEM, or one as DER."""
    if b"-----BEGIN " not in data:
        return (certificate(data),)
    return tuple(certificate(from_base64(text)) for name, text, _ in blocks(data) if name in _CERTIFICATES)


def bundled(der: bytes) -> list[x509.Certificate]:
    """Return the certificates of a PKCS#7 SignedData (RFC 2315 section 9.1)."""
    name, content = expect(node(der), SEQUENCE)
    if name.content != _SIGNED_DATA:
        raise ValueError("it is a PKCS#7 file without certificates")
    certs = [part for part in expect(node(content.content), SEQUENCE) if part.tag == 0xA0]
    return [certificate(one.whole) for part in certs for one in nodes(part.content) if one.tag == SEQUENCE]


def read(data: bytes, password: str) -> Contents:
    """Read a private key, or several, and the certificates beside it.

    Raises:
        CertificateStoreUnreadable: It is damaged, or the password is wrong.
        CredentialsUnusable: A key is of a kind that can't be read.
    """
    if b"-----BEGIN " not in data:
        return _read_der(data, password)
    keys: list[PrivateKeyTypes] = []
    certs: list[x509.Certificate] = []
    for name, text, whole in blocks(data):
        if name in _CERTIFICATES:
            certs.append(certificate(from_base64(text)))
        elif name == b"PKCS7":
            certs += bundled(from_base64(text))
        elif name.endswith(b"PRIVATE KEY"):
            keys.append(_private(name, text, whole, password))
        elif name not in _IGNORED | _PUBLIC:
            raise damaged(WHAT, f"it has a block {name.decode()!r}")
    if not keys and not certs:
        raise CertificateStoreUnreadable(f"{WHAT} holds neither a private key nor a certificate")
    return Contents(WHAT, distinct(keys), tuple(certs))


def _private(name: bytes, text: bytes, whole: bytes, password: str) -> PrivateKeyTypes:
    if name == b"OPENSSH PRIVATE KEY":
        return sshkeys.private(whole, from_base64(text), password)
    encrypted = name == b"ENCRYPTED PRIVATE KEY" or b"ENCRYPTED" in text.partition(b"\n\n")[0]
    if name == b"ENCRYPTED PRIVATE KEY":
        costs.check(from_base64(text))
    return key(whole, password, encrypted=encrypted)


def key(data: bytes, password: str, *, encrypted: bool, what: str = WHAT) -> PrivateKeyTypes:
    """Return a private key in PEM or DER.

    Raises:
        CertificateStoreUnreadable: It is damaged, or the password is wrong.
        CredentialsUnusable: It is of a kind that can't be read.
    """
    measured(data, what)
    if encrypted and not password:
        raise wrong_password(what, password)
    secret = password.encode() if encrypted else None
    load = serialization.load_pem_private_key if data.startswith(b"-----") else serialization.load_der_private_key
    try:
        return load(data, secret)
    except UnsupportedAlgorithm as error:
        raise CredentialsUnusable(f"{what} has a key, or an encryption, that is not supported: {error}") from None
    except (ValueError, TypeError) as error:
        if encrypted:
            raise wrong_password(what, password) from None
        raise damaged(what, error) from None


def _read_der(data: bytes, password: str) -> Contents:
    kind = der_kind(data)
    if kind == "certificate":
        return Contents(WHAT, certificates=(certificate(data),))
    if kind not in {"key", "encrypted key"}:
        raise damaged(WHAT, "it has no -----BEGIN line")
    costs.check(data)
    return Contents(WHAT, (key(data, password, encrypted=kind == "encrypted key"),))


def der_kind(data: bytes) -> str:
    """Return what a DER structure is, by its first members: key, encrypted key, certificate, pfx, p7b, public, or ""."""
    try:
        (outer,) = nodes(data)
        members = nodes(outer.content)
        tags = [member.tag for member in members]
        inner = nodes(members[0].content) if tags[0] == SEQUENCE else []
    except (ValueError, IndexError):
        return ""
    if outer.tag != SEQUENCE:
        return ""
    first = members[0].content
    if tags[0] == INTEGER:  # RFC 7292 section 4; RFC 5208 and 5958; RFC 8017 A.1.2; RFC 5915
        if first == b"\x03" and tags[1:2] == [SEQUENCE]:
            return "pfx"
        return "key" if tags[1:2] in ([SEQUENCE], [INTEGER], [OCTETS]) else ""
    if tags[0] == OID:
        return "p7b" if tags[1:2] == [0xA0] else ""
    if tags == [SEQUENCE, OCTETS] and inner and inner[0].tag == OID:
        return "encrypted key"
    if tags == [SEQUENCE, SEQUENCE, 0x03]:
        return "certificate"
    return "public" if tags == [SEQUENCE, 0x03] else ""
