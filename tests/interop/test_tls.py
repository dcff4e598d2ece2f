"""TLS with real servers: Postfix (OpenSSL), Exim (GnuTLS), openssl s_server; both providers, both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postwright import SSLStartMode, errors
from postwright.enums import SSLProvider
from postwright.tls.resumption import Memory
from tests.interop.s_server import connect, serving, talk
from tests.interop.servers import new_token

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from pathlib import Path

    from tests.interop.both import Client
    from tests.interop.s_server import SServer
    from tests.interop.servers import Authority, Exim, Postfix

    Make = Callable[..., Client]
    Certified = Postfix | Exim

PLATFORM, INTERNAL = SSLProvider.PLATFORM, SSLProvider.INTERNAL
TLS_12, TLS_13 = 3072, 12288


@pytest.fixture(params=[PLATFORM, INTERNAL], ids=["Platform", "Internal"])
def provider(request: pytest.FixtureRequest) -> SSLProvider:
    chosen: SSLProvider = request.param
    return chosen


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> Certified:
    found: Certified = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def make(client_factory: Make, provider: SSLProvider) -> Make:
    """A client for a real server, by one of the providers; mail goes from alice to the address whose bytes are kept."""

    def factory(server: Certified, port: int | None = None, **values: Any) -> Client:
        given: dict[str, Any] = {
            "mail_server": "localhost",
            "mail_port": port or server.plain,
            "from_": "alice@example.test",
            "send_to": "x@capture.test",
            "subject": new_token(),
            "ssl_start_mode": SSLStartMode.EXPLICIT,
            "ssl_provider": provider,
        }
        client = client_factory(**(given | values))
        client.settings.open_ssl_ca_file = str(server.ca.root)
        client.settings.use_ipv6 = 0
        return client

    return factory


@pytest.mark.parametrize("protocols", [TLS_12, TLS_13])
@pytest.mark.parametrize("implicit", [True, False])
def test_both_versions_with_both_libraries(make: Make, server: Certified, protocols: int, implicit: bool) -> None:
    client = make(server, server.implicit if implicit else server.plain)
    client.ssl_start_mode = SSLStartMode.IMPLICIT if implicit else SSLStartMode.EXPLICIT
    client.settings.ssl_enabled_protocols = protocols
    with client.kept():
        client.connect()
        assert client.settings.ssl_negotiated_version == {TLS_12: "TLSv1.2", TLS_13: "TLSv1.3"}[protocols]
        assert client.settings.ssl_negotiated_key_exchange
        client.send()
    assert "TLS" in server.newest_trace(client.subject)


BAD = {
    "expired": ["expired"],
    "notyet": ["not valid yet"],
    "wronghost": ["another name than localhost"],
    "selfsigned": ["self-signed"],
    "unknownca": ["issuer is not trusted"],
    "weakkey": ["key is too weak"],
    "sha1": ["signature algorithm is too weak"],
    "noint": ["left an intermediate certificate out"],
    "wrongeku": ["not meant for servers"],
    "nosan": ["another name than localhost"],
    "wildcard": ["another name than localhost"],
}


@pytest.mark.parametrize("name", BAD)
def test_bad_certificates(make: Make, server: Certified, name: str) -> None:
    client = make(server, server.certificates[name])
    with pytest.raises(errors.CertificateRejected) as alone:
        client.connect()
    seen: list[Any] = []
    client.on_ssl_server_authentication = seen.append
    with pytest.raises(errors.CertificateRejected) as asked:
        client.connect()
    assert alone.value.detail == asked.value.detail == seen[0].status
    for words in BAD[name]:
        assert words in seen[0].status
    assert "CN=" in seen[0].cert_subject
    assert "CN=" in seen[0].cert_issuer


@pytest.mark.parametrize("name", ["good-ed", "idn"])
def test_good_certificates(make: Make, server: Certified, name: str) -> None:
    client = make(server, server.certificates[name])
    with client.kept():
        client.connect()
        assert client.connected


def test_a_name_beyond_ascii(make: Make, server: Certified) -> None:
    client = make(server, server.certificates["idn"])
    client.settings.tls_server_name = "bücher.example"
    with client.kept():
        client.connect()
    client.settings.tls_server_name = "büchlein.example"
    with pytest.raises(errors.CertificateRejected, match="another name"):
        client.connect()


@pytest.mark.parametrize(
    ("name", "flags"), [("expired", 1), ("wronghost", 0x80000000), ("unknownca", 0x10), ("selfsigned", 0x10)]
)
def test_flags(make: Make, server: Certified, name: str, flags: int) -> None:
    client = make(server, server.certificates[name])
    client.settings.ssl_security_flags = flags
    with client.kept():
        client.connect()
    client.settings.ssl_security_flags = 0x80000011 & ~flags
    with pytest.raises(errors.CertificateRejected):
        client.connect()


def test_revocation(make: Make, server: Certified) -> None:
    lists = server.ca.path("crl.pem").read_text()
    revoked = make(server, server.certificates["revoked"])
    with revoked.kept():
        revoked.connect()  # nobody gave a list
    revoked.settings.ssl_crls = lists
    with pytest.raises(errors.CertificateRejected, match="it was revoked"):
        revoked.connect()
    good = make(server)
    good.settings.ssl_crls = lists
    with good.kept():
        good.connect()


def test_old_tls_only_where_it_is_enabled(make: Make, postfix: Postfix) -> None:
    client = make(postfix, postfix.tls10)
    with pytest.raises(errors.HandshakeFailed, match="TLS version in common"):
        client.connect()
    client.settings.ssl_enabled_protocols = 192
    with client.kept():
        client.connect()
        assert client.settings.ssl_negotiated_version == "TLSv1"
    newer = make(postfix, postfix.tls12)
    with newer.kept():
        newer.connect()
        assert newer.settings.ssl_negotiated_version == "TLSv1.2"
    newer.settings.ssl_enabled_protocols = TLS_13
    with pytest.raises(errors.HandshakeFailed, match="TLS version in common"):
        newer.connect()


def with_certificate(client: Client, ca: Authority, name: str = "client") -> None:
    client.ssl_cert_store_type = 7
    client.ssl_cert_store = ca.path(f"{name}.key").read_bytes() + ca.path(f"{name}.crt").read_bytes()
    client.ssl_cert_subject = "*"
    client.settings.ssl_ca_certs = ca.path("inter.crt").read_text()


@pytest.mark.parametrize("protocols", [TLS_12, TLS_13])
def test_client_certificates(make: Make, postfix: Postfix, protocols: int) -> None:
    required = make(postfix, postfix.require_certificate)
    required.settings.ssl_enabled_protocols = protocols
    with pytest.raises(errors.SMTPError) as caught:
        required.send()
    assert isinstance(caught.value, errors.ClientCertificateMissing | errors.Refused), caught.value
    with_certificate(required, postfix.ca)
    assert required.send().reply.code == 250
    assert 'Client CN "alice"' in postfix.newest_trace(required.subject)
    known = make(postfix, postfix.ask_certificate, send_to="someone@elsewhere.test")
    known.settings.ssl_enabled_protocols = protocols
    with pytest.raises(errors.Refused):
        known.send()
    with_certificate(known, postfix.ca)
    assert known.send().reply.code == 250


def test_the_log_of_keys_opens_the_traffic(make: Make, server: Certified, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    client = make(server)
    client.settings.ssl_key_log_file = str(path)
    with client.kept():
        client.connect()
    assert "CLIENT_TRAFFIC_SECRET_0 " in path.read_text()
    from postwright.tls import platform_context

    platform_context._contexts._kept.clear()  # OpenSSL keeps the file open as long as the context lives


def test_settings_of_internal_reach_the_server(make: Make, server: Certified) -> None:
    client = make(server, ssl_provider=SSLProvider.AUTOMATIC)
    client.settings.tls13_supported_groups = "ecdhe_secp384r1"
    client.settings.tls13_key_share_groups = "ecdhe_secp384r1"
    client.settings.ssl_enabled_cipher_suites = "TLS_CHACHA20_POLY1305_SHA256"
    with client.kept():
        client.connect()
        assert client.settings.ssl_negotiated_key_exchange == "ecdhe_secp384r1"
        assert client.settings.ssl_negotiated_key_exchange_strength == "384"
        assert client.settings.ssl_negotiated_cipher_suite == "TLS_CHACHA20_POLY1305_SHA256"


# openssl s_server


@pytest.fixture
def s_server(ca: Authority, tmp_path: Path) -> Callable[..., Any]:
    def run(*options: str, name: str = "good") -> AbstractContextManager[SServer]:
        return serving(tmp_path, ca.path(f"{name}.crt"), ca.path(f"{name}.key"), ca.path("inter.crt"), *options)

    return run


@pytest.mark.parametrize("protocols", [192, 768, TLS_12, TLS_13])
def test_every_version_with_openssl(ca: Authority, s_server: Any, provider: SSLProvider, protocols: int) -> None:
    with s_server("-cipher", "ALL:@SECLEVEL=0", "-min_protocol", "TLSv1") as server:
        client = connect(provider, ca, protocols=protocols)
        assert talk(client, server.port) == b"cba\n"
        versions = {192: "TLSv1", 768: "TLSv1.1", TLS_12: "TLSv1.2", TLS_13: "TLSv1.3"}
        assert client.version == versions[protocols]


@pytest.mark.parametrize("name", ["weakkey", "sha1"])
def test_old_versions_keep_the_checks_of_strength(
    ca: Authority, s_server: Any, provider: SSLProvider, name: str
) -> None:
    with s_server("-cipher", "ALL:@SECLEVEL=0", "-min_protocol", "TLSv1", name=name) as server:
        client = connect(provider, ca, protocols=192)
        with pytest.raises(AssertionError, match="too weak"):
            talk(client, server.port)
        assert talk(connect(provider, ca, protocols=192, ciphers="ALL:@SECLEVEL=0"), server.port) == b"cba\n"


@pytest.mark.parametrize("protocols", [TLS_12, TLS_13])
def test_sessions_are_resumed_by_openssl(ca: Authority, s_server: Any, provider: SSLProvider, protocols: int) -> None:
    tickets: dict[Any, Any] = {}
    with s_server() as server:
        for turn in range(3):
            client = connect(provider, ca, Memory(tickets, "here", lambda: 0.0), protocols=protocols)
            assert talk(client, server.port) == b"cba\n"
            assert client.resumed is (turn > 0)


@pytest.mark.parametrize(
    ("suite", "group", "exchange"),
    [
        ("DHE-RSA-AES256-GCM-SHA384", "", ("dhe", 2048)),
        ("AES128-SHA", "", ("rsa", 2048)),
        ("ECDHE-RSA-AES128-SHA", "P-384", ("ecdhe_secp384r1", 384)),
    ],
)
def test_the_key_exchange_is_read_along(
    ca: Authority, s_server: Any, provider: SSLProvider, suite: str, group: str, exchange: tuple[str, int]
) -> None:
    with s_server("-cipher", suite, *(("-groups", group) if group else ())) as server:
        client = connect(provider, ca, protocols=TLS_12, ciphers="ALL")
        assert talk(client, server.port) == b"cba\n"
        assert client.key_exchange == exchange
        assert client.cipher[0] == suite


def test_the_server_sees_what_was_set(ca: Authority, s_server: Any) -> None:
    with s_server() as server:
        client = connect(
            INTERNAL,
            ca,
            groups_13="ecdhe_x448,ecdhe_x25519",
            shares_13="ecdhe_x25519",
            signatures_13="rsa_pss_sha384,rsa_pkcs1_sha256",
            protocols=TLS_13,
        )
        talk(client, server.port)
        assert server.said(r"Supported groups: (\S+)") == "x448:x25519"
        assert server.said(r"\nSignature Algorithms: (\S+)") == "RSA-PSS+SHA384:rsa_pss_pss_sha384:RSA+SHA256"
