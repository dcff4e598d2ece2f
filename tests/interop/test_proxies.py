"""Mail through real proxies, with both clients, in plaintext and through TLS."""

from collections.abc import Callable
from typing import Any

import pytest

from postwright import FirewallType, SSLStartMode, errors
from tests.interop.both import Client
from tests.interop.servers import Postfix, new_token

Make = Callable[..., Client]

WAYS = [
    ("dante", FirewallType.SOCKS4, "open"),
    ("dante", FirewallType.SOCKS5, "open"),
    ("dante", FirewallType.SOCKS5, "password"),
    ("microsocks", FirewallType.SOCKS5, "open"),
    ("microsocks", FirewallType.SOCKS5, "password"),
    ("squid", FirewallType.TUNNEL, "open"),
    ("squid", FirewallType.TUNNEL, "password"),
    ("tinyproxy", FirewallType.TUNNEL, "open"),
    ("tinyproxy", FirewallType.TUNNEL, "password"),
]


def through(client: Client, proxy: Any, kind: FirewallType, role: str) -> None:
    client.firewall_type = kind
    client.firewall_host = proxy.host
    client.firewall_port = getattr(proxy, role)
    if role == "password":
        client.firewall_user = proxy.user
        client.firewall_password = proxy.secret


@pytest.fixture
def client(client_factory: Make, postfix: Postfix) -> Client:
    made = client_factory(
        mail_server="localhost",
        mail_port=postfix.plain,
        ssl_start_mode=SSLStartMode.EXPLICIT,
        from_="alice@example.test",
        send_to="x@capture.test",
    )
    made.settings.open_ssl_ca_file = str(postfix.ca.root)
    return made


@pytest.mark.parametrize(("name", "kind", "role"), WAYS)
def test_starttls_through_a_proxy(
    client: Client, postfix: Postfix, request: pytest.FixtureRequest, name: str, kind: FirewallType, role: str
) -> None:
    proxy, token, seen = request.getfixturevalue(name), new_token(), []
    through(client, proxy, kind, role)
    client.subject = token
    client.on_connection_status = lambda event: seen.append(event.connection_event)
    client.send()
    assert "TLS" in postfix.newest_trace(token)
    assert seen == ["Firewall", "Connected", "TLS", "Disconnected"]


@pytest.mark.parametrize(("name", "kind", "role"), [WAYS[1], WAYS[6]])
def test_implicit_tls_through_a_proxy(
    client: Client, postfix: Postfix, request: pytest.FixtureRequest, name: str, kind: FirewallType, role: str
) -> None:
    through(client, request.getfixturevalue(name), kind, role)
    client.mail_port = postfix.implicit
    client.ssl_start_mode = SSLStartMode.IMPLICIT
    assert client.send().reply.code == 250


@pytest.mark.parametrize(("name", "kind", "role"), [way for way in WAYS if way[2] == "password"])
def test_a_wrong_password_is_118_and_is_not_shown(
    client: Client, request: pytest.FixtureRequest, name: str, kind: FirewallType, role: str
) -> None:
    through(client, request.getfixturevalue(name), kind, role)
    client.firewall_password = "geheim"
    with pytest.raises(errors.FirewallError) as caught:
        client.send()
    assert caught.value.code == 118
    assert "geheim" not in str(caught.value)
    assert not client.connected


@pytest.mark.parametrize(("name", "kind", "role"), [way for way in WAYS if way[2] == "open"])
def test_a_destination_that_refuses_is_told_in_the_proxy_s_words(
    client: Client, request: pytest.FixtureRequest, name: str, kind: FirewallType, role: str
) -> None:
    through(client, request.getfixturevalue(name), kind, role)
    client.mail_port = 4
    with pytest.raises(errors.FirewallError) as caught:
        client.send()
    assert len(caught.value.detail) > 30


def test_a_proxy_that_is_not_there(client: Client) -> None:
    client.firewall_type = FirewallType.SOCKS5
    client.firewall_host = "127.0.0.1"
    client.firewall_port = 1
    with pytest.raises(errors.FirewallError, match="Connection refused"):
        client.send()


def test_the_wrong_kind_of_proxy_is_named(client: Client, squid: Any, postfix: Postfix) -> None:
    through(client, squid, FirewallType.SOCKS5, "open")
    client.settings.connection_timeout = 1
    with pytest.raises(errors.FirewallError, match=r"firewall_type=3 \(SOCKS5\) right"):
        client.send()
    client.firewall_type = FirewallType.TUNNEL
    client.firewall_port = postfix.plain
    with pytest.raises(errors.FirewallError, match="mail server"):
        client.send()


def test_exceptions_go_straight(client: Client) -> None:
    client.firewall_type = FirewallType.SOCKS5
    client.firewall_host = "127.0.0.1"
    client.firewall_port = 1
    for entries in ("localhost", "other.example; LOCALHOST.", "*"):
        client.settings.proxy_exceptions_list = entries
        assert client.send().reply.code == 250


def test_the_system_s_proxy(client: Client, squid: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("smtp_proxy", f"http://{squid.user}:{squid.secret}@{squid.host}:{squid.password}")
    monkeypatch.setenv("no_proxy", "elsewhere.example")
    client.firewall_auto_detect = True
    seen: list[str] = []
    client.on_connection_status = lambda event: seen.append(event.connection_event)
    client.send()
    assert seen[0] == "Firewall"
    monkeypatch.setenv("no_proxy", "localhost")
    seen.clear()
    client.send()
    assert "Firewall" not in seen


def test_the_address_check_sees_the_server_and_not_the_proxy(client: Client, dante: Any) -> None:
    through(client, dante, FirewallType.SOCKS5, "open")
    client.settings.use_ipv6 = 0
    asked: list[str] = []

    def refuse(address: str) -> bool:
        asked.append(address)
        return False

    client.address_check = refuse
    with pytest.raises(errors.SMTPError, match="address check"):
        client.send()
    assert asked == ["127.0.0.1"]


def test_settings_that_do_not_fit_are_told_before_anything_is_dialed(client: Client) -> None:
    client.firewall_type = FirewallType.SOCKS5
    with pytest.raises(errors.InvalidValue, match="firewall_host"):
        client.send()
    client.firewall_type = FirewallType.NONE
    client.firewall_host = "proxy.example"
    with pytest.raises(errors.InvalidValue, match="firewall_type"):
        client.send()


def test_a_star_leaves_the_name_to_the_proxy(client: Client, dante: Any, postfix: Postfix) -> None:
    client.mail_server = "*localhost"
    with pytest.raises(errors.InvalidValue, match="proxy"):
        client.send()
    through(client, dante, FirewallType.SOCKS5, "open")
    token = new_token()
    client.subject = token
    client.send()
    assert "TLS" in postfix.newest_trace(token)
    client.firewall_type = FirewallType.SOCKS4
    client.firewall_port = dante.open
    with pytest.raises(errors.NotAvailable, match=r"take the \* away"):
        client.send()
