"""Certificates as people write them: PEM, base64 or DER in, DER out."""

from __future__ import annotations

import base64
import binascii
import re

from postwright.errors import InvalidValue

_PEM = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----", re.DOTALL
)
_CRL = re.compile(rb"-----BEGIN X509 CRL-----(.*?)-----END X509 CRL-----", re.DOTALL)


def to_der(data: bytes) -> bytes:
    """Return the first certificate in ``data`` (PEM, base64 or DER) as DER.

    Raises:
        InvalidValue: There is no certificate in it.
    """
    if match := _PEM.search(data):
        data = match.group(1)
    elif data[:1] == b"\x30":  # a DER SEQUENCE
        return data
    der = _decoded(data)
    if der[:1] != b"\x30":
        raise InvalidValue("this is no certificate: give PEM, base64 or DER")
    return der


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        return b""


def all_pem(text: str) -> list[bytes]:
    """Return every certificate of a PEM text as DER.

    Raises:
        ValueError: There is none, or one is damaged.
    """
    return _all(_PEM, text, "certificate")


def all_crls(text: str) -> list[bytes]:
    """Return every revocation list of a PEM text as DER.

    Raises:
        ValueError: There is none, or one is damaged.
    """
    return _all(_CRL, text, "revocation list")


def _all(kind: re.Pattern[bytes], text: str, what: str) -> list[bytes]:
    found = [_decoded(block) for block in kind.findall(text.encode())]
    for number, der in enumerate(found, 1):
        if der[:1] != b"\x30":
            raise ValueError(f"{what} {number} of the PEM text is damaged")
    if not found:
        raise ValueError(f"there is no {what} in PEM in it")
    return found


def pem(der: bytes, kind: str = "CERTIFICATE") -> bytes:
    """Return DER as PEM."""
    text = base64.encodebytes(der)
    return b"-----BEGIN %b-----\n%b-----END %b-----\n" % (kind.encode(), text, kind.encode())
