"""The way to the server: the proxy, the local end, the kind of address, the rate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.cli import secrets, texts, values
from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.enums import FirewallType, UseIPv6

if TYPE_CHECKING:
    import argparse

    from postwright.cli.client import Client
    from postwright.cli.groups import Group
    from postwright.proxy.dialogue import Proxy

_WITHOUT_PASSWORD = {FirewallType.SOCKS4, FirewallType.SOCKS4A}
_AUTHORIZATION = "proxy-authorization"


def options(group: Group) -> None:
    """Add the options."""
    group.add("--proxy", texts.PROXY, also="-x", type=values.proxy, metavar="URL")
    source = group.one_of()
    group.add(
        "--proxy-password-env",
        "the proxy's password is in this environment variable; default: POSTWRIGHT_PROXY_PASSWORD",
        within=source,
        metavar="VAR",
    )
    group.add(
        "--proxy-password-command",
        "the proxy's password is the first line that this command prints",
        within=source,
        metavar="CMD",
    )
    group.refuse("--proxy-password --proxy-user", texts.PROXY_NOT_HERE)
    group.add("--no-proxy", "servers to reach without the proxy: a.example,.b.example,10.0.0.0/8", metavar="LIST")
    group.add(
        "--proxy-header",
        "one more header for an http proxy, as 'Name: value'; it can be given again",
        type=values.header,
        action="append",
        default=[],
        metavar="HEADER",
    )
    _local(group)


def _local(group: Group) -> None:
    group.add(
        "--source",
        "the address of this host to connect from",
        also="--interface --source-ip --local-interface -li",
        type=values.source,
        metavar="ADDRESS[:PORT]",
    )
    family = group.one_of()
    for names, kind in (("-4 --ipv4", UseIPv6.IPV4_ONLY), ("-6 --ipv6", UseIPv6.IPV6_ONLY)):
        group.add(
            names, f"use IP{names[-2:]} addresses only", within=family, dest="family", action="store_const", const=kind
        )
    group.add(
        "--limit-rate",
        "send no faster than this many octets per second; 200k and 1M are fine",
        type=values.rate,
        metavar="RATE",
    )


def settle(args: argparse.Namespace, client: Client) -> None:
    """Give the client what the arguments say; the proxy's password is not among it."""
    settings = client.settings
    _proxy(args, client)
    settings.proxy_exceptions_list = args.no_proxy or ""
    if args.source is not None:
        client.local_host, settings.local_port = args.source
    if args.family is not None:
        settings.use_ipv6 = args.family
    if args.limit_rate is not None:
        settings.max_transfer_rate = args.limit_rate


def _proxy(args: argparse.Namespace, client: Client) -> None:
    proxy = args.proxy
    if proxy == values.AUTO:
        client.firewall_auto_detect = True
    elif proxy is not None:
        client.firewall_type = proxy.type  # brings a port along, so it comes first
        client.firewall_host, client.firewall_port, client.firewall_user = proxy.host, proxy.port, proxy.user
    if args.proxy_header:
        _headers(args, client)
    if _asked_for(args) and not _takes_password(proxy):
        raise Problem("there is a password for a proxy, but no --proxy URL with a user who has one", Exit.USAGE)


def _headers(args: argparse.Namespace, client: Client) -> None:
    if args.proxy != values.AUTO and (args.proxy is None or args.proxy.type is not FirewallType.TUNNEL):
        raise Problem("--proxy-header is for a proxy that speaks HTTP: --proxy http://HOST:PORT", Exit.USAGE)
    if any(header.partition(":")[0].lower() == _AUTHORIZATION for header in args.proxy_header):
        raise Problem(texts.PROXY_NOT_HERE, Exit.USAGE)
    client.settings.firewall_data = "\r\n".join(args.proxy_header)


def _asked_for(args: argparse.Namespace) -> bool:
    return args.proxy_password_env is not None or args.proxy_password_command is not None


def _takes_password(proxy: Proxy | str | None) -> bool:
    return not isinstance(proxy, str | None) and bool(proxy.user) and proxy.type not in _WITHOUT_PASSWORD


def unlock(args: argparse.Namespace, client: Client) -> None:
    """Give the client the proxy's password, where the proxy has a user."""
    if _takes_password(args.proxy):
        client.firewall_password = secrets.proxy_password(args, args.proxy.user, args.proxy.host)
