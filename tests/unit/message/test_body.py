"""Bodies: several sources read as one, known and opened together."""

from __future__ import annotations

import io
from typing import Any

import pytest

from postwright.errors import AttachedFileUnreadable, InvalidValue
from postwright.message.body import Body, FileSource, Memory
from postwright.wire.lines import CHUNK


class Later:
    """An asynchronous stream."""

    def __init__(self, *parts: bytes) -> None:
        self.parts = [*parts, b""]
        self.ended = False

    async def read(self, _: int) -> bytes:
        return self.parts.pop(0)

    async def close(self) -> None:
        self.ended = True


def drive(coroutine: Any) -> Any:
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


def test_sections_are_read_one_after_the_other() -> None:
    body = Body((("text", (Memory(b"one\r\n"), Memory(b""))), ("file", (FileSource(io.BytesIO(b"two\n")),))))
    body.open()
    assert [label for label, _ in body.sections] == ["text", "file"]
    assert body.size == 9  # a close estimate: the file's line end grows
    assert [body.read(), body.read(), body.read(), body.read()] == [b"one\r\n", b"two\r\n", b"", b""]
    assert len(body.sources) == 3
    body.close()


def test_what_is_known_of_a_body() -> None:
    empty = Body(())
    assert (empty.size, empty.eight_bit, empty.blocking, empty.awaits, empty.repeatable, empty.whole) == (
        0, False, False, False, True, b"",
    )  # fmt: skip
    assert empty.read() == b""
    plain = Body((("text", (Memory(b"a"),)),))
    assert (plain.eight_bit, plain.blocking, plain.repeatable, plain.whole) == (False, False, True, b"a")
    unknown = Body((("text", (Memory(b"a"),)), ("file", (FileSource(io.BytesIO(b"\xe9")),))))
    assert (unknown.eight_bit, unknown.size, unknown.blocking, unknown.whole) == (None, None, True, None)
    unknown.open()
    unknown.survey()
    assert unknown.eight_bit is True
    assert unknown.repeatable
    assert Body((("text", (Memory(b"\xe9"), FileSource(io.BytesIO()))),)).eight_bit is True
    assert Body((("text", (Memory(b"x" * (CHUNK + 1)),)),)).whole is None
    assert not Body((("text", (FileSource(Later()),)),)).repeatable


def test_opening_again_starts_again() -> None:
    body = Body((("text", (Memory(b"a"), FileSource(io.BytesIO(b"b"), close=False))),))
    for _ in range(2):
        body.open()
        assert (body.read(), body.read(), body.read()) == (b"a", b"b", b"")
        body.close()


def test_when_one_source_can_not_be_opened_none_stays_open() -> None:
    stream = io.BytesIO(b"x")
    body = Body((("text", (FileSource(stream),)), ("file", (FileSource("/nowhere/at/all", attached=True),))))
    with pytest.raises(AttachedFileUnreadable):
        body.open()
    assert stream.closed


def test_asynchronous_parts_make_the_whole_asynchronous() -> None:
    stream = Later(b"b\n", b"c")
    body = Body((("text", (Memory(b"a\r\n"), FileSource(stream), FileSource(io.BytesIO(b"d")))),))
    assert body.awaits
    body.open()
    found = []
    while chunk := drive(body.read()):
        found.append(chunk)
    assert found == [b"a\r\n", b"b\r\n", b"c", b"d"]
    drive(body.close())
    assert stream.ended
    with pytest.raises(InvalidValue, match="only once"):
        Body((("text", (FileSource(Later(b"x")),)),)).survey()
