"""The verdict on every kind of bad certificate: every fault is named, in the same words by both providers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from postwright.errors import CertificateRejected, CertificateStoreUnreadable
from postwright.tls import judging, stapling
from postwright.tls.faults import Fault, bit_of, verdict, without_effect
from postwright.tls.trust import Trust
from tests.unit.tls import pki
from tests.unit.tls.rig import (
    NAMES,
    PROVIDERS,
    TLS_12,
    TLS_13,
    OtherServer,
    StandardServer,
    connect,
    exchange,
    refused,
    shake,
    trust,
)

if TYPE_CHECKING:
    from postwright.enums import SSLProvider
    from postwright.tls.faults import Verdict

EXPIRED, NOT_YET, NAME, SELF, ISSUER, USAGE = 10, 9, 62, 18, 20, 26
BAD = {
    "expired": [EXPIRED],
    "notyet": [NOT_YET],
    "wronghost": [NAME],
    "selfsigned": [SELF],
    "unknownca": [ISSUER],
    "weakkey": [66],
    "sha1": [68],
    "noint": [ISSUER],
    "wrongeku": [USAGE],
    "nosan": [NAME],
    "underleaf": [79],
    "expired-wronghost": [EXPIRED, NAME],
    "expired-wronghost-unknownca": [EXPIRED, ISSUER, NAME],
    "expired-wrongeku": [EXPIRED, USAGE],
    "notyet-wronghost-wrongeku": [NOT_YET, USAGE, NAME],
}
WORDS = {
    EXPIRED: "it has expired",
    NOT_YET: "it is not valid yet",
    NAME: "it was issued for another name than localhost",
    SELF: "it is self-signed",
    ISSUER: "its issuer is not trusted here",
    USAGE: "it is not meant for servers",
    66: "its key is too weak",
    68: "its signature algorithm is too weak",
    79: "its issuer is no certificate authority",
}
TIME, AUTHORITY, PURPOSE, HOST = 0x1, 0x10, 0x20, 0x80000000

both = pytest.mark.parametrize("provider", PROVIDERS, ids=NAMES)


def judged(provider: SSLProvider, kind: str, **values: Any) -> Verdict:
    """The verdict of a provider on one of the set."""
    return refused(connect(provider, **values), StandardServer(pki.party(kind)))


@both
@pytest.mark.parametrize("protocols", [TLS_12, TLS_13])
@pytest.mark.parametrize("kind", BAD)
def test_every_fault_is_named(provider: SSLProvider, kind: str, protocols: int) -> None:
    found = judged(provider, kind, protocols=protocols)
    assert not found.accept
    assert [fault.code for fault in found.faults] == BAD[kind]
    for code in BAD[kind]:
        assert f"{WORDS[code]}" in found.status
        assert f"(OpenSSL {code})" in found.status


@pytest.mark.parametrize("kind", BAD)
def test_both_providers_use_the_same_words(kind: str) -> None:
    assert judged(PROVIDERS[0], kind).status == judged(PROVIDERS[1], kind).status


@pytest.mark.parametrize("kind", BAD)
def test_where_nobody_is_asked_openssl_ends_the_handshake_with_the_same_words(kind: str) -> None:
    client, server = connect(PROVIDERS[0], asked=False), StandardServer(pki.party(kind))
    with pytest.raises(CertificateRejected) as caught:
        shake(client, server)
    assert caught.value.detail == judged(PROVIDERS[1], kind).status
    server.feed(client.outgoing())
    server.handshake()
    assert "ALERT" in server.failure


@both
@pytest.mark.parametrize(
    ("kind", "flags"),
    [
        ("expired", TIME),
        ("notyet", TIME),
        ("wronghost", HOST),
        ("nosan", HOST),
        ("selfsigned", AUTHORITY),
        ("unknownca", AUTHORITY),
        ("noint", AUTHORITY),
        ("expired-wronghost", TIME | HOST),
        ("expired-wronghost-unknownca", TIME | HOST | AUTHORITY),
    ],
)
def test_flags_overlook_what_they_name_and_nothing_else(provider: SSLProvider, kind: str, flags: int) -> None:
    found = judged(provider, kind, flags=flags)
    assert (found.accept, found.status) == (True, "OK")
    assert all(WORDS[code] in found.overlooked for code in BAD[kind])
    for bit in (TIME, HOST, AUTHORITY):
        if bit & flags:
            fewer = judged(provider, kind, flags=flags & ~bit)
            assert not fewer.accept
            assert "OK" not in fewer.status
    assert judged(provider, kind, flags=0x8000CF37 & ~PURPOSE & ~flags).accept is False


@both
@pytest.mark.parametrize("kind", ["weakkey", "sha1", "underleaf"])
def test_some_faults_are_never_overlooked(provider: SSLProvider, kind: str) -> None:
    assert not judged(provider, kind, flags=0x8000CF37 & ~PURPOSE).accept


def test_the_usage_is_overlooked_by_internal() -> None:
    assert judged(PROVIDERS[1], "wrongeku", flags=PURPOSE).accept
    assert not judged(PROVIDERS[1], "expired-wrongeku", flags=PURPOSE).accept
    assert judged(PROVIDERS[1], "expired-wrongeku", flags=PURPOSE | TIME).accept


def test_the_usage_of_an_authority_is_never_overlooked() -> None:
    assert bit_of(Fault(26, depth=1)) == 0


@both
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "::1", "mail.example.test", "LOCALHOST", "localhost."])
def test_names_and_addresses_on_the_certificate(provider: SSLProvider, name: str) -> None:
    assert judged(provider, "good", server_name=name).accept


@both
@pytest.mark.parametrize(
    "name", ["127.0.0.2", "::2", "example.test", "a.b.example.test", "local", "xn--bcher-kva.example"]
)
def test_other_names_are_refused_with_the_name(provider: SSLProvider, name: str) -> None:
    found = judged(provider, "good", server_name=name)
    assert not found.accept
    assert f"than {name}" in found.status


@both
@pytest.mark.parametrize("kind", ["expired", "wronghost", "unknownca"])
def test_exactly_the_pinned_certificate_is_accepted(provider: SSLProvider, kind: str) -> None:
    assert judged(provider, kind, pinned=pki.party(kind).pem.encode()).accept
    assert judged(provider, kind, pinned=pki.party(kind).der).accept
    other = judged(provider, "good", pinned=pki.party(kind).der)
    assert not other.accept
    assert "ssl_accept_server_cert_encoded" in other.status


@both
def test_old_versions_keep_the_checks_of_strength(provider: SSLProvider) -> None:
    # OpenSSL offers TLS 1.0 only at a security level that takes any key and any signature.
    for kind, code in (("weakkey", 66), ("sha1", 68)):
        found = judged(provider, kind, protocols=16320)
        assert [fault.code for fault in found.faults] == [code]
        relaxed = judged(provider, kind, protocols=16320, ciphers="DEFAULT:@SECLEVEL=0")
        assert relaxed.accept, relaxed
    assert judged(provider, "good", protocols=16320).accept


# Revocation


@both
def test_a_revocation_list_of_the_user(provider: SSLProvider) -> None:
    lists = pki.crl(pki.intermediate(), pki.party("revoked")) + pki.crl(pki.root())
    assert judged(provider, "good", crls=lists).accept
    found = judged(provider, "revoked", crls=lists)
    assert [fault.code for fault in found.faults] == [23]
    assert "it was revoked" in found.status
    assert not judged(provider, "revoked", crls=lists, flags=0x8000CF17).accept


@both
@pytest.mark.parametrize("asked", [True, False])
def test_an_unknown_revocation_is_a_fault(provider: SSLProvider, asked: bool) -> None:
    lists = pki.crl(pki.root())
    client = connect(provider, crls=lists, asked=asked)
    if asked or provider is PROVIDERS[1]:
        found = judged(provider, "good", crls=lists)
        assert [fault.code for fault in found.faults] == [3]
        assert "SSLCRLs has no list of its issuer" in found.status
    else:
        with pytest.raises(CertificateRejected, match="SSLCRLs has no list of its issuer"):
            shake(client, StandardServer(pki.party("good")))


@both
def test_unknown_revocation_may_be_overlooked(provider: SSLProvider) -> None:
    assert judged(provider, "good", crls=pki.crl(pki.stranger()), flags=0x500).accept


def test_unknown_revocation_of_the_certificate_or_of_its_authorities() -> None:
    internal = PROVIDERS[1]
    of_root, of_issuer = pki.crl(pki.root()), pki.crl(pki.intermediate())
    assert judged(internal, "good", crls=of_root, flags=0x100).accept
    assert not judged(internal, "good", crls=of_issuer, flags=0x100).accept
    assert judged(internal, "good", crls=of_issuer, flags=0x400).accept
    assert not judged(internal, "good", crls=of_root, flags=0x400).accept


@both
def test_an_expired_revocation_list_says_so(provider: SSLProvider) -> None:
    lists = pki.crl(pki.intermediate(), ends=pki.NOW - pki.DAY) + pki.crl(pki.root())
    found = judged(provider, "good", crls=lists)
    assert [fault.code for fault in found.faults] == [12]
    assert "give a newer one in SSLCRLs" in found.status


@both
@pytest.mark.parametrize("text", ["no list", "-----BEGIN X509 CRL-----\nMIIB\n-----END X509 CRL-----\n"])
def test_a_list_that_can_not_be_read(provider: SSLProvider, text: str) -> None:
    with pytest.raises(CertificateStoreUnreadable, match=r"\[271\].*SSLCRLs"):
        connect(provider, crls=text)


def stapled(kind: str, answer: bytes, flags: int = 0) -> Verdict:
    """The verdict of Internal where the server shows an OCSP answer."""

    def tune(context: Any) -> None:
        context.set_ocsp_server_callback(lambda *_: answer)

    return refused(connect(PROVIDERS[1], flags=flags), OtherServer(pki.party(kind), tune))


def test_an_ocsp_answer_can_revoke() -> None:
    issuer = pki.intermediate()
    revoked = pki.answer(pki.party("revoked"), issuer, ocsp.OCSPCertStatus.REVOKED)
    assert [fault.code for fault in stapled("revoked", revoked).faults] == [23]
    assert stapled("revoked", pki.answer(pki.party("revoked"), issuer)).accept
    assert not stapled("revoked", revoked, flags=0x8000CF37).accept


def test_an_ocsp_answer_counts_only_with_a_signature_of_its_issuer() -> None:
    about, issuer = pki.party("revoked"), pki.intermediate()
    forged = pki.answer(about, issuer, ocsp.OCSPCertStatus.REVOKED, signer=pki.party("good"))
    assert stapled("revoked", forged).accept
    appointed = pki.issue("responder", issuer, usage=x509.ObjectIdentifier("1.3.6.1.5.5.7.3.9"), hosts=())
    assert not stapled("revoked", pki.answer(about, issuer, ocsp.OCSPCertStatus.REVOKED, signer=appointed)).accept


@pytest.mark.parametrize(
    ("problem", "answer"),
    [
        ("is not there", lambda: b""),
        ("is about another certificate", lambda: pki.answer(pki.party("good"), pki.intermediate())),
        ("is not valid now", lambda: pki.answer(pki.party("stapled"), pki.intermediate(), ends=pki.NOW - pki.DAY)),
        (
            "was signed by nobody who may",
            lambda: pki.answer(pki.party("stapled"), pki.intermediate(), signer=pki.party("good")),
        ),
        ("can't be read", lambda: b"rubbish"),
        (
            "says try later",
            lambda: ocsp.OCSPResponseBuilder.build_unsuccessful(ocsp.OCSPResponseStatus.TRY_LATER).public_bytes(
                Encoding.DER
            ),
        ),
    ],
)
def test_a_certificate_may_demand_an_ocsp_answer(problem: str, answer: Any) -> None:
    [fault] = stapling.faults(answer(), pki.party("stapled").ders)
    found = verdict(Trust("localhost"), [fault])
    assert not found.accept
    assert f"it demands an OCSP answer from the server, which {problem}" in found.status
    assert bit_of(fault) == 0x100
    assert not stapling.faults(answer(), pki.party("good").ders) or problem == "is about another certificate"


@pytest.mark.parametrize("kind", ["good", "rsa-issued", "ed25519-issued"])
def test_answers_are_signed_by_any_kind_of_key(kind: str) -> None:
    issuers = {"good": pki.intermediate, "rsa-issued": pki.rsa_intermediate, "ed25519-issued": pki.ed25519_intermediate}
    about, issuer = pki.party(kind), issuers[kind]()
    revoked = pki.answer(about, issuer, ocsp.OCSPCertStatus.REVOKED)
    assert [fault.code for fault in stapling.faults(revoked, about.ders)] == [23]
    assert stapling.faults(revoked, about.ders[:1]) == []  # without the issuer nobody can say
    assert stapling.faults(revoked, ()) == []
    assert stapling.faults(pki.answer(about, issuer), about.ders) == []


def test_what_is_no_certificate_can_not_be_read() -> None:
    found = judging.faults(trust(PROVIDERS[0]), "localhost", (b"0\x03abc",))
    assert not verdict(Trust("localhost"), found).accept
    assert bit_of(found[0]) == 0


def test_every_kind_of_key_can_be_judged() -> None:
    for kind in ("good", "rsa", "ed25519"):
        assert judging.faults(trust(PROVIDERS[0]), "localhost", pki.party(kind).ders) == []


def test_the_demand_is_met_or_not() -> None:
    assert not stapled("stapled", b"").accept
    assert stapled("stapled", b"", flags=0x100).accept
    assert stapled("stapled", pki.answer(pki.party("stapled"), pki.intermediate())).accept


# Words


def test_an_unknown_fault_keeps_the_words_of_openssl() -> None:
    found = verdict(Trust("mx.example"), [Fault(50, "application verification failure")])
    assert found.status == "application verification failure (OpenSSL 50)"


def test_a_fault_that_follows_from_another_is_not_told() -> None:
    found = verdict(Trust("mx.example"), [Fault(20), Fault(21), Fault(27)])
    assert [fault.code for fault in found.faults] == [20]
    assert [fault.code for fault in verdict(Trust("x"), [Fault(21)]).faults] == [21]


def test_advice_is_given_once() -> None:
    status = verdict(Trust("mx.example"), [Fault(62), Fault(64)]).status
    assert status.count("set TLSServerName") == 1
    assert len(re.findall("than mx.example", status)) == 2


def test_bits_without_a_counterpart_are_named() -> None:
    assert without_effect(0x1 | 0x10 | 0x20 | 0x100 | 0x400 | 0x80000000) == ""
    assert without_effect(0x2 | 0x800) == "0x2 (list time), 0x800 (root revocation)"


def test_the_trial_connection_leaves_nothing_behind() -> None:
    client, server = connect(PROVIDERS[0]), StandardServer(pki.party("good"))
    shake(client, server)
    exchange(client, server)
