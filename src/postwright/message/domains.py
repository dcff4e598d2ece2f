"""Domains of addresses: names as the DNS knows them, and address literals (RFC 5321 section 4.1.3)."""

from __future__ import annotations

import re
from functools import lru_cache

from postwright.errors import InvalidAddress
from postwright.lazy import pattern
from postwright.words import printable

MAX_DOMAIN = 255
MAX_LABEL = 63
"""Lengths in octets (RFC 5321 section 4.5.3.1, RFC 1035 section 2.3.4)."""

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
NAME = rf"{_LABEL}(?:\.{_LABEL})*"
"""The pattern of a name; the underscore is no letter of the DNS's host names, but hosts that have one exist."""

_NAME = pattern(NAME)
_IPV4 = pattern(r"(?:(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)(?:\.(?=\d)|\Z)){4}", re.ASCII)


def domain_fault(domain: str) -> str:
    """Say what is wrong with a domain or address literal; "" when nothing is."""
    try:
        ascii_domain(domain)
    except InvalidAddress as error:
        return error.detail
    return ""


@lru_cache(maxsize=512)
def ascii_domain(domain: str) -> str:
    """Return a domain as the DNS knows it: names in A-labels (IDNA 2008, RFC 5891), address literals as they are.

    Raises:
        InvalidAddress: It is neither a domain name nor an address literal (RFC 5321 section 4.1.3).
    """
    if domain.startswith("["):
        return _literal(domain)
    name = domain if domain.isascii() else _to_a_labels(domain)
    if not _NAME.fullmatch(name):
        if any(len(label) > MAX_LABEL for label in name.split(".")):
            raise InvalidAddress(f"a part of the domain longer than {MAX_LABEL} octets")
        raise InvalidAddress("not a domain name")
    if len(name) > MAX_DOMAIN:
        raise InvalidAddress(f"a domain longer than {MAX_DOMAIN} octets")
    if name.rpartition(".")[2].isdigit():
        raise InvalidAddress("not a domain name (an IP address stands in brackets)")
    return name


@lru_cache(maxsize=512)
def unicode_domain(domain: str) -> str:
    """Return a domain as people write it: names in U-labels (RFC 5891), address literals as they are.

    Raises:
        InvalidAddress: It is neither a domain name nor an address literal.
    """
    name = ascii_domain(domain)
    if "xn--" not in name.lower():
        return name
    import idna  # noqa: PLC0415 (as below)

    try:
        return idna.decode(name)
    except UnicodeError:  # an old A-label that IDNA 2008 does not know stays as it is
        return name


def _to_a_labels(domain: str) -> str:
    import idna  # noqa: PLC0415 (most mail needs no such domain, and the tables are large)

    if len(domain) > MAX_DOMAIN:
        raise InvalidAddress(f"a domain longer than {MAX_DOMAIN} octets")
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii")
    except UnicodeError as error:
        raise InvalidAddress(f"not a domain name ({printable(str(error))})") from error


def _literal(domain: str) -> str:
    inside = domain[1:-1]
    if domain.endswith("]"):
        if _IPV4.fullmatch(inside):
            return domain
        if inside[:5].lower() == "ipv6:" and "%" not in inside:
            import ipaddress  # noqa: PLC0415 (address literals are rare)

            try:
                ipaddress.IPv6Address(inside[5:])
            except ValueError:
                pass
            else:
                return domain
    raise InvalidAddress("not an address literal such as [192.0.2.1] or [IPv6:2001:db8::1]")
