"""TLS: by STARTTLS or from the first byte, never less than was asked for, and nothing said before the certificate is judged."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

import pytest

from postwright import Outcome
from postwright.errors import (
    CertificateRejected,
    ConnectionDropped,
    ExtensionMissing,
    HandshakeFailed,
    MalformedReply,
    NetworkError,
    SecurityError,
    ServiceClosing,
    SMTPError,
    UnexpectedReply,
)
from postwright.events import ConnectionStatus
from tests.support.certificates import certificate, shop
from tests.support.clients import failure
from tests.support.scripts import DATA, MAIL, TAKEN, hello

if TYPE_CHECKING:
    from postwright.events import SSLServerAuthentication
    from tests.support.clients import Client, World

IMPLICIT, EXPLICIT, NONE, OPPORTUNISTIC = 1, 2, 3, 4
OFFER = hello("STARTTLS", "SIZE 10", "AUTH PLAIN")
AGAIN = "S-TLS\nC: EHLO client.example\nS: 250 mx.example\n"


HANDSHAKES = {IMPLICIT: "S-TLS\n", EXPLICIT: OFFER + "C: STARTTLS\nS: 220 go\nS-TLS\n"}


@pytest.fixture(params=["trusting", "asking"])
def trusting(request: pytest.FixtureRequest, world: World) -> World:
    """A world whose clients trust the authority by OpenSSL's own judgement, or by a handler that leaves ours alone."""
    plain = world.play

    def play(*args: Any, **values: Any) -> Client:
        client = world.secure(plain(*args, **values))
        if request.param == "asking":
            client.on_ssl_server_authentication = lambda event: None
        return client

    vars(world)["play"] = play
    return world


def test_starttls_secures_the_line_and_forgets_what_was_offered_before(trusting: World) -> None:
    client = trusting.play(OFFER + "C: STARTTLS\nS: 220 go\n" + AGAIN + MAIL + DATA + TAKEN, ssl_start_mode=EXPLICIT)
    events = client.listen("on_connection_status")
    assert client.send().reply.text == "taken"
    assert [e.connection_event for e in events] == ["Connected", "TLS", "Disconnected"]
    assert isinstance(events[0], ConnectionStatus)


def test_implicit_tls_starts_with_the_first_byte(trusting: World) -> None:
    client = trusting.play("S-TLS\n" + hello() + MAIL + DATA + TAKEN, ssl_start_mode=IMPLICIT)
    client.connect()
    assert client.settings.ssl_negotiated_version == "TLSv1.3"
    assert client.settings.ssl_negotiated_cipher_strength in {"128", "256"}
    expected = ssl.PEM_cert_to_DER_cert(certificate(("localhost", "127.0.0.1")).cert_chain_pems[0].bytes().decode())
    assert client.ssl_server_cert_encoded == expected
    client.send()
    client.disconnect()
    assert client.settings.ssl_negotiated_version == ""


def test_the_password_goes_out_once_the_line_is_secure(trusting: World) -> None:
    client = trusting.play(
        OFFER + "C: STARTTLS\nS: 220 go\nS-TLS\nC: EHLO client.example\nS: 250-mx\nS: 250 AUTH PLAIN\n"
        "C: AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\nS: 235 yes",
        ssl_start_mode=EXPLICIT,
        user="alice",
        password="sesame",
    )
    client.connect()


@pytest.mark.parametrize("version", [3072, 12288])
def test_both_versions_of_tls_work(trusting: World, version: int) -> None:
    client = trusting.play("S-TLS\n" + hello() + MAIL + DATA + TAKEN, ssl_start_mode=IMPLICIT)
    client.settings.ssl_enabled_protocols = version
    client.send()


def nothing_was_sent(world: World, error: SMTPError) -> None:
    assert error.outcome is Outcome.NOT_SENT
    assert b"MAIL" not in world.heard
    assert b"AUTH" not in world.heard


@pytest.mark.parametrize("reply", ["454 4.7.0 not now", "250 ok", "200 ok", "354 go", "500 what?", "501 no", "235 yes"])
def test_only_220_lets_tls_start_and_nothing_else_is_sent(world: World, reply: str) -> None:
    client = world.play(OFFER + f"C: STARTTLS\nS: {reply}\nC: QUIT\nS: 221 bye", ssl_start_mode=EXPLICIT)
    error = failure(client)
    assert isinstance(error, ExtensionMissing)
    nothing_was_sent(world, error)


