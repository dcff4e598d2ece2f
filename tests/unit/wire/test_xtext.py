"""xtext carries every text, and what it gives is safe in a command (RFC 3461 section 4)."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postwright.wire.xtext import decode, encode, unitext


@pytest.mark.parametrize(
    ("text", "coded"),
    [("abc", "abc"), ("a+b=c", "a+2Bb+3Dc"), ("a b", "a+20b"), ("\r\n", "+0D+0A"), ("é", "+C3+A9"), ("", "")],
)
def test_it_is_as_the_rfc_says(text: str, coded: str) -> None:
    assert encode(text) == coded
    assert decode(coded) == text


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_comes_back_and_the_code_is_printable(text: str) -> None:
    coded = encode(text)
    assert re.fullmatch(r"(?:[!-*,-<>-~]|\+[0-9A-F]{2})*", coded)
    assert decode(coded) == text


@pytest.mark.parametrize("text", ["é", "+ff\xff"])
def test_what_is_no_xtext_is_an_error(text: str) -> None:
    with pytest.raises(ValueError):
        decode(text)


def test_unitext_keeps_what_is_not_ascii() -> None:
    assert unitext("jürgen+x=y\\z q") == "jürgen\\x{2B}x\\x{3D}y\\x{5C}z\\x{20}q"
