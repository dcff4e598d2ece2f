"""Where tokens come from: the endpoints that are known by name, and what an address must be like."""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from postwright.errors import InvalidValue


class Issuer(NamedTuple):
    """An issuer of tokens: its token endpoint, and the scopes that allow to send mail."""

    endpoint: str
    application_scope: str
    """For a program that acts for itself (client credentials); empty where the issuer has no such tokens."""
    user_scope: str
    """For a program that acts for a user (refresh token)."""
    authentication: str = "client_secret_basic"
    """How the client shows who it is (RFC 6749 section 2.3.1): in a header, which every issuer takes, or in the body."""


ISSUERS: Final = {
    "google": Issuer(
        "https://oauth2.googleapis.com/token",
        "",
        "https://mail.google.com/",
        "client_secret_post",
    ),
    "microsoft": Issuer(
        "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
        "https://outlook.office365.com/.default",
        "https://outlook.office.com/SMTP.Send offline_access",
        "client_secret_post",
    ),
}
"""The issuers that are known by name; Microsoft's endpoint holds the tenant's name."""

_HERE = {"localhost", "127.0.0.1", "::1"}


def issuer(name: str, tenant: str) -> Issuer:
    """Return an issuer by its name, or by the address of its token endpoint.

    Raises:
        InvalidValue: It is neither, or secrets would travel to it without TLS.
    """
    known = ISSUERS.get(name.lower())
    if known is not None:
        if "{" in known.endpoint and not (tenant and tenant.replace("-", "").replace(".", "").isalnum()):
            raise InvalidValue(f"{name} needs the tenant: its name, its number, or 'common'")
        return known._replace(endpoint=known.endpoint.replace("{tenant}", tenant))
    parts = urlsplit(name)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        raise InvalidValue(f"the issuer is {name!r}; allowed are {', '.join(ISSUERS)} and an address (https://...)")
    if parts.scheme == "http" and parts.hostname not in _HERE:
        raise InvalidValue(
            f"the issuer's address is {name!r}: without TLS (https) its secrets would be read on the way"
        )
    return Issuer(name, "", "")
