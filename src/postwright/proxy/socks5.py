"""SOCKS5 (RFC 1928), without a login or with user and password (RFC 1929)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.enums import FirewallType
from postwright.errors import InvalidValue
from postwright.proxy.dialogue import Kind, Talk, bounded, register
from postwright.proxy.hosts import address_of

if TYPE_CHECKING:
    from postwright.proxy.dialogue import Destination, Dialogue, Proxy, Steps

_NO_LOGIN, _GSSAPI, _PASSWORD, _NONE_OF_THEM = 0x00, 0x01, 0x02, 0xFF
_METHODS = {_NO_LOGIN: "no login", _GSSAPI: "GSSAPI", _PASSWORD: "user and password"}

_IPV4, _NAME, _IPV6 = 1, 3, 4
_LENGTHS = {_IPV4: 4, _IPV6: 16}

_WORDS = {  # RFC 1928 section 6
    1: "general SOCKS server failure",
    2: "connection not allowed by ruleset",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "TTL expired",
    7: "command not supported",
    8: "address type not supported",
}


def _socks5(proxy: Proxy, destination: Destination) -> Dialogue:
    address = address_of(destination.host)
    if address is None:
        name = destination.host.encode("ascii")
        to = bytes((_NAME, len(name))) + name
    else:
        to = bytes((_IPV4 if address.version == 4 else _IPV6,)) + address.packed
    request = b"\5\1\0" + to + destination.port.to_bytes(2, "big")  # version 5, CONNECT, reserved
    return _ask(Talk("SOCKS5", proxy, destination), _login(proxy), request)


def _login(proxy: Proxy) -> bytes:
    """Return the request of RFC 1929 section 2, b"" when there is nobody to log in."""
    user = bounded(proxy.user, "user name for the proxy")
    password = bounded(proxy.password, "password for the proxy")
    if password and not user:
        raise InvalidValue("a password for the proxy, but no user: set firewall_user")
    # An empty password is sent as one, although the RFC's lengths begin with 1: there is no better way to say it.
    return bytes((1, len(user))) + user + bytes((len(password),)) + password if user else b""


def _ask(talk: Talk, login: bytes, request: bytes) -> Dialogue:
    yield from _agree(talk, login)
    yield from talk.tell(request)
    talk.check_protocol((yield from talk.octet()), 5)
    code = yield from talk.octet()
    if code:  # judged at once: not every proxy sends the rest of a refusal
        raise talk.fault(f"{_WORDS.get(code, 'a reply that SOCKS5 does not have')} (reply {code})")
    yield from talk.octet()  # reserved
    kind = yield from talk.octet()
    if kind == _NAME:
        length = yield from talk.octet()
    elif kind in _LENGTHS:
        length = _LENGTHS[kind]
    else:
        raise talk.fault(f"it answered with an address of the unknown type {kind}")
    yield from talk.take(length + 2)  # the proxy's own address and port, of no use here
    return bytes(talk.data)


def _agree(talk: Talk, login: bytes) -> Steps[None]:
    """Offer the methods, take the proxy's choice, and log in where it wants that (RFC 1928 section 3)."""
    offered = (_NO_LOGIN, _PASSWORD) if login else (_NO_LOGIN,)
    yield from talk.tell(bytes((5, len(offered), *offered)))
    talk.check_protocol((yield from talk.octet()), 5)
    method = yield from talk.octet()
    if method == _NONE_OF_THEM:
        hint = "" if login else "; it seems to want a login: set firewall_user and firewall_password"
        names = " and ".join(_METHODS[number] for number in offered)
        raise talk.fault(f"no acceptable methods: it takes none of those offered ({names}){hint}")
    if method not in offered:
        name = _METHODS.get(method, "unknown")
        raise talk.fault(f"it chose method {method} ({name}), which was not offered")
    if method == _PASSWORD:
        yield from talk.tell(login)
        version = yield from talk.octet()
        status = yield from talk.octet()
        if version not in {1, 5}:  # 1 is the version of the login; some proxies write that of SOCKS
            raise talk.fault(f"its answer to the login has the unknown version {version}")
        if status:
            raise talk.fault(f"it refused the user and password (status {status})")


SOCKS5 = register(FirewallType.SOCKS5, Kind("SOCKS5", takes_names=True, start=_socks5))
