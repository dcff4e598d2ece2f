"""Kerberos: the mechanism GSSAPI (RFC 4752), through pyspnego: the system's GSSAPI library, or SSPI on Windows.

The ticket comes from the user's ticket cache; with a password it is fetched and kept in memory; with a client keytab
(KRB5_CLIENT_KTNAME) the library fetches it by itself. TLS protects the connection, so no security layer is taken.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from postwright.errors import LoginRefused
from postwright.sasl.mechanism import ChallengeError, Mechanism, octets, register
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.sasl.mechanism import Credentials, Dialogue

MAX_TOKENS = 8
"""Tokens of one context; Kerberos needs two."""

_NO_LAYER = 1  # RFC 4752 section 3.3: bit masks of the security layers


def _missing() -> str:
    there = find_spec("spnego") and (sys.platform == "win32" or (find_spec("gssapi") and find_spec("krb5")))
    return "" if there else "it needs pyspnego with Kerberos: pip install 'postwright[kerberos]'"


def _context(credentials: Credentials) -> Any:
    import spnego  # noqa: PLC0415 - an extra, loaded when it is first needed

    return spnego.client(
        credentials.user or None,
        credentials.password or None,
        hostname=credentials.host,
        service=credentials.service,
        protocol="kerberos",
    )


def _begin(credentials: Credentials) -> tuple[Any, bytes]:
    """Return the context and its first token, for which the ticket is fetched.

    Raises:
        LoginRefused: There is no ticket, and none can be had.
    """
    try:
        context = _context(credentials)
        return context, context.step() or b""
    except Exception as error:  # noqa: BLE001 - the libraries raise errors of their own kinds
        said = f"{getattr(error, 'base_error', None) or error}"  # the library's own words, without our call's
        raise LoginRefused(f"Kerberos gave no ticket: {printable(said)[:500]}") from None


def _guarded(step: Callable[..., Any], *args: Any) -> Any:
    try:
        return step(*args)
    except Exception as error:  # noqa: BLE001 - as above
        raise ChallengeError(f"Kerberos does not accept it ({type(error).__name__})") from None


def _gssapi(credentials: Credentials) -> Dialogue:
    identity = octets(credentials.identity, "authorization identity")
    context, token = _begin(credentials)
    challenge = yield token
    for _ in range(MAX_TOKENS):
        if context.complete:
            break
        token = _guarded(context.step, challenge) or b""
        challenge = yield token
    if not context.complete:
        raise ChallengeError("the context does not come to an end")
    if not challenge:  # some servers send an empty challenge before the offer of layers
        challenge = yield b""
    offer = bytes(_guarded(context.unwrap, challenge).data)
    if len(offer) != 4 or not offer[0] & _NO_LAYER:
        raise ChallengeError("the server insists on a security layer, and TLS is the only one here")
    yield bytes(_guarded(context.wrap, bytes([_NO_LAYER, 0, 0, 0]) + identity, False).data)


GSSAPI = register(Mechanism("GSSAPI", client_first=True, start=_gssapi, waits_for="the KDC", missing=_missing))
