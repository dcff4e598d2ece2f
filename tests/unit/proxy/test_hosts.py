"""Hosts: one spelling for each address, A-labels for names, nothing that could be taken for something else."""

from __future__ import annotations

import pytest

from postwright.errors import InvalidValue
from postwright.proxy.hosts import a_labels, address_of, canonical


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("mx.example", "mx.example"),
        ("MX.Example.", "MX.Example."),
        ("_smtp-1.example", "_smtp-1.example"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("BÜCHER.example", "xn--bcher-kva.example"),
        ("192.0.2.1", "192.0.2.1"),
        ("[192.0.2.1]", "192.0.2.1"),
        ("2001:DB8:0:0::1", "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("127.1", "127.1"),  # a name, as far as we are concerned
        ("x" * 255, "x" * 255),
    ],
)
def test_a_host_in_ascii(given: str, found: str) -> None:
    assert canonical(given) == found


@pytest.mark.parametrize("host", ["mx.example]", "[mx.example]", "[", "[]", "2001:db8::g", ".example", "a b", "a%b"])
def test_what_is_neither(host: str) -> None:
    with pytest.raises(InvalidValue, match="neither"):
        canonical(host)


@pytest.mark.parametrize("host", ["fe80::1%eth0", "[fe80::1%eth0]", "fe80::1%a b"])
def test_a_zone_is_refused(host: str) -> None:
    with pytest.raises(InvalidValue, match="zone"):
        canonical(host)
    with pytest.raises(InvalidValue, match="zone"):
        address_of(host)


@pytest.mark.parametrize("name", ["ü" * 256, "xn--ü.example", "a\u2024b.ü\u0000", "-ü.example"])
def test_names_without_a_labels(name: str) -> None:
    with pytest.raises(InvalidValue):
        a_labels(name)
