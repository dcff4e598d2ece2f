"""Distinguished names as people write them: what is the same name, what is a part of one."""

from __future__ import annotations

import string

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.tls.credentials import Credential
from postwright.tls.subjects import is_exactly, is_within, parse, subject_of
from tests.support.client_certificates import issue, new_key

FULL = 'CN=www.server.com, OU="test, and more", O=Exämple, L=Town, S=State, C=US, E=support@example.com'


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("CN=alice", (("CN", "alice"),)),
        ("cn = Alice , o= Two  Words ", (("CN", "alice"), ("O", "two words"))),
        ('O="a, b", CN=c', (("O", "a, b"), ("CN", "c"))),
        ('O="say ""hi"", all"', (("O", 'say "hi", all'),)),
        (r"O=a\, b,CN=c", (("O", "a, b"), ("CN", "c"))),
        ("CN=a=b", (("CN", "a=b"),)),
        ("CN=", (("CN", ""),)),
        (r"CN=DOMAIN\alice", (("CN", r"domain\alice"),)),
        ("2.5.4.3=x, emailAddress=e, ST=s, Email=f", (("2.5.4.3", "x"), ("E", "e"), ("S", "s"), ("E", "f"))),
        ("alice", ()),
        ("", ()),
        ("CN=a, alice", ()),
        ("=a", ()),
        (",", ()),
    ],
)
def test_names_are_parsed(text: str, fields: tuple[tuple[str, str], ...]) -> None:
    assert parse(text) == fields


@pytest.mark.parametrize(
    "text",
    [
        FULL,
        FULL.replace(", ", ",").replace("test,and", "test, and"),
        FULL.replace("=", " = ").replace(", C", "  ,  C"),
        FULL.upper(),
        FULL.replace("S=State", "ST=State").replace("E=", "emailAddress="),
        FULL.replace('"test, and more"', r"test\, and more"),
        'E=support@example.com, C=US, S=State, L=Town, O=Exämple, OU="test, and more", CN=www.server.com',
    ],
)
def test_spacing_case_direction_and_aliases_make_no_difference(text: str) -> None:
    assert is_exactly(text, FULL)
    assert is_within(text, FULL)


@pytest.mark.parametrize(
    "text", ["CN=www.server.com", "www.server.com", "", "*", FULL + ", DC=x", FULL.replace("US", "UK")]
)
def test_other_names_are_not_the_same(text: str) -> None:
    assert not is_exactly(text, FULL)


@pytest.mark.parametrize(
    "text",
    [
        "www.server.com",
        "server",
        "CN=www.server.com, OU=test, and more",
        'OU = "test, and more" ,O=exämple',
        "C=US, S=State",
        "S=State, C=US",
        "st=state",
        "email=support",
        "and  more",
    ],
)
def test_a_part_is_found(text: str) -> None:
    assert is_within(text, FULL)


@pytest.mark.parametrize("text", ["", " ", '"', '""', ",", "CN=alice", "O=Town", "CN=www.server.com, O=Exämple", "*"])
def test_what_is_no_part_is_not_found(text: str) -> None:
    assert not is_within(text, FULL)


def certified(*fields: tuple[x509.ObjectIdentifier, str]) -> bytes:
    name = x509.Name([x509.NameAttribute(oid, value) for oid, value in fields])
    key = new_key("ec")
    return issue(key.public_key(), name, key=key).public_bytes(Encoding.DER)


def test_the_subject_of_a_certificate_uses_the_short_names() -> None:
    der = certified(
        (NameOID.EMAIL_ADDRESS, "support@example.com"),
        (NameOID.COUNTRY_NAME, "US"),
        (NameOID.STATE_OR_PROVINCE_NAME, "State"),
        (NameOID.LOCALITY_NAME, "Town"),
        (NameOID.ORGANIZATION_NAME, "Exämple"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "test, and more"),
        (NameOID.COMMON_NAME, "www.server.com"),
    )
    assert subject_of(der) == FULL
    assert subject_of(Credential(der, (), None)) == FULL


VALUES = st.text(string.ascii_letters + string.digits + ' ,"=+äß', min_size=1, max_size=20)


@settings(deadline=None, derandomize=True)
@given(VALUES, VALUES)
def test_the_subject_of_any_certificate_finds_it(organization: str, name: str) -> None:
    subject = subject_of(certified((NameOID.ORGANIZATION_NAME, organization), (NameOID.COMMON_NAME, name)))
    assert is_exactly(subject, subject)
    assert is_within(subject, subject) or not set(name + organization) - set(' ,"')
    assert len(parse(subject)) == 2


@settings(deadline=None, derandomize=True)
@given(st.text(max_size=50), st.text(max_size=50))
def test_no_text_is_too_odd(wanted: str, subject: str) -> None:
    assert is_exactly(wanted, subject) in {True, False}
    assert is_within(wanted, subject) in {True, False}
    assert not is_exactly(wanted, subject) or is_exactly(subject, wanted)
