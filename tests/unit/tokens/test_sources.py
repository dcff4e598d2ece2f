"""Sources of tokens, against an issuer on the loopback."""

from __future__ import annotations

import pickle
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from postwright.errors import CommunicationError, InvalidValue, LoginRefused, NotAvailable
from postwright.tokens import ISSUERS, ClientCredentials, RefreshToken, sources
from postwright.tokens.sources import LEEWAY, Source
from tests.interop.issuer import CLIENT, Issuer
from tests.support.certificates import good_context, shop
from tests.support.ports import held

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postwright.errors import SMTPError


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


def test_a_new_refresh_token_that_could_not_be_kept_is_told_again(issuer: Issuer) -> None:
    kept: list[str] = []

    def keep(token: str) -> None:
        if not kept:
            kept.append("full")
            raise OSError("no space left")
        kept.append(token)

    issuer.rotate = True
    source = RefreshToken(issuer.address, *CLIENT, "refresh-alice", renewed=keep)
    with pytest.raises(OSError, match="no space left"):
        source()
    assert source()
    source()
    assert kept == ["full", "refresh-alice-1"]
    assert len(issuer.asked) == 1


def test_threads_that_ask_at_once_ask_the_issuer_once(issuer: Issuer) -> None:
    issuer.silent.set()
    source = refreshing(issuer)
    with ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(source) for _ in range(8)]
        while not issuer.asked:
            time.sleep(0.01)
        source.forget("who forgets does not wait for who fetches")
        issuer.silent.clear()
        assert len({answer.result() for answer in answers}) == 1
    assert len(issuer.asked) == 1


# What goes wrong, and what to do about it


def asked(source: Source, kind: type[SMTPError]) -> str:
    """Ask in vain, and return what is said about it; no secret is in the error, nor in what lies behind it."""
    with pytest.raises(kind) as caught:
        source()
    error: BaseException | None = caught.value
    while error is not None:
        lines = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        for secret in (CLIENT[1], "refresh-alice", "sesame"):
            assert not any(secret in line for line in lines if "tests/" not in line)
            assert secret not in repr(error.__dict__)
        error = error.__cause__ or error.__context__
    return caught.value.detail


ADVICE = {
    "invalid_grant": "agree once more",
    "invalid_client": "client secret is wrong",
    "unauthorized_client": "registration",
    "invalid_scope": "the scope is unknown",
    "unsupported_grant_type": "in this way",
    "invalid_request": "tenant",
    "interaction_required": "sign in once more",
    "consent_required": "must agree",
    "something_new": "as it was told to",
}


@pytest.mark.parametrize("code", ADVICE)
def test_a_refusal_says_why_and_what_to_do(issuer: Issuer, code: str) -> None:
    issuer.error = code
    said = asked(refreshing(issuer), LoginRefused)
    assert f"{issuer.address} gives no token: {code}: as it was told to" in said
    assert ADVICE[code] in said


def test_a_refresh_token_that_nobody_knows(issuer: Issuer) -> None:
    said = asked(refreshing(issuer, "sesame"), LoginRefused)
    assert "invalid_grant: nobody knows this refresh token; the refresh token has expired" in said


def test_a_wrong_client_secret(issuer: Issuer) -> None:
    said = asked(ClientCredentials(issuer.address, CLIENT[0], "sesame", scope="alice"), LoginRefused)
    assert "invalid_client; the client id or the client secret is wrong" in said


@pytest.mark.parametrize("code", ["temporarily_unavailable", "server_error", "slow_down"])
def test_a_refusal_that_is_none_for_ever(issuer: Issuer, code: str) -> None:
    issuer.error = code
    with pytest.raises(CommunicationError, match="try later") as caught:
        refreshing(issuer)()
    assert caught.value.is_transient


@pytest.mark.parametrize("status", [429, 500, 502, 503])
def test_an_issuer_that_is_out_of_order(issuer: Issuer, status: int) -> None:
    issuer.status, issuer.nonsense, issuer.kind = status, b"<html>sorry</html>", "text/html"
    with pytest.raises(CommunicationError, match=f"HTTP {status}; try later") as caught:
        refreshing(issuer)()
    assert caught.value.is_transient


