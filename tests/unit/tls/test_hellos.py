"""What every setting makes of the ClientHello: read from the wire, not from the library."""

from __future__ import annotations

from typing import Any

import pytest

from postwright import tls
from postwright.enums import SSLProvider
from postwright.errors import HandshakeFailed, InvalidValue, NotAvailable, SecurityLibraryMissing
from postwright.options.tls_names import GROUPS_13, SUITES, SUITES_13
from postwright.tls import offers
from postwright.tls.faults import UNREADABLE
from postwright.tls.trust import Trust
from tests.unit.tls import pki
from tests.unit.tls.client_hello import STATUS, TICKET
from tests.unit.tls.rig import (
    NAMES,
    PROVIDERS,
    TLS_12,
    TLS_13,
    OtherServer,
    StandardServer,
    connect,
    hello,
    refused,
    shake,
    trust,
)

PLATFORM, INTERNAL = PROVIDERS
CODES = {
    "TLS_AES_256_GCM_SHA384": 0x1302,
    "TLS_CHACHA20_POLY1305_SHA256": 0x1303,
    "TLS_AES_128_GCM_SHA256": 0x1301,
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384": 0xC02C,
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256": 0xC02F,
    "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256": 0x006B,
    "TLS_DHE_DSS_WITH_AES_128_CBC_SHA": 0x0032,
    "TLS_RSA_WITH_AES_128_CBC_SHA": 0x002F,
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256": 0xCCA8,
}
both = pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)


def suites(provider: SSLProvider, **values: Any) -> list[int]:
    """The suites on offer, without the signal of RFC 5746."""
    return [code for code in hello(provider, **values).suites if code != 0xFF]


@both
@pytest.mark.parametrize(
    ("protocols", "versions"),
    [
        (TLS_12 | TLS_13, ["TLSv1.3", "TLSv1.2"]),
        (TLS_13, ["TLSv1.3"]),
        (16320, ["TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"]),
    ],
)
def test_versions(provider: SSLProvider, protocols: int, versions: list[str]) -> None:
    assert hello(provider, protocols=protocols).versions == versions


@both
@pytest.mark.parametrize(("protocols", "newest"), [(TLS_12, 0x303), (192 | 768, 0x302), (192, 0x301)])
def test_old_versions(provider: SSLProvider, protocols: int, newest: int) -> None:
    sent = hello(provider, protocols=protocols)
    assert sent.legacy_version == newest
    assert sent.signals_renegotiation


@both
def test_the_name_is_sent_and_an_address_is_not(provider: SSLProvider) -> None:
    assert hello(provider, server_name="mx.example.").server_name == "mx.example"
    assert hello(provider, server_name="192.0.2.1").server_name == ""
    assert hello(provider, server_name="::1").server_name == ""
    assert hello(provider, server_name="bücher.example").server_name == "xn--bcher-kva.example"


@both
@pytest.mark.parametrize("name", ["", ".", ".example", "b\u00fccher..example", "\u00fc" * 70])
def test_a_name_that_no_certificate_has_is_an_error(provider: SSLProvider, name: str) -> None:
    with pytest.raises(InvalidValue, match=r"can't stand on a certificate"):
        connect(provider, server_name=name)


@both
@pytest.mark.parametrize("suite", CODES)
def test_one_suite_by_its_name(provider: SSLProvider, suite: str) -> None:
    if suite in SUITES_13 and provider is PLATFORM:
        with pytest.raises(NotAvailable, match=r"SSLProvider is PLATFORM.*SSLEnabledCipherSuites"):
            hello(provider, suites=suite)
        return
    protocols = TLS_12 | TLS_13
    assert suites(provider, suites=suite, protocols=protocols) == [CODES[suite]]
    only = TLS_13 if suite in SUITES_13 else TLS_12
    versions = hello(provider, suites=suite, protocols=protocols).versions
    assert versions[0] == {TLS_13: "TLSv1.3", TLS_12: "TLSv1.2"}[only]
    assert ("TLSv1.2" in versions) is (only == TLS_12)
    with pytest.raises(InvalidValue, match="leave no cipher suite"):
        hello(provider, suites=suite, protocols=(TLS_12 | TLS_13) & ~only)


@both
def test_every_suite_of_the_table_can_be_offered(provider: SSLProvider) -> None:
    for suite in SUITES:
        assert len(suites(provider, suites=suite, protocols=TLS_12)) == 1, suite
    assert set(suites(provider, suites="*", protocols=TLS_13)) == {0x1301, 0x1302, 0x1303}


