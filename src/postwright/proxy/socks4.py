"""SOCKS4, and SOCKS4A, which resolves names: the two memos by Ying-Da Lee (there is no RFC).

The request is VN=4, CD=1 (CONNECT), port, IPv4 address, user, NUL. SOCKS4A writes the impossible address 0.0.0.1 and
puts the name behind the user, with a NUL of its own. Neither knows a password.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.enums import FirewallType
from postwright.errors import InvalidValue
from postwright.proxy.dialogue import Kind, Talk, bounded, register
from postwright.proxy.hosts import address_of

if TYPE_CHECKING:
    from postwright.proxy.dialogue import Destination, Dialogue, Proxy

_GRANTED = 90
_WORDS = {
    91: "request rejected or failed",
    92: "request rejected: the proxy could not reach identd on this host",
    93: "request rejected: identd on this host names another user",
}
_BY_NAME = b"\0\0\0\1"  # 0.0.0.x with x not 0: the name follows


def _socks4(proxy: Proxy, destination: Destination) -> Dialogue:
    address = address_of(destination.host)
    if address is None:
        raise InvalidValue(f"SOCKS4 takes addresses only, not '{destination.host}': resolve it, or use SOCKS4A")
    if address.version != 4:
        raise InvalidValue(f"SOCKS4 takes IPv4 addresses only, not {address}: use SOCKS5")
    return _talk("SOCKS4", proxy, destination, address.packed, b"")


def _socks4a(proxy: Proxy, destination: Destination) -> Dialogue:
    address = address_of(destination.host)
    if address is not None and address.version == 4:
        return _talk("SOCKS4A", proxy, destination, address.packed, b"")
    # An IPv6 address goes as text: the proxy's resolver knows what it is.
    return _talk("SOCKS4A", proxy, destination, _BY_NAME, destination.host.encode("ascii") + b"\0")


def _talk(protocol: str, proxy: Proxy, destination: Destination, address: bytes, name: bytes) -> Dialogue:
    if proxy.password:
        raise InvalidValue(f"{protocol} has no passwords: leave firewall_password empty, or use SOCKS5")
    if not name and address[:3] == b"\0\0\0":
        raise InvalidValue(f"nobody is at {destination.host}, and SOCKS4A takes it for the sign of a name")
    user = bounded(proxy.user, "user name for the proxy")
    request = b"\4\1" + destination.port.to_bytes(2, "big") + address + user + b"\0" + name
    return _ask(Talk(protocol, proxy, destination), request)


def _ask(talk: Talk, request: bytes) -> Dialogue:
    yield from talk.tell(request)
    talk.check_protocol(
        (yield from talk.octet()), 0, 4
    )  # the memo wants 0 here, and some proxies write their own version
    code = yield from talk.octet()
    if code != _GRANTED:  # judged at once: not every proxy sends the rest of a refusal
        raise talk.fault(f"{_WORDS.get(code, 'a code that SOCKS4 does not have')} (code {code})")
    yield from talk.take(6)  # a port and an address that mean nothing for CONNECT
    return bytes(talk.data)


SOCKS4 = register(FirewallType.SOCKS4, Kind("SOCKS4", takes_names=False, start=_socks4))
SOCKS4A = register(FirewallType.SOCKS4A, Kind("SOCKS4A", takes_names=True, start=_socks4a))