@pytest.mark.parametrize("status", [200, 400, 403, 404])
def test_a_page_in_place_of_a_token(issuer: Issuer, status: int) -> None:
    issuer.status, issuer.nonsense, issuer.kind = status, b"<html>sign in</html>", "text/html; charset=utf-8"
    assert f"HTTP {status} with text/html, and not with a token; is it the token endpoint" in asked(
        refreshing(issuer), CommunicationError
    )


@pytest.mark.parametrize("status", [302, 307, 308])
def test_secrets_do_not_follow_where_an_issuer_leads(issuer: Issuer, status: int) -> None:
    issuer.status = status
    issuer.nonsense, issuer.kind = b"<html>over there</html>", "text/html"
    assert f"leads elsewhere (HTTP {status})" in asked(refreshing(issuer), CommunicationError)
    assert len(issuer.asked) == 1


NOT_THERE = [b"no json", b"{}", b'{"access_token": ""}', b'{"access_token": 7}', b"[]", b"null", b'"x"', b"\xff\xfe"]
ODD = [b'{"access_token": "t", "expires_in": "soon"}', b'{"access_token": "t", "expires_in": [1]}']


@pytest.mark.parametrize("answer", [*NOT_THERE, *ODD, b'{"refresh_token": "sesame"}'])
def test_an_issuer_that_makes_no_sense(issuer: Issuer, answer: bytes) -> None:
    issuer.nonsense = answer
    assert "HTTP 200 with application/json, and not with a token" in asked(refreshing(issuer), CommunicationError)


def test_an_issuer_that_is_not_there() -> None:
    with held() as port:
        source = ClientCredentials(f"http://127.0.0.1:{port}/token", "client", "sesame")
        assert "it can't be reached; try later (ConnectionError)" in asked(source, CommunicationError)


def test_an_issuer_that_says_nothing(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources._CAREFULLY, "timeout", 0.2)
    issuer.silent.set()
    assert "it did not answer" in asked(refreshing(issuer), CommunicationError)


def test_the_certificate_of_an_issuer_is_checked(
    key: rsa.RSAPrivateKey, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    with Issuer(key).listening(good_context()) as issuer:
        assert "its certificate is not accepted" in asked(refreshing(issuer), CommunicationError)
        assert not issuer.asked
        trusted = tmp_path / "trusted.pem"
        trusted.write_text(shop().pem)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(trusted))
        assert refreshing(issuer)()


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
        RefreshToken("google", "a", "b", "c")()


def test_the_common_part_is_no_source() -> None:
    with pytest.raises(NotAvailable):
        Source("google", "a", "b")._ask(None)


# Issuers by name


@pytest.mark.parametrize("name", ISSUERS)
def test_a_refresh_token_of_an_issuer_that_is_known_by_name(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    known = ISSUERS[name]
    monkeypatch.setitem(ISSUERS, name, known._replace(endpoint=issuer.address))
    assert RefreshToken(name, *CLIENT, "refresh-alice", tenant="contoso.com")()
    assert issuer.asked == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "refresh-alice",
            "scope": known.user_scope,
            "client_id": CLIENT[0],
            "client_secret": CLIENT[1],
        }
    ]


def test_client_credentials_of_microsoft(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    known = ISSUERS["microsoft"]
    monkeypatch.setitem(ISSUERS, "microsoft", known._replace(endpoint=issuer.address + "/{tenant}"))
    assert ClientCredentials("microsoft", *CLIENT, tenant="contoso.com")()
    assert issuer.asked[0]["scope"] == "https://outlook.office365.com/.default"


def test_client_credentials_that_an_issuer_does_not_have() -> None:
    with pytest.raises(InvalidValue, match="use RefreshToken"):
        ClientCredentials("google", *CLIENT)


def test_a_public_client_has_no_secret(issuer: Issuer) -> None:
    with pytest.raises(LoginRefused, match="invalid_client"):
        RefreshToken(issuer.address, "the-client", "", "refresh-alice")()
    assert issuer.asked == [
        {"grant_type": "refresh_token", "refresh_token": "refresh-alice", "client_id": "the-client"}
    ]