@both
def test_the_algorithms_of_windows(provider: SSLProvider) -> None:
    offered = suites(provider, suites="CALG_AES_128;CALG_ECDH_EPHEM;CALG_ECDSA;CALG_SHA_256", protocols=TLS_12)
    assert sorted(offered) == [0xC023, 0xC02B]
    assert 0xC013 in suites(provider, suites="CALG_SHA1", protocols=TLS_12)


@both
def test_both_lists_count_where_both_are_set(provider: SSLProvider) -> None:
    chosen = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;TLS_RSA_WITH_AES_128_CBC_SHA"
    assert suites(provider, suites=chosen, ciphers="kRSA", protocols=TLS_12) == [0x2F]
    with pytest.raises(InvalidValue, match="leave no cipher suite"):
        hello(provider, suites=chosen, ciphers="kDHE", protocols=TLS_12)


@both
def test_a_cipher_list_of_openssl(provider: SSLProvider) -> None:
    assert suites(provider, ciphers="ECDHE-RSA-AES256-SHA:AES128-SHA", protocols=TLS_12) == [0xC014, 0x2F]
    with pytest.raises(InvalidValue, match="OpenSSL knows no cipher in 'RC5'"):
        hello(provider, ciphers="RC5")


@both
def test_the_least_strength(provider: SSLProvider) -> None:
    strong = suites(provider, strength=256, protocols=TLS_12)
    assert 0xC02C in strong
    assert 0xC02B not in strong
    assert suites(provider, strength=128, protocols=TLS_12) == suites(provider, strength=None, protocols=TLS_12)
    assert suites(provider, strength=0) == suites(provider)
    with pytest.raises(InvalidValue, match="SSLCipherStrength together leave no cipher suite"):
        hello(provider, strength=512, protocols=TLS_12)


def test_the_least_strength_with_tls_13_needs_internal() -> None:
    assert 0x1301 not in suites(INTERNAL, strength=256)
    assert 0x1301 in suites(PLATFORM, strength=128)
    with pytest.raises(NotAvailable, match="SSLCipherStrength"):
        hello(PLATFORM, strength=256)


def test_groups_and_key_shares() -> None:
    sent = hello(INTERNAL, groups_13="ecdhe_x448,ecdhe_secp521r1,ffdhe_3072", protocols=TLS_13)
    assert sent.groups == ["X448", "P-521", "ffdhe3072"]
    sent = hello(
        INTERNAL, groups_13="ecdhe_x448,ecdhe_x25519,ecdhe_secp256r1", shares_13="ecdhe_x25519", protocols=TLS_13
    )
    assert sent.groups == ["X448", "X25519", "P-256"]
    assert sent.shares == ["X25519"]
    sent = hello(INTERNAL, shares_13="ecdhe_x448,ecdhe_secp384r1", protocols=TLS_13)
    assert sent.shares == ["X448", "P-384"]
    assert len(sent.groups) == len(GROUPS_13)


def test_the_groups_of_both_versions_are_offered_together() -> None:
    sent = hello(INTERNAL, groups_12="ecdhe_secp521r1", groups_13="ecdhe_x25519")
    assert sent.groups == ["X25519", "P-521"]
    assert hello(INTERNAL, groups_12="ecdhe_secp521r1", protocols=TLS_12).groups == ["P-521"]
    assert hello(INTERNAL, groups_13="ecdhe_x25519").groups == ["X25519", "P-256", "P-384", "P-521"]


def test_key_shares_are_four_at_most_and_that_is_said() -> None:
    five = "ecdhe_x25519,ecdhe_secp256r1,ecdhe_secp384r1,ffdhe_2048,ffdhe_3072"
    sent = hello(INTERNAL, shares_13=five)
    assert sent.shares == ["X25519", "P-256", "P-384", "ffdhe2048"]
    assert tls.notes(trust(INTERNAL, shares_13=five)) == [
        "key shares are sent for ecdhe_x25519, ecdhe_secp256r1, ecdhe_secp384r1, ffdhe_2048 only: OpenSSL sends at most 4"
    ]
    assert tls.notes(trust(INTERNAL, shares_13="ecdhe_x25519")) == []
    assert tls.notes(trust(INTERNAL)) == []


def test_a_key_share_outside_of_the_groups_is_an_error() -> None:
    with pytest.raises(InvalidValue, match="TLS13KeyShareGroups names ecdhe_x448, which TLS13SupportedGroups lacks"):
        hello(INTERNAL, shares_13="ecdhe_x448", groups_13="ecdhe_x25519")


