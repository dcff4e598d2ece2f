"""Which issuers there are, and that secrets never go to one without TLS."""

from __future__ import annotations

import pytest

from postwright.errors import InvalidValue
from postwright.tokens.issuers import ISSUERS, issuer


def test_google_and_microsoft_are_known_by_name() -> None:
    assert issuer("Google", "").endpoint == "https://oauth2.googleapis.com/token"
    assert issuer("microsoft", "contoso.com").endpoint == (
        "https://login.microsoftonline.com/contoso.com/oauth2/v2.0/token"
    )
    assert all(found.endpoint.startswith("https://") for found in ISSUERS.values())


@pytest.mark.parametrize("tenant", ["", "a/b", "a?b", "../x"])
def test_microsoft_needs_a_tenant(tenant: str) -> None:
    with pytest.raises(InvalidValue, match="tenant"):
        issuer("microsoft", tenant)


@pytest.mark.parametrize("name", ["https://issuer.example/token", "http://127.0.0.1:1/x", "http://[::1]:1/x"])
def test_any_other_is_known_by_its_address(name: str) -> None:
    assert issuer(name, "").endpoint == name


@pytest.mark.parametrize("name", ["", "yahoo", "ftp://x", "https://", "http://issuer.example/token"])
def test_others_are_refused(name: str) -> None:
    with pytest.raises(InvalidValue):
        issuer(name, "")