def test_starttls_that_is_not_offered_is_an_error_that_names_the_switch(world: World) -> None:
    client = world.play(hello("SIZE") + "C: QUIT\nS: 221 bye", ssl_start_mode=EXPLICIT, user="alice", password="x")
    error = failure(client)
    assert isinstance(error, ExtensionMissing)
    assert "ssl_start_mode=3" in str(error)
    nothing_was_sent(world, error)


def test_a_server_without_ehlo_offers_no_starttls(world: World) -> None:
    talk = "S: 220 mx\nC: EHLO client.example\nS: 502 no\nC: HELO client.example\nS: 250 mx\nC: QUIT\nS: 221 bye"
    assert isinstance(failure(world.play(talk, ssl_start_mode=EXPLICIT)), ExtensionMissing)


@pytest.mark.parametrize("injected", ["250 injected", "220 another", "421 gone"])
def test_a_line_behind_the_220_is_an_injection(world: World, injected: str) -> None:
    client = world.play(OFFER + f'C: STARTTLS\nS: <raw b"220 go\\r\\n{injected}\\r\\n">', ssl_start_mode=EXPLICIT)
    error = failure(client)
    assert_injection(world, client, error)


@pytest.mark.parametrize("fragment", ["2", "250-x", "\\n", "\\x00"])
def test_a_fragment_behind_the_220_is_an_injection(world: World, fragment: str) -> None:
    client = world.play(OFFER + f'C: STARTTLS\nS: <raw b"220 go\\r\\n{fragment}">\nS: <close>', ssl_start_mode=EXPLICIT)
    error = failure(client)
    assert_injection(world, client, error)


def assert_injection(world: World, client: Client, error: SMTPError) -> None:
    # In one packet it is seen at once; where it comes later the handshake meets it.
    kinds = (UnexpectedReply, MalformedReply, ServiceClosing) if world.mode == "whole" else (SMTPError,)
    assert isinstance(error, kinds)
    nothing_was_sent(world, error)
    assert not client.connected


def test_opportunistic_takes_tls_where_it_is_offered(trusting: World) -> None:
    client = trusting.play(OFFER + "C: STARTTLS\nS: 220 go\n" + AGAIN, ssl_start_mode=OPPORTUNISTIC)
    client.connect()
    assert client.settings.ssl_negotiated_version


def test_opportunistic_goes_on_in_plaintext_where_it_is_not(world: World) -> None:
    client = world.play(hello() + MAIL + DATA + TAKEN, ssl_start_mode=OPPORTUNISTIC)
    assert client.send().reply.text == "taken"


def test_opportunistic_does_not_go_on_after_a_refusal(world: World) -> None:
    client = world.play(OFFER + "C: STARTTLS\nS: 454 no\nC: QUIT\nS: 221 bye", ssl_start_mode=OPPORTUNISTIC)
    nothing_was_sent(world, failure(client))


def test_mode_none_never_says_starttls(world: World) -> None:
    client = world.play(hello("STARTTLS") + MAIL + DATA + TAKEN, ssl_start_mode=NONE)
    client.send()


def test_a_plaintext_greeting_on_an_implicit_port_names_the_setting(world: World) -> None:
    error = failure(world.play("S: 220 mx.example ESMTP", ssl_start_mode=IMPLICIT))
    assert isinstance(error, HandshakeFailed)
    assert "plaintext: '2" in str(error)
    assert "ssl_start_mode=2" in str(error)


@pytest.mark.parametrize("mode", [EXPLICIT, NONE])
def test_a_tls_alert_in_place_of_a_greeting_names_the_setting(world: World, mode: int) -> None:
    error = failure(world.play('S: <raw b"\\x15\\x03\\x01\\x00\\x02\\x02\\x46\\n">\nS: <close>', ssl_start_mode=mode))
    assert isinstance(error, MalformedReply)
    assert "ssl_start_mode=1" in str(error)


def test_a_web_server_is_told_apart(world: World) -> None:
    error = failure(world.play("S: HTTP/1.1 400 Bad Request\nS: <close>"))
    assert "web server" in str(error)


@pytest.mark.parametrize("mode", [EXPLICIT, IMPLICIT])
@pytest.mark.parametrize("asked", [True, False])
def test_an_authority_that_is_not_known_is_refused(world: World, mode: int, asked: bool) -> None:
    client = world.play(HANDSHAKES[mode], ssl_start_mode=mode, user="alice", password="sesame")
    if asked:
        client.on_ssl_server_authentication = lambda event: None
    error = failure(client)
    assert isinstance(error, CertificateRejected)
    assert isinstance(error, SecurityError)
    nothing_was_sent(world, error)
    assert not client.connected


