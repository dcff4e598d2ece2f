"""The scripted driver grants every effect, keeps its own time, and tells where client and transcript part."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright.drive.scripted import ScriptedDriver
from postwright.drive.transcripts import Deed, Expect, Peer, TranscriptMismatch, parse
from postwright.errors import Busy, ConnectFirst, InactivityTimeout, Interrupted, NetworkError, OperationTimeout
from postwright.flow import Call, Dial, Fire, Hangup, Poll, Read, Sleep, Wait, Write
from postwright.words import Target

if TYPE_CHECKING:
    from postwright.flow import Flow

MX = Target("mx", 25)


def test_a_transcript_is_read_line_by_line() -> None:
    steps = parse("""
        # a comment
        S: 220 hi
        C: EHLO *
        S: <raw b"25\\x00">
        S-TLS
        S: <close>
    """)
    assert steps[0] == b"220 hi\r\n"
    assert isinstance(steps[1], Expect)
    assert steps[1].pattern.fullmatch(b"EHLO x\r\n")
    assert not steps[1].pattern.fullmatch(b"EHLO x\r\ny\r\n")
    assert steps[2:] == (b"25\0", Deed.TLS, Deed.CLOSE)


@pytest.mark.parametrize("line", ["X: what", "220 hi", "S 220", "C"])
def test_a_line_that_is_none_is_an_error(line: str) -> None:
    with pytest.raises(ValueError):
        parse(line)


async def greeting() -> bytes:
    await Dial(MX)
    data = b""
    while not data.endswith(b"\n"):
        data += await Read(5)
    return data


@pytest.mark.parametrize(("mode", "reads"), [("whole", 1), ("line", 2), ("byte", 11)])
def test_the_server_speaks_whole_by_line_and_by_byte(mode: str, reads: int) -> None:
    async def flow() -> int:
        await Dial(MX)
        count = 0
        while await Read(5):
            count += 1
        return count

    assert ScriptedDriver("S: 220-\nS: 220\nS: <close>", mode=mode).run(flow()) == reads


def test_time_passes_only_by_waiting() -> None:
    driver = ScriptedDriver("S: 220 hi\nS: <silence>")

    async def flow() -> None:
        await Dial(MX)
        await Sleep(3)
        await Read(5)
        assert await Poll(2) is None
        await Read(5)

    with pytest.raises(InactivityTimeout):
        driver.run(flow())
    assert driver.clock() == 10
    with pytest.raises(TranscriptMismatch, match="for ever"):
        driver.run(_read(None))


async def _read(timeout: float | None) -> bytes:
    return await Read(timeout)


def test_the_limit_of_an_operation_ends_it() -> None:
    driver = ScriptedDriver("S: <silence>")

    async def flow() -> None:
        await Dial(MX)
        await Read(None)

    with pytest.raises(OperationTimeout):
        driver.run(flow(), limit=7)
    assert driver.time == 7


@pytest.mark.parametrize(
    ("said", "message"), [(b"HELO x\r\n", "the client said"), (b"EHLO x\r\nQUIT\r\n", "before its turn")]
)
def test_a_client_that_leaves_the_transcript_is_told_where(said: bytes, message: str) -> None:
    async def flow() -> None:
        await Dial(MX)
        await Write(said, 5)

    driver = ScriptedDriver("C: EHLO *\nS: 250 x\nC: QUIT")
    with pytest.raises(TranscriptMismatch, match=message):
        driver.run(flow())


def test_what_the_client_left_out_is_told_at_the_end() -> None:
    driver = ScriptedDriver("S: 220 x\nC: QUIT", "C: NOOP")
    driver.run(greeting())
    with pytest.raises(TranscriptMismatch, match=r"QUIT.*NOOP"):
        driver.check()


@pytest.mark.parametrize(("end", "code"), [("<close>", 0), ("<reset>", 10054)])
def test_the_line_ends_as_the_transcript_says(end: str, code: int) -> None:
    async def flow() -> bytes:
        await Dial(MX)
        return await Read(5)

    driver = ScriptedDriver(f"S: {end}")
    if code:
        with pytest.raises(NetworkError) as caught:
            driver.run(flow())
        assert caught.value.code == code
    else:
        assert driver.run(flow()) == b""


def test_each_connection_has_a_transcript_of_its_own() -> None:
    driver = ScriptedDriver("S: 220 one", Peer("S: 220 two"))
    assert driver.run(greeting()) == b"220 one\r\n"
    assert driver.run(greeting()) == b"220 two\r\n"
    with pytest.raises(NetworkError) as caught:
        driver.run(greeting())
    assert caught.value.code == 10061
    driver.hang_up()
    with pytest.raises(ConnectFirst):
        driver.run(_read(1))


def test_a_body_and_a_chunk_are_kept() -> None:
    async def flow() -> None:
        await Dial(MX)
        await Write(b"DATA\r\nHi\r\n", 5)
        await Write(b"..\r\n.\r\nBDAT 4", 5)
        await Write(b" LAST\r\nab", 5)
        await Write(b"\r\n", 5)
        assert await Read(5) == b"250 ok\r\n"

    driver = ScriptedDriver("C: DATA\nC: <body>\nC: BDAT * LAST\nS: 250 ok")
    driver.run(flow())
    driver.check()
    assert driver.peers[0].bodies == [b"Hi\r\n..\r\n.\r\n", b"ab\r\n"]


def test_calls_are_made_and_events_are_handed_on() -> None:
    heard: list[object] = []

    async def flow() -> int:
        await Fire("event")
        await Hangup()
        called: Call[int] = Call(int, "4")
        waited: Wait[int] = Wait(int, "2")
        return await called + await waited

    driver = ScriptedDriver(fire=heard.append)
    assert driver.run(flow()) == 6
    assert heard == driver.events == ["event"]


def test_it_can_be_interrupted_and_is_busy_meanwhile() -> None:
    async def nothing() -> None:
        return

    def handle(_: object) -> None:
        with pytest.raises(Busy):
            driver.run(nothing())
        driver.interrupt()

    async def flow() -> None:
        await Fire("event")
        await Sleep(1)

    driver = ScriptedDriver(fire=handle)
    interrupted: Flow[None] = flow()
    with pytest.raises(Interrupted):
        driver.run(interrupted)
    driver.interrupt()
    driver.run(nothing())
    assert driver.time == 0
