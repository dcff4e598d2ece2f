"""Bodies from wherever they come, and what becomes of the mail when they end otherwise than they began."""

from __future__ import annotations

import asyncio
import io
import os
import random
import socket
from typing import TYPE_CHECKING, Any

import pytest

from postwright import Outcome
from postwright.errors import FileUnreadable, InvalidValue, MessageRefused
from postwright.session.delivery import WRITE
from postwright.wire.dots import unstuff
from postwright.wire.lines import CHUNK
from tests.support.clients import KINDS, World, failure
from tests.support.scripts import MAIL, hello

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.clients import Client

LINES = b".A line of text that begins with a dot.\r\nAnd one that does not.\r\n\r\n"
TEXT = LINES * (5 * WRITE // 2 // len(LINES))
"""More than two writes."""


@pytest.fixture(params=KINDS)
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Clients of all kinds; how the server's few words arrive makes no difference here."""
    with World(str(request.param)) as made:
        yield made


def way(chunking: bool, *extensions: str) -> str:
    """A server that takes a body in one of the two ways, in as many chunks as come."""
    return hello(*extensions, *(["CHUNKING"] if chunking else [])) + MAIL


def body(world: World, chunking: bool) -> bytes:
    """What the server took for the body of the first message."""
    data = b"".join(world.peers[0].bodies)
    return (data if chunking else unstuff(data)).partition(b"\r\n\r\n")[2]


both = pytest.mark.parametrize("chunking", [False, True], ids=["DATA", "BDAT"])


class Breaking(io.RawIOBase):
    """A stream that can't seek, and raises when so many octets were read."""

    def __init__(self, octets: int, error: Exception) -> None:
        self.left = octets
        self.error = error

    def read(self, size: int = -1) -> bytes:
        if self.left <= 0:
            raise self.error
        self.left -= size
        return (b"0123456789abcd\r\n" * (size // 16 + 1))[:size]


@both
@pytest.mark.parametrize(
    ("error", "words"),
    [(OSError(5, "Input/output error"), "Input/output error"), (RuntimeError("no more"), "RuntimeError: no more")],
    ids=["OSError", "RuntimeError"],
)
@pytest.mark.parametrize("octets", [0, 4 * WRITE])
def test_a_stream_that_raises(world: World, chunking: bool, error: Exception, words: str, octets: int) -> None:
    client = world.play(way(chunking))
    client.set_message_stream(Breaking(octets, error))
    client.connect()
    problem = failure(client)
    assert isinstance(problem, FileUnreadable)
    assert problem.__cause__ is error
    assert words in str(problem)
    assert problem.outcome is client.last_outcome is Outcome.NOT_SENT
    assert not client.connected
    assert world.peers[0].bodies == [] or chunking


@both
def test_a_stream_that_closes_badly_changes_nothing(world: World, chunking: bool) -> None:
    class Stubborn(io.BytesIO):
        def close(self) -> None:
            raise OSError(28, "No space left on device")

    client = world.play(way(chunking))
    client.set_message_stream(Stubborn(b"Hello\r\n"))
    assert client.send().reply.code == 250
    assert body(world, chunking) == b"Hello\r\n"


def pieces(sizes: list[int]) -> Iterator[bytes | bytearray | memoryview]:
    """TEXT in pieces of these sizes, again and again, of all kinds of octets."""
    at = number = 0
    while at < len(TEXT):
        size = sizes[number % len(sizes)]
        part = TEXT[at : at + size]
        yield (part, bytearray(part), memoryview(part))[number % 3]
        at += size
        number += 1


async def later(some: Iterator[Any]) -> AsyncIterator[Any]:
    for piece in some:
        await asyncio.sleep(0)
        yield piece


@both
@pytest.mark.parametrize("sizes", [[1000, 0, 7], [CHUNK - 1, 0, 2], [2 * WRITE, 1, 100]], ids=str)
def test_an_iterator_is_a_stream(world: World, chunking: bool, sizes: list[int]) -> None:
    client = world.play(way(chunking))
    client.set_message_stream(later(pieces(sizes)) if world.kind == "async" else pieces(sizes))
    client.send()
    assert body(world, chunking) == TEXT


def test_an_iterator_that_raises_or_gives_text(world: World) -> None:
    def broken() -> Iterator[bytes]:
        yield b"one\r\n"
        raise LookupError("gone")

    client = world.play(way(False), way(False))
    for stream, kind, words in ((broken(), FileUnreadable, "LookupError: gone"), (iter(["text"]), InvalidValue, "str")):
        client.set_message_stream(later(stream) if world.kind == "async" else stream)
        problem = failure(client)
        assert isinstance(problem, kind)
        assert words in str(problem)
        assert problem.outcome is Outcome.NOT_SENT
        assert not client.connected


def ways_in(client: Client, kind: str) -> Any:
    """Streams that are no files, with TEXT's beginning in them."""
    data = LINES * 700
    if kind == "pipe":
        end, start = os.pipe()
        os.write(start, data)
        os.close(start)
        return os.fdopen(end, "rb", buffering=0)
    if kind == "socket":
        ours, theirs = socket.socketpair()
        with ours, theirs:
            theirs.sendall(data)
            return ours.makefile("rb")

    async def reader() -> asyncio.StreamReader:
        made = asyncio.StreamReader()
        made.feed_data(data)
        made.feed_eof()
        return made

    return client._loop.run(reader())


@both
@pytest.mark.parametrize("kind", ["pipe", "socket", "reader"])
def test_pipes_sockets_and_stream_readers(world: World, chunking: bool, kind: str) -> None:
    client = world.play(way(chunking))
    if kind == "reader" and world.kind != "async":
        kind = "pipe"
    client.set_message_stream(ways_in(client, kind))
    client.send()
    assert body(world, chunking) == LINES * 700


@both
def test_a_file_that_grows_is_sent_as_it_was(world: World, chunking: bool, tmp_path: Path) -> None:
    path = tmp_path / "growing.log"
    path.write_bytes(TEXT)

    def grow(_: object) -> None:
        with path.open("ab") as file:
            file.write(b"more\r\n" * 1000)

    client = world.play(way(chunking, "SIZE 9999999").replace("org>", "org> SIZE=*"), message_text="")
    client.attached_file = str(path)
    client.smtp.on_transfer = grow
    client.send()
    assert body(world, chunking) == TEXT
    peer = world.peers[0]
    head = next(line for line in peer.lines if line.startswith("MAIL"))
    sent = b"".join(peer.bodies)
    assert int(head.partition("SIZE=")[2].split()[0]) == len(sent if chunking else unstuff(sent))


@both
def test_a_file_that_shrinks_is_not_sent(world: World, chunking: bool, tmp_path: Path) -> None:
    path = tmp_path / "rotated.log"
    path.write_bytes(TEXT * 3)
    client = world.play(way(chunking), message_text="")
    client.attached_file = str(path)
    client.smtp.on_transfer = lambda _: os.truncate(path, len(TEXT))
    problem = failure(client)
    assert isinstance(problem, FileUnreadable)
    assert "cut while it was sent" in str(problem)
    assert problem.outcome is Outcome.NOT_SENT
    assert not client.connected


@both
@pytest.mark.parametrize("kind", ["text", "message", "stream", "pieces", "file"])
def test_a_body_of_nothing(world: World, chunking: bool, kind: str, tmp_path: Path) -> None:
    client = world.play(way(chunking), message_text="")
    if kind == "message":
        client.message = b""
    elif kind == "stream":
        client.set_message_stream(io.BytesIO())
    elif kind == "pieces":
        client.set_message_stream(iter([b"", b""]))
    elif kind == "file":
        (tmp_path / "empty").touch()
        client.attached_file = str(tmp_path / "empty")
    client.send()
    assert body(world, chunking) == b""
    assert world.peers[0].bodies[0].endswith(b"\r\n\r\n" if chunking else b"\r\n\r\n.\r\n")


@pytest.mark.parametrize("first", [[], ["250 more"]], ids=len)
@pytest.mark.parametrize("end", ["<close>", "<reset>"])
def test_a_server_that_refuses_one_of_many_chunks_and_leaves(world: World, first: list[str], end: str) -> None:
    group = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nS: 250 ok\nS: 250 ok\n"
    replies = "".join(f"S: {reply}\n" for reply in [*first, "552 5.3.4 too much"])
    client = world.play(hello("PIPELINING", "CHUNKING") + group + "C: BDAT *\n" * 2 + replies + f"S: {end}")
    client.set_message_stream(io.BytesIO(TEXT))
    problem = failure(client)
    assert problem.outcome is Outcome.NOT_SENT
    assert not client.connected
    if end == "<close>":
        assert isinstance(problem, MessageRefused)
        assert problem.reply is not None
        assert problem.reply.code == 552


def test_what_is_said_of_a_transfer_adds_up(world: World) -> None:
    """StartTransfer, Transfer for each part and EndTransfer, for the text and for the file."""
    chance = random.Random(4)
    client = world.play(way(False), message_text="Text in front\r\n")
    events = client.listen("on_start_transfer", "on_transfer", "on_end_transfer")
    data = io.BytesIO(TEXT)
    client.set_message_stream(
        later(iter(lambda: data.read(chance.randrange(1, 50_000)), b"")) if world.kind == "async" else data
    )
    client.send()
    assert [type(event).__name__ for event in (events[0], events[-1])] == ["StartTransfer", "EndTransfer"]
    parts = events[1:-1]
    assert b"".join(part.text for part in parts) == TEXT
    done = 0
    for part in parts:
        done += len(part.text)
        assert part.bytes_transferred == done
