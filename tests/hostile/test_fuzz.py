"""Long random walks: replies against a second reading of the grammar, addresses and headers against what they must keep.

The quick forms are part of every run; the long ones (``--long``) take ten million replies, and a million of the others.
Each round has a number, and the number is its seed: what a failure shows can be played again alone.
"""

from __future__ import annotations

import random
import re
from itertools import islice
from typing import TYPE_CHECKING

import pytest

from postwright.errors import ForbiddenCharacter, InvalidAddress, InvalidHeader, MalformedReply, ReplyTooLong
from postwright.message import headers
from postwright.message.addresses import addr_spec, parse_mailbox, parse_mailbox_list
from postwright.wire.replies import ReplyReader

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_LINE = 512
LINE = re.compile(rb"([2-5][0-5][0-9])(?:([ -])(.*))?", re.DOTALL)
GOOD = [
    b"250 2.1.5 Ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250-a\r\n250-b c\r\n250 d\r\n", b"550 5.1.1 no such user\r\n", b"250\r\n",
    b"250 \xc3\xbc\xff\r\n", b"421 4.3.2 closing\r\n", b"250-\r\n250\r\n", b"235 2.7.0 in\n", b"250 " + b"x" * 505 + b"\r\n",
]  # fmt: skip
SPICE = [
    b"\r", b"\n", b"\r\n", b"\0", b"-", b" ", b"2", b"25", b"250", b"251", b"9", b"250-", b"\x1b[2J", b"\xff", "٢".encode(),
    b"x" * 600, b"HTTP/1.1 200 OK\r\n", b"\x15\x03\x01\0\2\2\n", b"250 ok\r\r\n",
]  # fmt: skip

ALTERED = [bytes([octet]) for octet in b"0123456789- x\0\r\n"]

Reading = tuple[list[tuple[int, list[bytes]]], str]
"""Replies, and how it ended: "" in order, "bad" or "long" where reading must stop."""


def read_again(stream: bytes) -> Reading:
    """Read replies in another way than the library does: the whole stream at hand, line by line."""
    replies: list[tuple[int, list[bytes]]] = []
    lines: list[bytes] = []
    code = 0
    *whole, rest = stream.split(b"\n")
    for raw in whole:
        if len(raw) > MAX_LINE + 1:
            return replies, "long"
        line = raw.removesuffix(b"\r")
        match = LINE.fullmatch(line)
        if match is None or b"\0" in line or b"\r" in line or (lines and int(match[1]) != code):
            return replies, "bad"
        code = int(match[1])
        lines.append(match[3] or b"")
        if match[2] != b"-":
            replies.append((code, lines))
            lines = []
    return replies, "long" if len(rest) > MAX_LINE + 1 else ""


def read(stream: bytes, chance: random.Random) -> Reading:
    """Read replies with the library, the stream cut anywhere, by one at a time or all at once."""
    reader = ReplyReader(MAX_LINE)
    replies: list[tuple[int, list[bytes]]] = []
    at = 0
    try:
        while at < len(stream):
            size = chance.choice((1, 3, 40, 700, len(stream)))
            reader.feed(stream[at : at + size])
            at += size
            several = reader.several() if chance.random() < 0.7 else iter(reader.next, None)
            replies.extend(
                (reply.code, [line.encode("utf-8", "surrogateescape") for line in reply.lines]) for reply in several
            )
        assert reader.several() == []  # or the fault behind the replies that came with it
    except MalformedReply:
        return replies, "bad"
    except ReplyTooLong:
        return replies, "long"
    return replies, ""


