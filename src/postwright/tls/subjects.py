"""Distinguished names as people write them, and which certificate they mean (SSLCertSubject).

A name is text like ``CN=www.example.com, OU=test, C=US``; a value with a comma stands in quotes. Spacing, the case of
letters and the direction (CN first or C first) make no difference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postwright.tls import certificate

if TYPE_CHECKING:
    from postwright.tls.credentials import Credential

Fields = tuple[tuple[str, str], ...]

ANY = "*"

_ALIASES = {
    "ST": "S",
    "EMAILADDRESS": "E",
    "EMAIL": "E",
    "COMMONNAME": "CN",
    "COUNTRYNAME": "C",
    "LOCALITYNAME": "L",
    "STATEORPROVINCENAME": "S",
    "ORGANIZATIONNAME": "O",
    "ORGANIZATIONALUNITNAME": "OU",
    "DOMAINCOMPONENT": "DC",
}
_FIELD = re.compile(
    r"""\s* ([A-Za-z][\w.-]* | \d[\d.]*) \s*=\s*                # the type: a word or a number with dots
        ( "(?:[^"\\]|""|\\.)*" (?=\s*(?:,|\Z)) | (?:[^,\\]|\\.)* ) # the value: quoted, or up to the next comma
        \s* (?:,|\Z)""",
    re.DOTALL | re.VERBOSE,
)
_ESCAPED = re.compile(r'\\([,+"\\<>;=# ])')  # RFC 4514 section 2.4; any other backslash is a character


def subject_of(credential: Credential | bytes) -> str:
    """Return the full subject of a credential, or of a certificate as DER, in the form ``CN=..., O=..., C=...``."""
    return certificate.read(credential if isinstance(credential, bytes) else credential.certificate).subject


def parse(text: str) -> Fields:
    """Return the fields of a name that was written down, ready to be compared; none if it is no complete name."""
    found, at = [], 0
    while at < len(text):
        match = _FIELD.match(text, at)
        if not match:
            return ()
        kind = match[1].upper()
        found.append((_ALIASES.get(kind, kind), _value(match[2].strip())))
        at = match.end()
    return tuple(found)


def _value(text: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1].replace('""', '"')
    return _plain(text)


def _plain(text: str) -> str:
    return _ESCAPED.sub(r"\1", " ".join(text.split())).casefold()


def is_exactly(wanted: str, subject: str) -> bool:
    """Say whether a text is this very name."""
    fields, given = parse(wanted), parse(subject)
    return bool(fields) and fields in {given, given[::-1]}


def is_within(wanted: str, subject: str) -> bool:
    """Say whether a text is a part of a name's text, read from either end."""
    sought, fields = _squeezed(wanted), parse(subject)
    texts = [subject, *(_written(some) for some in (fields, fields[::-1]))]
    return bool(sought) and any(sought in _squeezed(text) for text in texts)


def _written(fields: Fields) -> str:
    return ",".join(f"{kind}={value}" for kind, value in fields)


def _squeezed(text: str) -> str:
    """Return a text without what makes no difference: quotes, spacing, case, and the other names of S and E."""
    plain = re.sub(r" ?([,=]) ?", r"\1", _plain(text.replace('"', ""))).strip(" ,")
    return re.sub(
        r"(^|,)(st|emailaddress|email)=", lambda match: f"{match[1]}{_ALIASES[match[2].upper()].lower()}=", plain
    )
