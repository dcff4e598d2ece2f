"""The list of hosts that need no proxy: every form of entry, and what must not match."""

from __future__ import annotations

import pytest

from postwright.errors import InvalidValue
from postwright.proxy.exceptions import excepted

MATCHES = [
    ("www.google.com;mx.example", "mx.example"),
    ("mx.example", "MX.Example."),
    ("MX.EXAMPLE.", "mx.example"),
    ("a ; b,\tmx.example", "mx.example"),
    (".example.org", "mx.example.org"),
    (".example.org", "example.org"),
    (".example.org.", "a.b.example.org"),
    ("*.example.org", "mx.example.org"),
    ("*.example.org", "a.b.Example.org."),
    ("*", "anything"),
    ("*", "2001:db8::1"),
    ("mx*.example", "mx12.example"),
    ("mx*.exa*.org", "mx12.b.example.org"),
    ("*a*b*", "xxaxxbxx"),
    ("192.168.*", "192.168.7.8"),
    ("192.0.2.1", "192.0.2.1"),
    ("192.0.2.1", "::ffff:192.0.2.1"),
    ("::ffff:192.0.2.1", "192.0.2.1"),
    ("2001:DB8:0::1", "[2001:db8::1]"),
    ("[2001:db8::1]", "2001:db8:0:0::1"),
    ("192.0.2.0/24", "192.0.2.77"),
    ("192.0.2.77/24", "192.0.2.1"),
    ("192.0.2.0/255.255.255.0", "192.0.2.1"),
    ("2001:db8::/32", "2001:db8:ffff::1"),
    ("10.0.0.0/8", "::ffff:10.1.2.3"),
    ("fe80::/10", "fe80::1%eth0"),
    ("mx.example:25", "mx.example"),
    ("[::1]:25", "::1"),
    ("192.0.2.1:25", "192.0.2.1"),
    ("bücher.example", "xn--bcher-kva.example"),
    ("xn--bcher-kva.example", "BÜCHER.example"),
    (".bücher.example", "mx.bücher.example"),
    ("*.bücher.example", "mx.bücher.example"),
]
DIFFERENT = [
    ("", "mx.example"),
    (";, ;", "mx.example"),
    ("mx.example", "amx.example"),
    ("mx.example", "mx.example.org"),
    ("example.org", "mx.example.org"),
    (".example.org", "anexample.org"),
    ("*.example.org", "example.org"),
    ("*.example.org", "x.example.org.evil"),
    ("mx*mx.example", "mx.example"),
    ("*ab*ba*", "xabax"),
    (".0.0.1", "127.0.0.1"),
    ("0.0.1", "127.0.0.1"),
    ("192.0.2.1", "192.0.2.10"),
    ("192.0.2.0/24", "192.0.3.1"),
    ("192.0.2.0/24", "mx.example"),
    ("0.0.0.0/0", "2001:db8::1"),
    ("::/0", "192.0.2.1"),
    ("mx.example:587", "mx.example"),
    ("[::1]:587", "::1"),
    (".", "mx.example"),
]


@pytest.mark.parametrize(("entries", "host"), MATCHES)
def test_hosts_that_need_no_proxy(entries: str, host: str) -> None:
    assert excepted(entries, host, 25)


@pytest.mark.parametrize(("entries", "host"), DIFFERENT)
def test_hosts_that_do(entries: str, host: str) -> None:
    assert not excepted(entries, host, 25)


@pytest.mark.parametrize(
    ("entries", "host", "found"),
    [
        ("example.org", "mx.example.org", True),
        ("example.org", "example.org", True),
        ("example.org:25", "mx.example.org", True),
        ("example.org:26", "mx.example.org", False),
        ("example.org", "anexample.org", False),
        ("0.0.1", "127.0.0.1", False),
        (".", "mx.example", False),
    ],
)
def test_no_proxy_takes_what_is_below_a_name(entries: str, host: str, found: bool) -> None:
    assert excepted(entries, host, 25, below=True) is found


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "10.0.0/8", "mx.example/8", "/", "http://mx.example", "::1/129"])
def test_a_network_that_is_none_is_an_error_wherever_it_stands(entry: str) -> None:
    for entries in (entry, f"*;{entry}", f"{entry};*"):
        with pytest.raises(InvalidValue, match="is no network"):
            excepted(entries, "mx.example", 25)


def test_many_stars_take_no_time() -> None:
    assert not excepted("*a" * 5000 + "b", "a" * 255, 25)
