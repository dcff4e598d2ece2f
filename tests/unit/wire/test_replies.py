"""The reader takes what RFC 5321 calls a reply, in any cut, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postwright.errors import MalformedReply, ReplyTooLong
from postwright.wire.replies import MAX_LINES, MAX_REPLY, MAX_UNREAD, ReplyReader, shown
from postwright.words import Reply

GOOD = {
    b"250 ok\r\n": Reply(250, ("ok",)),
    b"250 ok\n": Reply(250, ("ok",)),
    b"250\r\n": Reply(250, ("",)),
    b"250 \r\n": Reply(250, ("",)),
    b"250-a\r\n250-\r\n250 c\r\n": Reply(250, ("a", "", "c")),
    b"250-a\r\n250\r\n": Reply(250, ("a", "")),
    b"554 5.7.1 no\r\n": Reply(554, ("5.7.1 no",)),
    b"200 \xc3\xa9\xff\r\n": Reply(200, ("é\udcff",)),
    b"559 \t-\x1b\r\n": Reply(559, ("\t-\x1b",)),
}
BAD = [
    b"\r\n", b"25\r\n", b"2500 x\r\n", b"150 x\r\n", b"650 x\r\n", b"260 x\r\n", b"2a0 x\r\n", b"250_x\r\n", b" 250 x\r\n",
    b"250 a\0b\r\n", b"250 a\rb\r\n", b"250 a\r\r\n", b"250-a\r\n251 b\r\n", b"250-a\r\nb\r\n", "٢٥٠ x\r\n".encode(),
]  # fmt: skip


@pytest.mark.parametrize(("data", "reply"), GOOD.items(), ids=repr)
def test_a_reply_is_read_whole_and_byte_by_byte(data: bytes, reply: Reply) -> None:
    reader = ReplyReader()
    reader.feed(data)
    assert reader.next() == reply
    assert reader.empty
    assert reader.next() is None
    for i in range(len(data) - 1):
        reader.feed(data[i : i + 1])
        assert reader.next() is None
        assert not reader.empty
    reader.feed(data[-1:])
    assert reader.next() == reply


@pytest.mark.parametrize("data", BAD, ids=repr)
def test_what_is_no_reply_is_an_error(data: bytes) -> None:
    reader = ReplyReader()
    reader.feed(data)
    with pytest.raises(MalformedReply):
        reader.next()


@given(st.lists(st.sampled_from(sorted(GOOD)), min_size=1, max_size=5), st.data())
def test_every_cut_gives_the_same_replies(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    reader = ReplyReader()
    found: list[Reply] = []
    while stream:
        count = data.draw(st.integers(1, len(stream)))
        reader.feed(stream[:count])
        stream = stream[count:]
        while (reply := reader.next()) is not None:
            found.append(reply)
    assert found == [GOOD[part] for part in parts]
    assert reader.empty


@given(st.binary(max_size=200))
def test_no_bytes_make_another_error(data: bytes) -> None:
    reader = ReplyReader(64)
    reader.feed(data)
    try:
        while (reply := reader.next()) is not None:
            assert 200 <= reply.code <= 559
            str(reply).encode()
    except (MalformedReply, ReplyTooLong) as error:
        str(error).encode()


@pytest.mark.parametrize("end", [b"", b"\r\n"])
def test_a_line_over_the_limit_is_an_error_also_before_it_ends(end: bytes) -> None:
    reader = ReplyReader(100)
    reader.feed(b"250 " + b"x" * 96 + b"\r\n")
    assert reader.next() is not None
    reader.feed(b"250 " + b"x" * 98 + end)
    with pytest.raises(ReplyTooLong, match="MaxLineLength"):
        reader.next()


def test_a_reply_has_a_limit_of_octets_and_of_lines() -> None:
    many = ReplyReader()
    many.feed(b"250-\r\n" * (MAX_LINES - 1) + b"250 \r\n")
    assert many.next() is not None
    many.feed(b"250-\r\n" * (MAX_LINES + 1))
    with pytest.raises(ReplyTooLong):
        many.next()
    large = ReplyReader()
    line = b"250-" + b"x" * 1000 + b"\r\n"
    for _ in range(MAX_REPLY // len(line)):
        large.feed(line)
        assert large.next() is None
    large.feed(line)
    with pytest.raises(ReplyTooLong):
        large.next()


def test_what_waits_unread_has_a_limit() -> None:
    reader = ReplyReader()
    reader.feed(b"250 x\r\n" * (MAX_UNREAD // 7))
    with pytest.raises(ReplyTooLong):
        reader.feed(b"250 x\r\n" * 2)


def test_an_error_quotes_what_came_without_its_controls() -> None:
    assert shown(b"\x1b[2J\xff") == "'\\x1b[2J\\xff'"
    assert shown(b"x" * 200) == f"'{'x' * 120}'..."


@pytest.mark.parametrize(
    ("lines", "enhanced", "text"),
    [
        (("2.1.0 ok",), "2.1.0", "ok"),
        (("5.7.133 no", "5.7.133 really"), "5.7.133", "no\nreally"),
        (("2.1.0",), "2.1.0", ""),
        (("1.1.1 x",), None, "1.1.1 x"),
        (("2.1.0x",), None, "2.1.0x"),
        (("2.1234.0 x",), None, "2.1234.0 x"),
        ((), None, ""),
    ],
)
def test_the_enhanced_code_is_apart_from_the_text(lines: tuple[str, ...], enhanced: str | None, text: str) -> None:
    reply = Reply(250, lines)
    assert reply.enhanced == enhanced
    assert reply.text == text


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("2.0.0 Ok: queued as 4XyZ12abc", "4XyZ12abc"),
        ("OK id=1tFh2K-0000Xx-1a", "1tFh2K-0000Xx-1a"),
        ("2.0.0 6AO8LLY2018571 Message accepted for delivery", "6AO8LLY2018571"),
        ("2.0.0 4AbCdEf accepted", None),
        ("ok", None),
    ],
)
def test_the_queue_identifier_is_found(text: str, identifier: str | None) -> None:
    assert Reply(250, (text,)).queue_id == identifier
    assert Reply(550, (text,)).queue_id is None
