"""SOCKS5: the octets of RFC 1928 and RFC 1929, one result for every cut, refusals in words, hostile answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright.enums import FirewallType
from postwright.errors import InvalidValue
from tests.unit.proxy.playing import GREETING, dialogue, every_way, refused

if TYPE_CHECKING:
    from tests.unit.proxy.playing import Outcome

SOCKS5 = FirewallType.SOCKS5
OPEN, LOGIN = b"\5\0", b"\5\2\1\0"
DONE = b"\5\0\0\1\0\0\0\0\0\0"


def ask(answer: bytes, host: str = "192.0.2.1", port: int = 25, **values: str) -> Outcome:
    return every_way(lambda: dialogue(SOCKS5, host, port, **values), answer)


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("192.0.2.1", b"\1\xc0\0\2\1"),
        ("2001:db8::1", b"\4\x20\1\x0d\xb8" + b"\0" * 11 + b"\1"),
        ("[::1]", b"\4" + b"\0" * 15 + b"\1"),
        ("mx.example", b"\3\x0amx.example"),
        ("bücher.example", b"\3\x15xn--bcher-kva.example"),
        ("x" * 255, b"\3\xff" + b"x" * 255),
    ],
)
def test_the_request_of_rfc_1928(host: str, written: bytes) -> None:
    found = ask(OPEN + DONE, host, 587)
    assert found == (b"\5\1\0" + b"\5\1\0" + written + b"\x02\x4b", b"", "")


def test_the_login_of_rfc_1929() -> None:
    found = ask(LOGIN + DONE, user="Grüße", password="päss")
    login = b"\1\x07Gr\xc3\xbc\xc3\x9fe\5p\xc3\xa4ss"
    assert found == (b"\5\2\0\2" + login + b"\5\1\0\1\xc0\0\2\1\0\x19", b"", "")


def test_an_open_proxy_hears_no_password() -> None:
    found = ask(OPEN + DONE, user="me", password="hush")
    assert found.sent == b"\5\2\0\2" + b"\5\1\0\1\xc0\0\2\1\0\x19"


def test_lengths_up_to_255_and_an_empty_password() -> None:
    assert b"\1\xff" + b"u" * 255 + b"\xff" + b"p" * 255 in ask(LOGIN + DONE, user="u" * 255, password="p" * 255).sent
    assert b"\1\2me\0" in ask(LOGIN + DONE, user="me").sent


@pytest.mark.parametrize(
    "address", [b"\1\x7f\0\0\1", b"\4" + b"\xfe" * 16, b"\3\0", b"\3\4mine", b"\3\xff" + b"y" * 255]
)
def test_what_comes_behind_the_answer_is_the_servers(address: bytes) -> None:
    found = ask(OPEN + b"\5\0\0" + address + b"\x04\x38" + GREETING)
    assert (found.surplus, found.fault) == (GREETING, "")
    broken = ask((OPEN + b"\5\0\0" + address + b"\x04\x38")[:-1])
    assert broken.fault.endswith("before its answer was complete")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (1, "general SOCKS server failure"),
        (2, "connection not allowed by ruleset"),
        (3, "network unreachable"),
        (4, "host unreachable"),
        (5, "connection refused"),
        (6, "TTL expired"),
        (7, "command not supported"),
        (8, "address type not supported"),
        (9, "a reply that SOCKS5 does not have"),
        (255, "a reply that SOCKS5 does not have"),
    ],
)
def test_refusals_are_put_into_words_however_short_they_are(code: int, words: str) -> None:
    for rest in (b"", b"\0\1\0\0\0\0\0\0", b"\0\x63"):
        found = ask(OPEN + bytes((5, code)) + rest, "mx.example")
        assert found.fault == f"SOCKS5 at proxy.example:1080, asked for mx.example:25: {words} (reply {code})"


def test_no_acceptable_method_is_explained() -> None:
    assert ask(b"\5\xff").fault.endswith(
        "those offered (no login); it seems to want a login: set firewall_user and firewall_password"
    )
    assert ask(b"\5\xff", user="me").fault.endswith("none of those offered (no login and user and password)")


@pytest.mark.parametrize(("method", "name"), [(1, "GSSAPI"), (2, "user and password"), (0x80, "unknown")])
def test_a_method_that_was_not_offered_is_refused(method: int, name: str) -> None:
    found = ask(bytes((5, method)) + b"\1\0" + DONE)
    assert found.sent == b"\5\1\0"
    assert f"it chose method {method} ({name}), which was not offered" in found.fault


def test_a_refused_login() -> None:
    for status in (1, 255):
        found = ask(b"\5\2" + bytes((1, status)), user="me", password="hush")
        assert found.fault.endswith(f"it refused the user and password (status {status})")
        assert "hush" not in found.fault
    assert ask(b"\5\2\5\0" + DONE, user="me").fault == ""
    assert ask(b"\5\2\7\0" + DONE, user="me").fault.endswith("its answer to the login has the unknown version 7")


@pytest.mark.parametrize("kind", [0, 2, 5, 255])
def test_an_unknown_address_type_is_refused_and_not_guessed_at(kind: int) -> None:
    found = ask(OPEN + bytes((5, 0, 0, kind)) + b"\0" * 100)
    assert found.fault.endswith(f"an address of the unknown type {kind}")


@pytest.mark.parametrize("length", range(len(LOGIN + DONE)))
def test_an_answer_that_breaks_off(length: int) -> None:
    found = ask((LOGIN + DONE)[:length], user="me", password="hush")
    assert found.fault.endswith("it closed the connection before its answer was complete")


def test_what_can_not_be_said_is_refused() -> None:
    refused(SOCKS5, InvalidValue, "256 octets", user="ü" * 128)
    assert "hush" not in refused(SOCKS5, InvalidValue, "260 octets", user="me", password="hush" * 65)
    assert "hush" not in refused(SOCKS5, InvalidValue, "no user", password="hush")
