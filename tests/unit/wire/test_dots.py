"""Dots: what a server unstuffs is what was sent, for every cut, and the end comes once, at the end."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.errors import InvalidValue
from postwright.wire.dots import Dots, unstuff

exploring = settings(derandomize=True, max_examples=400, deadline=None)
bodies = st.lists(st.sampled_from([b"\r\n", b".", b"..", b"a", b".\r\n", b"\r\n.", b"\xff"]), max_size=25).map(b"".join)


def stuff(chunks: list[bytes]) -> bytes:
    dots = Dots()
    return b"".join(map(dots.feed, chunks)) + dots.finish()


def by_line(data: bytes) -> bytes:
    """RFC 5321 section 4.5.2 in its own words, line by line."""
    lines = data.split(b"\r\n")
    if not lines[-1]:
        lines.pop()
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"


@exploring
@given(bodies, st.lists(st.integers(0, 10**6), max_size=8))
def test_every_cut_gives_what_the_rule_says(data: bytes, places: list[int]) -> None:
    ends = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    assert stuff([data[a:b] for a, b in itertools.pairwise(ends)]) == by_line(data)


@exploring
@given(bodies)
def test_a_server_gets_back_what_was_sent(data: bytes) -> None:
    ended = data if data.endswith(b"\r\n") or not data else data + b"\r\n"
    assert unstuff(stuff([data])) == ended


@pytest.mark.parametrize("data", [b".\r\n.\r\n..\r\n", b"a\r\n.b\r\n", b".", b"\r\n.\r\n", b"a\r\n..\r\n."])
def test_all_cuts_at_the_edges_of_crlf_dot(data: bytes) -> None:
    for one in range(len(data) + 1):
        for two in range(one, len(data) + 1):
            assert stuff([data[:one], data[one:two], data[two:]]) == by_line(data)


@pytest.mark.parametrize(
    ("data", "end"), [(b"", b".\r\n"), (b"a\r\n", b".\r\n"), (b"a", b"\r\n.\r\n"), (b"a\r\n.", b"\r\n.\r\n")]
)
def test_what_ends_the_data(data: bytes, end: bytes) -> None:
    dots = Dots()
    dots.feed(data)
    assert dots.finish() == end


@exploring
@given(bodies)
def test_the_end_of_data_stands_at_the_end_only(data: bytes) -> None:
    wire = b"\r\n" + stuff([data])
    assert wire.index(b"\r\n.\r\n") == len(wire) - 5


@pytest.mark.parametrize("wrong", [b"", b"a\r\n", b"a\r\n.\r\nb\r\n.\r\n", b"a.\r\n"])
def test_unstuff_takes_whole_data_only(wrong: bytes) -> None:
    with pytest.raises(InvalidValue, match="single dot"):
        unstuff(wrong)


def test_a_chunk_without_dots_is_not_copied() -> None:
    data = b"no dot at a line's start.\r\n" * 10
    assert Dots().feed(data) is data
