"""Sockets: the order of addresses, the numbers of failures, and options that the kernel confirms."""

from __future__ import annotations

import errno
import select
import socket
import struct
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest

from postwright.drive import dialing
from postwright.drive.dialing import Place, interleave, is_numeric, resolve
from postwright.errors import NetworkError
from postwright.words import Target
from tests.support.ports import held

if TYPE_CHECKING:
    from collections.abc import Iterator

FOUR = [Place(socket.AF_INET, (f"192.0.2.{i}", 25)) for i in range(4)]
SIX = [Place(socket.AF_INET6, (f"2001:db8::{i}", 25, 0, 0)) for i in range(4)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([SIX[0], SIX[1], FOUR[0], FOUR[1]], [SIX[0], FOUR[0], SIX[1], FOUR[1]]),
        ([FOUR[0], FOUR[1], FOUR[2], SIX[0]], [FOUR[0], SIX[0], FOUR[1], FOUR[2]]),
        ([FOUR[0], SIX[0], SIX[1], SIX[2]], [FOUR[0], SIX[0], SIX[1], SIX[2]]),
        ([FOUR[2], FOUR[0]], [FOUR[2], FOUR[0]]),
        ([SIX[0]], [SIX[0]]),
    ],
)
def test_the_families_alternate_and_the_resolvers_first_is_first(given: list[Place], expected: list[Place]) -> None:
    assert interleave(given) == expected


@pytest.mark.parametrize("host", ["192.0.2.1", "::1", "[::1]", "fe80::1%lo"])
def test_an_address_needs_no_resolver(host: str) -> None:
    assert is_numeric(host)


@pytest.mark.parametrize("host", ["localhost", "1.2.3", "1.2.3.4.5", "", "::g"])
def test_a_name_does(host: str) -> None:
    assert not is_numeric(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "10.20.30.40", "127.1", "[127.0.0.1]", "::1"])
def test_dotted_quads_are_read_as_the_resolver_reads_them(host: str) -> None:
    with mock.patch.object(dialing, "_dotted_quad", return_value=None):
        expected = resolve(Target(host, 25))
    assert resolve(Target(host, 25)) == expected


@pytest.mark.parametrize(("wish", "families"), [(0, {socket.AF_INET}), (2, {socket.AF_INET, socket.AF_INET6})])
def test_use_ipv6_chooses_the_families(wish: int, families: set[int]) -> None:
    assert {place.family for place in resolve(Target("127.0.0.1", 25, use_ipv6=wish))} <= families
    if wish == 0:
        with pytest.raises(NetworkError):
            resolve(Target("::1", 25, use_ipv6=wish))


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".example", "a..b", "é" * 70])
def test_a_name_that_is_none_is_error_11001_or_what_the_resolver_says(host: str) -> None:
    with pytest.raises(NetworkError) as caught:
        resolve(Target(host, 25))
    assert 11001 <= caught.value.code <= 11004
    str(caught.value).encode()


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def dial(listener: socket.socket, **values: Any) -> socket.socket:
    host, port = listener.getsockname()
    target = Target(host, port, **values)
    sock, there = dialing.start(resolve(target)[0], target)
    if not there:
        select.select([], [sock], [], 2)
    return sock


TCP, SOL = socket.IPPROTO_TCP, socket.SOL_SOCKET


@pytest.mark.parametrize(
    ("values", "level", "option", "expected"),
    [
        ({}, TCP, socket.TCP_NODELAY, 1),
        ({"no_delay": False}, TCP, socket.TCP_NODELAY, 0),
        ({}, SOL, socket.SO_KEEPALIVE, 0),
        ({"keep_alive": True}, SOL, socket.SO_KEEPALIVE, 1),
        ({"keep_alive": True, "keep_alive_time": 7000}, TCP, getattr(socket, "TCP_KEEPIDLE", 0), 7),
        ({"keep_alive": True, "keep_alive_time": 10}, TCP, getattr(socket, "TCP_KEEPIDLE", 0), 1),
        ({"keep_alive": True, "keep_alive_interval": 3000}, TCP, getattr(socket, "TCP_KEEPINTVL", 0), 3),
        ({"keep_alive": True, "keep_alive_count": 4}, TCP, getattr(socket, "TCP_KEEPCNT", 0), 4),
    ],
)
def test_the_kernel_confirms_every_option(
    listener: socket.socket, values: dict[str, Any], level: int, option: int, expected: int
) -> None:
    with dial(listener, **values) as sock:
        assert sock.getsockopt(level, option) == expected


def test_buffers_are_as_large_as_was_asked(listener: socket.socket) -> None:
    with dial(listener, in_buffer=20000, out_buffer=30000) as sock:
        # Linux doubles what it is told, for its own book-keeping.
        assert sock.getsockopt(SOL, socket.SO_RCVBUF) in {20000, 40000}
        assert sock.getsockopt(SOL, socket.SO_SNDBUF) in {30000, 60000}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, (0, 0)),
        ({"linger": False}, (1, 0)),
        ({"linger_time": 3}, (1, 3)),
        ({"linger": False, "linger_time": 3}, (1, 0)),
    ],
)
def test_linger_is_what_the_settings_say(
    listener: socket.socket, values: dict[str, Any], expected: tuple[int, int]
) -> None:
    with dial(listener, **values) as sock:
        assert struct.unpack("ii", sock.getsockopt(SOL, socket.SO_LINGER, 8)) == expected


def test_the_local_end_is_the_one_that_was_asked_for(listener: socket.socket) -> None:
    with held() as free, dial(listener, local_host="127.0.0.1", local_port=free) as sock:
        line = dialing.ends(sock)
        assert (line.local_host, line.local_port) == ("127.0.0.1", free)
        assert (line.remote_host, line.remote_port) == listener.getsockname()


def test_a_local_address_of_somebody_else_is_an_error(listener: socket.socket) -> None:
    with pytest.raises(OSError) as caught:
        dial(listener, local_host="192.0.2.77")
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_a_line_that_broke_at_once_is_a_network_error() -> None:
    with socket.socket() as sock, pytest.raises(NetworkError) as caught:
        dialing.ends(sock)
    assert caught.value.code == 10054
    assert caught.value.is_transient


def test_a_failure_names_every_attempt() -> None:
    error = dialing.failure(Target("mx", 25), [(SIX[0], "no route", 10065), (FOUR[0], "refused", 10061)])
    assert "[2001:db8::0]:25: no route" in str(error)
    assert "192.0.2.0:25: refused" in str(error)
    assert error.code in {10065, 10061}


def test_what_the_system_says_on_an_open_line_is_explained() -> None:
    error = dialing.explained(ConnectionResetError(errno.ECONNRESET, "gone"), "reading")
    assert error.code == 10054
    assert "while reading" in str(error)
