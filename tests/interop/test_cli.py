"""The program with real servers: mail through proxies, and what probe says of good and bad servers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from postwright.cli import main
from tests.interop.servers import new_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.interop.servers import Exim, MailServer, Microsocks, Postfix, Squid

    Probe = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture
def probe(capfd: pytest.CaptureFixture[str]) -> Probe:
    def call(server: MailServer, port: int, *words: str, tls: str = "starttls") -> tuple[int, dict[str, Any]]:
        capfd.readouterr()
        where = ["probe", f"localhost:{port}", "-4", "--tls", tls, "--ca-file", str(server.ca.root)]
        code = main([*where, "--timeout", "10", "--json", *words])
        found = json.loads(capfd.readouterr().out)
        assert isinstance(found, dict)
        return code, found

    return call


def codes(found: dict[str, Any]) -> list[str]:
    return [fault["code"] for fault in found["wrong"]]


@pytest.mark.parametrize("server", ["postfix", "exim"])
def test_a_server_that_offers_logins_too_early(probe: Probe, server: str, request: pytest.FixtureRequest) -> None:
    real: MailServer = request.getfixturevalue(server)
    code, found = probe(real, real.plain)
    assert code == 1
    assert codes(found) == ["auth_in_plaintext"]
    assert found["tls"]["protocol"] == "TLSv1.3"
    assert found["verdict"]["trusted"] is True
    assert len(found["certificates"]) == 2
    assert "localhost" in found["certificates"][0]["hosts"]
    assert found["certificates"][0]["issuer"] == found["certificates"][1]["subject"]
    assert "STARTTLS" in found["extensions"]["before_tls"]
    assert "STARTTLS" not in found["extensions"]["after_tls"]


@pytest.mark.parametrize("server", ["postfix", "exim"])
def test_tls_at_once_is_good(probe: Probe, server: str, request: pytest.FixtureRequest) -> None:
    real: MailServer = request.getfixturevalue(server)
    code, found = probe(real, real.implicit, tls="implicit")
    assert (code, codes(found), found["better"]) == (0, [], [])
    assert found["extensions"]["before_tls"] is None
    assert "PLAIN" in found["auth"]["after_tls"]


BAD = {
    "expired": "expired",
    "notyet": "not valid yet",
    "wronghost": "another name than localhost",
    "selfsigned": "self-signed",
    "unknownca": "issuer is not trusted",
    "weakkey": "key is too weak",
    "sha1": "signature algorithm is too weak",
    "noint": "left an intermediate certificate out",
    "wrongeku": "not meant for servers",
    "nosan": "another name than localhost",
    "wildcard": "another name than localhost",
}


@pytest.mark.parametrize("name", BAD)
def test_bad_certificates(postfix: Postfix, probe: Probe, name: str) -> None:
    code, found = probe(postfix, postfix.certificates[name])
    assert code == 1
    assert "certificate" in codes(found)
    assert found["verdict"]["trusted"] is False
    assert BAD[name] in found["verdict"]["text"]
    assert found["certificates"][0]["subject"]
    assert found["extensions"]["after_tls"]  # nothing secret was at stake, so it went on


def test_old_and_newer_protocols(postfix: Postfix, probe: Probe) -> None:
    code, found = probe(postfix, postfix.tls10)
    assert (code, found["tls"]["protocol"]) == (1, "TLSv1")
    assert "old_protocol" in codes(found)
    _, found = probe(postfix, postfix.tls12)
    assert found["tls"]["protocol"] == "TLSv1.2"
    assert "old_protocol" not in codes(found)
    assert [fault["code"] for fault in found["better"]] == ["not_newest_protocol"]


def test_servers_with_little(postfix: Postfix, exim: Exim, probe: Probe) -> None:
    code, found = probe(postfix, postfix.bare)
    assert (code, codes(found)) == (1, ["no_starttls"])
    assert [fault["code"] for fault in found["better"]] == ["no_pipelining", "no_size", "no_8bitmime"]
    code, found = probe(exim, exim.bare)
    assert (code, codes(found)) == (1, ["no_starttls"])
    assert [fault["code"] for fault in found["better"]] == ["no_pipelining"]


def test_a_server_that_refuses(postfix: Postfix, probe: Probe) -> None:
    code, found = probe(postfix, postfix.refusing)
    assert (code, codes(found)) == (1, ["failed"])
    assert found["greeting"]["code"] == 554


def test_a_client_certificate(postfix: Postfix, probe: Probe) -> None:
    code, _ = probe(postfix, postfix.require_certificate)
    assert code == 1
    code, found = probe(
        postfix, postfix.require_certificate, "--cert", str(postfix.ca.root.parent / "client.combined.pem")
    )
    assert (code, codes(found)) == (0, [])


@pytest.mark.parametrize("kind", ["microsocks", "squid"])
def test_mail_through_proxies(
    postfix: Postfix, kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy: Microsocks | Squid = request.getfixturevalue(kind)
    scheme = {"microsocks": "socks5", "squid": "http"}[kind]

    def send(subject: str, way: str) -> int:
        where = ["-s", f"{postfix.host}:{postfix.plain}", "--starttls", "--ca-file", str(postfix.ca.root)]
        mail = ["-f", "alice@example.test", "-t", "x@capture.test", "-S", subject, "--text", "Hello"]
        return main(["send", *where, *mail, "--proxy", f"{scheme}://{way}"])

    closed = f"{proxy.user}@{proxy.host}:{proxy.password}"
    monkeypatch.setenv("POSTWRIGHT_PROXY_PASSWORD", proxy.secret)
    for way in (f"{proxy.host}:{proxy.open}", closed):
        subject = new_token()
        assert send(subject, way) == 0
        assert "TLS" in postfix.newest_trace(subject)
    monkeypatch.setenv("POSTWRIGHT_PROXY_PASSWORD", "wrong")
    assert send(new_token(), closed) == 74
