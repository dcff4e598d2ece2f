"""Hosts as a proxy is told them, and as they are compared: addresses in their shortest form, names in A-labels."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from postwright.errors import ForbiddenCharacter, InvalidValue
from postwright.proxy.dialogue import MAX_FIELD, plain
from postwright.wire import hosts
from postwright.words import printable

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

_NAME = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?")


@lru_cache(maxsize=64)
def address_of(host: str) -> IPv4Address | IPv6Address | None:
    """Return the address that the text is, with or without brackets; None for a name.

    Raises:
        InvalidValue: It is an address with a zone (RFC 4007), which names an interface of this machine alone.
    """
    from ipaddress import ip_address  # noqa: PLC0415 - most connections need no proxy

    try:
        found = ip_address(host[1:-1] if host[:1] == "[" and host[-1:] == "]" else host)
    except ValueError:
        return None
    if getattr(found, "scope_id", None) is not None:
        raise InvalidValue("an address with a zone means nothing to another machine")
    return found


def canonical(host: str) -> str:
    """Return a host in ASCII: an address in its shortest form and without brackets, a name in A-labels (RFC 5891).

    Raises:
        ForbiddenCharacter: It holds a control character.
        InvalidValue: It is neither an address nor a name of at most 255 octets.
    """
    try:
        plain(host, "host")
    except ForbiddenCharacter as error:
        raise ForbiddenCharacter(f"{error.detail}: '{printable(host[:MAX_FIELD])}'") from None
    if address := address_of(host):
        return str(address)
    name = a_labels(host)
    if len(name) > MAX_FIELD:
        raise InvalidValue(f"the host has {len(name)} octets, and a proxy can be told {MAX_FIELD}")
    if not _NAME.fullmatch(name):  # also a blank, a slash or an @, which would turn into something else in a request
        raise InvalidValue(f"'{printable(host)}' is neither a host name nor an IP address")
    return name


def a_labels(name: str) -> str:
    """Return a name with each label that is not ASCII as an A-label.

    Raises:
        InvalidValue: A label has no A-label.
    """
    if len(name) > MAX_FIELD and not name.isascii():
        raise InvalidValue(f"a host name of over {MAX_FIELD} octets")
    try:
        return hosts.a_labels(name)
    except UnicodeError as error:
        raise InvalidValue(f"'{printable(name)}' is no host name ({printable(str(error))})") from error
