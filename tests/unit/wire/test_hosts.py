"""Hosts: addresses are told from names, and every part of the program gives a name the same A-labels."""

from __future__ import annotations

import pytest

from postwright.drive import dialing
from postwright.proxy import hosts as proxied
from postwright.tls.layer import server_host
from postwright.wire.hosts import a_labels, is_address


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "2001:db8::1", "fe80::1%eth0"])
def test_addresses(host: str) -> None:
    assert is_address(host)


@pytest.mark.parametrize("host", ["", "localhost", "[::1]", "127.0.0.1.example", "1.2.3", "999.0.0.1"])
def test_what_is_no_address(host: str) -> None:
    assert not is_address(host)


@pytest.mark.parametrize(
    ("name", "ascii_name"),
    [
        ("mx.example", "mx.example"),
        ("_smtp.bücher.example", "_smtp.xn--bcher-kva.example"),
        ("Bücher.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
    ],
)
def test_the_name_that_is_looked_up_is_the_name_on_the_certificate(name: str, ascii_name: str) -> None:
    assert a_labels(name) == dialing._ascii(name) == server_host(name) == proxied.a_labels(name) == ascii_name


@pytest.mark.parametrize("name", ["ü" * 70, "a\u200db.example"])
def test_a_label_that_has_no_a_label_is_an_error(name: str) -> None:
    with pytest.raises(UnicodeError):
        a_labels(name)
