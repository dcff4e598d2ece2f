"""Keys and certificates in XML: RSAKeyValue, as .NET writes it (private parts included), and X509Certificate.

Both elements are those of XML Signature (RFC 3275 section 4.4). Anything around them is passed over. Document types
and with them entities are refused: they can make a small file grow without bounds, or fetch others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from postwright.errors import CertificateStoreUnreadable
from postwright.tls.contents import Contents, certificate, damaged, distinct
from postwright.tls.numbers import rsa_key
from postwright.tls.octets import from_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

WHAT = "the XML key"

_NUMBERS = {"Modulus", "Exponent", "D", "P", "Q", "DP", "DQ", "InverseQ"}
_LARGEST = 1 << 20


class _Handler:
    """Collects the values of the elements that matter."""

    def __init__(self) -> None:
        self.keys: list[dict[str, int]] = []
        self.certificates: list[bytes] = []
        self._values: dict[str, int] = {}
        self._text: list[str] = []

    def refuse(self, *_: object) -> None:
        raise CertificateStoreUnreadable(f"{WHAT} has a document type (<!DOCTYPE>), which is never read: remove it")

    def start(self, name: str, _: object) -> None:
        self._text.clear()
        if _local(name) == "RSAKeyValue":
            self._values = {}

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, name: str) -> None:
        local, text = _local(name), "".join(self._text).encode()
        self._text.clear()
        if local in _NUMBERS:
            self._values[local] = int.from_bytes(from_base64(text), "big")
        elif local == "X509Certificate":
            self.certificates.append(from_base64(text))
        elif local == "RSAKeyValue":
            self.keys.append(self._values)


def _local(name: str) -> str:
    return name.rpartition(" ")[2]


def read(data: bytes, _password: str) -> Contents:
    """Read the RSA keys and certificates of a document.

    Raises:
        CertificateStoreUnreadable: It is damaged, has a document type, or has neither key nor certificate.
    """
    if len(data) > _LARGEST:
        raise CertificateStoreUnreadable(f"{WHAT} is larger than {_LARGEST} bytes")
    handler = _Handler()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.StartDoctypeDeclHandler = handler.refuse
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text
    try:
        parser.Parse(data, True)
        keys = distinct(_key(values) for values in handler.keys if "D" in values)
        certs = tuple(certificate(der) for der in handler.certificates)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise damaged(WHAT, f"{error!r}" if isinstance(error, KeyError) else error) from None
    note = ""
    if handler.keys and not keys and not certs:
        note = "its RSAKeyValue has no private part (D), so it can't log in: export the key with its private parameters"
    elif not keys and not certs:
        raise CertificateStoreUnreadable(f"{WHAT} has neither an RSAKeyValue nor an X509Certificate")
    return Contents(WHAT, keys, certs, note=note)


def _key(values: dict[str, int]) -> RSAPrivateKey:
    primes = (values["P"], values["Q"]) if "P" in values and "Q" in values else None
    return rsa_key(
        values["Modulus"], values["Exponent"], values["D"], primes, values.get("InverseQ") if primes else None
    )
