"""What went wrong at an issuer, and what to do about it, without a word of the request's: that holds secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postwright.errors import CommunicationError, LoginRefused
from postwright.words import printable

if TYPE_CHECKING:
    from postwright.errors import SMTPError

_SHOWN = 500  # characters of what the issuer says

_ADVICE = {
    "invalid_grant": "the refresh token has expired, was revoked, or belongs to another client: "
    "the user must agree once more, which gives a new one",
    "invalid_client": "the client id or the client secret is wrong, or the secret has expired",
    "unauthorized_client": "the client is not allowed to get tokens in this way; its registration at the issuer says so",
    "invalid_scope": "the scope is unknown there, or more than was agreed to",
    "unsupported_grant_type": "the issuer does not give tokens in this way",
    "invalid_request": "the issuer wants something else, perhaps another tenant, scope or client secret",
    "interaction_required": "the user must sign in once more",
    "consent_required": "the user, or an administrator, must agree",
}
"""What each error code of an issuer asks for (RFC 6749 section 5.2, OpenID Connect Core section 3.1.2.6)."""

_LATER = {"temporarily_unavailable", "server_error", "slow_down"}


def refusal(endpoint: str, code: str, said: str) -> SMTPError:
    """Return the error for an error code of the issuer."""
    words = printable(f"{code}: {said}" if said else code)[:_SHOWN]
    if code in _LATER:
        return CommunicationError(f"{endpoint} gives no token now: {words}; try later")
    advice = _ADVICE.get(code)
    return LoginRefused(f"{endpoint} gives no token: {words}" + (f"; {advice}" if advice else ""))


def nonsense(endpoint: str, response: Any) -> SMTPError:
    """Return the error for an answer that is none of an issuer's."""
    status: int = response.status_code
    kind = printable(response.headers.get("Content-Type", "").partition(";")[0])[:80] or "something without a type"
    if status == 429 or status >= 500:
        return CommunicationError(f"{endpoint} gives no token now: HTTP {status}; try later")
    if 300 <= status < 400:
        return CommunicationError(
            f"{endpoint} leads elsewhere (HTTP {status}), where the secrets are not sent; is it the token endpoint?"
        )
    return CommunicationError(
        f"{endpoint} answered HTTP {status} with {kind}, and not with a token; is it the token endpoint, "
        "or does a proxy answer for it?"
    )


def unreachable(endpoint: str, error: Exception, timeout: float) -> SMTPError:
    """Return the error for an issuer that can't be asked."""
    kind = type(error).__name__
    reasons = {
        "SSLError": "its certificate is not accepted, or it speaks no TLS",
        "ProxyError": "the proxy of the environment does not lead there",
        "ReadTimeout": f"it did not answer for {timeout:g} s; try later",
        "ConnectTimeout": f"it could not be reached in {timeout:g} s; try later",
        "ConnectionError": "it can't be reached; try later",
    }
    return CommunicationError(f"{endpoint} gives no token: {reasons.get(kind, 'it could not be asked')} ({kind})")
