"""Domains: what the DNS can know, in one form, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from postwright.errors import InvalidAddress
from postwright.message.domains import ascii_domain, domain_fault


@pytest.mark.parametrize(
    ("domain", "name"),
    [
        ("example.com", "example.com"),
        ("EXAMPLE.com", "EXAMPLE.com"),
        ("localhost", "localhost"),
        ("my_container", "my_container"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("Bücher.Example", "xn--bcher-kva.example"),
        ("bu\u0308cher.example", "xn--bcher-kva.example"),
        ("faß.de", "xn--fa-hia.de"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ("[192.0.2.1]", "[192.0.2.1]"),
        ("[IPv6:2001:db8::1]", "[IPv6:2001:db8::1]"),
    ],
)
def test_domains_have_one_ascii_form(domain: str, name: str) -> None:
    assert ascii_domain(domain) == name
    assert ascii_domain(name) == name
    assert domain_fault(domain) == ""


@pytest.mark.parametrize(
    "domain",
    [
        "", ".", "a.", ".a", "a..b", "-a", "a-", "a b", "a\r\nb", "a\0", "a/b", "a@b", "a>", "1.2.3.4", "999", "x.1",
        "b" * 64, "ü" * 64, ".".join(["b" * 60] * 5), "ü" * 300, "\u200b", "ü\u202e.de", "ü..de", "ü_x.de", "a＠b", "ü\n.de",
        "[", "[]", "[1.2.3]", "[1.2.3.4", "[1.2.3.256]", "[1.2.3.4.5]", "[01.2.3.4]", "[IPv6:]", "[IPv6:1::2::3]",
        "[IPv6:fe80::1%1]", "[2001:db8::1]", "[TAG:x]", "[1.2.3.4]x",
    ],
)  # fmt: skip
def test_what_is_no_domain_is_refused(domain: str) -> None:
    with pytest.raises(InvalidAddress) as caught:
        ascii_domain(domain)
    assert str(caught.value).isprintable()
    assert domain_fault(domain)


def test_the_tables_of_idna_are_loaded_for_domains_that_need_them_only() -> None:
    code = (
        "import sys; from postwright.message.domains import ascii_domain; ascii_domain('x.y'); ascii_domain('[1.2.3.4]');"
        "assert 'idna' not in sys.modules and 'ipaddress' not in sys.modules;"
        "ascii_domain('ü.de'); assert 'idna' in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": os.pathsep.join(sys.path)})
