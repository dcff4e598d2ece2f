"""Sources of tokens, against an issuer on the loopback."""

from __future__ import annotations

import pickle
import socket
import sys
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from postwright.errors import CommunicationError, LoginRefused, NotAvailable
from postwright.tokens import ClientCredentials, RefreshToken
from postwright.tokens.sources import LEEWAY, Source
from tests.interop.issuer import CLIENT, Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def issuer(key: rsa.RSAPrivateKey) -> Iterator[Issuer]:
    with Issuer(key).listening() as listening:
        yield listening


def refreshing(issuer: Issuer, token: str = "refresh-alice") -> RefreshToken:
    return RefreshToken(issuer.address, *CLIENT, token)


def test_client_credentials(issuer: Issuer) -> None:
    source = ClientCredentials(issuer.address, *CLIENT, scope="alice")
    assert source().count(".") == 2
    assert issuer.asked[0]["grant_type"] == "client_credentials"
    assert issuer.asked[0]["scope"] == "alice"


def test_a_refresh_token(issuer: Issuer) -> None:
    assert refreshing(issuer)().count(".") == 2
    assert issuer.asked[0] == {"grant_type": "refresh_token", "refresh_token": "refresh-alice"}


def test_a_scope_is_asked_for_where_one_is_given(issuer: Issuer) -> None:
    RefreshToken(issuer.address, *CLIENT, "refresh-alice", scope="smtp")()
    assert issuer.asked[0]["scope"] == "smtp"


def test_a_fresh_token_is_kept(issuer: Issuer) -> None:
    source = refreshing(issuer)
    assert source() == source()
    assert len(issuer.asked) == 1


def test_an_old_token_is_renewed(issuer: Issuer) -> None:
    issuer.lifetime = LEEWAY - 1
    source = refreshing(issuer)
    source()
    source()
    assert len(issuer.asked) == 2


def test_a_refused_token_is_renewed_and_a_newer_one_stays(issuer: Issuer) -> None:
    source = refreshing(issuer)
    source.forget("before there was one")
    token = source()
    source.forget("another")
    assert source() == token
    source.forget(token)
    source()
    assert len(issuer.asked) == 2


def test_a_changed_refresh_token_is_told_and_used(issuer: Issuer) -> None:
    told: list[str] = []
    source = RefreshToken(issuer.address, *CLIENT, "refresh-alice", renewed=told.append)
    issuer.rotate = True
    source.forget(source())
    source()
    assert told == ["refresh-alice-1", "refresh-alice-1-1"]
    assert [form["refresh_token"] for form in issuer.asked] == ["refresh-alice", "refresh-alice-1"]
    source = refreshing(issuer, "refresh-alice-1-1")
    assert source()


def test_a_refusal_says_why_and_shows_nothing(issuer: Issuer) -> None:
    with pytest.raises(LoginRefused, match="nobody knows this refresh token") as caught:
        refreshing(issuer, "sesame")()
    assert "sesame" not in repr(caught.value.__dict__)
    with pytest.raises(LoginRefused, match="invalid_client") as caught:
        ClientCredentials(issuer.address, "the-client", "sesame", scope="alice")()
    assert "sesame" not in repr(caught.value.__dict__)


def test_an_issuer_that_is_not_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(CommunicationError, match="ConnectionError") as caught:
        ClientCredentials(f"http://127.0.0.1:{port}/token", "client", "sesame")()
    assert caught.value.is_transient
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("answer", [b"no json", b"{}", b'{"access_token": ""}', b'{"access_token": 7}', b"[]"])
def test_an_issuer_that_makes_no_sense(issuer: Issuer, answer: bytes) -> None:
    issuer.nonsense = answer
    with pytest.raises((CommunicationError, LoginRefused)):
        refreshing(issuer)()


def test_secrets_are_not_shown_and_not_pickled(issuer: Issuer) -> None:
    for source in (refreshing(issuer), ClientCredentials(issuer.address, *CLIENT)):
        for secret in (CLIENT[1], "refresh-alice"):
            assert secret not in repr(source)
        assert "the-client" in repr(source)
        with pytest.raises(TypeError, match="secrets"):
            pickle.dumps(source)


def test_without_authlib_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "authlib.integrations.requests_client", None)
    with pytest.raises(NotAvailable, match=r"postwright\[oauth\]"):
        ClientCredentials("google", "a", "b")()


def test_the_common_part_is_no_source() -> None:
    with pytest.raises(NotAvailable):
        Source("google", "a", "b")._ask(None)


def test_names_of_issuers_bring_their_scope() -> None:
    asked: list[dict[str, str]] = []

    class Session:
        def fetch_token(self, address: str, **values: str) -> None:
            asked.append({"address": address} | values)

    ClientCredentials("microsoft", "a", "b", tenant="common")._ask(Session())
    assert asked[0]["scope"] == "https://outlook.office365.com/.default"
    assert "/common/" in asked[0]["address"]