def test_a_group_that_was_meant_for_the_other_version_is_refused() -> None:
    client = connect(INTERNAL, groups_12="ecdhe_secp521r1", groups_13="ecdhe_x25519")
    server = StandardServer(pki.party("good"), lambda context: context.set_ecdh_curve("secp521r1"))
    with pytest.raises(HandshakeFailed, match=r"server chose ecdhe_secp521r1 for TLSv1\.3, which TLS13SupportedGroups"):
        shake(client, server)


def test_the_group_and_strength_of_the_key_exchange() -> None:
    for name, strength in {"ecdhe_x448": 448, "ecdhe_secp384r1": 384, "ffdhe_2048": 2048}.items():
        client = connect(INTERNAL, groups_13=name, protocols=TLS_13)
        shake(client, OtherServer(pki.party("good")))
        assert client.key_exchange == (name, strength)


@both
def test_the_older_key_exchanges(provider: SSLProvider) -> None:
    rsa = connect(provider, suites="TLS_RSA_WITH_AES_128_GCM_SHA256", protocols=TLS_12)
    shake(rsa, StandardServer(pki.party("rsa")))
    assert rsa.key_exchange == ("rsa", 2048)
    assert rsa.cipher == ("AES128-GCM-SHA256", 128)
    assert tls.suite(rsa.cipher[0]) == "TLS_RSA_WITH_AES_128_GCM_SHA256"
    ecdhe = connect(provider, suites="TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", protocols=192, ciphers="DEFAULT")
    shake(ecdhe, StandardServer(pki.party("rsa"), lambda c: setattr(c, "minimum_version", -2)))
    assert (ecdhe.version, ecdhe.key_exchange[0][:6]) == ("TLSv1", "ecdhe_")


def test_signature_algorithms_on_the_wire() -> None:
    assert hello(INTERNAL, signatures_13="ed25519,rsa_pss_sha256", protocols=TLS_13).signatures == [
        "0807",
        "0804",
        "0809",
    ]
    assert hello(INTERNAL, signatures_12="sha384-rsa,sha256-ecdsa", protocols=TLS_12).signatures == ["0501", "0403"]
    joint = hello(INTERNAL, signatures_12="sha256-rsa", signatures_13="ecdsa_secp256r1_sha256").signatures
    assert joint == ["0403", "0401"]
    half = hello(INTERNAL, signatures_13="ed448").signatures
    assert half[0] == "0808"
    assert {"0601", "0501", "0401"} <= set(half)
    assert "0201" not in half


@pytest.mark.parametrize(
    ("kind", "protocols", "setting", "taken", "refused_list"),
    [
        ("sha384", TLS_12, "signatures_12", "sha384-ecdsa,sha256-ecdsa", "sha256-ecdsa,sha256-rsa"),
        ("sha384", TLS_13, "signatures_13", "ecdsa_secp384r1_sha384,ecdsa_secp256r1_sha256", "ecdsa_secp256r1_sha256"),
        ("rsa", TLS_12, "signatures_12", "sha256-rsa,sha256-ecdsa", "sha512-rsa"),
    ],
)
def test_the_certificate_must_be_signed_by_an_algorithm_of_the_list(
    kind: str, protocols: int, setting: str, taken: str, refused_list: str
) -> None:
    shake(connect(INTERNAL, None, protocols=protocols, **{setting: taken}), OtherServer(pki.party(kind)))
    found = refused(
        connect(INTERNAL, None, protocols=protocols, **{setting: refused_list}), OtherServer(pki.party(kind))
    )
    option = {"signatures_12": "TLS12", "signatures_13": "TLS13"}[setting]
    name = taken.partition(",")[0] if kind == "sha384" else "sha256-ecdsa"
    assert f"its signature algorithm {name} is not in {option}SignatureAlgorithms" in found.status


def test_the_names_of_certificate_signatures() -> None:
    ed25519 = pki.issue("x", pki.Party(pki.party("ed25519").cert, pki.party("ed25519").key)).der
    assert offers.check_signature(Trust("x", signatures_13="ed25519"), "TLSv1.3", ed25519) == []
    assert offers.check_signature(Trust("x", signatures_12="sha256-rsa"), "TLSv1.2", ed25519)
    rsa = pki.issue("x", pki.rsa_intermediate()).der
    assert offers.check_signature(Trust("x", signatures_13="rsa_pkcs1_sha256"), "TLSv1.3", rsa) == []
    assert offers.check_signature(Trust("x", signatures_12="sha256-rsa"), "TLSv1.2", rsa) == []
    damaged = offers.check_signature(Trust("x", signatures_12="sha256-rsa"), "TLSv1.2", rsa[:50])
    assert [fault.code for fault in damaged] == [UNREADABLE]
    assert offers.check_signature(Trust("x"), "TLSv1.2", rsa[:50]) == []


