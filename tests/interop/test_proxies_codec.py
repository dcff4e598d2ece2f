"""Each dialogue with a real proxy, over a plain socket, as far as Postfix's greeting behind it."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, NamedTuple

import pytest

from postwright.enums import FirewallType
from postwright.errors import FirewallError
from postwright.proxy import begin
from postwright.proxy.dialogue import Proxy
from tests.interop import servers
from tests.interop.servers import FORBIDDEN_PORT
from tests.support.ports import held

if TYPE_CHECKING:
    from tests.interop.servers import Postfix

pytestmark = pytest.mark.interop

TUNNEL, SOCKS4, SOCKS4A, SOCKS5 = (
    FirewallType.TUNNEL,
    FirewallType.SOCKS4,
    FirewallType.SOCKS4A,
    FirewallType.SOCKS5,
)
OPEN = [
    ("dante", SOCKS4, "127.0.0.1"),
    ("dante", SOCKS5, "127.0.0.1"),
    ("dante", SOCKS5, "localhost"),
    ("dante", SOCKS5, "::1"),
    ("microsocks", SOCKS5, "127.0.0.1"),
    ("microsocks", SOCKS5, "localhost"),
    ("squid", TUNNEL, "127.0.0.1"),
    ("squid", TUNNEL, "localhost"),
    ("squid", TUNNEL, "::1"),
    ("tinyproxy", TUNNEL, "127.0.0.1"),
    ("tinyproxy", TUNNEL, "localhost"),
]
WITH_LOGIN = [("dante", SOCKS5), ("microsocks", SOCKS5), ("squid", TUNNEL), ("tinyproxy", TUNNEL)]


class Ways(NamedTuple):
    """How to ask for the proxies by name: each is started when it is first wanted."""

    request: pytest.FixtureRequest

    def to(self, name: str, kind: FirewallType, *, login: tuple[str, str] | None = None) -> Proxy:
        found = self.request.getfixturevalue(name)
        assert isinstance(found, servers.Proxy)
        if login is None:
            return Proxy(kind, found.host, found.open)
        return Proxy(kind, found.host, found.password, *login)


@pytest.fixture
def ways(request: pytest.FixtureRequest) -> Ways:
    return Ways(request)


def greeting(proxy: Proxy, host: str, port: int, *, size: int = 4096) -> bytes:
    """Have the proxy open a connection, read at most ``size`` octets at a time, and return the server's first line."""
    dialogue = begin(proxy, host, port)
    wish, data = next(dialogue), b""
    with socket.create_connection((proxy.host, proxy.port), timeout=10) as line:
        try:
            while True:
                if wish is not None:
                    line.sendall(wish)
                wish = dialogue.send(line.recv(size) if wish is None else b"")
        except StopIteration as end:
            data = bytes(end.value)
        while not data.endswith(b"\n"):
            more = line.recv(4096)
            assert more, f"the line ended after {data!r}"
            data += more
        line.sendall(b"QUIT\r\n")
    return data


def refusal(proxy: Proxy, host: str, port: int) -> str:
    with pytest.raises(FirewallError) as caught:
        greeting(proxy, host, port)
    assert caught.value.code == 118
    return str(caught.value)


@pytest.mark.parametrize("size", [4096, 1])
@pytest.mark.parametrize(("name", "kind", "host"), OPEN)
def test_the_greeting_comes_through(
    ways: Ways, postfix: Postfix, name: str, kind: FirewallType, host: str, size: int
) -> None:
    if host == "::1" and not servers.has_ipv6():
        servers.missing("no IPv6 on this machine")
    assert greeting(ways.to(name, kind), host, postfix.plain, size=size) == b"220 mail.example.test ESMTP Postfix\r\n"


@pytest.mark.parametrize(("name", "kind"), WITH_LOGIN)
def test_a_login(ways: Ways, postfix: Postfix, name: str, kind: FirewallType) -> None:
    proxy = ways.to(name, kind, login=(servers.Proxy.user, servers.Proxy.secret))
    assert greeting(proxy, "127.0.0.1", postfix.plain).startswith(b"220 ")


@pytest.mark.parametrize(("name", "kind"), WITH_LOGIN)
def test_a_wrong_password_and_none_are_refused(ways: Ways, postfix: Postfix, name: str, kind: FirewallType) -> None:
    wrong = refusal(ways.to(name, kind, login=(servers.Proxy.user, "wrongpw")), "127.0.0.1", postfix.plain)
    none = refusal(ways.to(name, kind, login=("", "")), "127.0.0.1", postfix.plain)
    assert "refused" in wrong
    assert "wrongpw" not in wrong
    if kind is SOCKS5:
        assert "it refused the user and password (status " in wrong
        assert "no acceptable methods" in none
        assert "set firewall_user" in none
    else:
        code = "407" if name == "squid" else "401"
        assert f" {code} " in wrong
        assert " 407 " in none
        assert "it asks for 'Basic realm=" in none


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("dante", SOCKS4, "request rejected or failed (code 91)"),
        ("dante", SOCKS5, "connection not allowed by ruleset (reply 2)"),
        ("squid", TUNNEL, "403 Forbidden'; it does not allow this destination; X-Squid-Error: 'ERR_ACCESS_DENIED"),
    ],
)
def test_a_destination_that_is_not_allowed(ways: Ways, name: str, kind: FirewallType, words: str) -> None:
    assert words in refusal(ways.to(name, kind), "127.0.0.1", FORBIDDEN_PORT)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("dante", SOCKS4, "request rejected or failed (code 91)"),
        ("dante", SOCKS5, "connection refused (reply 5)"),
        ("microsocks", SOCKS5, "connection refused (reply 5)"),
        ("squid", TUNNEL, "503 Service Unavailable'; X-Squid-Error: 'ERR_CONNECT_FAIL 111'"),
        ("tinyproxy", TUNNEL, "500 Unable to connect'"),
    ],
)
def test_a_destination_where_nobody_is(ways: Ways, name: str, kind: FirewallType, words: str) -> None:
    with held() as port:
        assert words in refusal(ways.to(name, kind), "127.0.0.1", port)


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("dante", SOCKS4A, "request rejected or failed (code 91)"),  # Dante does not know SOCKS4A
        ("microsocks", SOCKS4, "it looks like SOCKS5: firewall_type 3"),
        ("microsocks", TUNNEL, "it looks like SOCKS5: firewall_type 3"),
        ("postfix", SOCKS5, "it looks like a mail server, not a proxy"),
        ("postfix", TUNNEL, "it looks like a mail server, not a proxy"),
    ],
)
def test_the_wrong_kind_of_proxy(ways: Ways, postfix: Postfix, name: str, kind: FirewallType, words: str) -> None:
    proxy = Proxy(kind, postfix.host, postfix.plain) if name == "postfix" else ways.to(name, kind)
    assert words in refusal(proxy, "127.0.0.1" if kind is SOCKS4 else "localhost", postfix.plain)
