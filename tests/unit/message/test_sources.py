"""Sources: canonical data in chunks that are small, errors before the mail begins, nothing read twice by accident."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.errors import AttachedFileUnreadable, FileUnreadable, InvalidValue
from postwright.message.sources import Encoded, Memory
from postwright.message.streams import FileSource
from postwright.wire.lines import CHUNK

if TYPE_CHECKING:
    from pathlib import Path

exploring = settings(derandomize=True, max_examples=100, deadline=None)


def chunks(source: Any) -> list[bytes]:
    """Read a source to its end."""
    found = []
    while chunk := source.read():
        found.append(chunk)
    assert source.read() == b""
    return found


def drive(coroutine: Any) -> Any:
    """Run a coroutine that waits for nothing."""
    with pytest.raises(StopIteration) as stopped:
        coroutine.send(None)
    return stopped.value.value


class Trickle(io.RawIOBase):
    """A stream that can't seek and gives a few octets at a time."""

    def __init__(self, data: bytes, step: int) -> None:
        self.left = data
        self.step = step
        self.asked: list[int] = []

    def read(self, size: int = -1) -> bytes:
        self.asked.append(size)
        part, self.left = self.left[: self.step], self.left[self.step :]
        return part


def test_memory_comes_in_one_piece_when_it_is_small() -> None:
    data = b"x\r\n" * 100
    source = Memory(data)
    source.open()
    (only,) = chunks(source)
    assert only is data
    source.open()
    assert chunks(source) == [data]
    assert (source.size, source.eight_bit, source.blocking, source.awaits, source.repeatable) == (
        300,
        False,
        False,
        False,
        True,
    )
    assert Memory(b"\xe9").eight_bit


