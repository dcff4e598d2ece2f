"""TLS as the user of SMTP and AsyncSMTP meets it: the settings, the two events, and what may be read afterwards."""

from __future__ import annotations

import asyncio
import ssl as standard
from typing import TYPE_CHECKING, Any

import pytest

from postwright import AsyncSMTP, errors
from postwright.events import SSLStatus
from tests.support.certificates import certificate, shop
from tests.support.clients import World, failure
from tests.support.scripts import DATA, MAIL, TAKEN, hello
from tests.support.server import ScriptedServer
from tests.unit.tls import pki
from tests.unit.tls.rig import NAMES, StandardServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.events import SSLServerAuthentication
    from tests.support.clients import Client

IMPLICIT = "S-TLS\n" + hello()


@pytest.fixture(params=["scripted", "sync", "async"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    with World(request.param) as made:
        yield made


@pytest.fixture(params=[1, 2], ids=NAMES)
def provider(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


def play(world: World, provider: int, *talks: str, **values: Any) -> Client:
    client = world.secure(world.play(*(talks or (IMPLICIT,)), ssl_start_mode=1, ssl_provider=provider, **values))
    client.settings.ssl_ca_cert_file_paths = ""
    return client


def test_a_mail_goes_out_by_both(world: World, provider: int) -> None:
    client = play(world, provider, IMPLICIT + MAIL + DATA + TAKEN)
    assert client.send().reply.text == "taken"


def test_what_was_negotiated_can_be_read(world: World, provider: int) -> None:
    client = play(world, provider)
    client.connect()
    settings = client.settings
    assert settings.ssl_negotiated_version == "TLSv1.3"
    assert settings.ssl_negotiated_cipher_suite == settings.ssl_negotiated_cipher
    assert settings.ssl_negotiated_cipher.startswith("TLS_")
    assert settings.ssl_negotiated_cipher_strength in {"128", "256"}
    assert "25519" in settings.ssl_negotiated_key_exchange
    assert settings.ssl_negotiated_key_exchange_strength == "253"
    assert client.ssl_server_cert_encoded
    client.disconnect()
    assert settings.ssl_negotiated_key_exchange == ""


def test_the_suite_has_two_names_before_tls_13(world: World, provider: int) -> None:
    client = play(world, provider)
    client.settings.ssl_enabled_protocols = 3072
    client.connect()
    assert client.settings.ssl_negotiated_cipher == "ECDHE-ECDSA-AES256-GCM-SHA384"
    assert client.settings.ssl_negotiated_cipher_suite == "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"


def test_progress_is_told(world: World, provider: int) -> None:
    client = play(world, provider)
    client.settings.ssl_security_flags = 0x802 | 0x1
    events = client.listen("on_ssl_status")
    client.connect()
    told = [event.message for event in events if isinstance(event, SSLStatus)]
    assert told[0].startswith(f"TLS handshake with 127.0.0.1 by {NAMES[provider - 1]} (OpenSSL ")
    assert told[1] == (
        "these bits of SSLSecurityFlags have no counterpart in OpenSSL and change nothing: "
        "0x2 (list time), 0x800 (root revocation)"
    )
    assert told[-1].startswith("TLSv1.3, TLS_")


def test_packets_are_told_before_and_after_the_handshake(world: World, provider: int) -> None:
    client = play(world, provider)
    client.settings.log_ssl_packets = True
    events = client.listen("on_ssl_status")
    client.connect()
    told = [event.message for event in events]
    assert told[1].startswith("sent Handshake ClientHello, ")
    assert any(line.startswith("received Handshake ServerHello, ") for line in told)
    end = next(number for number, line in enumerate(told) if line.startswith("TLSv1.3, "))
    assert any(line.startswith("sent ApplicationData, ") for line in told[end:])
    assert any(line.startswith("received ApplicationData, ") for line in told[end:])


def test_an_overlooked_fault_is_told(world: World, provider: int) -> None:
    client = play(world, provider, tls=shop().context("other.example"))
    client.settings.ssl_security_flags = 0x80000000
    events = client.listen("on_ssl_status")
    client.connect()
    assert any(
        event.message.startswith("overlooked because of SSLSecurityFlags: it was issued for another address")
        for event in events
    )


@pytest.mark.parametrize("chain", [True, False])
def test_the_event_has_the_certificate_or_the_chain(world: World, provider: int, chain: bool) -> None:
    server = StandardServer(pki.party("good"))
    client = world.play(IMPLICIT, ssl_start_mode=1, ssl_provider=provider, tls=server.context)
    client.settings.ssl_server_ca_certs = pki.root().pem
    client.settings.ssl_ca_cert_file_paths = ""
    client.settings.ssl_include_cert_chain = chain
    seen: list[SSLServerAuthentication] = []
    client.on_ssl_server_authentication = seen.append
    client.connect()
    [event] = seen
    assert (event.accept, event.status) == (True, "OK")
    assert event.cert_encoded == (b"".join(pki.party("good").ders) if chain else pki.party("good").der)
    assert event.cert_subject == 'CN=localhost, O="Tests, ""the"" Company"'
    assert event.cert_issuer.startswith("CN=Test Intermediate")
    assert client.ssl_server_cert_encoded == pki.party("good").der


def test_a_handler_that_is_awaited_decides(provider: int) -> None:
    async def main() -> list[str]:
        order: list[str] = []

        async def decide(event: SSLServerAuthentication) -> None:
            await asyncio.sleep(0.01)
            order.append(event.status)
            event.accept = len(order) == 1

        with ScriptedServer(IMPLICIT + "C: QUIT\nS: 221 bye\n", "S-TLS") as server:
            smtp = AsyncSMTP(mail_server="127.0.0.1", mail_port=server.port, ssl_start_mode=1, ssl_provider=provider)
            smtp.settings.hello = "client.example"
            smtp.on_ssl_server_authentication = decide
            await smtp.connect()
            await smtp.disconnect()
            with pytest.raises(errors.CertificateRejected):
                await smtp.connect()
        return order

    assert len(asyncio.run(main())) == 2


@pytest.mark.parametrize("protocols", [3072, 12288])
def test_a_session_is_resumed_by_the_same_object_only(provider: int, protocols: int) -> None:
    for kind in ("sync", "async"):
        with World(kind) as made:
            context = shop().context()
            talk = IMPLICIT + MAIL + DATA + TAKEN
            client = play(made, provider, talk, talk, talk, talk, tls=context)
            client.settings.ssl_enabled_protocols = protocols
            events = client.listen("on_ssl_status")
            client.send()
            assert not any("resumed" in event.message for event in events)
            client.settings.reuse_ssl_session = True
            client.send()
            assert not any("resumed" in event.message for event in events)
            client.send()
            assert sum("resumed session" in event.message for event in events) == 1
            client.settings.ssl_enabled_protocols = 15360  # other settings, another session
            client.send()
            assert sum("resumed session" in event.message for event in events) == 1


def test_platform_with_what_only_internal_can_is_an_error_before_anything_is_dialed(world: World) -> None:
    client = world.client(port=1, ssl_start_mode=1, ssl_provider=1)
    client.settings.tls13_supported_groups = "ecdhe_x448"
    with pytest.raises(errors.NotAvailable, match=r"SSLProvider is PLATFORM.*TLS13SupportedGroups"):
        client.connect()
    world._clients.clear()


def test_automatic_takes_internal_for_it(world: World) -> None:
    client = play(world, 0)
    client.settings.tls13_supported_groups = "ecdhe_secp384r1,ecdhe_secp256r1"
    client.connect()
    assert client.settings.ssl_negotiated_key_exchange.startswith("ecdhe_secp")


def test_a_client_certificate_is_in_the_store(world: World, provider: int) -> None:
    context = shop().context()
    context.verify_mode = standard.CERT_REQUIRED
    context.load_verify_locations(cadata=pki.root().pem)
    client = play(world, provider, tls=context)
    client.ssl_cert_store_type = 7
    client.ssl_cert_store = pki.party("client").all_pem
    client.ssl_cert_subject = "CN=alice"
    client.settings.ssl_ca_certs = pki.root().pem
    client.connect()
    assert client.settings.ssl_negotiated_version == "TLSv1.3"
    assert client.ssl_cert_subject == 'CN=alice, O="Tests, ""the"" Company"'  # the full one, as long as it is in use
    client.disconnect()
    assert client.ssl_cert_subject == "CN=alice"


def test_a_server_that_wants_one_is_told_apart(provider: int) -> None:
    for kind in ("sync", "async"):
        world = World(kind)
        context = shop().context()
        context.verify_mode = standard.CERT_REQUIRED
        context.load_verify_locations(cadata=pki.root().pem)
        client = play(world, provider, "S-TLS", tls=context)
        error = failure(client, "connect")
        assert isinstance(error, errors.ClientCertificateMissing)
        assert not client.connected
        world.close()


def anonymous(context: standard.SSLContext) -> None:
    context.set_ciphers("aNULL:@SECLEVEL=0")


@pytest.mark.parametrize("asked", [True, False])
def test_a_server_without_a_certificate_is_never_taken(world: World, provider: int, asked: bool) -> None:
    server = StandardServer(pki.party("good"), anonymous)
    client = world.play("S-TLS", ssl_start_mode=1, ssl_provider=provider, tls=server.context)
    client.settings.ssl_enabled_protocols = 3072
    client.settings.open_ssl_cipher_list = "aNULL:@SECLEVEL=0"
    if asked:
        client.on_ssl_server_authentication = lambda event: setattr(event, "accept", True)
    error = failure(client, "connect")
    assert isinstance(error, errors.ServerCertificateMissing)
    assert "[282]" in str(error)
    assert not client.connected
    client.settings.open_ssl_cipher_list = "DEFAULT"


def test_what_is_wrong_with_a_file_is_told_before_anything_is_dialed(world: World) -> None:
    client = world.client(
        port=1, ssl_start_mode=1, ssl_cert_store_type=6, ssl_cert_store="/nowhere", ssl_cert_subject="*"
    )
    assert isinstance(failure(client, "connect"), errors.CertificateStoreUnreadable)
    client = world.client(port=1, ssl_start_mode=1, ssl_cert_store_type=7, ssl_cert_subject="CN=nobody")
    client.ssl_cert_store = pki.party("client").all_pem
    assert isinstance(failure(client, "connect"), errors.CertificateNotFound)
    world._clients.clear()


def test_the_certificate_of_the_tests_is_the_one_that_is_shown(world: World, provider: int) -> None:
    client = play(world, provider)
    client.connect()
    pem = certificate(("localhost", "127.0.0.1")).cert_chain_pems[0].bytes()
    assert standard.PEM_cert_to_DER_cert(pem.decode()) == client.ssl_server_cert_encoded
