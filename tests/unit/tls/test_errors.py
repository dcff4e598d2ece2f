"""The errors of TLS, 270 to 284, through the front door with both providers: each can happen, and says what to do."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import pytest

from postwright import Outcome, errors, tls
from postwright.errors.base import REGISTER
from tests.support.clients import World, failure
from tests.unit.tls import pki
from tests.unit.tls.rig import NAMES, OtherServer, StandardServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.clients import Client
    from tests.support.server import Wire

NUMBERS = [number for number in REGISTER if 270 <= number <= 284]


class Desk:
    """A client of one provider, set so that something fails."""

    def __init__(self, world: World, provider: int, patch: pytest.MonkeyPatch) -> None:
        self.world, self.provider, self.patch = world, provider, patch

    def client(self, **values: Any) -> Client:
        return self._trusting(self.world.client(port=1, ssl_start_mode=1, ssl_provider=self.provider, **values))

    def with_certificate(self, **values: Any) -> Client:
        given: dict[str, Any] = {"ssl_cert_store_type": 7, "ssl_cert_subject": "*"}
        return self.client(**(given | {"ssl_cert_store": pki.party("client").all_pem} | values))

    def attacked(self, attack: Callable[[Wire, OtherServer], None]) -> Client:
        """A client whose server becomes a function once it has greeted, in TLS 1.2."""

        def serve(wire: Wire) -> None:
            other = OtherServer(pki.party("good"))
            while not other.handshake():
                wire.send(other.outgoing())
                other.feed(wire.receive())
            attack(wire, other)
            wire.until_gone()

        client = self.world.attack(serve, ssl_start_mode=1, ssl_provider=self.provider)
        client.settings.ssl_enabled_protocols = 3072
        return self._trusting(client)

    def facing(self, kind: str, tune: Any = None, **values: Any) -> Client:
        server = StandardServer(pki.party(kind), tune)
        played = self.world.play("S-TLS", tls=server.context, ssl_start_mode=1, ssl_provider=self.provider, **values)
        return self._trusting(played)

    def _trusting(self, client: Client) -> Client:
        client.settings.ssl_ca_cert_file_paths = ""
        client.settings.tls_server_name = "localhost"
        client.settings.ssl_server_ca_certs = pki.root().pem
        return client


@pytest.fixture(params=[1, 2], ids=NAMES)
def desk(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = World("sync")
    try:
        yield Desk(world, request.param, monkeypatch)
    finally:
        world.close()


def library(desk: Desk) -> Client:
    if desk.provider == 1:  # the standard library needs no other, so it is a store that nothing reads
        return desk.with_certificate(ssl_cert_store_type=21)
    desk.patch.setitem(sys.modules, "postwright.tls.internal", None)  # as if the extra were not installed
    desk.patch.delattr(tls, "internal", raising=False)
    return desk.client()


def chain(desk: Desk, authorities: str) -> Client:
    client = desk.with_certificate(ssl_cert_store=pki.party("client").key_pem + pki.party("client").pem.encode())
    client.settings.ssl_ca_certs = authorities
    return client


def namesake(desk: Desk) -> Client:
    return chain(desk, pki.issue("Test Intermediate", pki.root(), authority=True).pem)


def handshake(desk: Desk) -> Client:
    client = desk.facing("good")
    client.settings.ssl_enabled_protocols = 192  # which the server does not have
    return client


def anonymous(desk: Desk) -> Client:
    client = desk.facing("good", tune=lambda context: context.set_ciphers("aNULL:@SECLEVEL=0"))
    client.settings.ssl_enabled_protocols = 3072
    client.settings.open_ssl_cipher_list = "aNULL:@SECLEVEL=0"
    return client


def renegotiating(desk: Desk) -> Client:
    """With its greeting the server asks for another handshake, and our EHLO finds it under way."""

    def attack(wire: Wire, other: OtherServer) -> None:
        greeting = other.encrypt(b"220 hi\r\n")
        other.tls.renegotiate()
        other.handshake()
        wire.send(greeting + other.outgoing())

    return desk.attacked(attack)


def damaging(desk: Desk) -> Client:
    def attack(wire: Wire, other: OtherServer) -> None:
        record = other.encrypt(b"220 hi\r\n")
        wire.send(record[:-1] + bytes([record[-1] ^ 1]))

    return desk.attacked(attack)


WAYS: dict[int, tuple[Callable[[Desk], Client], str]] = {
    270: (library, r"pip install 'postwright\[tls\]'|-deststoretype PKCS12, and set ssl_cert_store_type to 2"),
    271: (
        lambda desk: desk.with_certificate(ssl_cert_store_type=6, ssl_cert_store="/nowhere"),
        r"types that end in BLOB",
    ),
    272: (lambda desk: desk.with_certificate(ssl_cert_subject="CN=nobody"), r"It holds: CN=alice"),
    273: (
        lambda desk: desk.with_certificate(ssl_cert_store=pki.party("client").pem.encode()),
        r"export the certificate with its key",
    ),
    274: (lambda desk: chain(desk, pki.stranger().pem), r"add its certificate, or leave SSLCACerts empty"),
    275: (namesake, r"did not sign .*Give the one that did"),
    276: (handshake, r"SSLEnabledProtocols"),
    280: (lambda desk: desk.facing("unknownca"), r"add the authority to SSLServerCACerts"),
    281: (lambda desk: desk.with_certificate(ssl_cert_subject="  "), r"set ssl_cert_subject to '\*'"),
    282: (anonymous, r"OpenSSLCipherList must not allow suites without"),
    283: (renegotiating, r"set SSLEnableRenegotiation to False"),
    284: (damaging, r"a record was damaged or forged .* connect anew"),
}


@pytest.mark.parametrize("number", NUMBERS)
def test_each_number_can_happen_and_says_what_to_do(desk: Desk, number: int) -> None:
    make, words = WAYS[number]
    client = make(desk)
    error = failure(client, "send")
    assert isinstance(error, errors.SecurityError)
    assert error.code == number, error
    assert error.outcome is Outcome.NOT_SENT
    assert not client.connected
    assert re.search(words, str(error)), error


def test_there_are_twelve() -> None:
    assert sorted(WAYS) == sorted(NUMBERS) == [270, 271, 272, 273, 274, 275, 276, 280, 281, 282, 283, 284]
