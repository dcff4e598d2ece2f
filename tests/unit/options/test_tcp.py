"""The connection: keep-alive, proxies, addresses, limits."""

from __future__ import annotations

import pytest

from postwright import enums, errors
from postwright.options.option import Store
from postwright.options.tcp import SocketSettings, TCPProperties, TCPSettings


@pytest.fixture
def settings() -> TCPSettings:
    return TCPSettings(Store())


@pytest.mark.parametrize("key", ["keep_alive_time", "keep_alive_interval", "keep_alive_retry_count"])
def test_setting_a_keep_alive_time_turns_keep_alive_on(settings: TCPSettings, key: str) -> None:
    assert settings.tcp_keep_alive is False
    setattr(settings, key, 5)
    assert settings.tcp_keep_alive is True


def test_taking_a_keep_alive_time_back_leaves_the_switch(settings: TCPSettings) -> None:
    settings.keep_alive_time = None
    assert settings.tcp_keep_alive is False


def test_a_refused_time_turns_nothing_on(settings: TCPSettings) -> None:
    with pytest.raises(errors.InvalidValue):
        settings.keep_alive_time = 0
    assert settings.tcp_keep_alive is False


@pytest.mark.parametrize(("kind", "port"), [(1, 80), (2, 1080), (3, 1080), (10, 1080)])
def test_a_proxy_brings_its_port(settings: TCPSettings, kind: int, port: int) -> None:
    settings.firewall_port = 7
    settings.firewall_type = kind
    assert settings.firewall_port == port
    settings.firewall_port = 3128
    assert settings.firewall_port == 3128
    settings.firewall_type = 0
    assert settings.firewall_port == 3128


def test_the_proxy_s_secrets_are_not_shown(settings: TCPSettings) -> None:
    settings.firewall_password = "geheim"
    SocketSettings(settings._store).firewall_data = "X-Key: geheim\r\n"
    assert "geheim" not in repr(settings)
    assert "geheim" not in repr(SocketSettings(settings._store))
    assert settings.firewall_password == "geheim"


def test_what_is_in_use_is_locked_while_connected(settings: TCPSettings) -> None:
    settings._store.locked = True
    with pytest.raises(errors.LocalPortLocked):
        settings.local_port = 1
    with pytest.raises(errors.LocalHostLocked):
        settings.local_host = "127.0.0.1"
    with pytest.raises(errors.MaxLineLengthLocked):
        settings.max_line_length = 4096
    settings.linger = False


def test_connected_the_addresses_are_the_line_s(settings: TCPSettings) -> None:
    settings._store.host_name = lambda: "me.example"
    assert (settings.local_host, settings.local_port) == ("me.example", 0)
    settings._store.live = {"local_host": "192.0.2.7", "local_port": 40000}.get
    assert (settings.local_host, settings.local_port) == ("192.0.2.7", 40000)
    assert TCPProperties(settings._store).local_host == "192.0.2.7"


def test_lines_are_at_least_256_bytes_long(settings: TCPSettings) -> None:
    settings.max_line_length = 256
    with pytest.raises(errors.InvalidValue, match="from 256"):
        settings.max_line_length = 255
    assert settings.max_line_length == 256


def test_unset_is_none(settings: TCPSettings) -> None:
    settings.connection_timeout = 3
    settings.connection_timeout = None
    assert settings.connection_timeout is None


def test_the_rate_is_a_number_or_unset(settings: TCPSettings) -> None:
    settings.max_transfer_rate = 1000
    with pytest.raises(errors.InvalidValue):
        settings.max_transfer_rate = -1
    assert settings.max_transfer_rate == 1000
    settings.max_transfer_rate = None


@pytest.mark.parametrize("port", [-1, 65536])
def test_local_ports_are_ports(settings: TCPSettings, port: int) -> None:
    with pytest.raises(errors.InvalidValue, match="0 to 65535"):
        settings.local_port = port


def test_addresses_of_both_families_by_default(settings: TCPSettings) -> None:
    assert settings.use_ipv6 is enums.UseIPv6.BOTH
    settings.use_ipv6 = 0
    assert settings.use_ipv6 is enums.UseIPv6.IPV4_ONLY
