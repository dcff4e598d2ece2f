"""What every TLS provider must do: the same suite for each, against servers of two libraries."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from postwright.errors import DecryptionFailed, EncryptionFailed, HandshakeFailed
from postwright.tls.resumption import LIFETIME, Memory
from tests.unit.tls import pki
from tests.unit.tls.rig import NAMES, PROVIDERS, SERVERS, TLS_12, TLS_13, connect, exchange, shake

if TYPE_CHECKING:
    from collections.abc import Hashable

    from postwright.enums import SSLProvider
    from postwright.tls.faults import Verdict
    from postwright.tls.resumption import Ticket

EXPORTER = b"EXPORTER-Channel-Binding"

pytestmark = [
    pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES),
    pytest.mark.parametrize("server", SERVERS),
    pytest.mark.parametrize("protocols", [TLS_12, TLS_13], ids=["1.2", "1.3"]),
]


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "alone"])
@pytest.mark.parametrize("cut", [1, 7, 1 << 20])
def test_a_handshake_and_words_in_both_directions(
    provider: SSLProvider, server: str, protocols: int, cut: int, asked: bool
) -> None:
    client, other = connect(provider, protocols=protocols, asked=asked), SERVERS[server](pki.party("good"))
    verdict = shake(client, other, cut=cut)
    assert verdict is not None
    assert (verdict.accept, verdict.status) == (True, "OK")
    assert client.version == {TLS_12: "TLSv1.2", TLS_13: "TLSv1.3"}[protocols]
    assert client.cipher[1] in {128, 256}
    assert client.key_exchange == ("ecdhe_x25519", 253) or client.key_exchange[0].startswith("x25519")
    assert client.certificates() == pki.party("good").ders
    assert not client.resumed
    exchange(client, other)


@pytest.mark.parametrize("size", [1, 16384, 16385, 300_000])
def test_data_of_any_size_comes_through(provider: SSLProvider, server: str, protocols: int, size: int) -> None:
    client, other = connect(provider, protocols=protocols), SERVERS[server](pki.party("good"))
    shake(client, other)
    data = bytes(range(256)) * (size // 256 + 1)
    data = data[:size]
    for part in (data, bytearray(data), memoryview(data)):
        other.feed(client.encrypt(part))
        got = b""
        while len(got) < size:
            got += other.decrypt()
        assert got == data
    client.feed(other.encrypt(data))
    assert client.decrypt() == data
    assert client.decrypt() is None


def test_nothing_leaves_before_the_decision_and_a_refusal_says_so(
    provider: SSLProvider, server: str, protocols: int
) -> None:
    client = connect(provider, protocols=protocols)
    other = SERVERS[server](pki.party("unknownca"), ask=True)
    client.handshake()
    other.feed(client.outgoing())
    other.handshake()
    client.feed(other.outgoing())
    client.handshake()
    assert client.certificates()
    assert not client.judge().accept
    alert = client.refuse()
    assert client.outgoing() == b""
    assert len(alert) in {0, 7}
    if protocols == TLS_12:
        other.feed(alert)
        other.handshake()
        assert "bad certificate" in other.failure.lower().replace("_", " ")
    assert other.client() == b""


def test_a_handler_may_accept_a_bad_certificate(provider: SSLProvider, server: str, protocols: int) -> None:
    client, other = connect(provider, protocols=protocols), SERVERS[server](pki.party("expired"))
    verdict = shake(client, other, decide=lambda _: True)
    assert verdict is not None
    assert not verdict.accept
    exchange(client, other)


def test_close_notify_goes_both_ways(provider: SSLProvider, server: str, protocols: int) -> None:
    client, other = connect(provider, protocols=protocols), SERVERS[server](pki.party("good"))
    shake(client, other)
    exchange(client, other)
    assert len(client.farewell()) > 7
    with pytest.raises(EncryptionFailed, match=r"\[283\]"):
        client.encrypt(b"more")


def test_the_end_of_the_line_is_no_data(provider: SSLProvider, server: str, protocols: int) -> None:
    client, other = connect(provider, protocols=protocols), SERVERS[server](pki.party("good"))
    shake(client, other)
    exchange(client, other)
    record = other.encrypt(b"half a record")
    client.feed(record[:-3])
    assert client.decrypt() is None
    client.feed(b"")
    assert client.decrypt() == b""
    assert client.decrypt() == b""


def test_a_damaged_record_is_an_error(provider: SSLProvider, server: str, protocols: int) -> None:
    client, other = connect(provider, protocols=protocols), SERVERS[server](pki.party("good"))
    shake(client, other)
    exchange(client, other)
    record = bytearray(other.encrypt(b"words"))
    record[-1] ^= 1
    client.feed(bytes(record))
    with pytest.raises(DecryptionFailed, match=r"\[284\].*damaged or forged"):
        client.decrypt()


@pytest.mark.parametrize("cut", [0, 1, 5, 100])
def test_a_server_that_leaves_in_the_handshake(provider: SSLProvider, server: str, protocols: int, cut: int) -> None:
    client, other = connect(provider, protocols=protocols), SERVERS[server](pki.party("good"))
    client.handshake()
    other.feed(client.outgoing())
    other.handshake()
    if cut:
        client.feed(other.outgoing()[:cut])
        assert not client.handshake()
    client.feed(b"")
    with pytest.raises(HandshakeFailed, match="closed the connection in the middle"):
        client.handshake()


def test_plaintext_in_place_of_a_handshake_names_the_setting(
    provider: SSLProvider, server: str, protocols: int
) -> None:
    client = connect(provider, protocols=protocols)
    client.handshake()
    client.feed(b"220 mx.example ESMTP\r\n")
    with pytest.raises(HandshakeFailed, match=r"plaintext: '220 mx.*ssl_start_mode=2"):
        client.handshake()


@pytest.mark.parametrize("kind", ["good", "sha384", "sha1", "ed25519"])
def test_channel_bindings_are_those_of_the_server(
    provider: SSLProvider, server: str, protocols: int, kind: str
) -> None:
    client, other = connect(provider, protocols=protocols), SERVERS[server](pki.party(kind))
    shake(client, other, decide=lambda _: True)
    expected = {"good": "sha256", "sha384": "sha384", "sha1": "sha256", "ed25519": "sha256"}[kind]
    der = pki.party(kind).der
    assert client.channel_binding("tls-server-end-point") == hashlib.new(expected, der).digest()
    unique = client.channel_binding("tls-unique")
    exporter = client.channel_binding("tls-exporter")
    assert client.channel_binding("tls-something") is None
    assert (unique is None) == (protocols == TLS_13)
    assert (exporter is None) == (NAMES[PROVIDERS.index(provider)] == "Platform")
    if server == "pyOpenSSL":
        assert unique in {None, other.tls.get_peer_finished()}
        assert exporter in {None, other.tls.export_keying_material(EXPORTER, 32, b"")}


class Past:
    """The memory of one SMTP object, with a clock that can be set."""

    def __init__(self) -> None:
        self.tickets: dict[Hashable, tuple[float, Ticket]] = {}
        self.time = 0.0

    def memory(self, key: Hashable = "server") -> Memory:
        return Memory(self.tickets, key, lambda: self.time)


def talked(provider: SSLProvider, other: Any, memory: Memory, decide: Any = None, **values: Any) -> Any:
    client = connect(provider, memory, **values)
    verdict = shake(client, other.again(), decide=decide or (lambda verdict: verdict.accept))
    assert verdict is not None
    exchange(client, other)
    return client, verdict


@pytest.mark.parametrize("asked", [True, False], ids=["asked", "alone"])
def test_a_session_is_resumed_and_its_certificate_remembered(
    provider: SSLProvider, server: str, protocols: int, asked: bool
) -> None:
    other, past = SERVERS[server](pki.party("good")), Past()
    for turn in range(3):
        client, verdict = talked(provider, other, past.memory(), protocols=protocols, asked=asked)
        assert client.resumed is (turn > 0)
        assert client.certificates() == pki.party("good").ders
        assert verdict.accept
        if client.resumed:
            assert client.channel_binding("tls-unique") is None


def test_a_handler_is_asked_again_about_a_resumed_session(provider: SSLProvider, server: str, protocols: int) -> None:
    other, past = SERVERS[server](pki.party("expired")), Past()
    for turn in range(2):
        client, verdict = talked(provider, other, past.memory(), decide=lambda _: True, protocols=protocols)
        assert client.resumed is (turn > 0)
        assert not verdict.accept
        assert "expired" in verdict.status
    client = connect(provider, past.memory(), protocols=protocols)
    assert shake(client, other.again()) is None


@pytest.mark.parametrize("change", ["other server", "other settings", "too old"])
def test_a_session_is_for_its_server_settings_and_ten_hours(
    provider: SSLProvider, server: str, protocols: int, change: str
) -> None:
    other, past = SERVERS[server](pki.party("good")), Past()
    talked(provider, other, past.memory(), protocols=protocols)
    past.time = LIFETIME if change == "too old" else LIFETIME - 1
    key = "another" if change == "other server" else "server"
    flags = 1 if change == "other settings" else 0
    client, _ = talked(provider, other, past.memory(key), protocols=protocols, flags=flags)
    assert not client.resumed


@pytest.mark.parametrize("cut", [1, 1 << 20])
def test_a_server_that_does_not_resume_is_judged_by_what_it_shows_now(
    provider: SSLProvider, server: str, protocols: int, cut: int
) -> None:
    past = Past()
    talked(provider, SERVERS[server](pki.party("good")), past.memory(), protocols=protocols)
    client = connect(provider, past.memory(), protocols=protocols)
    seen: list[str] = []

    def refuse(verdict: Verdict) -> bool:
        seen.append(verdict.status)
        return False

    shake(client, SERVERS[server](pki.party("expired")), decide=refuse, cut=cut)
    assert len(seen) == 1
    assert "expired" in seen[0]
    assert client.certificates() == pki.party("expired").ders
