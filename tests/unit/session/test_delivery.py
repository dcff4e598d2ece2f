"""The body on its way: whatever it is made of, the server has it octet for octet, in writes and chunks that are not too large."""

from __future__ import annotations

import io
import random
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP
from postwright.drive.scripted import ScriptedDriver
from postwright.flow import Write
from postwright.session.delivery import WRITE, Load
from postwright.wire.dots import unstuff
from tests.support.polite import PolitePeer
from tests.support.scripts import hello

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PIECES = [
    b"A" * 76 + b"\r\n",
    b"words and words\r\n",
    b".\r\n",
    b"..\n",
    b"\r",
    b"\n",
    b"x" * 900 + b"\n",
    b"gr\xfc\xdfe\n",
]


class Uneven(io.RawIOBase):
    """A stream that gives now more, now less."""

    def __init__(self, data: bytes, chance: random.Random) -> None:
        self.data = io.BytesIO(data)
        self.chance = chance
        self.most = chance.choice([1000, 20_000, 200_000])

    def read(self, size: int = -1) -> bytes:
        return self.data.read(min(size, self.chance.randrange(1, self.most)))


def ways(data: bytes, chance: random.Random, folder: Any) -> Iterator[Callable[[SMTP], None]]:
    """Every way to hand over a body."""
    path = folder / "body"
    path.write_bytes(data)
    yield lambda client: setattr(client, "message", data)
    yield lambda client: client.set_message_stream(io.BytesIO(data))
    yield lambda client: client.set_message_stream(Uneven(data, chance))
    yield lambda client: client.set_message_stream(iter([data[:100_000], b"", data[100_000:]]))
    yield lambda client: setattr(client, "attached_file", path)


@pytest.mark.parametrize("chunking", [False, True], ids=["DATA", "BDAT"])
def test_every_octet_arrives(chunking: bool, tmp_path: Any) -> None:
    for number in range(10):
        chance = random.Random(number)
        data = b"".join(chance.choices(PIECES, k=chance.choice([0, 1, 50, 3000])) * chance.choice([1, 1, 3]))
        meant = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
        for way in ways(data, chance, tmp_path):
            client = SMTP(mail_server="mx.example", ssl_start_mode=3, from_="a@example.org", send_to="b@example.net")
            client.settings.hello = "client.example"
            peer = PolitePeer(hello("PIPELINING", "8BITMIME", *(["CHUNKING"] if chunking else [])))
            driver = ScriptedDriver(peer)
            vars(client)["_driver"] = driver
            way(client)
            client.send()
            sent = b"".join(peer.bodies)
            text = sent.partition(b"\r\n\r\n")[2] if chunking else unstuff(sent).partition(b"\r\n\r\n")[2]
            if not chunking and meant and not meant.endswith(b"\r\n"):
                meant += b"\r\n"
            assert text == meant, (number, way)
            writes = [effect.written for effect in driver.effects if isinstance(effect, Write)]
            assert max(writes) <= WRITE + 100
            assert len(writes) <= 5 + len(sent) // (WRITE // 2)


@pytest.mark.parametrize("chunking", [False, True], ids=["DATA", "BDAT"])
def test_the_transfer_rate_holds_for_all_buffers_of_a_write(chunking: bool) -> None:
    client = SMTP(mail_server="mx.example", ssl_start_mode=3, from_="a@example.org", send_to="b@example.net")
    client.settings.max_transfer_rate = 1_000_000
    driver = ScriptedDriver(PolitePeer(hello("PIPELINING", *(["CHUNKING"] if chunking else []))))
    client.settings.hello = "client.example"
    vars(client)["_driver"] = driver
    client._session.clock = driver.clock
    client.set_message_stream(io.BytesIO(b"one line of many\r\n" * (5 * WRITE // 2 // 18)))
    client.send()
    writes = [effect.written for effect in driver.effects if isinstance(effect, Write)]
    assert max(writes) <= 1_000_000 // 20
    assert sum(writes) / 1_000_000 - 0.1 <= driver.time <= sum(writes) / 1_000_000


def test_a_load_copies_nothing_large_and_has_few_buffers() -> None:
    load = Load()
    large = b"x" * 50_000
    for part in (b"head", b"er", large, b"a", b"b", large):
        load.add(part)
    assert load.buffers == [b"header", large, b"ab", large]
    assert load.buffers[1] is large
    assert load.octets == 100_008
    assert load.has_room(WRITE - 100_008)
    assert not load.has_room(WRITE - 100_007)
    assert Load().has_room(WRITE + 1)
