"""The way to the server: addresses, sockets and rates, read back from the kernel and held against the clock."""

import asyncio
import socket
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from postwright import SMTP, AsyncSMTP, errors
from postwright.events import ConnectionStatus
from tests.interop.both import Client
from tests.interop.servers import Postfix, Sink
from tests.support.ports import held

Make = Callable[..., Client]


@pytest.fixture
def client(client_factory: Make, sink: Sink) -> Client:
    return client_factory(
        mail_server=sink.host,
        mail_port=sink.discard,
        ssl_start_mode=3,
        from_="a@example.org",
        send_to="b@example.org",
    )


def the_socket(client: Client) -> socket.socket:
    found: socket.socket = client._driver._sock
    return found


def test_the_kernel_has_the_options(client: Client) -> None:
    client.settings.keep_alive_time = 42_000
    client.settings.keep_alive_interval = 7_000
    client.settings.keep_alive_retry_count = 3
    client.settings.in_buffer_size = 60_000
    client.settings.out_buffer_size = 50_000
    client.settings.tcp_no_delay = False
    client.settings.linger_time = 5
    with client.kept():
        client.connect()
        sock = the_socket(client)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 42
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 7
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 3
        # Linux keeps twice what it is asked for, for its own bookkeeping (socket(7)).
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) in {60_000, 120_000}
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) in {50_000, 100_000}
        assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        linger = sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8)
        assert linger == (1).to_bytes(4, "little") + (5).to_bytes(4, "little")


def test_defaults_leave_the_system_alone_but_for_nagle(client: Client) -> None:
    with client.kept():
        client.connect()
        sock = the_socket(client)
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert not sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_LINGER, 8) == bytes(8)


def test_the_local_end_is_ours_to_choose(client: Client) -> None:
    client.local_host = "127.0.0.9"
    with held("127.0.0.9") as port, client.kept():
        client.settings.local_port = port
        client.connect()
        assert client.local_host == "127.0.0.9"
        assert client.config("LocalPort") == str(port)
        assert client.config("LocalHost") == "127.0.0.9"
        with pytest.raises(errors.LocalPortLocked):
            client.settings.local_port = 1
        with pytest.raises(errors.LocalHostLocked):
            client.local_host = "127.0.0.1"


@pytest.fixture
def two_faced(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[tuple[str, int]]]:
    """A name with any addresses, as a name server would give them."""
    names: dict[str, list[tuple[str, int]]] = {}
    real = socket.getaddrinfo

    def answer(host: Any, port: Any, family: int = 0, *rest: Any) -> Any:
        if host not in names:
            return real(host, port, family, *rest)
        rows = [row for place in names[host] for row in real(place[0], place[1] or port, 0, socket.SOCK_STREAM)]
        found = [row for row in rows if family in (0, row[0])]
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return found

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return names


def test_a_dead_first_address_does_not_matter(client: Client, two_faced: dict[str, Any], sink: Sink) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        two_faced["mail.example.test"] = [("::1", nobody.getsockname()[1]), ("127.0.0.1", 0)]
        client.mail_server = "mail.example.test"
        with client.kept():
            client.connect()
            assert client.remote_address == "127.0.0.1"
            assert client.mail_server == "mail.example.test"


def test_a_silent_first_address_costs_a_quarter_of_a_second(
    client: Client, two_faced: dict[str, Any], sink: Sink
) -> None:
    with full_listener() as (host, port):
        two_faced["mail.example.test"] = [(host, port), ("127.0.0.1", 0)]
        client.mail_server = "mail.example.test"
        started = time.monotonic()
        with client.kept():
            client.connect()
            assert client.remote_address == "127.0.0.1"
        assert 0.2 < time.monotonic() - started < 10  # of 60


def full_listener() -> Any:
    """A listening socket whose queue is full: a connection attempt gets no answer."""
    from contextlib import ExitStack, contextmanager

    @contextmanager
    def made() -> Iterator[tuple[str, int]]:
        with ExitStack() as stack:
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for _ in range(3):
                waiting = stack.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
            time.sleep(0.05)
            yield listener.getsockname()

    return made()


