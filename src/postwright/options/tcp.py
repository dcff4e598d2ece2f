"""The properties and settings of the TCP connection and of proxies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from postwright import enums, errors
from postwright.options.kinds import (
    BOOLEAN,
    LINE,
    PORT,
    SECRET,
    SECRET_LINES,
    Enumeration,
    Integer,
    OptionalInteger,
)
from postwright.options.option import Option, OptionSet

if TYPE_CHECKING:
    from postwright.options.option import Store

PROXY_PORTS: Final = {
    enums.FirewallType.TUNNEL: 80,
    enums.FirewallType.SOCKS4: 1080,
    enums.FirewallType.SOCKS5: 1080,
    enums.FirewallType.SOCKS4A: 1080,
}
"""The FirewallPort that each FirewallType brings along."""


def _bring_port(store: Store, value: enums.FirewallType) -> None:
    if value in PROXY_PORTS:
        store.values["firewall_port"] = PROXY_PORTS[value]


def _keep_alive(store: Store, value: int | None) -> None:
    """Setting a time means wanting keep-alive; taking it back leaves the switch alone."""
    if value is not None:
        store.values["tcp_keep_alive"] = True


class TCPProperties(OptionSet):
    """The way out of this host."""

    __slots__ = ()

    firewall_auto_detect = Option(
        "FirewallAutoDetect", BOOLEAN, False, "Whether to take the proxy from the system's settings."
    )
    firewall_host = Option("FirewallHost", LINE, "", "The proxy's name or address.")
    firewall_password = Option("FirewallPassword", SECRET, "", "The password for the proxy.")
    firewall_port = Option("FirewallPort", PORT, 0, "The proxy's port; FirewallType sets it.")
    firewall_type = Option(
        "FirewallType",
        Enumeration(enums.FirewallType),
        enums.FirewallType.NONE,
        "The kind of proxy; setting it sets FirewallPort to 80 for TUNNEL, to 1080 for SOCKS.",
        then=_bring_port,
    )
    firewall_user = Option("FirewallUser", LINE, "", "The user for the proxy.")
    local_host = Option(
        "LocalHost",
        LINE,
        "",
        "The local address to connect from; unset it shows this host's name, while connected the address in use.",
        lock=errors.LocalHostLocked,
        live=True,
        ambient=True,
    )


class TCPSettings(OptionSet):
    """Addresses, keep-alive, lingering and limits."""

    __slots__ = ()

    connection_timeout = Option(
        "ConnectionTimeout",
        OptionalInteger(0, 10**6, "seconds"),
        None,
        "Seconds to wait for a connection; unset, or 0, takes Timeout.",
    )
    firewall_auto_detect = TCPProperties.firewall_auto_detect
    firewall_host = TCPProperties.firewall_host
    firewall_password = TCPProperties.firewall_password
    firewall_port = TCPProperties.firewall_port
    firewall_type = TCPProperties.firewall_type
    firewall_user = TCPProperties.firewall_user
    keep_alive_interval = Option(
        "KeepAliveInterval",
        OptionalInteger(1, 10**9, "milliseconds"),
        None,
        "Time between keep-alive probes that go unanswered; turns TCPKeepAlive on.",
        then=_keep_alive,
    )
    keep_alive_retry_count = Option(
        "KeepAliveRetryCount",
        OptionalInteger(1, 127),
        None,
        "Unanswered keep-alive probes before the connection counts as lost; turns TCPKeepAlive on.",
        then=_keep_alive,
    )
    keep_alive_time = Option(
        "KeepAliveTime",
        OptionalInteger(1, 10**9, "milliseconds"),
        None,
        "Time of silence before the first keep-alive probe; turns TCPKeepAlive on.",
        then=_keep_alive,
    )
    linger = Option("Linger", BOOLEAN, True, "Whether closing lets pending data go out; False cuts the line.")
    linger_time = Option(
        "LingerTime", Integer(0, 65535, "seconds"), 0, "Seconds that closing may linger; 0 leaves it to the system."
    )
    local_host = TCPProperties.local_host
    local_port = Option(
        "LocalPort",
        PORT,
        0,
        "The local port to connect from; 0 lets the system choose, while connected it is the port in use.",
        lock=errors.LocalPortLocked,
        live=True,
    )
    max_line_length = Option(
        "MaxLineLength",
        Integer(256, 2**24, "bytes"),
        2048,
        "The longest line of the server that is taken.",
        lock=errors.MaxLineLengthLocked,
    )
    max_transfer_rate = Option(
        "MaxTransferRate",
        OptionalInteger(1, None, "bytes per second"),
        None,
        "The fastest that messages may go out; unset for no limit.",
    )
    proxy_exceptions_list = Option(
        "ProxyExceptionsList",
        LINE,
        "",
        "Hosts to connect to without the proxy, separated by semicolons.",
    )
    tcp_keep_alive = Option("TCPKeepAlive", BOOLEAN, False, "Whether idle connections are probed (SO_KEEPALIVE).")
    tcp_no_delay = Option(
        "TcpNoDelay",
        BOOLEAN,
        True,
        "Whether small packets go out at once (TCP_NODELAY).",
        differs="with Nagle's algorithm the end of a body, and EHLO after a TLS handshake, wait for an acknowledgement",
    )
    use_ipv6 = Option(
        "UseIPv6",
        Enumeration(enums.UseIPv6),
        enums.UseIPv6.BOTH,
        "Which addresses of the server to use; BOTH races them as in RFC 8305.",
        differs="there are relays with IPv6 only",
    )


class SocketSettings(OptionSet):
    """Timeouts, buffers and what a tunnel is told."""

    __slots__ = ()

    absolute_timeout = Option(
        "AbsoluteTimeout", BOOLEAN, False, "Whether Timeout limits the whole method instead of each silence."
    )
    firewall_data = Option("FirewallData", SECRET_LINES, "", "More header lines for a tunnelling proxy.")
    in_buffer_size = Option(
        "InBufferSize",
        OptionalInteger(1, 2**31 - 1, "bytes"),
        None,
        "The socket's receive buffer (SO_RCVBUF); unset leaves it to the system.",
    )
    out_buffer_size = Option(
        "OutBufferSize",
        OptionalInteger(1, 2**31 - 1, "bytes"),
        None,
        "The socket's send buffer (SO_SNDBUF); unset leaves it to the system.",
    )