def streams(chance: random.Random) -> Iterator[bytes]:
    """Yield what servers might say: most of it in order, with something put in, taken out or doubled here and there."""
    while True:
        stream = bytearray().join(chance.choices(GOOD, k=chance.randrange(1, 80)))
        for _ in range(chance.choice((0, 0, 1, 1, 3))):
            at = chance.randrange(len(stream) + 1)
            match chance.randrange(5):
                case 0:
                    stream[at:at] = chance.choice(SPICE)
                case 1 | 2:  # in a code, most often
                    start = stream.rfind(b"\n", 0, at) + 1
                    place = start + chance.randrange(4)
                    stream[place : place + 1] = chance.choice(ALTERED)
                case 3:
                    del stream[at : at + chance.randrange(1, 9)]
                case _:
                    stream[at:at] = stream[at : at + chance.randrange(1, 300)]
        if chance.random() < 0.1:  # and a line that does not end
            stream += b"250 " + b"x" * chance.choice((40, 508, 509, 510, 600))
        yield bytes(stream)


def walk_replies(count: int) -> None:
    chance = random.Random(count)
    read_so_far = 0
    for number, stream in enumerate(streams(chance)):
        found = read(stream, chance)
        expected = read_again(stream)
        if expected[1] and found[1]:
            # Replies before the fault, and which of two faults is met first, depend on the cuts; none may be made up.
            assert found[0] == expected[0][: len(found[0])], (number, stream)
        else:
            assert found == expected, (number, stream)
        read_so_far += stream.count(b"\n")
        if read_so_far >= count:
            return


def test_replies() -> None:
    walk_replies(60_000)


@pytest.mark.slow
def test_ten_million_replies() -> None:
    walk_replies(10_000_000)


PIECES = [
    "a", "alice", "example.org", "@", "@", ".", "..", " ", "<", ">", '"', "\\", "(", ")", ",", ":", ";", "[", "]", "[192.0.2.1]", "ü", "漢",
    "=?utf-8?q?a?=", "=?utf-8?b?DQo=?=", "\t", "\r\n", "\0", "a" * 65, "xn--bcher-kva", "bücher", "-", "_", "😀", "\u560a", '"a b"', "Alice <",
    "alice@example.org", "bob@example.net", "(c)", "group:", "%0d%0a", "\u2028", "\ud800", "IPv6:::1",
]  # fmt: skip


MAILBOXES = [
    "alice@example.org",
    "Alice <alice@example.org>",
    '"a b"@[192.0.2.1]',
    "=?utf-8?q?=C3=BC?= <a.b@bücher.example>",
    "",
]


def texts(seed: int) -> Iterator[str]:
    """Yield mailboxes with something put in, and texts of pieces alone."""
    chance = random.Random(seed)
    while True:
        text = chance.choice(MAILBOXES)
        for piece in chance.choices(PIECES, k=chance.randrange(3) if text else chance.randrange(1, 12)):
            at = chance.randrange(len(text) + 1)
            text = text[:at] + piece + text[at:]
        yield text


def walk_addresses(count: int) -> None:
    taken = 0
    for text in islice(texts(count), count):
        try:
            one = parse_mailbox(text)
        except InvalidAddress:
            continue
        spec = addr_spec(one)
        assert not re.search(r"[\x00-\x1f\x7f]", spec), text
        back = parse_mailbox(spec)
        assert (back.local_part, addr_spec(back)) == (one.local_part, spec), text
        assert parse_mailbox_list(text) == (one,), text
        taken += 1
    assert taken > count // 10


def test_addresses() -> None:
    walk_addresses(5_000)


@pytest.mark.slow
def test_a_million_addresses() -> None:
    walk_addresses(1_000_000)


def walk_headers(count: int) -> None:
    written = 0
    for number, text in enumerate(islice(texts(-count), count)):
        try:
            field = headers.unstructured("Subject", text, width=30 + number % 70)
        except (ForbiddenCharacter, InvalidHeader):
            assert re.search(r"[\x00-\x08\x0a-\x1f\x7f\u2028\ud800]", text), text
            continue
        assert field.isascii(), text
        assert re.fullmatch(rb"Subject:(?:[\t -~]|\r\n[ \t](?=[\t -~]*[!-~]))*\r\n", field), text
        written += 1
    assert written > count // 10


def test_headers() -> None:
    walk_headers(5_000)


@pytest.mark.slow
def test_a_million_headers() -> None:
    walk_headers(1_000_000)
