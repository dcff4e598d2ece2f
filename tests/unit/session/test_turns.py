"""Turns that the driver takes by itself: after a fault the link knows what the server can have understood of each."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from postwright.errors import Interrupted, NetworkError
from postwright.flow import Converse, Write
from postwright.session.link import Link
from tests.unit.session.test_link import connected

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

    from tests.support.certificates import ServerTLS

BROKEN = NetworkError("broken", code=10054)


def script(*words: bytes | None) -> tuple[Callable[[bytes], bytes | None], list[bytes]]:
    """Something to say to each thing that is heard, and the list of what was heard."""
    left = list(words)
    heard: list[bytes] = []

    def respond(data: bytes) -> bytes | None:
        heard.append(data)
        return left.pop(0)

    return respond, heard


def begin(link: Link, *words: bytes | None) -> tuple[Coroutine[Any, Any, None], Converse, list[bytes]]:
    respond, heard = script(*words)
    flow = link.converse(respond, 7.0)
    effect = flow.send(None)
    assert isinstance(effect, Converse)
    assert effect.timeout == 7.0
    return flow, effect, heard


def end(flow: Coroutine[Any, Any, None], answer: object = b"") -> None:
    with pytest.raises(StopIteration):
        flow.send(answer)


def test_what_is_done_ahead_is_left_to_the_driver() -> None:
    done: list[str] = []
    flow = Link(None).converse(script(b"one", None)[0], 7.0, lambda: done.append("ahead"))
    effect = flow.send(None)
    assert isinstance(effect, Converse)
    assert effect.respond(b"a") == b"one"
    assert done == []
    effect.ahead()
    assert done == ["ahead"]
    effect.respond(b"b")
    end(flow)


def test_what_is_returned_is_sent_until_none_is() -> None:
    link = Link(None)
    flow, effect, heard = begin(link, b"one", b"", b"three", None)
    assert [effect.respond(data) for data in (b"a", b"b")] == [b"one", b""]
    effect.written = 3
    assert effect.respond(b"c") == b"three"
    effect.written = 5
    assert effect.respond(b"d") is None
    end(flow)
    assert heard == [b"a", b"b", b"c", b"d"]
    assert (link.offered, link.taken) == (8, 8)


@pytest.mark.parametrize("fault", [BROKEN, Interrupted()])
@pytest.mark.parametrize("part", range(6))
def test_of_the_last_turn_that_counts_as_taken_which_was_written(part: int, fault: Exception) -> None:
    link = Link(None)
    flow, effect, _ = begin(link, b"one", b"three")
    effect.respond(b"a")
    effect.written = 3
    effect.respond(b"b")
    effect.written = part
    with pytest.raises(type(fault)):
        flow.throw(fault)
    assert (link.offered, link.taken) == (8, 3 + part)


def test_what_the_system_did_not_take_is_written_and_what_came_meanwhile_heard_next() -> None:
    link = Link(None)
    flow, effect, heard = begin(link, b"three", b"four", None)
    effect.respond(b"a")
    effect.written = 2
    write = flow.send(b"ree")
    assert isinstance(write, Write)
    assert write.whole() == b"ree"
    write.written = 3
    following = flow.send(b"early")  # what is said to it does not go by a turn: nothing more comes for that
    assert isinstance(following, Write)
    assert following.whole() == b"four"
    assert heard == [b"a", b"early"]
    following.written = 4
    effect = flow.send(b"")
    assert isinstance(effect, Converse)
    assert effect.respond(b"b") is None
    end(flow)
    assert (link.offered, link.taken) == (9, 9)


def test_a_write_that_breaks_counts_both_parts() -> None:
    link = Link(None)
    flow, effect, _ = begin(link, b"three")
    effect.respond(b"a")
    effect.written = 2
    write = flow.send(b"ree")
    assert isinstance(write, Write)
    write.written, write.early = 1, b"421 bye"
    with pytest.raises(NetworkError):
        flow.throw(BROKEN)
    assert (link.offered, link.taken, link.arrived()) == (5, 3, b"421 bye")


def records(server: ServerTLS, data: bytes) -> bytes:
    return server.encrypt(data)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("size", [1, 1000, 16384, 16385, 40000])
def test_through_tls_what_was_taken_is_what_the_server_can_decrypt(version: ssl.TLSVersion, size: int) -> None:
    total = len(connected(version)[0].encrypt(b"x" * size))
    for part in sorted({0, 1, total // 2, 16405, 16406, 16413, 16414, total - 1, total}):
        if part > total:
            continue
        layer, server = connected(version)
        link = Link(None)
        link.secure(layer)
        flow, effect, heard = begin(link, b"first", b"x" * size)
        half = records(server, b"hello")
        assert effect.respond(half[:7]) == b""
        assert heard == []
        out = effect.respond(half[7:])
        assert out
        server.feed(out)
        assert (heard, server.decrypt()) == ([b"hello"], b"first")
        effect.written = len(out)
        out = effect.respond(records(server, b"again"))
        assert out
        server.feed(out[:part])
        effect.written = part
        with pytest.raises(NetworkError):
            flow.throw(BROKEN)
        assert link.taken == 5 + len(server.decrypt() or b""), (size, part)
        assert link.offered == 5 + size
