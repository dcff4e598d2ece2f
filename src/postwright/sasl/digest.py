"""DIGEST-MD5 (RFC 2831), with authentication only (qop "auth"): both sides prove that they know the password.

The RFC is historic (RFC 6331), and servers differ from it: some repeat ``realm``, some quote what needs no quotes.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import InvalidValue
from postwright.sasl.hashes import md5_missing
from postwright.sasl.mechanism import ChallengeError, Mechanism, octets, register

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue

MAX_CHALLENGE = 2048
"""Octets of a challenge (RFC 2831 section 2.1.1)."""

_DIRECTIVE = re.compile(
    rb'[ \t\r\n,]*([\w-]+)[ \t\r\n]*=[ \t\r\n]*(?:"((?:[^"\\]|\\.)*)"|([^\s",\x00-\x1f\x7f]+))', re.DOTALL
)
_END = re.compile(rb"[ \t\r\n]*(?:,[ \t\r\n,]*|\Z)")
_COUNT = b"00000001"  # the nonce is used once


class Challenge(NamedTuple):
    """What of a challenge matters here."""

    realms: tuple[bytes, ...]
    nonce: bytes
    utf8: bool


def directives(data: bytes) -> list[tuple[str, bytes]]:
    """Return the names, in lower case, and the values of a challenge, without quotes and escapes.

    Raises:
        ChallengeError: It is not a list of directives.
    """
    if len(data) > MAX_CHALLENGE:
        raise ChallengeError(f"it is longer than {MAX_CHALLENGE} octets")
    found: list[tuple[str, bytes]] = []
    at = 0
    while at < len(data):
        match = _DIRECTIVE.match(data, at)
        end = _END.match(data, match.end()) if match else None
        if match is None or end is None:
            raise ChallengeError("it is no list of directives")
        name, quoted, plain = match.groups()
        found.append(
            (name.decode().lower(), re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL) if plain is None else plain)
        )
        at = end.end()
    return found


def read(data: bytes) -> Challenge:
    """Read the first challenge.

    Raises:
        ChallengeError: It is none, or wants something else than authentication with md5-sess.
    """
    rows = directives(data)
    values: dict[str, list[bytes]] = {}
    for name, value in rows:
        values.setdefault(name, []).append(value)
    for single in ("nonce", "charset", "algorithm", "stale", "maxbuf"):
        if len(values.get(single, ())) > 1:
            raise ChallengeError(f"{single} stands in it twice")
    if not values.get("nonce", [b""])[0]:
        raise ChallengeError("it has no nonce")
    if values.get("algorithm") != [b"md5-sess"]:
        raise ChallengeError("its algorithm is not md5-sess")
    protections = b",".join(values.get("qop", [b"auth"])).lower().replace(b" ", b"").split(b",")
    if b"auth" not in protections:
        raise ChallengeError("the server insists on a security layer, and TLS is the only one here")
    charset = values.get("charset", [b""])[0].lower()
    if charset not in {b"", b"utf-8"}:
        raise ChallengeError("its charset is not utf-8")
    return Challenge(tuple(values.get("realm", ())), values["nonce"][0], utf8=charset == b"utf-8")


def _realm(challenge: Challenge, credentials: Credentials) -> bytes:
    """Choose among several realms: the user's own domain, the server's name, the first (section 2.1.1)."""
    for wanted in (credentials.user.partition("@")[2], credentials.host):
        if wanted and octets(wanted, "realm") in challenge.realms:
            return octets(wanted, "realm")
    return challenge.realms[0] if challenge.realms else b""


def _text(text: str, what: str, *, utf8: bool) -> bytes:
    """Return text in the charset of the exchange: UTF-8, or ISO 8859-1 where the server did not say utf-8."""
    data = octets(text, what)
    if utf8:
        return data
    try:
        return text.encode("latin-1")
    except UnicodeEncodeError:
        raise InvalidValue(f"DIGEST-MD5: this server takes only ISO 8859-1, which can't hold the {what}") from None


def _hashed(data: bytes, *, utf8: bool) -> bytes:
    """Return text as it is hashed: UTF-8 that fits into ISO 8859-1 is hashed as that (section 2.1.2.1)."""
    if not utf8:
        return data
    try:
        return data.decode().encode("latin-1")
    except UnicodeError:
        return data


def _quoted(data: bytes) -> bytes:
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", data) + b'"'


def _md5(data: bytes) -> bytes:
    return hashlib.md5(data).digest()  # noqa: S324 - what the mechanism is made of


def _digest(credentials: Credentials) -> Dialogue:
    octets(credentials.user + credentials.password + credentials.identity, "user name, password or identity")
    challenge = read((yield b""))
    utf8 = challenge.utf8
    realm, cnonce = _realm(challenge, credentials), credentials.nonce().encode()
    user = _text(credentials.user, "user name", utf8=utf8)
    password = _text(credentials.password, "password", utf8=utf8)
    identity = octets(credentials.identity, "authorization identity")
    uri = f"{credentials.service}/{credentials.host}".encode()
    # Section 2.1.2.1: A1 = { H( { username ":" realm ":" passwd } ), ":", nonce, ":", cnonce [, ":", authzid] }
    secret = _md5(b":".join(_hashed(part, utf8=utf8) for part in (user, realm, password)))
    key = _md5(b":".join((secret, challenge.nonce, cnonce, *((identity,) if identity else ())))).hex().encode()

    def proof(verb: bytes) -> bytes:
        aim = _md5(verb + b":" + uri).hex().encode()
        return _md5(b":".join((key, challenge.nonce, _COUNT, cnonce, b"auth", aim))).hex().encode()

    fields = [
        *((b"charset=utf-8",) if utf8 else ()),
        b"username=" + _quoted(user),
        *((b"realm=" + _quoted(realm),) if challenge.realms else ()),
        b"nonce=" + _quoted(challenge.nonce),
        b"nc=" + _COUNT,
        b"cnonce=" + _quoted(cnonce),
        b"digest-uri=" + _quoted(uri),
        b"response=" + proof(b"AUTHENTICATE"),
        b"qop=auth",
        *((b"authzid=" + _quoted(identity),) if identity else ()),
    ]
    answer = yield b",".join(fields)
    told = [value for name, value in directives(answer) if name == "rspauth"]
    if len(told) != 1 or not hmac.compare_digest(told[0], proof(b"")):
        raise ChallengeError("the server did not prove that it knows the password (rspauth)")
    yield b""


DIGEST_MD5 = register(Mechanism("DIGEST-MD5", client_first=False, start=_digest, strength=50, missing=md5_missing))
