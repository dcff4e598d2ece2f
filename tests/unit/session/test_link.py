"""The link counts as taken what the server can have understood, never less: that decides between two fates."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from postwright.drive.scripted import ScriptedDriver
from postwright.errors import NetworkError
from postwright.flow import Read, Write
from postwright.session.link import Link
from postwright.tls.platform import Platform
from postwright.tls.trust import Trust
from tests.support.certificates import ServerTLS, shop

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

SIZES = [1, 2, 100, 16383, 16384, 16385, 32768, 40000, 65536, 100000]


def connected(version: ssl.TLSVersion) -> tuple[Platform, ServerTLS]:
    context = shop().context("localhost")
    context.maximum_version = context.minimum_version = version
    client, server = Platform(Trust("localhost", ca_pem=shop().pem)), ServerTLS(context)
    done = [False, False]
    while not all(done):
        done[0] = client.handshake()
        server.feed(client.outgoing())
        done[1] = server.handshake()
        if records := server.outgoing():
            client.feed(records)
    assert client.decrypt() is None  # the session tickets of TLS 1.3
    return client, server


def send_part(link: Link, part: int, *data: bytes) -> bytes:
    """Send, and break the line when the operating system has taken ``part`` octets; return those."""
    flow: Coroutine[Any, Any, None] = link.send(*data)
    effect = flow.send(None)
    assert isinstance(effect, Write)
    sent = effect.whole()
    effect.written = min(part, len(sent))
    with pytest.raises(NetworkError):
        flow.throw(NetworkError("broken", code=10054))
    return sent[: effect.written]


@pytest.mark.parametrize("size", SIZES)
def test_in_plaintext_what_was_taken_is_what_was_written(size: int) -> None:
    for part in {0, 1, size // 2, size - 1, size}:
        link = Link(None)
        send_part(link, part, b"x" * size)
        assert (link.offered, link.taken) == (size, part)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", SIZES)
def test_through_tls_what_was_taken_is_what_the_server_can_decrypt(version: ssl.TLSVersion, size: int) -> None:
    client, _ = connected(version)
    total = len(client.encrypt(b"x" * size))
    # A record costs the same whatever is in it, so the interesting places are around the ends of the records.
    step = total // max(1, -(-size // 16384))
    for part in sorted({0, 1, step - 1, step, step + 1, 16405, 16406, 16413, 16414, total - 1, total}):
        if not 0 <= part <= total:
            continue
        layer, server = connected(version)
        link = Link(None)
        link.secure(layer)
        server.feed(send_part(link, part, b"x" * size))
        understood = server.decrypt() or b""
        assert link.taken == len(understood), (size, part)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_of_several_buffers_each_has_records_of_its_own(version: ssl.TLSVersion) -> None:
    buffers = [b"BDAT 1\r\n", b"a" * 40000, b"b" * 16384, b"c"]
    client, _ = connected(version)
    sizes = [len(client.encrypt(buffer)) for buffer in buffers]
    ends = [sum(sizes[:count]) for count in range(len(sizes) + 1)]
    for part in sorted({place + step for place in ends for step in (-1, 0, 1, 16405, 16406, 16413, 16414)}):
        if not 0 <= part <= ends[-1]:
            continue
        layer, server = connected(version)
        link = Link(None)
        link.secure(layer)
        server.feed(send_part(link, part, *buffers))
        assert link.taken == len(server.decrypt() or b""), part
        assert link.offered == sum(map(len, buffers))


def test_few_octets_leave_as_one_buffer() -> None:
    flow = Link(None).send(b"BDAT 5 LAST\r\n", bytearray(b"abc"), b"de")
    effect = flow.send(None)
    assert isinstance(effect, Write)
    assert effect.data == b"BDAT 5 LAST\r\nabcde"
    flow.close()


def test_what_came_with_the_handshakes_last_record_is_received_without_waiting() -> None:
    client, server = connected(ssl.TLSVersion.TLSv1_3)
    client.feed(server.encrypt(b"220 early\r\n"))
    link = Link(None)
    link.secure(client)
    driver = ScriptedDriver()
    assert driver.run(link.receive(1)) == b"220 early\r\n"
    assert driver.effects == []
    link.secure(client)
    client.feed(server.encrypt(b"250 more\r\n"))
    link.secure(client)
    assert link.arrived() == b"250 more\r\n"


def test_bytes_that_came_while_sending_are_received_before_others() -> None:
    link = Link(5)
    flow = link.send(b"NOOP\r\n")
    effect = flow.send(None)
    assert isinstance(effect, Write)
    assert effect.timeout == 5
    with pytest.raises(StopIteration):
        flow.send(b"250 early\r\n")
    assert link.arrived() == b"250 early\r\n"
    assert link.arrived() == b""
    link.keep(b"251 kept\r\n")
    waiting = link.receive(None)
    with pytest.raises(StopIteration) as stopped:
        waiting.send(None)
    assert stopped.value.value == b"251 kept\r\n"


def test_half_a_record_is_waited_for() -> None:
    client, server = connected(ssl.TLSVersion.TLSv1_3)
    link = Link(None)
    link.secure(client)
    records = server.encrypt(b"250 ok\r\n")
    flow = link.receive(3)
    assert isinstance(flow.send(None), Read)
    assert isinstance(flow.send(records[:10]), Read)
    with pytest.raises(StopIteration) as stopped:
        flow.send(records[10:])
    assert stopped.value.value == b"250 ok\r\n"


@pytest.mark.parametrize("orderly", [True, False])
def test_the_end_of_the_line_is_an_empty_answer(orderly: bool) -> None:
    client, server = connected(ssl.TLSVersion.TLSv1_3)
    link = Link(None)
    link.secure(client)
    assert link.take(server.farewell() if orderly else b"") == b""
