"""Which certificate of a store logs in: by SSLCertSubject or SSLCertEncoded, with its key and its chain."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import dsa
from cryptography.hazmat.primitives.serialization import Encoding

from postwright.errors import (
    CertificateNotFound,
    ChainNotFound,
    ClientCertificateMissing,
    CredentialsUnusable,
    InvalidValue,
)
from postwright.tls import certificate as names
from postwright.tls import pkcs11uri, subjects
from postwright.tls.contents import certificate, der_of, identity, public_der
from postwright.tls.credentials import Credential, PKCS11Key
from postwright.tls.names import to_der
from postwright.tls.pem import certificates

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from postwright.tls.contents import Contents

_LONGEST_CHAIN = 16
_SHOWN = 5  # subjects that an error lists


class Found(NamedTuple):
    """One certificate of a store."""

    subject: str
    """Its full subject, as SSLCertSubject takes it."""
    certificate: bytes
    """As DER, as SSLCertEncoded takes it."""
    has_key: bool
    """Whether the store has its private key, so that it can log in."""
    saved: bytes
    """What SSLCertStore takes to name this certificate of a token; empty for other stores."""


def listed(contents: Contents) -> tuple[Found, ...]:
    """Return every certificate of a store, those that can log in first."""
    found = []
    for cert in contents.certificates:
        der = der_of(cert)
        token = contents.tokens.get(der)
        saved = pkcs11uri.saved(token, cert.public_bytes(Encoding.PEM)) if token else b""
        found.append(Found(_names(cert).subject, der, _key_of(contents, cert) is not None, saved))
    return tuple(sorted(found, key=lambda one: not one.has_key))


def choose(contents: Contents, subject: str, encoded: bytes) -> Credential:
    """Return the certificate that SSLCertEncoded is, else the one that SSLCertSubject names, with key and chain.

    Raises:
        ClientCertificateMissing: Neither of both is set.
        CertificateNotFound: Nothing in the store has that subject.
        CredentialsUnusable: Its key is not in the store, is locked, or is of a kind that TLS can't use.
        ChainNotFound: The chain that the store gives to it does not hold together.
    """
    if not encoded and not subject.strip():
        raise ClientCertificateMissing(
            "no certificate is selected: set ssl_cert_subject to '*' (any) or to a subject in the store, "
            f"or set ssl_cert_encoded. {_inventory(contents)}"
        )
    if contents.note:
        raise CredentialsUnusable(contents.note)
    cert, *more = given(encoded) if encoded else [_sought(contents, subject.strip())]
    key = _key_of(contents, cert)
    if key is None:
        raise CredentialsUnusable(_why_no_key(contents, cert))
    if isinstance(key, dsa.DSAPrivateKey) or not (isinstance(key, PKCS11Key) or hasattr(key, "sign")):
        raise CredentialsUnusable("the key is of a kind that can't sign in TLS: take RSA, ECDSA, Ed25519 or Ed448")
    return Credential(der_of(cert), tuple(map(der_of, _chain(contents, cert, more))), key)


def given(encoded: bytes) -> list[x509.Certificate]:
    """Return the certificate that SSLCertEncoded is, and any that follow it.

    Raises:
        CredentialsUnusable: It is none.
    """
    try:
        found = certificates(encoded) if b"-----BEGIN " in encoded else (certificate(to_der(encoded)),)
    except (ValueError, InvalidValue):
        found = ()
    if not found:
        raise CredentialsUnusable("ssl_cert_encoded is no certificate: give PEM, base64 or DER")
    return list(found)


def _sought(contents: Contents, subject: str) -> x509.Certificate:
    """Return the best match: exact before contained, one with a key before others, then the one valid for longest."""
    certs = contents.certificates
    if subject == subjects.ANY:
        hits = list(certs)
    else:
        hits = [cert for cert in certs if subjects.is_exactly(subject, _names(cert).subject)]
        hits = hits or [cert for cert in certs if subjects.is_within(subject, _names(cert).subject)]
    usable = [cert for cert in hits if _key_of(contents, cert) is not None]
    if usable:
        return max(usable, key=lambda cert: _names(cert).not_after)
    if hits:
        return next((cert for cert in hits if der_of(cert) in contents.locked), hits[0])
    if contents.keys and not certs:
        raise CertificateNotFound(
            f"{contents.what} holds a private key and no certificate: give the certificate as ssl_cert_encoded"
        )
    raise CertificateNotFound(
        f"no subject in {contents.what} is or contains '{_short(subject)}'. {_inventory(contents)}"
    )


def _names(cert: x509.Certificate) -> names.Certificate:
    return names.read(der_of(cert))


def _short(text: str) -> str:
    shown = "".join(letter if letter.isprintable() else "?" for letter in text)
    return shown if len(shown) <= 120 else shown[:117] + "..."


def _inventory(contents: Contents) -> str:
    if not contents.certificates:
        return f"There is no certificate in {contents.what}"
    found = [one.subject for one in listed(contents)]
    rest = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "It holds: " + "; ".join(map(_short, found[:_SHOWN])) + rest


def _key_of(contents: Contents, cert: x509.Certificate) -> PrivateKeyTypes | PKCS11Key | None:
    token = contents.tokens.get(der_of(cert))
    if token:
        return token
    public = identity(cert)
    return next((key for key in contents.keys if public_der(key.public_key()) == public), None)


def _why_no_key(contents: Contents, cert: x509.Certificate) -> str:
    name = _short(_names(cert).subject)
    if why := contents.locked.get(der_of(cert)):
        return f"{why}. Set ssl_cert_store_password to the key's password, or give the key the store's (keytool -keypasswd)"
    if contents.keys or contents.tokens:
        return (
            f"no private key in {contents.what} belongs to the certificate of {name}: check that both are of one pair"
        )
    return (
        f"{contents.what} holds no private key for {name}: export the certificate with its key, or, if the key is "
        "elsewhere, give the certificate as ssl_cert_encoded and set ssl_cert_store to what holds the key"
    )


def _chain(contents: Contents, cert: x509.Certificate, more: list[x509.Certificate]) -> list[x509.Certificate]:
    """Return the authorities to show with a certificate, without the root, which the server must have anyway.

    Raises:
        ChainNotFound: The store says what the chain is, and it has a gap.
    """
    given = contents.chains.get(der_of(cert), ())
    pool = [*more, *given, *contents.certificates]
    found: list[x509.Certificate] = []
    last = cert
    while not _names(last).self_issued and len(found) < _LONGEST_CHAIN:
        issuer = _issuer_of(last, given if len(found) < len(given) else pool)
        if issuer is None or issuer in found:
            break
        found.append(issuer)
        last = issuer
    if len(found) < len(given) and not (found and _names(found[-1]).self_issued):
        raise ChainNotFound(
            f"{contents.what} has a chain with a gap: the certificate of {_short(_names(last).issuer)}, who "
            f"issued {_short(_names(last).subject)}, is not in it. Import the whole chain, or leave it out"
        )
    return [one for one in found if not _names(one).self_issued]


def _issuer_of(cert: x509.Certificate, pool: Iterable[x509.Certificate]) -> x509.Certificate | None:
    for candidate in pool:
        if _names(candidate).subject != _names(cert).issuer or candidate == cert:
            continue
        try:
            cert.verify_directly_issued_by(candidate)
        except UnsupportedAlgorithm:
            return candidate  # the names fit, and the signature is of a kind that only the server may know
        except (ValueError, TypeError, InvalidSignature):
            continue
        return candidate
    return None
