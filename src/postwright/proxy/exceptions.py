"""The hosts that are reached without a proxy: the setting ProxyExceptionsList, and no_proxy of the environment."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postwright.errors import InvalidValue
from postwright.proxy.hosts import a_labels, address_of
from postwright.words import printable

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_SEPARATOR = re.compile(r"[;,\s]+")
_PORT = re.compile(r"(\[.*\]|[^:]*):([0-9]{1,5})")


def excepted(entries: str, host: str, port: int, *, below: bool = False) -> bool:
    """Return whether the list says that this host is reached without a proxy.

    An entry is a host name, an IP address, a network (``10.0.0.0/8``, ``2001:db8::/32``), a domain with all below it
    (``.example.org``), or a text with ``*`` for anything (``*.example.org`` is what is below the domain, ``*`` is
    everything). A port may follow: ``mx.example.org:25``, ``[::1]:25``. Case and trailing dots don't matter; names
    that are not ASCII are compared as A-labels. Names are never resolved: a network takes hosts given as addresses.

    Args:
        entries: The list; entries are separated by semicolons, commas or blanks.
        host: The server.
        port: The server's port.
        below: Whether a bare name also takes what is below it, as everybody reads no_proxy.

    Raises:
        InvalidValue: An entry can't be understood. To pass over it might show the proxy what it must not see.
    """
    address = _address(host)
    name = str(address) if address else _name(host)
    found = [_matches(entry, name, address, port, below=below) for entry in _SEPARATOR.split(entries) if entry]
    return any(found)  # after all were read: one that is wrong is found whatever stands before it


def _matches(entry: str, name: str, address: IPv4Address | IPv6Address | None, port: int, *, below: bool) -> bool:
    if match := _PORT.fullmatch(entry):
        entry = match[1]
        if int(match[2]) != port:
            return False
    if "/" in entry:
        return _in_network(entry, address)
    if literal := _address(entry):
        return literal == address
    pattern = _name(entry)
    if "*" in pattern:
        return _fits(pattern, name)
    if address:
        return False  # 127.0.0.1 is not below .0.0.1
    if below or pattern.startswith("."):
        return f".{name}".endswith(f".{pattern.lstrip('.')}")
    return name == pattern


def _in_network(entry: str, address: IPv4Address | IPv6Address | None) -> bool:
    from ipaddress import ip_network  # noqa: PLC0415 - most connections need no proxy

    try:
        network = ip_network(entry, strict=False)
    except ValueError:
        raise InvalidValue(f"'{printable(entry)}' in the list of proxy exceptions is no network") from None
    return address is not None and address in network


def _address(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that the text is, without its zone; IPv4 inside IPv6 (RFC 4291 section 2.5.5.2) is IPv4."""
    address = address_of(host.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def _name(host: str) -> str:
    return a_labels(host).rstrip(".").lower()


def _fits(pattern: str, name: str) -> bool:
    """Return whether the pattern, with at least one ``*``, fits; in one pass, whatever the number of stars."""
    first, *middle, last = pattern.split("*")
    if not (name.startswith(first) and name.endswith(last) and len(name) >= len(first) + len(last)):
        return False
    rest = name[len(first) : len(name) - len(last)]
    for part in middle:
        _, found, rest = rest.partition(part) if part else ("", True, rest)
        if not found:
            return False
    return True