@both
@pytest.mark.parametrize("renegotiation", [True, False])
def test_the_signal_of_renegotiation_is_always_there(provider: SSLProvider, renegotiation: bool) -> None:
    assert hello(provider, renegotiation=renegotiation, protocols=TLS_12).signals_renegotiation
    notes = tls.notes(trust(provider, renegotiation=renegotiation))
    assert bool(notes) is not renegotiation


@both
def test_tickets_and_ocsp_answers(provider: SSLProvider) -> None:
    sent = hello(provider)
    assert TICKET in sent.extensions
    assert (STATUS in sent.extensions) is (provider is INTERNAL)


# Which provider


@pytest.mark.parametrize(
    "values",
    [
        {"internal": True},
        {"groups_12": "ecdhe_secp256r1"},
        {"groups_13": "ecdhe_x25519"},
        {"shares_13": "ecdhe_x25519"},
        {"signatures_12": "sha256-rsa"},
        {"signatures_13": "ed25519"},
        {"suites": "TLS_AES_128_GCM_SHA256"},
        {"suites": "CALG_AES_256"},
        {"strength": 256},
        {"flags": 0x20},
        {"flags": 0x100, "crls": pki.crl(pki.root())},
    ],
    ids=lambda values: next(iter(values)),
)
def test_automatic_becomes_internal_where_only_that_can(values: dict[str, Any]) -> None:
    assert connect(SSLProvider.AUTOMATIC).name.startswith("Platform (OpenSSL")
    assert connect(SSLProvider.AUTOMATIC, **values).name.startswith("Internal (OpenSSL")
    with pytest.raises(NotAvailable, match="INTERNAL can, and AUTOMATIC takes it by itself"):
        connect(SSLProvider.PLATFORM, **values)


@pytest.mark.parametrize(
    "values",
    [
        {"suites": "*"},
        {"suites": ";".join(SUITES_13)},
        {"suites": "TLS_RSA_WITH_AES_128_CBC_SHA"},
        {"suites": "TLS_AES_128_GCM_SHA256;TLS_RSA_WITH_AES_128_CBC_SHA", "protocols": TLS_12},
        {"strength": 128},
        {"strength": 256, "protocols": TLS_12},
        {"flags": 0x80000011},
        {"flags": 0x500, "crls": pki.crl(pki.root())},
        {"ciphers": "HIGH"},
        {"renegotiation": False},
        {"protocols": 16320},
        {"crls": pki.crl(pki.root())},
    ],
    ids=lambda values: str({name: value for name, value in values.items() if name != "crls"}),
)
def test_automatic_stays_platform_where_it_can(values: dict[str, Any]) -> None:
    assert connect(SSLProvider.AUTOMATIC, **values).name.startswith("Platform (OpenSSL")


@pytest.mark.parametrize(
    "values", [{"provider": SSLProvider.INTERNAL}, {"provider": SSLProvider.AUTOMATIC, "internal": True}]
)
def test_internal_without_its_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, values: dict[str, Any]
) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "OpenSSL", None)
    for name in ("postwright.tls.internal", "postwright.tls.internal_context"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.delattr(tls, "internal", raising=False)
    with pytest.raises(SecurityLibraryMissing, match=r"\[270\].*pip install 'postwright\[tls\]'") as caught:
        connect(**values)
    assert isinstance(caught.value, ImportError)
    assert ("UseInternalSecurityAPI" in str(caught.value)) is ("internal" in values)


class Points:
    """Entry points of a package that brings a provider."""

    names = ("mine",)

    def __init__(self, load: Any) -> None:
        self.load = load

    def select(self, name: str) -> list[Points]:
        return [self] if name == "mine" else []


def test_a_provider_of_another_package(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Trust] = []
    monkeypatch.setattr(
        "importlib.metadata.entry_points", lambda group: Points(lambda: lambda rules, _: made.append(rules))
    )
    connect(SSLProvider.AUTOMATIC, plugin="mine")
    assert made[0].server_name == "localhost"
    with pytest.raises(
        SecurityLibraryMissing, match="TLSProvider is yours, and no package brings it; installed are: mine"
    ):
        connect(SSLProvider.AUTOMATIC, plugin="yours")

    def broken() -> None:
        raise ImportError("no module named rust")

    monkeypatch.setattr("importlib.metadata.entry_points", lambda group: Points(broken))
    with pytest.raises(SecurityLibraryMissing, match="no module named rust"):
        connect(SSLProvider.AUTOMATIC, plugin="mine")
