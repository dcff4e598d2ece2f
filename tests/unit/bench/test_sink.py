"""The sink of the benchmarks counts what really came: a client that cheats, or loses mail, must not look fast."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
from typing import TYPE_CHECKING

import pytest

from bench.servers import Place, process
from bench.tools import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COMPILER = shutil.which("cc")
pytestmark = pytest.mark.skipif(COMPILER is None, reason="there is no C compiler")
ENVELOPE = b"MAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.net>\r\n"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made: Path = tmp_path_factory.mktemp("sink") / "sink"
    subprocess.run([str(COMPILER), "-O1", "-DNO_TLS", "-o", str(made), str(HERE / "sink.c")], check=True)
    with process([str(made)]) as server:
        assert server.stdout is not None
        yield Place(int(server.stdout.readline().split()[1]), counts=True)


def talk(place: Place, data: bytes, cuts: list[int]) -> str:
    """Say all of it, cut into pieces, and return what the sink says until it closes the line."""
    with socket.create_connection(("127.0.0.1", place.port), 10) as line, line.makefile("rb") as answers:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True):
                line.sendall(data[start:end])
        except ConnectionError:
            pass  # it has left already
        return answers.read().decode()


def mixed(bodies: list[bytes], chance: random.Random) -> bytes:
    """All messages in one stream: DATA whose next group follows in the same write, and BDAT in one or two chunks."""
    out = b"EHLO client.example\r\n"
    for body in bodies:
        half = chance.randrange(len(body) + 1)
        out += chance.choice(
            [
                ENVELOPE
                + b"DATA\r\n"
                + (b"." if body.startswith(b".") else b"")
                + body.replace(b"\n.", b"\n..")
                + b".\r\n",
                ENVELOPE + b"BDAT %d LAST\r\n" % len(body) + body,
                ENVELOPE
                + b"BDAT %d\r\n%b" % (half, body[:half])
                + b"BDAT %d LAST\r\n%b" % (len(body) - half, body[half:]),
            ]
        )
    return out + b"QUIT\r\n"


@pytest.mark.parametrize("seed", range(8))
def test_messages_in_any_pieces_are_counted(place: Place, seed: int) -> None:
    chance = random.Random(seed)
    pieces = [b"a line\r\n", b".\r\n", b"..\r\n", b"\r\n", b". dot\r\n", b"x" * 900 + b"\r\n", b"QUIT\r\n"]
    bodies = [b"".join(chance.choices(pieces, k=chance.randint(1, 60))) for _ in range(40)]
    data = mixed(bodies, chance)
    before = place.taken()
    talk(place, data, sorted(chance.sample(range(1, len(data)), 60)))
    after = place.taken()
    assert after["messages"] - before["messages"] == len(bodies)
    assert after["errors"] == before["errors"]
    # each octet once, and the dots of transparency
    assert sum(map(len, bodies)) <= after["octets"] - before["octets"] < sum(map(len, bodies)) * 3


@pytest.mark.parametrize(
    "words",
    [
        b"RCPT TO:<b@example.net>\r\n",
        b"DATA\r\n",
        b"BDAT 3 LAST\r\nabc",
        b"NOOP\nNOOP\n",
        b"BDAT x LAST\r\n",
        ENVELOPE + b"MAIL FROM:<a@example.com>\r\n",
        b"x" * 5000,
    ],
    ids=["RCPT first", "DATA first", "BDAT first", "bare LF", "no length", "MAIL twice", "endless line"],
)
def test_a_breach_is_an_error(place: Place, words: bytes) -> None:
    before = place.taken()
    said = talk(place, words + b"\r\nQUIT\r\n", [])
    after = place.taken()
    assert after["errors"] > before["errors"]
    assert after["messages"] == before["messages"]
    assert "\r\n50" in said


def test_a_dot_between_bare_line_feeds_ends_nothing(place: Place) -> None:
    before = place.taken()
    talk(place, ENVELOPE + b"DATA\r\na\n.\nb\r\n.\nc\n.\r\nd\r\n.\r\nQUIT\r\n", [])
    assert place.taken()["messages"] - before["messages"] == 1
