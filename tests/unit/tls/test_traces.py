"""What can be read along: the log of keys, the log of packets, certificates, settings that OpenSSL only takes note of."""

from __future__ import annotations

import contextlib
import datetime as dt
import stat
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from OpenSSL import SSL

from postwright.errors import (
    CertificateStoreUnreadable,
    ClientCertificateMissing,
    FileUnreadable,
    HandshakeFailed,
    InvalidValue,
)
from postwright.tls import certificate, names, platform_context, reasons
from postwright.tls.kept import Contexts
from postwright.tls.records import Records
from postwright.tls.trust import Trust, protocol_block
from tests.unit.tls import pki
from tests.unit.tls.rig import (
    NAMES,
    PROVIDERS,
    SERVERS,
    TLS_12,
    TLS_13,
    StandardServer,
    connect,
    exchange,
    refused,
    shake,
    trust,
)

if TYPE_CHECKING:
    from pathlib import Path

    from postwright.enums import SSLProvider

both = pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)


@both
def test_the_log_of_keys_is_appended_to_and_private(provider: SSLProvider, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text("# from yesterday\n")
    path.chmod(0o644)
    for _ in range(2):
        client = connect(provider, key_log=str(path), protocols=TLS_13)
        shake(client, StandardServer(pki.party("good")))
    lines = path.read_text().splitlines()
    assert lines[0] == "# from yesterday"
    assert len([line for line in lines if line.startswith("CLIENT_TRAFFIC_SECRET_0 ")]) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    platform_context._contexts._kept.clear()  # OpenSSL keeps the file open as long as the context lives


@both
def test_a_log_that_can_not_be_opened(provider: SSLProvider, tmp_path: Path) -> None:
    with pytest.raises(FileUnreadable, match=r"\[302\].*SSLKeyLogFile .*No such file"):
        connect(provider, key_log=str(tmp_path / "none" / "keys"))


@both
@pytest.mark.parametrize("server", SERVERS)
def test_each_packet_has_a_line(provider: SSLProvider, server: str) -> None:
    client, other = connect(provider, protocols=TLS_12, log_packets=True), SERVERS[server](pki.party("good"))
    shake(client, other)
    lines = client.packets()
    assert lines[0].startswith("sent Handshake ClientHello, ")
    words = " ".join(lines)
    for part in (
        "received Handshake ServerHello",
        "Certificate",
        "sent ChangeCipherSpec, 1 bytes",
        "Handshake (encrypted)",
    ):
        assert part in words
    assert client.packets() == []
    exchange(client, other)
    assert client.packets() == ["sent ApplicationData, 35 bytes", "received ApplicationData, 30 bytes"]


@both
def test_without_the_setting_there_are_none(provider: SSLProvider) -> None:
    client, other = connect(provider), StandardServer(pki.party("good"))
    shake(client, other)
    exchange(client, other)
    assert client.packets() == []


@both
def test_a_seed_is_taken(provider: SSLProvider) -> None:
    client = connect(provider, seed="some noise from elsewhere")
    shake(client, StandardServer(pki.party("good")))
    assert "noise" not in repr(trust(provider, seed="noise"))


@both
def test_contexts_are_kept_by_their_settings(provider: SSLProvider, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(pki.root().pem)

    def context(**values: Any) -> object:
        return connect(provider, ca_file=str(path), **values)._context()  # type: ignore[attr-defined]

    first = context()
    assert context(server_name="other.example", log_packets=True) is first
    assert context(flags=1, protocols=TLS_12) is not first
    import os

    os.utime(path, (1, 1))
    assert context() is not first


def test_the_oldest_context_gives_way() -> None:
    kept: Contexts[object] = Contexts()
    made = [kept.get(Trust("x"), object, number) for number in range(65)]
    assert kept.get(Trust("x"), object, 64) is made[64]
    assert kept.get(Trust("x"), object, 0) is not made[0]


# Authorities


@both
def test_every_way_to_give_an_authority(provider: SSLProvider, tmp_path: Path) -> None:
    import subprocess

    path = tmp_path / "root.pem"
    path.write_text(pki.root().pem)
    subprocess.run(["openssl", "rehash", str(tmp_path)], check=True, capture_output=True)
    values: list[dict[str, str]] = [
        {"ca_file": str(path)},
        {"ca_dir": str(tmp_path)},
        {"ca_paths": f"/nowhere/ca.pem;{path};{tmp_path / 'unread'}"},
        {"ca_pem": pki.stranger().pem + "\r\n" + pki.root().pem},
    ]
    for given in values:
        found = refused(connect(provider, None, **{"ca_pem": "", **given}), StandardServer(pki.party("good")))
        assert found.accept, given
    assert not refused(connect(provider, None, ca_pem=""), StandardServer(pki.party("good"))).accept


@both
@pytest.mark.parametrize(
    "values",
    [
        {"ca_file": "/nowhere/ca.pem"},
        {"ca_pem": "no certificate"},
        {"ca_pem": "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n"},
    ],
)
def test_authorities_that_can_not_be_read(provider: SSLProvider, values: dict[str, str]) -> None:
    with pytest.raises(CertificateStoreUnreadable, match=r"\[271\].*authorities can't be loaded"):
        connect(provider, None, **values)


# Renegotiation


@both
@pytest.mark.parametrize("allowed", [True, False])
def test_what_happens_when_a_server_renegotiates(provider: SSLProvider, allowed: bool) -> None:
    client = connect(provider, protocols=TLS_12, renegotiation=allowed, asked=False)
    other = SERVERS["pyOpenSSL"](pki.party("good"))
    shake(client, other)
    exchange(client, other)
    other.tls.renegotiate()
    other.handshake()

    def converse() -> None:
        for _ in range(4):
            client.feed(other.outgoing())
            client.decrypt()
            other.feed(client.outgoing())
            with contextlib.suppress(SSL.Error):
                other.decrypt()

    if allowed:
        converse()
        assert not other.tls.renegotiate_pending()
    else:
        with pytest.raises(HandshakeFailed, match="the server ended the connection: alert handshake failure"):
            converse()


# Certificates


@pytest.mark.parametrize("kind", ["good", "rsa", "ed25519", "sha384", "sha1", "wrongeku", "stapled", "selfsigned"])
def test_a_certificate_is_read_as_the_library_reads_it(kind: str) -> None:
    who = pki.party(kind)
    found, real = certificate.read(who.der), who.cert
    assert found.not_before == real.not_valid_before_utc.strftime("%Y%m%d%H%M%S")
    assert found.not_after == real.not_valid_after_utc.strftime("%Y%m%d%H%M%S")
    assert found.hash == (real.signature_hash_algorithm.name if real.signature_hash_algorithm else "")
    assert found.self_issued is (real.subject == real.issuer)
    alternatives = real.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert list(found.hosts) == alternatives.get_values_for_type(x509.DNSName)
    assert list(found.addresses) == [str(one) for one in alternatives.get_values_for_type(x509.IPAddress)]
    assert found.must_staple is (kind == "stapled")
    assert found.bits == {"rsa": 2048, "sha1": 256}.get(kind, 256)


def test_a_name_with_commas_and_quotes_is_quoted() -> None:
    assert certificate.read(pki.party("good").der).subject == 'CN=localhost, O="Tests, ""the"" Company"'


@pytest.mark.parametrize("cut", range(0, 300, 7))
def test_a_damaged_certificate_is_a_value_error(cut: int) -> None:
    with pytest.raises(ValueError, match=r"."):
        certificate.read(pki.party("good").der[:cut])


def test_dates_of_the_last_century_and_the_next() -> None:
    old = pki.issue(
        "old", None, begins=dt.datetime(1999, 1, 1, tzinfo=dt.UTC), ends=dt.datetime(2060, 1, 1, tzinfo=dt.UTC)
    )
    found = certificate.read(old.der)
    assert (found.not_before, found.not_after) == ("19990101000000", "20600101000000")


@pytest.mark.parametrize(
    ("name", "fits"),
    [("localhost", True), ("LOCALHOST.", True), ("a.example.test", True), ("example.test", False), ("127.0.0.1", True), ("::1", True), ("0:0::1", True), ("127.0.0.2", False), ("a.b.example.test", False)],
)  # fmt: skip
def test_which_names_fit(name: str, fits: bool) -> None:
    assert certificate.fits(certificate.read(pki.party("good").der), name) is fits


def test_certificates_as_people_write_them() -> None:
    who = pki.party("good")
    for text in (who.pem.encode(), who.der, b"".join(who.pem.encode().splitlines()[1:-1])):
        assert names.to_der(text) == who.der
    assert names.pem(who.der).decode() == who.pem.replace("\n\n", "\n") or names.to_der(names.pem(who.der)) == who.der
    for text in (b"", b"words", b"AAAA"):
        with pytest.raises(InvalidValue, match="no certificate"):
            names.to_der(text)
    with pytest.raises(ValueError, match="certificate 2 of the PEM text is damaged"):
        names.all_pem(who.pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")


# Reasons


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", "alert handshake failure: the server accepts nothing that is offered"),
        ("ssl/tls alert handshake failure", "alert handshake failure: the server accepts nothing that is offered"),
        ("TLSV1_ALERT_PROTOCOL_VERSION", "no TLS version in common"),
        ("tlsv1 unrecognized name", "set TLSServerName"),
        ("UNSUPPORTED_PROTOCOL", "no TLS version in common"),
        ("DH_KEY_TOO_SMALL", "offer suites with ECDHE only"),
        ("UNSAFE_LEGACY_RENEGOTIATION_DISABLED", "RFC 5746"),
        ("something new", "something new"),
    ],
)
def test_a_reason_comes_with_what_to_do(reason: str, words: str) -> None:
    error = reasons.failure(Trust("mx.example"), reason, b"\x15")
    assert isinstance(error, HandshakeFailed)
    assert words in str(error)


def test_a_request_for_a_certificate_explains_an_alert() -> None:
    error = reasons.failure(Trust("x"), "sslv3 alert handshake failure", b"\x16", wanted=True)
    assert isinstance(error, ClientCertificateMissing)


def test_protocols_are_a_block() -> None:
    assert protocol_block(15360) == ("TLSv1_2", "TLSv1_3")
    assert protocol_block(16320) == ("TLSv1", "TLSv1_3")


@pytest.mark.parametrize("data", [b"\x16\x03\x03\x00\x06\x02\xff\xff\xff\x00\x00", b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", b"\x16\x03\x03\x00\x07\x0c\x00\x00\x03\x03\x00\x17", b"\x15\x03\x03\x00\x02\x02\x28", b"\x63\x03\x03\x00\x00"])  # fmt: skip
def test_odd_records_are_read_over(data: bytes) -> None:
    records = Records(log=True)
    for at in range(len(data)):
        records.received(data[at : at + 1])
    assert len(records.take()) == 1
