"""The SSL settings of the reference through the front door: with either provider each is honoured, or an error that names it.

What a setting does in detail is tested with the providers themselves; here, that ``config("Name=value")`` gets there.
"""

from __future__ import annotations

import gc
import json
import ssl as standard
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from OpenSSL import SSL
from OpenSSL._util import lib

from postwright import errors
from postwright.events import SSLServerAuthentication
from postwright.tls import platform_context
from tests.support.clients import World, failure
from tests.support.scripts import DATA, MAIL, TAKEN, hello
from tests.unit.tls import pki
from tests.unit.tls.client_hello import parse
from tests.unit.tls.rig import NAMES, OtherServer, StandardServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.clients import Client
    from tests.support.server import Wire
    from tests.unit.tls.client_hello import ClientHello

FACTS = json.loads((Path(__file__).parents[2] / "tables" / "facts.json").read_text())["settings"]
SETTINGS = [fact["name"] for fact in FACTS if fact["group"] == "SSL"]
TALK = "S-TLS\n" + hello()
MAILS = TALK + MAIL + DATA + TAKEN
ROOT = "SSLServerCACerts"


class Desk:
    """Clients of one provider, set by ``config`` alone, and the servers that they meet."""

    GIVEN: ClassVar[dict[str, object]] = {"SSLCACertFilePaths": "", "TLSServerName": "localhost", ROOT: pki.root().pem}

    def __init__(self, world: World, provider: int, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.world, self.provider, self.folder, self.patch = world, provider, folder, patch

    def _set(self, client: Client, given: dict[str, object]) -> Client:
        for name, value in (self.GIVEN | given).items():
            client.config(f"{name}={value}")
        return client

    def client(self, kind: str = "good", /, *talks: str, tune: Any = None, **given: object) -> Client:
        """A client whose server has a certificate of this kind."""
        server = StandardServer(pki.party(kind), tune)
        values: dict[str, Any] = {"ssl_start_mode": 1, "ssl_provider": self.provider}
        return self._set(self.world.play(*(talks or (TALK,)), tls=server.context, **values), given)

    def attacked(self, attack: Callable[[Wire], None], **given: object) -> Client:
        """A client whose server is a function."""
        return self._set(self.world.attack(attack, ssl_start_mode=1, ssl_provider=self.provider), given)

    def hello(self, **given: object) -> ClientHello:
        """What goes to the server."""

        def listen(wire: Wire) -> None:
            wire.receive()

        client = self.attacked(listen, **given)
        assert isinstance(failure(client, "connect"), errors.HandshakeFailed)
        return parse(bytes(self.world.wire.heard))

    def trusts(self, **given: object) -> None:
        """Make sure that the server is trusted with this, and not without."""
        assert isinstance(failure(self.client("good", "S-TLS", **{ROOT: ""}), "connect"), errors.CertificateRejected)
        self.client(**{ROOT: ""} | given).connect()

    def root(self) -> Path:
        path = self.folder / "root.pem"
        path.write_text(pki.root().pem)
        return path


@pytest.fixture(params=[1, 2], ids=NAMES)
def desk(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    world = World("sync")
    try:
        yield Desk(world, request.param, tmp_path, monkeypatch)
    finally:
        world.close()


def log_packets(desk: Desk) -> None:
    for value in (True, False):
        client = desk.client(LogSSLPackets=value)
        events = client.listen("on_ssl_status")
        client.connect()
        assert any("ClientHello" in event.message for event in events) is value


def authority_dir(desk: Desk) -> None:
    subprocess.run(["openssl", "rehash", str(desk.root().parent)], check=True, capture_output=True)
    desk.trusts(OpenSSLCADir=desk.folder)


def cipher_list(desk: Desk) -> None:
    suites = desk.hello(OpenSSLCipherList="AES256-SHA", SSLEnabledProtocols=3072).suites
    assert [suite for suite in suites if suite != 0xFF] == [0x35]


def seed(desk: Desk) -> None:
    stirred: list[bytes] = []
    desk.patch.setattr(standard, "RAND_add", lambda data, entropy: stirred.append(data.encode()))
    desk.patch.setattr(lib, "RAND_add", lambda data, size, entropy: stirred.append(data[:size]))
    desk.client(OpenSSLPrngSeedData="noise").connect()
    assert stirred == [b"noise"]


def reuse(desk: Desk) -> None:
    for value in (True, False):
        client = desk.client("good", MAILS, MAILS, ReuseSSLSession=value)
        events = client.listen("on_ssl_status")
        client.send()
        client.disconnect()
        client.send()
        assert any("resumed session" in event.message for event in events) is value
        client.disconnect()


def client_chain(desk: Desk) -> None:
    """The server knows the root alone, so that it needs what SSLCACerts gives."""

    def wants(context: standard.SSLContext) -> None:
        context.verify_mode = standard.CERT_REQUIRED
        context.load_verify_locations(cadata=pki.root().pem)

    def with_certificate(**given: object) -> Client:
        client = desk.client("good", TALK if given else "S-TLS", tune=wants, **given)
        client.ssl_cert_store_type = 7
        client.ssl_cert_store = pki.party("client").key_pem + pki.party("client").pem.encode()
        client.ssl_cert_subject = "*"
        return client

    assert "unknown ca" in str(failure(with_certificate(), "connect"))
    with_certificate(SSLCACerts=pki.intermediate().pem).connect()


def strength(desk: Desk) -> None:
    weak = {0x2F, 0x3C, 0x9C, 0x1301, 0xC013, 0xC027, 0xC02F, 0xC02B}  # with AES of 128 bits
    assert not weak & set(desk.hello(SSLCipherStrength=256, SSLEnabledProtocols=3072).suites)
    assert weak & set(desk.hello(SSLCipherStrength=128, SSLEnabledProtocols=3072).suites)
    if desk.provider == 2:
        assert not weak & set(desk.hello(SSLCipherStrength=256).suites)
    else:
        refused(desk, "SSLCipherStrength", 256)


def suites(desk: Desk) -> None:
    found = desk.hello(SSLEnabledCipherSuites="TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256").suites
    assert [suite for suite in found if suite != 0xFF] == [0xC02F]
    if desk.provider == 2:
        assert 0x1303 in desk.hello(SSLEnabledCipherSuites="TLS_CHACHA20_POLY1305_SHA256").suites
    else:
        refused(desk, "SSLEnabledCipherSuites", "TLS_CHACHA20_POLY1305_SHA256")


def renegotiation(desk: Desk) -> None:
    def serve(wire: Wire) -> None:
        other = OtherServer(pki.party("good"), lambda context: context.set_max_proto_version(SSL.TLS1_2_VERSION))
        while not other.handshake():
            wire.send(other.outgoing())
            other.feed(wire.receive())
        wire.send(other.outgoing() + other.encrypt(b"220 hi\r\n"))
        other.feed(wire.receive())
        assert other.decrypt().startswith(b"EHLO")
        other.tls.renegotiate()
        other.handshake()
        wire.send(other.outgoing())
        try:
            while other.tls.renegotiate_pending():
                other.feed(wire.receive())
                other.decrypt()
                wire.send(other.outgoing())
        except SSL.Error:  # the client says that it won't
            wire.send(other.outgoing())
            return
        wire.send(other.encrypt(b"250 ok\r\n"))
        wire.until_gone()

    desk.attacked(serve, SSLEnabledProtocols=3072).connect()
    client = desk.attacked(serve, SSLEnabledProtocols=3072, SSLEnableRenegotiation=False)
    assert isinstance(failure(client, "connect"), errors.HandshakeFailed)


def include_chain(desk: Desk) -> None:
    for value in (True, False):
        client = desk.client(SSLIncludeCertChain=value)
        events = client.listen("on_ssl_server_authentication")
        client.connect()
        [event] = [event for event in events if isinstance(event, SSLServerAuthentication)]
        assert event.cert_encoded == (b"".join(pki.party("good").ders) if value else pki.party("good").der)


def key_log(desk: Desk) -> None:
    path = desk.folder / "keys"
    client = desk.client(SSLKeyLogFile=path)
    client.connect()
    client.disconnect()
    assert "CLIENT_TRAFFIC_SECRET_0 " in path.read_text()
    # OpenSSL keeps the file open as long as the context lives.
    platform_context._contexts._kept.clear()
    desk.world._clients.clear()
    del client
    gc.collect()


def negotiated(name: str, expected: str) -> Callable[[Desk], None]:
    def check(desk: Desk) -> None:
        client = desk.client(SSLEnabledProtocols=3072, OpenSSLCipherList="ECDHE-ECDSA-AES128-GCM-SHA256")
        assert client.config(name) == ""
        client.connect()
        assert client.config(name) == expected
        with pytest.raises(errors.SMTPError, match=name):
            client.config(f"{name}=x")

    return check


def flags(desk: Desk) -> None:
    assert isinstance(failure(desk.client("expired", "S-TLS"), "connect"), errors.CertificateRejected)
    desk.client("expired", SSLSecurityFlags="0x1").connect()
    if desk.provider == 2:
        desk.client("wrongeku", SSLSecurityFlags="0x20").connect()
    else:
        refused(desk, "SSLSecurityFlags", "0x20")


def protocols(desk: Desk) -> None:
    assert desk.hello(SSLEnabledProtocols=12288).versions == ["TLSv1.3"]
    assert desk.hello(SSLEnabledProtocols=3072 + 12288).versions == ["TLSv1.3", "TLSv1.2"]


def groups_12(desk: Desk) -> None:
    found = desk.hello(TLS12SupportedGroups="ecdhe_secp384r1", SSLEnabledProtocols=3072)
    assert found.groups == ["P-384"]


def groups_13(desk: Desk) -> None:
    found = desk.hello(TLS13SupportedGroups="ecdhe_x448,ecdhe_secp521r1", SSLEnabledProtocols=12288)
    assert found.groups == ["X448", "P-521"]


def shares_13(desk: Desk) -> None:
    assert desk.hello(TLS13KeyShareGroups="ecdhe_secp384r1", SSLEnabledProtocols=12288).shares == ["P-384"]


def signatures_12(desk: Desk) -> None:
    found = desk.hello(TLS12SignatureAlgorithms="sha384-rsa", SSLEnabledProtocols=3072)
    assert found.signatures == ["0501"]


def signatures_13(desk: Desk) -> None:
    found = desk.hello(TLS13SignatureAlgorithms="ed25519,rsa_pkcs1_sha512", SSLEnabledProtocols=12288)
    assert found.signatures == ["0807", "0601"]


CHECKS: dict[str, Callable[[Desk], None]] = {
    "LogSSLPackets": log_packets,
    "OpenSSLCADir": authority_dir,
    "OpenSSLCAFile": lambda desk: desk.trusts(OpenSSLCAFile=desk.root()),
    "OpenSSLCipherList": cipher_list,
    "OpenSSLPrngSeedData": seed,
    "ReuseSSLSession": reuse,
    "SSLCACertFilePaths": lambda desk: desk.trusts(SSLCACertFilePaths=f"/nowhere.pem;{desk.root()}"),
    "SSLCACerts": client_chain,
    "SSLCipherStrength": strength,
    "SSLEnabledCipherSuites": suites,
    "SSLEnabledProtocols": protocols,
    "SSLEnableRenegotiation": renegotiation,
    "SSLIncludeCertChain": include_chain,
    "SSLKeyLogFile": key_log,
    "SSLNegotiatedCipher": negotiated("SSLNegotiatedCipher", "ECDHE-ECDSA-AES128-GCM-SHA256"),
    "SSLNegotiatedCipherStrength": negotiated("SSLNegotiatedCipherStrength", "128"),
    "SSLNegotiatedCipherSuite": negotiated("SSLNegotiatedCipherSuite", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"),
    "SSLNegotiatedKeyExchange": negotiated("SSLNegotiatedKeyExchange", "ecdhe_x25519"),
    "SSLNegotiatedKeyExchangeStrength": negotiated("SSLNegotiatedKeyExchangeStrength", "253"),
    "SSLNegotiatedVersion": negotiated("SSLNegotiatedVersion", "TLSv1.2"),
    "SSLSecurityFlags": flags,
    "SSLServerCACerts": lambda desk: desk.trusts(**{ROOT: pki.stranger().pem + "\r\n" + pki.root().pem}),
    "TLS12SignatureAlgorithms": signatures_12,
    "TLS12SupportedGroups": groups_12,
    "TLS13KeyShareGroups": shares_13,
    "TLS13SignatureAlgorithms": signatures_13,
    "TLS13SupportedGroups": groups_13,
}
ONLY_INTERNAL = {
    "TLS12SignatureAlgorithms": "sha256-rsa",
    "TLS12SupportedGroups": "ecdhe_secp384r1",
    "TLS13KeyShareGroups": "ecdhe_x25519",
    "TLS13SignatureAlgorithms": "rsa_pss_sha256",
    "TLS13SupportedGroups": "ecdhe_x25519",
}


def refused(desk: Desk, name: str, value: object) -> None:
    """Platform can't: that is said before anything is dialed, with the setting and with what can."""
    client = desk.client("good", "", **{name: value})
    error = failure(client, "connect")
    assert isinstance(error, errors.NotAvailable)
    assert name in str(error)
    assert "INTERNAL can" in str(error)
    assert desk.world.server is not None
    assert desk.world.server.connections == 0


@pytest.mark.parametrize("name", SETTINGS)
def test_every_setting_is_honoured_or_an_error_that_names_it(desk: Desk, name: str) -> None:
    if desk.provider == 1 and name in ONLY_INTERNAL:
        refused(desk, name, ONLY_INTERNAL[name])
    else:
        CHECKS[name](desk)


def test_none_is_left_out() -> None:
    assert len(SETTINGS) == 27
    assert set(CHECKS) == set(SETTINGS)
