"""Dates in English, identifiers that are never made twice, boundaries that can't occur in encoded parts."""

from __future__ import annotations

import base64
import hashlib
import quopri
import re
import socket
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.errors import InvalidValue
from postwright.message.stamps import boundary, date_header, message_id

exploring = settings(derandomize=True, max_examples=400, deadline=None)


@exploring
@given(st.integers(-62_000_000_000, 253_000_000_000), st.integers(-14 * 60, 14 * 60))
def test_dates_are_those_of_the_standard_library(seconds: int, offset: int) -> None:
    zone = timezone(timedelta(minutes=offset))
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    # format_datetime does not fill years up to four digits on all systems, so only the parsed moments can be compared there.
    written = date_header(seconds, offset * 60)
    assert parsedate_to_datetime(written) == moment if moment.year >= 1900 else True
    if moment.astimezone(zone).year >= 1000:
        assert written == format_datetime(moment.astimezone(zone))


@pytest.mark.parametrize(
    ("now", "offset", "text"),
    [
        (0.0, 0, "Thu, 01 Jan 1970 00:00:00 +0000"),
        (1700000000.999, 3600, "Tue, 14 Nov 2023 23:13:20 +0100"),
        (951782399.0, 0, "Mon, 28 Feb 2000 23:59:59 +0000"),
        (951782400.0, 0, "Tue, 29 Feb 2000 00:00:00 +0000"),
        (1709251199.0, 5 * 3600 + 1800, "Fri, 01 Mar 2024 05:29:59 +0530"),
        (4107542399.0, 0, "Sun, 28 Feb 2100 23:59:59 +0000"),
        (4107542400.0, 0, "Mon, 01 Mar 2100 00:00:00 +0000"),
        (-2203891201.0, 0, "Wed, 28 Feb 1900 23:59:59 +0000"),
        (-2203891200.0, 0, "Thu, 01 Mar 1900 00:00:00 +0000"),
        (0.0, -12600, "Wed, 31 Dec 1969 20:30:00 -0330"),
        (-1.0, 0, "Wed, 31 Dec 1969 23:59:59 +0000"),
        (0.0, -59, "Thu, 01 Jan 1970 00:00:00 +0000"),
    ],
)
def test_dates_at_the_edges(now: float, offset: int, text: str) -> None:
    assert date_header(now, offset) == text


@pytest.mark.parametrize(
    ("algorithm", "size"), [("MD5", 32), ("SHA1", 40), ("SHA256", 64), ("sha-256", 64), ("sha1", 40)]
)
def test_identifiers_have_the_form_of_rfc_5322(algorithm: str, size: int) -> None:
    assert re.fullmatch(rf"<[0-9a-f]{{{size}}}@example\.com>", message_id(algorithm, b"r" * 16, 1.0, "example.com"))


def test_the_same_randomness_never_makes_the_same_identifier() -> None:
    made = {message_id("SHA1", b"same", 1.0, "x.y") for _ in range(1000)}
    assert len(made) == 1000


def test_different_randomness_makes_different_identifiers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("postwright.message.stamps._count", lambda: 7)
    assert message_id("SHA1", b"a", 1.0, "x.y") != message_id("SHA1", b"b", 1.0, "x.y")
    assert message_id("SHA1", b"a", 1.0, "x.y") == message_id("SHA1", b"a", 1.0, "x.y")


@pytest.mark.parametrize(
    ("domain", "right"),
    [
        ("bücher.example", "xn--bcher-kva.example"),
        ("host.example.", "host.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("", "localhost"),
        ("x y>", "localhost"),
        ("a\r\nb", "localhost"),
    ],
)
def test_the_right_side_is_a_domain_and_is_never_looked_up(
    domain: str, right: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("a name was looked up")

    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
    monkeypatch.setattr(socket, "getfqdn", forbidden)
    assert message_id("MD5", b"r", 1.0, domain).endswith(f"@{right}>")


def test_unknown_algorithms_are_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidValue, match="MD5, SHA1, SHA256"):
        message_id("CRC", b"r", 1.0, "x.y")


def test_hashes_are_made_for_no_security(monkeypatch: pytest.MonkeyPatch) -> None:
    """MD5 must work where the system allows it for nothing that is about security (FIPS)."""
    seen = []

    def md5(data: bytes, *, usedforsecurity: bool = True) -> object:
        seen.append(usedforsecurity)
        return hashlib.sha256(data)

    monkeypatch.setattr(hashlib, "md5", md5)
    message_id("Md5", b"r", 1.0, "x.y")  # a spelling that no other test uses: the choice is cached
    assert seen == [False]


def test_boundaries_can_not_occur_in_encoded_parts() -> None:
    mark = boundary(bytes(range(16)))
    assert re.fullmatch(r"=_[0-9a-f]{32}", mark)
    assert mark.encode() not in base64.b64encode(mark.encode())
    assert mark.encode() not in quopri.encodestring(mark.encode())
