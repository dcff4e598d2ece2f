"""Proxies: the dialogue that asks one for a connection, and the rules that say whether one is used at all.

It owns what is said to a proxy, octet by octet. It never dials, waits or keeps time: that is the session's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import InvalidValue, RemotePortInvalid
from postwright.proxy import socks4, socks5, tunnel
from postwright.proxy.dialogue import REGISTER, Destination, plain
from postwright.proxy.hosts import address_of, canonical

if TYPE_CHECKING:
    from postwright.proxy.dialogue import Dialogue, Kind, Proxy

__all__ = ["begin", "needs_address", "socks4", "socks5", "tunnel"]


def begin(proxy: Proxy, host: str, port: int) -> Dialogue:
    """Return the dialogue that has the proxy open a connection to a host.

    All that is to be sent is checked here, so call this before the proxy is dialled: no octet is sent for a value
    that can't be.

    Args:
        proxy: The proxy.
        host: The server's name or address; a name stays one where ``needs_address()`` says that it may.
        port: The server's port.

    Raises:
        ForbiddenCharacter: The host, user, password or a header holds a control character.
        InvalidHeader: A line of the extra headers is no header field.
        InvalidValue: This kind of proxy can't be told such a host, user or password.
        RemotePortInvalid: The port is not a number from 1 to 65535.
    """
    kind = _kind(proxy)
    plain(proxy.host, "name of the proxy")
    if not 1 <= port <= 65535:
        raise RemotePortInvalid(str(port))
    if proxy.headers and kind is not tunnel.TUNNEL:
        raise InvalidValue("FirewallData is for tunnelling proxies (firewall_type=1): SOCKS has no headers")
    return kind.start(proxy, Destination(canonical(host), port))


def needs_address(proxy: Proxy, host: str) -> bool:
    """Return whether this host must be resolved (to an IPv4 address) before ``begin()``: SOCKS4 takes no names."""
    return not _kind(proxy).takes_names and address_of(host) is None


def _kind(proxy: Proxy) -> Kind:
    try:
        return REGISTER[proxy.type]
    except KeyError:
        raise InvalidValue(f"there is no proxy of type {proxy.type!r}") from None
