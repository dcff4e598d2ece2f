"""What counts as wrong, from facts that no server here can be made to show."""

import datetime as dt

import pytest

from postwright.cli.probe_facts import TLS, Facts
from postwright.cli.probe_faults import faults, moment
from postwright.tls.certificate import Certificate
from postwright.wire.extensions import Extensions

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
GOOD = {"SIZE": (), "8BITMIME": (), "PIPELINING": ()}


def certificate(end: str, *, self_issued: bool = False) -> Certificate:
    return Certificate(
        subject="CN=mail.example.org",
        issuer="CN=CA",
        self_issued=self_issued,
        not_before="20250101000000",
        not_after=end,
        key="EC",
        bits=256,
        hash="sha256",
        signature="ecdsa",
        hosts=(),
        addresses=(),
        must_staple=False,
    )


def found(facts: Facts) -> list[tuple[str, bool]]:
    return [(fault.code, fault.serious) for fault in faults(facts, NOW)]


def facts(**how: object) -> Facts:
    made = Facts("mail.example.org", 25)
    for name, value in how.items():
        assert hasattr(made, name)
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("20260301115959", []),  # it has ended: the verdict says so
        ("20260301120000", [("certificate_expires", True)]),
        ("20260322115959", [("certificate_expires", True)]),
        ("20260322120000", []),
        ("nonsense", []),
    ],
)
def test_twenty_one_days(end: str, expected: list[tuple[str, bool]]) -> None:
    assert found(facts(chain=(certificate(end),), trusted=True)) == expected
    assert found(facts(chain=(certificate("20300101000000"), certificate(end)), trusted=True)) == expected
    roots = (certificate("20300101000000"), certificate(end, self_issued=True))
    assert found(facts(chain=roots, trusted=True)) == []


def test_a_day_and_days() -> None:
    for end, words in (("20260302130000", "in 1 day,"), ("20260303130000", "in 2 days,")):
        (fault,) = faults(facts(chain=(certificate(end),), trusted=True), NOW)
        assert words in fault.text


def test_a_certificate_that_nobody_can_read() -> None:
    assert found(facts(chain=(None,), trusted=False, verdict="it can't be read")) == [("certificate", True)]


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        (TLS("TLSv1.3", "A", "", 256, "ecdhe_x25519", 253), []),
        (TLS("TLSv1.2", "A", "", 128, "ecdhe_x25519", 253), [("not_newest_protocol", False)]),
        (TLS("TLSv1.1", "A", "", 128, "ecdhe_x25519", 253), [("old_protocol", True)]),
        (TLS("TLSv1", "A", "", 128, "ecdhe_x25519", 253), [("old_protocol", True)]),
        (TLS("TLSv1.3", "A", "", 112, "ecdhe_x25519", 253), [("weak_cipher", True)]),
        (TLS("TLSv1.3", "A", "", 256, "rsa", 2048), [("no_forward_secrecy", False)]),
    ],
)
def test_what_was_negotiated(tls: TLS, expected: list[tuple[str, bool]]) -> None:
    assert found(facts(tls=tls)) == expected


@pytest.mark.parametrize(
    ("mechanisms", "wrong"),
    [(("PLAIN",), True), (("LOGIN", "CRAM-MD5"), True), (("XOAUTH2",), True), (("CRAM-MD5", "SCRAM-SHA-256"), False)],
)
def test_logins_without_tls(mechanisms: tuple[str, ...], wrong: bool) -> None:
    before = Extensions({**GOOD, "STARTTLS": (), "AUTH": mechanisms})
    assert found(facts(before=before)) == [("auth_in_plaintext", True)] * wrong


@pytest.mark.parametrize("missing", GOOD)
def test_useful_extensions(missing: str) -> None:
    offers = Extensions({keyword: () for keyword in GOOD if keyword != missing})
    assert found(facts(after=offers)) == [(f"no_{missing.lower()}", False)]


def test_starttls_inside_tls() -> None:
    assert found(facts(after=Extensions({**GOOD, "STARTTLS": ()}))) == [("starttls_again", False)]


def test_what_is_wrong_comes_first() -> None:
    before = Extensions({"SIZE": ()})
    assert [fault.serious for fault in faults(facts(before=before), NOW)] == [True, False, False]


def test_moments() -> None:
    assert moment("20260301120000") == NOW
    assert moment("2026") is None
