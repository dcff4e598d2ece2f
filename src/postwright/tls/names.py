"""Certificates as people write them: PEM, base64 or DER in, DER out; distinguished names as text."""

from __future__ import annotations

import base64
import binascii
import re

from postwright.errors import InvalidValue

_PEM = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----(.*?)-----END (?:X509 |TRUSTED )?CERTIFICATE-----", re.DOTALL
)

_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "localityName": "L",
    "stateOrProvinceName": "S",
    "countryName": "C",
    "emailAddress": "E",
    "domainComponent": "DC",
}


def to_der(data: bytes) -> bytes:
    """Return the first certificate in ``data`` (PEM, base64 or DER) as DER.

    Raises:
        InvalidValue: There is no certificate in it.
    """
    if match := _PEM.search(data):
        data = match.group(1)
    elif data[:1] == b"\x30":  # a DER SEQUENCE
        return data
    try:
        der = base64.b64decode(b"".join(data.split()), validate=True)
    except binascii.Error:
        der = b""
    if der[:1] != b"\x30":
        raise InvalidValue("this is no certificate: give PEM, base64 or DER")
    return der


def subject_text(name: object) -> str:
    """Return a distinguished name, as ``ssl`` gives it, in the reference's form: CN=..., O=..., C=...

    A value that holds a comma or a quote is put in quotes.
    """
    parts = []
    for rdn in name if isinstance(name, tuple) else ():
        for key, value in rdn:
            text = str(value)
            if "," in text or '"' in text:
                text = '"' + text.replace('"', '""') + '"'
            parts.append(f"{_SHORT.get(key, key)}={text}")
    return ", ".join(reversed(parts))