@pytest.mark.parametrize("size", [CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_memory_is_cut_at_the_chunk_size(size: int) -> None:
    data = os.urandom(size)
    source = Memory(data)
    source.open()
    found = chunks(source)
    assert b"".join(found) == data
    assert max(map(len, found)) <= CHUNK


@pytest.mark.parametrize("size", [0, 1, 57, 42_750 * 2, 42_750 * 2 + 1, 1_000_000])
def test_octets_are_encoded_as_they_go_out(size: int) -> None:
    data = os.urandom(size)
    source = Encoded(data)
    source.open()
    found = chunks(source)
    out = b"".join(found)
    assert base64.b64decode(out) == data
    assert source.size == len(out)
    assert max(map(len, found), default=0) <= CHUNK
    assert all(chunk.endswith(b"\r\n") for chunk in found)
    source.open()
    assert b"".join(chunks(source)) == out


@exploring
@given(
    st.lists(st.sampled_from([b"\r", b"\n", b"a", b"\xe9", b"x" * 60]), max_size=40).map(b"".join), st.integers(1, 9)
)
def test_a_stream_is_made_canonical_whatever_it_gives_at_a_time(data: bytes, size: int) -> None:
    source = FileSource(Trickle(data, size))
    source.open()
    assert source.size is None
    assert source.eight_bit is None
    out = b"".join(chunks(source))
    assert out == data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")
    assert source.eight_bit == (b"\xe9" in data)


@exploring
@given(st.binary(max_size=400), st.integers(1, 100))
def test_base64_of_a_stream_whatever_it_gives_at_a_time(data: bytes, size: int) -> None:
    source = FileSource(Trickle(data, size), encode="base64")
    source.open()
    out = b"".join(chunks(source))
    assert out == base64.encodebytes(data).replace(b"\n", b"\r\n")
    assert source.eight_bit is False


def test_a_path_is_opened_read_in_portions_and_closed(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 70 + b"\r\n")
    with path.open("ab") as file:
        for _ in range(20):
            file.write(b"0123456789\r\n" * 10_000)
    source = FileSource(path)
    assert [source.size] == [None]
    source.open()
    source.open()
    assert source.size == path.stat().st_size
    found = chunks(source)
    assert b"".join(found) == path.read_bytes()
    assert len(found) > 5
    assert max(map(len, found)) <= CHUNK
    source.close()
    source.close()
    source.open()  # a second delivery of the same message
    assert b"".join(chunks(source)) == path.read_bytes()
    source.close()


def test_a_path_in_base64_knows_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(os.urandom(500_001))
    source = FileSource(str(path), encode="base64")
    source.open()
    found = chunks(source)
    assert source.size == sum(map(len, found))
    assert max(map(len, found)) <= CHUNK
    assert base64.b64decode(b"".join(found)) == path.read_bytes()
    source.close()


def test_what_can_not_be_opened_is_302(tmp_path: Path) -> None:
    for attached, kind in ((True, AttachedFileUnreadable), (False, FileUnreadable)):
        for path in (tmp_path / "missing", tmp_path):
            with pytest.raises(kind, match=r"missing|directory") as caught:
                FileSource(path, attached=attached).open()
            assert caught.value.code == 302
            assert isinstance(caught.value, OSError)
            assert str(path) in str(caught.value)
    with pytest.raises(FileUnreadable):
        FileSource("a\0b").open()


def test_a_path_that_holds_control_characters_is_shown_escaped() -> None:
    with pytest.raises(FileUnreadable) as caught:
        FileSource("/nowhere/a\x1b[31m\n").open()
    assert str(caught.value).isprintable()


def test_a_stream_is_read_from_where_it_stands_and_stays_open_if_wanted() -> None:
    stream = io.BytesIO(b"skipped|kept\n")
    stream.seek(8)
    source = FileSource(stream, close=False)
    for _ in range(2):
        source.open()
        assert source.size == 5
        assert source.repeatable
        assert chunks(source) == [b"kept\r\n"]
        source.close()
    assert [stream.closed] == [False]
    closing = FileSource(stream)
    closing.open()
    closing.close()
    assert stream.closed
    with pytest.raises(FileUnreadable, match="closed"):
        closing.open()


def test_a_stream_that_can_not_seek_is_never_sent_empty_the_second_time() -> None:
    source = FileSource(Trickle(b"once", 4), close=False)
    source.open()
    assert not source.repeatable
    assert chunks(source) == [b"once"]
    with pytest.raises(FileUnreadable, match="only once"):
        source.open()


@pytest.mark.parametrize("content", [io.StringIO("text"), Trickle("text", 4)])  # type: ignore[arg-type]
def test_a_stream_of_text_is_refused(content: Any) -> None:
    source = FileSource(content)
    source.open()
    with pytest.raises(InvalidValue, match="binary mode"):
        source.read()


def test_a_stream_that_has_nothing_yet_is_not_at_its_end() -> None:
    class Later:
        def read(self, _: int) -> None:
            return None

    source = FileSource(Later())
    source.open()
    with pytest.raises(InvalidValue, match="NoneType"):
        source.read()


def test_other_kinds_of_octets_are_taken() -> None:
    class Views:
        def __init__(self) -> None:
            self.parts: list[Any] = [bytearray(b"a\n"), memoryview(b"b\n"), b""]

        def read(self, _: int) -> Any:
            return self.parts.pop(0)

    source = FileSource(Views())
    source.open()
    assert chunks(source) == [b"a\r\n", b"b\r\n"]


@pytest.mark.parametrize("content", [None, 7, object(), ["a"]])
def test_what_is_no_file_is_refused_at_once(content: Any) -> None:
    with pytest.raises(InvalidValue, match="neither a path nor a binary stream"):
        FileSource(content)


def test_a_disk_that_fails_in_the_middle_is_302() -> None:
    class Failing(io.BytesIO):
        def read(self, _: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    source = FileSource(Failing(b"x"))
    source.open()
    with pytest.raises(FileUnreadable, match="Input/output error"):
        source.read()


@pytest.mark.parametrize(("data", "what"), [(b"a\0b", "NUL"), (b"x" * 999, "998")])
def test_what_no_mail_can_carry_is_refused(data: bytes, what: str) -> None:
    source = FileSource(io.BytesIO(data))
    source.open()
    with pytest.raises(InvalidValue, match=what):
        chunks(source)
    again = FileSource(io.BytesIO(data), encode="binary")
    again.open()
    assert b"".join(chunks(again)) == data
    assert again.eight_bit is True


class Asynchronous:
    """A stream of the kind that aiofiles gives."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.closed_by_us = False

    async def read(self, size: int) -> bytes:
        part, self.data = self.data[:size], self.data[size:]
        return part

    async def seekable(self) -> bool:
        raise AssertionError("not to be called")

    async def close(self) -> None:
        self.closed_by_us = True


def test_an_asynchronous_stream_is_awaited() -> None:
    stream = Asynchronous(b"a\nb\n")
    source = FileSource(stream)
    assert source.awaits
    source.open()
    assert source.size is None
    assert drive(source.read()) == b"a\r\nb\r\n"
    assert drive(source.read()) == b""
    drive(source.close())
    assert stream.closed_by_us
    assert not source.repeatable
    with pytest.raises(FileUnreadable, match="only once"):
        source.open()


def test_an_asynchronous_stream_of_text_is_refused() -> None:
    class Text:
        async def read(self, _: int) -> str:
            return "text"

    source = FileSource(Text())
    source.open()
    answer: Any = source.read()
    with pytest.raises(InvalidValue, match="binary mode"):
        answer.send(None)


def test_an_asynchronous_stream_that_fails_is_302() -> None:
    class Failing:
        async def read(self, _: int) -> bytes:
            raise OSError(5, "Input/output error")

    source = FileSource(Failing())
    source.open()
    answer: Any = source.read()
    with pytest.raises(FileUnreadable, match="Input/output error"):
        answer.send(None)


def test_an_asynchronous_stream_may_give_less_than_a_line_of_base64() -> None:
    class Slow:
        left = iter((b"a", b"b", b"c", b""))

        async def read(self, _: int) -> bytes:
            return next(self.left)

    source = FileSource(Slow(), encode="base64")
    source.open()
    assert drive(source.read()) == b"YWJj\r\n"
    assert drive(source.read()) == b""


def test_a_plain_function_is_not_taken_for_a_coroutine_function(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a")
    with (tmp_path / "a").open("rb") as stream:
        for content in (io.BytesIO(), Trickle(b"", 1), stream, str(tmp_path)):
            assert not FileSource(content).awaits


def test_a_survey_tells_about_8_bit_data_before_the_mail_and_goes_back(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_bytes(b"gr\xfc\xdfe\n")
    for content, eight in ((path, True), (io.BytesIO(b"gr\xfc"), True), (io.BytesIO(b"plain"), False)):
        source = FileSource(content)
        source.open()
        source.survey()
        assert source.eight_bit is eight
        assert len(b"".join(chunks(source))) >= 3
        source.close()
    for encode in ("base64", "binary"):
        FileSource(Trickle(b"", 1), encode=encode).survey()  # nothing to find out
    once = FileSource(Trickle(b"a", 1))
    once.open()
    with pytest.raises(InvalidValue, match="only once"):
        once.survey()
    bad = FileSource(io.BytesIO(b"\0"))
    bad.open()
    with pytest.raises(InvalidValue, match="NUL"):
        bad.survey()


@pytest.mark.parametrize("data", [b"gr\xfc\xdfe\r\n", b"plain\r\n"])
def test_octets_above_127_are_not_looked_for_where_nobody_minds_and_are_the_next_time(data: bytes) -> None:
    source = FileSource(io.BytesIO(data), close=False)
    source.open()
    source.take_any()
    assert chunks(source) == [data]
    assert [source.eight_bit] == [None]
    source.open()
    assert chunks(source) == [data]
    assert source.eight_bit == (not data.isascii())
    source.open()
    source.take_any()
    assert chunks(source) == [data]
    assert source.eight_bit == (not data.isascii())
