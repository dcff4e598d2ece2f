"""Stores that never hold a private key: certificates alone (8, 9) and PKCS#7 bundles (11, 12)."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization

from postwright.errors import CertificateStoreUnreadable
from postwright.tls.contents import Contents, damaged
from postwright.tls.octets import from_base64
from postwright.tls.pem import blocks, bundled, certificates, der_kind

_HALF = "give its certificate as ssl_cert_encoded, and set ssl_cert_store and ssl_cert_store_type to what holds the key"


def read_certificate(data: bytes, _password: str) -> Contents:
    """Read a certificate, or a bare public key; neither can log in, and the result says why.

    Raises:
        CertificateStoreUnreadable: It is neither.
    """
    what = "the public key file"
    if der_kind(data) == "public" or (b"PUBLIC KEY-----" in data and b"CERTIFICATE-----" not in data):
        load = serialization.load_pem_public_key if b"-----BEGIN" in data else serialization.load_der_public_key
        try:
            load(data)
        except ValueError as error:
            raise damaged(what, error) from None
        return Contents(what, note="it is a public key without a certificate, so it can't log in: take the private key")
    found = certificates(data)
    if not found:
        raise CertificateStoreUnreadable(f"{what} holds no certificate")
    return Contents(
        what, certificates=found, note=f"it holds a certificate and no private key, so it can't log in: {_HALF}"
    )


def read_bundle(data: bytes, _password: str) -> Contents:
    """Read the certificates of a PKCS#7 bundle; it can't log in, and the result says why.

    Raises:
        CertificateStoreUnreadable: It is no such bundle, or it is empty.
    """
    what = "the P7B file"
    texts = [text for name, text, _ in blocks(data) if name in {b"PKCS7", b"CERTIFICATE", b"PKCS #7 SIGNED DATA"}]
    try:
        found = [cert for der in [from_base64(text) for text in texts] or [data] for cert in bundled(der)]
    except (ValueError, IndexError) as error:
        raise damaged(what, error) from None
    if not found:
        raise CertificateStoreUnreadable(f"{what} holds no certificate")
    note = f"a PKCS#7 bundle holds certificates and never a private key, so it can't log in: {_HALF}"
    return Contents(what, certificates=tuple(found), note=note)
