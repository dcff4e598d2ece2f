"""Line ends: one result for every cut, no lone CR or LF left, nothing but line ends changed."""

from __future__ import annotations

import itertools
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.errors import InvalidValue
from postwright.wire.lines import CHUNK, LIMIT, LineEnds, canonical, fits

exploring = settings(derandomize=True, max_examples=300, deadline=None)

# Octets that matter, and long runs now and then, so that lines of all lengths around the limit come up.
pieces = st.sampled_from([b"\r", b"\n", b"\r\n", b".", b"a", b"bc", b"\xe9", b"x" * 76, b"y" * 500, b"z" * 998])
bodies = st.lists(pieces, max_size=30).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """Return the data in chunks that end at these places."""
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(ends)]


def run(lines: LineEnds, chunks: list[bytes]) -> bytes:
    return b"".join(map(lines.feed, chunks)) + lines.finish()


def by_rule(data: bytes) -> bytes:
    """The rule in its plainest words: RFC 5321 knows one line end."""
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


@exploring
@given(bodies, st.lists(st.integers(0, 10**6), max_size=8))
def test_every_cut_gives_the_same(data: bytes, places: list[int]) -> None:
    lines = LineEnds()
    assert run(lines, cut(data, places)) == by_rule(data)
    assert lines.eight_bit == (b"\xe9" in data)
    longest = max(map(len, by_rule(data).split(b"\r\n")))
    assert lines.overlong == (longest if longest > LIMIT else 0)


@pytest.mark.parametrize("data", [b"a\r\nb\r\n", b"\n\n.\n", b"\r\r\n\n\r", b"x\r\n.\r\ny\r", b"", b"\n"])
def test_all_cuts_of_a_short_text_give_the_same(data: bytes) -> None:
    for one in range(len(data) + 1):
        for two in range(one, len(data) + 1):
            assert run(LineEnds(), [data[:one], data[one:two], data[two:]]) == by_rule(data)


@exploring
@given(bodies)
def test_no_end_of_data_can_be_smuggled(data: bytes) -> None:
    out = run(LineEnds(), [data])
    assert not re.search(rb"\r(?!\n)|(?<!\r)\n", out)
    assert out.replace(b"\r\n", b"") == data.replace(b"\r", b"").replace(b"\n", b"")


@pytest.mark.parametrize(
    "attack",
    [b"a\n.\nMAIL FROM:<x@y>", b"a\r.\rMAIL", b"a\n.\r\nMAIL", b"a\r\n.\nMAIL", b"a\r\n.\rMAIL", b"a\r.\r\nMAIL"],
)
def test_the_smuggling_sequences_of_cve_2023_51764_become_plain_lines(attack: bytes) -> None:
    out = run(LineEnds(), [attack])
    assert out.split(b"\r\n")[:2] == [b"a", b"."]
    assert out.replace(b"\r\n", b"").count(b"\r") == out.replace(b"\r\n", b"").count(b"\n") == 0


@exploring
@given(
    st.lists(st.integers(0, 1100), min_size=1, max_size=12), st.lists(st.integers(0, 10**6), max_size=6), st.booleans()
)
def test_overlong_lines_show_wherever_the_chunks_end(lengths: list[int], places: list[int], closed: bool) -> None:
    data = b"\r\n".join(b"x" * length for length in lengths) + (b"\r\n" if closed else b"")
    lines = LineEnds()
    run(lines, cut(data, places))
    longest = max(lengths)
    assert lines.overlong == (longest if longest > LIMIT else 0)
    assert fits(data) == (longest <= LIMIT)
    strict = LineEnds(strict=True)
    if longest > LIMIT:
        with pytest.raises(InvalidValue, match="998"):
            run(strict, cut(data, places))
    else:
        assert run(strict, cut(data, places)) == data


def test_a_line_of_998_octets_is_the_longest() -> None:
    assert run(LineEnds(strict=True), [b"x" * 998, b"\r\n"]) == b"x" * 998 + b"\r\n"
    with pytest.raises(InvalidValue, match="longer than 998"):
        run(LineEnds(strict=True), [b"x" * 998, b"x"])


@pytest.mark.parametrize("limit", [1, 3, 998])
@pytest.mark.parametrize("more", [-1, 0, 1])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"x\r\n" * 3])
def test_what_is_short_as_a_whole_has_no_overlong_line(before: bytes, more: int, limit: int) -> None:
    for end in (b"", b"\r\n"):
        assert fits(before + b"x" * (limit + more) + end, limit) == (more <= 0)


def test_a_limit_of_ones_own() -> None:
    lines = LineEnds(limit=10)
    run(lines, [b"0123456789\r\n012345678901\r\n"])
    assert lines.overlong == 12


@pytest.mark.parametrize("chunks", [[b"a\0b"], [b"a", b"\0"], [b"x\r\n" * 1000 + b"\0"]])
def test_nul_is_refused(chunks: list[bytes]) -> None:
    with pytest.raises(InvalidValue, match="NUL"):
        run(LineEnds(), chunks)
    assert run(LineEnds(nul=True), chunks) == b"".join(chunks)


@pytest.mark.parametrize("odd", [b"", b"\r", b"\n", b"x\ry\n", b"longer than the others are, by far\r\n", b"\xff\r\n"])
def test_ruled_lines_with_something_odd_between_or_behind_them(odd: bytes) -> None:
    rows = (b"A" * 76 + b"\r\n") * 40
    for data in (rows + odd, rows + odd + rows, odd + rows, rows + b"AAAA==" + odd):
        for size in (7, 77, 78, 79, 1000, 10**6):
            lines = LineEnds()
            out = run(lines, [data[at : at + size] for at in range(0, len(data), size)])
            assert out == by_rule(data)
            assert lines.overlong == 0


def test_ruled_lines_count_the_line_that_an_earlier_chunk_began() -> None:
    lines = LineEnds()
    run(lines, [b"x" * 990, (b"A" * 76 + b"\r\n") * 3])
    assert lines.overlong == 990 + 76


def test_canonical_data_is_handed_through_without_a_copy() -> None:
    rows = (b"A" * 76 + b"\r\n") * 4
    assert LineEnds().feed(rows) is rows
    text = b"one\r\nand three\r\n\r\nfive\r\n"
    assert canonical(text) is text


def test_the_work_grows_with_the_size_only() -> None:
    """One call of the scanner for each chunk, and at most one leap for each thousand octets and each line."""

    class Counting(bytes):
        calls = 0

        def rfind(self, *args: Any) -> int:
            type(self).calls += 1
            return super().rfind(*args)

    data = Counting((b"x" * 50 + b"\r\n") * 20_000)
    assert fits(data)
    assert Counting.calls <= len(data) // 900 + 2


def test_much_canonical_data_is_not_copied_wherever_its_chunks_end() -> None:
    for size in (CHUNK, 2 * CHUNK - 1, 2 * CHUNK, 3 * CHUNK + 1):
        for lead in range(4):
            data = b"x" * lead + b"\r\n" + (b"one line\r\n\r\n" * (size // 12 + 1))[:size]
            data = data[: data.rfind(b"\n") + 1]
            lines = LineEnds(strict=True)
            assert lines.feed(data) is data
    assert LineEnds().feed(b"a\r\n" * CHUNK + b"b\nc\r" + b"d\r\n" * CHUNK) == (
        b"a\r\n" * CHUNK + b"b\r\nc\r\n" + b"d\r\n" * CHUNK
    )
