"""JSON Web Keys and sets of them (RFC 7517, 7518, 8037): RSA, EC and OKP, with the certificates in x5c."""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls.contents import Contents, certificate, damaged, der_of, distinct
from postwright.tls.numbers import ec_key, edwards_key, rsa_key
from postwright.tls.octets import from_base64

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

WHAT = "the JWK"

_LARGEST = 1 << 20
_MOST_KEYS = 100


def read(data: bytes, _password: str) -> Contents:
    """Read the private keys and the certificates of a key or of a set of keys.

    Raises:
        CertificateStoreUnreadable: It is damaged.
        CredentialsUnusable: It is of a kind that TLS can't use.
    """
    if len(data) > _LARGEST:
        raise CertificateStoreUnreadable(f"{WHAT} is larger than {_LARGEST} bytes")
    try:
        members = _members(json.loads(data))
        chains = [_chain(member) for member in members]
        keys = [_key(member) for member in members]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise damaged(WHAT, _said(error)) from None
    certs: tuple[x509.Certificate, ...] = tuple(cert for chain in chains for cert in chain)
    given = {der_of(chain[0]): chain[1:] for chain in chains if chain}
    found = distinct(key for key in keys if key)
    note = (
        ""
        if found or certs
        else "it holds a public key only (there is no 'd'), so it can't log in: take the private key"
    )
    return Contents(WHAT, found, certs, given, note=note)


def _said(error: BaseException) -> str:
    """Return an error in words that never quote the file: it is a secret from end to end."""
    if isinstance(error, json.JSONDecodeError):
        return f"it is no JSON from line {error.lineno}, column {error.colno} on"
    if isinstance(error, KeyError):
        return f"the member {error} is missing"
    return "its text is not UTF-8" if isinstance(error, UnicodeError) else str(error)


def _members(value: Any) -> list[dict[str, Any]]:
    members = value["keys"] if isinstance(value, dict) and "keys" in value else [value]
    if not isinstance(members, list) or not 0 < len(members) <= _MOST_KEYS:
        raise ValueError("it is no list of keys")
    if not all(isinstance(member, dict) for member in members):
        raise ValueError("a key is no JSON object")
    return members


def _chain(member: dict[str, Any]) -> tuple[x509.Certificate, ...]:
    listed = member.get("x5c", [])
    if not isinstance(listed, list) or not all(isinstance(text, str) for text in listed):
        raise ValueError("x5c is no list of texts")
    return tuple(certificate(from_base64(text.encode())) for text in listed)


def _key(member: dict[str, Any]) -> PrivateKeyTypes | None:
    kind = member["kty"]
    if kind == "oct":
        raise CredentialsUnusable(f"{WHAT} is a shared secret (kty oct), which can't log in: take RSA, EC or OKP")
    if kind not in {"RSA", "EC", "OKP"}:
        raise ValueError("its kty is none of RSA, EC, OKP")
    if "d" not in member:
        return None
    key: PrivateKeyTypes
    if kind == "RSA":
        return _rsa(member)
    if kind == "EC":
        key = ec_key(_text(member, "crv"), _number(member, "d"))
        public = key.public_key().public_numbers()
        fits = (public.x, public.y) == (_number(member, "x"), _number(member, "y"))
    else:
        key = edwards_key(_text(member, "crv"), _octets(member, "d"))
        fits = key.public_key().public_bytes_raw() == _octets(member, "x")
    if not fits:
        raise ValueError("its public and private parts do not belong together")
    return key


def _rsa(member: dict[str, Any]) -> PrivateKeyTypes:
    if "oth" in member:
        raise CredentialsUnusable(f"{WHAT} has more than two primes ('oth'), which OpenSSL can't use")
    primes = (_number(member, "p"), _number(member, "q")) if "p" in member and "q" in member else None
    inverse = _number(member, "qi") if primes and "qi" in member else None
    return rsa_key(_number(member, "n"), _number(member, "e"), _number(member, "d"), primes, inverse)


def _text(member: dict[str, Any], name: str) -> str:
    value = member[name]
    if not isinstance(value, str):
        raise TypeError(f"{name} is no text")
    return value


def _octets(member: dict[str, Any], name: str) -> bytes:
    text = _text(member, name)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError(f"{name} is no base64url") from None


def _number(member: dict[str, Any], name: str) -> int:
    return int.from_bytes(_octets(member, name), "big")
