"""OAuth 2 tokens: OAUTHBEARER (RFC 7628) and XOAUTH2, which Google and Microsoft had before it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postwright.errors import InvalidValue, LoginRefused
from postwright.sasl.mechanism import Mechanism, octets, register
from postwright.sasl.scram import name
from postwright.words import printable

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue

_SHOWN = 500
_TOKEN = re.compile(r"(?:[!-~]+ +)?[!-~]+", re.ASCII)  # a scheme and a token, of visible ASCII (RFC 6750 section 2.1)


def _authorization(credentials: Credentials) -> bytes:
    """Return the token with its scheme, which is Bearer where none is given."""
    token = credentials.token.strip(" ")
    if not _TOKEN.fullmatch(token):
        raise InvalidValue("the token is empty, or holds something else than visible ASCII characters")
    return (token if " " in token else f"Bearer {token}").encode()


def _exchange(response: bytes, acknowledgement: bytes) -> Dialogue:
    problem = yield response
    if not problem:
        return
    # The server says in JSON what is wrong, and refuses once this is acknowledged (RFC 7628 section 3.2.3).
    try:
        yield acknowledgement
    except LoginRefused as refused:
        said = printable(problem[:_SHOWN].decode("utf-8", "surrogateescape"))
        raise LoginRefused(f"{refused.detail}; the server said: {said}", reply=refused.reply) from None


def _xoauth2(credentials: Credentials) -> Dialogue:
    if not credentials.user or any(char < " " for char in credentials.user):
        raise InvalidValue("XOAUTH2 needs a user, without control characters")
    user = octets(credentials.user, "user name")
    yield from _exchange(b"user=" + user + b"\1auth=" + _authorization(credentials) + b"\1\1", b"")


def _oauthbearer(credentials: Credentials) -> Dialogue:
    # RFC 7628 section 3.1: a GS2 header without channel binding, then key=value pairs between ^A.
    who = b"a=" + name(credentials.user, "user name") if credentials.user else b""
    pairs = [f"host={credentials.host}".encode(), f"port={credentials.port}".encode()]
    response = b"\1".join((b"n," + who + b",", *pairs, b"auth=" + _authorization(credentials), b"", b""))
    if response.count(b"\1") != len(pairs) + 3:
        raise InvalidValue("OAUTHBEARER: the user or the host may not hold ^A")
    yield from _exchange(response, b"\1")


XOAUTH2 = register(Mechanism("XOAUTH2", client_first=True, start=_xoauth2, takes_token=True))
OAUTHBEARER = register(Mechanism("OAUTHBEARER", client_first=True, start=_oauthbearer, takes_token=True))
