"""What a store holds before anything is chosen from it, and how a key finds its certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls.octets import node

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

    from postwright.tls.credentials import PKCS11Key

PASSWORD = "ssl_cert_store_password"  # noqa: S105 - the name of a property
LARGEST_RSA = 8192
"""Bits; checking that the primes of such a key are some takes seconds, and of a key of twice the size minutes."""
_LARGEST_KEY = 7168  # bytes; a key of that size, in the longest of its forms, encrypted


class Contents(NamedTuple):
    """Everything that was read from a store."""

    what: str
    """The format, in words."""
    keys: tuple[PrivateKeyTypes, ...] = ()
    certificates: tuple[x509.Certificate, ...] = ()
    chains: Mapping[bytes, tuple[x509.Certificate, ...]] = {}
    """The chain that the store gives to a certificate, by the certificate's DER; others are searched."""
    tokens: Mapping[bytes, PKCS11Key] = {}
    """The keys that stay in a token, by the DER of their certificates."""
    locked: Mapping[bytes, str] = {}
    """Why a certificate's key can't be read, by the certificate's DER."""
    note: str = ""
    """Why nothing in it can log in, where the format never holds a private key."""

    def __repr__(self) -> str:
        """Show sizes only: keys are secret."""
        return f"Contents({self.what}: {len(self.keys)} keys, {len(self.certificates)} certificates)"


def certificate(der: bytes) -> x509.Certificate:
    """Return a certificate; what follows it (OpenSSL's TRUSTED CERTIFICATE has more) is left out."""
    try:
        return x509.load_der_x509_certificate(node(der).whole)
    except x509.InvalidVersion as error:
        raise ValueError(str(error)) from None


def der_of(cert: x509.Certificate) -> bytes:
    """Return a certificate as DER."""
    return cert.public_bytes(Encoding.DER)


def public_der(key: PublicKeyTypes) -> bytes:
    """Return a public key in the one form in which two keys can be compared."""
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def identity(cert: x509.Certificate) -> bytes:
    """Return a certificate's public key to compare it; empty where it is of a kind that nobody here knows."""
    try:
        return public_der(cert.public_key())
    except Exception:  # noqa: BLE001 - cryptography has several ways to say that it does not know a kind of key
        return b""


def measured(key: bytes, what: str) -> bytes:
    """Return an encoded private key, if it is of a size that can be checked in some seconds.

    Raises:
        CredentialsUnusable: It is larger.
    """
    if len(key) > _LARGEST_KEY:
        raise CredentialsUnusable(
            f"{what} has a key that is larger than RSA with {LARGEST_RSA} bits, the most that is read"
        )
    return key


def distinct(keys: Iterable[PrivateKeyTypes]) -> tuple[PrivateKeyTypes, ...]:
    """Return the keys, each once."""
    return tuple({public_der(key.public_key()): key for key in keys}.values())


def wrong_password(what: str, password: str, *, maybe_damaged: bool = True) -> CertificateStoreUnreadable:
    """Return the error for a store that the password does not open."""
    if not password:
        return CertificateStoreUnreadable(f"{what} is encrypted: set {PASSWORD}")
    if maybe_damaged:
        return CertificateStoreUnreadable(f"the password does not open {what}: check {PASSWORD}; or it was changed")
    return CertificateStoreUnreadable(f"the password does not open {what}: check {PASSWORD}")


def damaged(what: str, why: object) -> CertificateStoreUnreadable:
    """Return the error for a store that is no such store, or no longer whole."""
    return CertificateStoreUnreadable(f"{what} is damaged, cut short, or something else: {why}")