@pytest.mark.parametrize("asked", [True, False])
def test_a_certificate_for_another_name_is_refused(world: World, asked: bool) -> None:
    client = world.secure(world.play("S-TLS", ssl_start_mode=IMPLICIT, tls=shop().context("other.example")))
    if asked:
        client.on_ssl_server_authentication = lambda event: None
    error = failure(client, "connect")
    assert isinstance(error, CertificateRejected)
    assert "another" in str(error)
    assert "127.0.0.1" in str(error)


def test_tls_server_name_is_what_the_certificate_must_have(world: World) -> None:
    client = world.secure(world.play("S-TLS\n" + hello(), ssl_start_mode=IMPLICIT, tls=shop().context("other.example")))
    client.settings.tls_server_name = "other.example"
    client.connect()
    assert client.connected


def test_a_handler_may_accept_what_we_would_not(world: World) -> None:
    client = world.play("S-TLS\n" + hello(), ssl_start_mode=IMPLICIT)
    seen: list[SSLServerAuthentication] = []

    def accept(event: SSLServerAuthentication) -> None:
        seen.append(event)
        event.accept = True

    client.on_ssl_server_authentication = accept
    client.connect()
    assert not seen[0].status.startswith("OK")
    assert seen[0].cert_encoded == client.ssl_server_cert_encoded
    assert "Tests" in seen[0].cert_issuer


def test_a_handler_may_refuse_what_we_would_accept(world: World) -> None:
    client = world.secure(world.play("S-TLS", ssl_start_mode=IMPLICIT))

    def refuse(event: SSLServerAuthentication) -> None:
        assert event.status == "OK"
        event.accept = False

    client.on_ssl_server_authentication = refuse
    error = failure(client)
    assert isinstance(error, CertificateRejected)
    nothing_was_sent(world, error)


@pytest.mark.parametrize("mode", [EXPLICIT, IMPLICIT])
def test_a_handler_that_raises_refuses_and_its_error_comes_through(world: World, mode: int) -> None:
    client = world.secure(world.play(HANDSHAKES[mode], ssl_start_mode=mode))

    def fail(event: SSLServerAuthentication) -> None:
        event.accept = True
        raise LookupError("mine")

    client.on_ssl_server_authentication = fail
    with pytest.raises(LookupError, match="mine"):
        client.send()
    assert not client.connected
    assert b"MAIL" not in world.heard
    assert b"QUIT" not in world.heard


@pytest.mark.parametrize("form", ["pem", "der"])
def test_a_pinned_certificate_is_accepted_whoever_signed_it(world: World, form: str) -> None:
    client = world.play("S-TLS\n" + hello(), ssl_start_mode=IMPLICIT)
    pem = certificate(("localhost", "127.0.0.1")).cert_chain_pems[0].bytes()
    client.ssl_accept_server_cert_encoded = pem if form == "pem" else ssl.PEM_cert_to_DER_cert(pem.decode())
    client.connect()
    assert client.connected


def test_another_certificate_than_the_pinned_one_is_refused_even_if_it_is_good(world: World) -> None:
    client = world.secure(world.play("S-TLS", ssl_start_mode=IMPLICIT))
    client.ssl_accept_server_cert_encoded = certificate(("other.example",)).cert_chain_pems[0].bytes()
    assert isinstance(failure(client), CertificateRejected)


@pytest.mark.parametrize("talk", ["S: <close>", OFFER + "C: STARTTLS\nS: 220 go\nS: <close>"])
def test_a_server_that_leaves_before_the_handshake(world: World, talk: str) -> None:
    client = world.play(talk, ssl_start_mode=IMPLICIT if talk == "S: <close>" else EXPLICIT)
    error = failure(client)
    assert isinstance(error, HandshakeFailed | ConnectionDropped | NetworkError)
    assert isinstance(error, ConnectionError)
    nothing_was_sent(world, error)


@pytest.mark.parametrize("closing", ["S: <close>", "S: 421 4.4.2 idle\nS: <close>"])
def test_a_secure_line_that_went_stale_is_replaced(trusting: World, closing: str) -> None:
    client = trusting.play(
        "S-TLS\n" + hello() + closing, "S-TLS\n" + hello() + MAIL + DATA + TAKEN, ssl_start_mode=IMPLICIT
    )
    client.settings.process_idle_events = False
    client.connect()
    if trusting.server is not None:
        assert trusting.server.idle.wait(2)
    assert client.send().reply.text == "taken"
    client.disconnect()