def test_when_nothing_answers_every_attempt_is_told(client: Client, two_faced: dict[str, Any]) -> None:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.2", 0))
        two_faced["mail.example.test"] = [one.getsockname(), two.getsockname()]
        client.mail_server = "mail.example.test"
        with pytest.raises(errors.NetworkError) as caught:
            client.connect()
    assert caught.value.code == 10061
    assert "127.0.0.1" in str(caught.value)
    assert "127.0.0.2" in str(caught.value)
    assert not client.connected


def test_the_connection_timeout_ends_the_race(client: Client) -> None:
    with full_listener() as (host, port):
        client.mail_server, client.mail_port = host, port
        client.settings.connection_timeout = 1
        started = time.monotonic()
        with pytest.raises(errors.NetworkError, match="no answer in 1 s") as caught:
            client.connect()
        assert caught.value.code == 10060
        assert time.monotonic() - started < 10  # of 60


@pytest.mark.parametrize(("mode", "family"), [(0, "127.0.0.1"), (1, "::1")])
def test_one_family_only(client: Client, two_faced: dict[str, Any], mode: int, family: str, sink: Sink) -> None:
    asked: list[str] = []

    def refuse(address: str) -> bool:
        asked.append(address)
        return False

    two_faced["mail.example.test"] = [("::1", 0), ("127.0.0.1", 0)]
    client.mail_server = "mail.example.test"
    client.settings.use_ipv6 = mode
    client.address_check = refuse
    with pytest.raises(errors.NetworkError, match="address check"):
        client.connect()
    assert asked == [family]


def test_a_name_that_does_not_exist(client: Client) -> None:
    client.mail_server = "no-such-host.invalid"
    with pytest.raises(errors.NetworkError) as caught:
        client.connect()
    assert caught.value.code in {11001, 11002, 11003, 11004}
    assert "no-such-host.invalid" in str(caught.value)


def test_the_rate_is_held(client: Client, request: pytest.FixtureRequest) -> None:
    seconds = 10 if request.config.getoption("--long", default=False) else 2
    client.settings.max_transfer_rate = 200_000
    client.message = b"x" * 76 + b"\r\n"
    client.message = client.message * (200_000 * seconds // 78)
    moments: list[float] = []
    with client.kept():
        client.connect()
        started = time.monotonic()
        client.on_transfer = lambda _: moments.append(time.monotonic())
        client.send()
        took = time.monotonic() - started
    assert seconds * 0.95 < took < seconds * 1.05 + 2  # it may be a busy machine


def test_an_idle_asyncio_client_notices_that_the_server_left(postfix: Postfix) -> None:
    left = asyncio.Event()

    async def watch(process: bool) -> tuple[bool, list[str]]:
        seen: list[str] = []

        async def note(event: ConnectionStatus) -> None:
            seen.append(f"{event.connection_event} {event.status_code}")

        client = AsyncSMTP(mail_server=postfix.host, mail_port=postfix.hasty, ssl_start_mode=3)
        client.settings.process_idle_events = process
        client.on_connection_status = note
        await client.connect()
        while process and client.connected:
            await asyncio.sleep(0.1)
        if not process:
            await left.wait()
            await asyncio.sleep(0.5)
        left.set()
        connected = client.connected
        await client.do_events()
        assert not client.connected
        await client.disconnect()
        return connected, seen

    async def both() -> tuple[tuple[bool, list[str]], tuple[bool, list[str]]]:
        return await asyncio.gather(watch(True), watch(False))

    noticed, unnoticed = asyncio.run(both())
    assert noticed == (False, ["Connected 0", "Disconnected 1120"])
    assert unnoticed == (True, ["Connected 0", "Disconnected 161"])


def test_do_events_notices_that_the_server_left(postfix: Postfix) -> None:
    with SMTP(mail_server=postfix.host, mail_port=postfix.hasty, ssl_start_mode=3) as client:
        client.connect()
        client.settings.select_wait_millis = 6000
        started = time.monotonic()
        client.do_events()
        assert time.monotonic() - started < 5.9
        assert not client.connected
