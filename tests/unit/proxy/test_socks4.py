"""SOCKS4 and SOCKS4A: the octets of the memos, one result for every cut, refusals in words."""

from __future__ import annotations

import pytest

from postwright.enums import FirewallType
from postwright.errors import InvalidValue
from tests.unit.proxy.playing import GREETING, dialogue, every_way, refused

SOCKS4, SOCKS4A = FirewallType.SOCKS4, FirewallType.SOCKS4A
GRANTED = b"\0\x5a\0\0\0\0\0\0"


def test_the_request_of_the_memo() -> None:
    found = every_way(lambda: dialogue(SOCKS4, "66.102.7.99", 80, user="Fred"), GRANTED)
    assert found == (bytes.fromhex("04 01 00 50 42 66 07 63 46 72 65 64 00"), b"", "")


def test_the_request_of_socks4a() -> None:
    found = every_way(lambda: dialogue(SOCKS4A, "mx.example", 2525, user="Fred"), GRANTED)
    assert found.sent == b"\4\1\x09\xdd\0\0\0\1Fred\0mx.example\0"
    assert not found.fault


def test_socks4a_sends_addresses_as_addresses_and_ipv6_as_text() -> None:
    assert every_way(lambda: dialogue(SOCKS4A, "192.0.2.1"), GRANTED).sent == b"\4\1\0\x19\xc0\0\2\1\0"
    sent = every_way(lambda: dialogue(SOCKS4A, "[2001:db8::1]"), GRANTED).sent
    assert sent == b"\4\1\0\x19\0\0\0\1\0" + b"2001:db8::1\0"


@pytest.mark.parametrize("kind", [SOCKS4, SOCKS4A])
@pytest.mark.parametrize("answer", [GRANTED, b"\4\x5a\xff\xff\x7f\0\0\1"])
def test_what_comes_behind_the_answer_is_the_servers(kind: FirewallType, answer: bytes) -> None:
    found = every_way(lambda: dialogue(kind), answer + GREETING)
    assert (found.surplus, found.fault) == (GREETING, "")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (91, "request rejected or failed (code 91)"),
        (92, "could not reach identd on this host (code 92)"),
        (93, "names another user (code 93)"),
        (0, "a code that SOCKS4 does not have (code 0)"),
        (255, "a code that SOCKS4 does not have (code 255)"),
    ],
)
def test_refusals_are_put_into_words_however_short_they_are(code: int, words: str) -> None:
    for rest in (b"", b"\0\0", b"\0" * 6, b"\0" * 6 + GREETING):
        found = every_way(lambda: dialogue(SOCKS4), bytes((0, code)) + rest)
        assert found.fault.endswith(words)
        assert "SOCKS4 at proxy.example:1080, asked for 192.0.2.1:25: " in found.fault


@pytest.mark.parametrize("length", range(8))
def test_an_answer_that_breaks_off(length: int) -> None:
    found = every_way(lambda: dialogue(SOCKS4), GRANTED[:length])
    assert found.fault.endswith("it closed the connection before its answer was complete")


def test_what_can_not_be_said_is_refused() -> None:
    refused(SOCKS4, InvalidValue, "resolve it, or use SOCKS4A", host="mx.example")
    for kind in (SOCKS4, SOCKS4A):
        shown = refused(kind, InvalidValue, "no passwords", host="192.0.2.1", user="me", password="hush")
        assert "hush" not in shown
        refused(kind, InvalidValue, "nobody is at 0.0.0.7", host="0.0.0.7")
        refused(kind, InvalidValue, "256 octets", host="192.0.2.1", user="ü" * 128)
    refused(SOCKS4, InvalidValue, "use SOCKS5", host="::1")
    assert every_way(lambda: dialogue(SOCKS4, user="x" * 255), GRANTED).sent.endswith(b"x" * 255 + b"\0")
