"""Line ends and dots together, as a body goes through them: whatever is cut, the server stores what was meant.

The quick form is part of every run; the long one (``--long``) takes a hundred thousand bodies. Each has a number, which is
its seed: what a failure shows can be played again alone.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from postwright.errors import InvalidValue
from postwright.wire.dots import Dots, unstuff
from postwright.wire.lines import CHUNK, LIMIT, LineEnds, canonical, whole

if TYPE_CHECKING:
    from collections.abc import Iterator

ODD = [
    b"\r",
    b"\n",
    b"\r\n",
    b".",
    b"..",
    b"\r\n.",
    b"\n.\n",
    b"\r.\r",
    b".\r\n",
    b"\r\n.\r\n",
    b"a",
    b"\xe9",
    b"\t",
    b"x" * 500,
    b"",
]
ROWS = (b"QUJD" * 19 + b"\r\n") * 40
LINES = (b"Some words.\r\n.And a dot\r\n\r\n" * 3 + b"y" * 100 + b"\r\n") * 15


def bodies(count: int) -> Iterator[tuple[int, random.Random, bytes]]:
    """Bodies of odd pieces, of ruled and ordinary lines, and of all of these."""
    for number in range(count):
        chance = random.Random(number)
        kinds = chance.choice(
            [ODD, [ROWS, *ODD], [LINES, *ODD], [ROWS, ROWS, ROWS[:-1], ROWS[1:]], [ROWS, LINES, *ODD]]
        )
        body = b"".join(chance.choices(kinds, k=chance.randrange(12)))
        if number % 50 == 0:
            body *= CHUNK // (len(body) + 1) + 1
        yield number, chance, body


def cut(chance: random.Random, body: bytes) -> list[bytes]:
    """Cut a body anywhere, or every so many octets."""
    if chance.random() < 0.5:
        step = (
            chance.choice([1, 2, 3, 77, 78, 79, 1000, CHUNK]) if len(body) < 3000 else chance.randrange(500, CHUNK + 2)
        )
        return [body[at : at + step] for at in range(0, len(body), step)]
    ends = sorted(chance.randrange(len(body) + 1) for _ in range(chance.randrange(8)))
    return [body[a:b] for a, b in zip([0, *ends], [*ends, len(body)], strict=True)]


def meant(body: bytes) -> bytes:
    """RFC 5321 knows one line end."""
    return body.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def walk(count: int) -> None:
    overlong = 0
    for number, chance, body in bodies(count):
        lines, dots, strict = LineEnds(), Dots(), LineEnds(strict=True)
        parts = [lines.feed(part) for part in cut(chance, body)] + [lines.finish()]
        expected = meant(body)
        assert b"".join(parts) == canonical(body) == expected, number
        assert lines.eight_bit == (b"\xe9" in body), number
        stuffed = b"".join(map(dots.feed, parts)) + dots.finish()
        stored = expected if expected.endswith(b"\r\n") or not expected else expected + b"\r\n"
        assert unstuff(stuffed) == stored, number
        longest = max(map(len, expected.split(b"\r\n")))
        assert lines.overlong == (longest if longest > LIMIT else 0), number
        if longest > LIMIT:
            overlong += 1
            with pytest.raises(InvalidValue, match="998"):
                b"".join(map(strict.feed, cut(chance, body)))
            with pytest.raises(InvalidValue, match="998"):
                whole(body)
        else:
            assert b"".join(map(strict.feed, cut(chance, body))) == whole(body) == expected, number
    assert count // 50 < overlong < count // 2


def test_bodies() -> None:
    walk(1_000)


@pytest.mark.slow
def test_a_hundred_thousand_bodies() -> None:
    walk(100_000)
