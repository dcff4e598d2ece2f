"""Transfer encodings: the standard library decodes them to what went in, and lines are as long as they may be."""

from __future__ import annotations

import base64
import binascii
import quopri

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.message.transfer_encodings import BLOCK, Base64Lines, base64_lines, base64_size, quoted_printable

exploring = settings(derandomize=True, max_examples=300, deadline=None)

SIZES = [0, 1, 2, 3, 56, 57, 58, 113, 114, 115, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK + 58]


@pytest.mark.parametrize("size", SIZES)
def test_base64_has_lines_of_76_characters(size: int) -> None:
    data = bytes(range(251)) * (size // 251 + 1)
    out = base64_lines(data[:size])
    assert base64.b64decode(out) == data[:size]
    assert out == base64.encodebytes(data[:size]).replace(b"\n", b"\r\n")
    assert len(out) == base64_size(size)


@exploring
@given(st.lists(st.integers(0, 400), max_size=12))
def test_base64_is_the_same_for_every_cut(sizes: list[int]) -> None:
    encoder = Base64Lines()
    data = bytes(n % 256 for n in range(sum(sizes)))
    out = []
    at = 0
    for size in sizes:
        out.append(encoder.feed(data[at : at + size]))
        at += size
    assert b"".join([*out, encoder.finish()]) == base64_lines(data)
    assert encoder.finish() == b""


texts = st.lists(
    st.sampled_from([b"\n", b"a", b" ", b"\t", b"=", b".", b"From ", b"\xc3\xbc", b"x" * 75, b"\x1b"]), max_size=60
)


@exploring
@given(texts.map(b"".join))
def test_quoted_printable_decodes_to_the_same(data: bytes) -> None:
    out = quoted_printable(data)
    assert binascii.a2b_qp(out).replace(b"\r\n", b"\n") == data
    assert quopri.decodestring(out).replace(b"\r\n", b"\n") == data
    for line in out.split(b"\r\n"):
        assert len(line) <= 76
        assert b"\n" not in line
        assert not line.endswith((b" ", b"\t"))
        assert line != b"."
    assert out.isascii()


def test_long_lines_without_a_line_end_break_with_crlf() -> None:
    assert quoted_printable(b"x" * 100) == b"x" * 75 + b"=\r\n" + b"x" * 25
