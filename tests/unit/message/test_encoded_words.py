"""Encoded words: short enough, whole characters only, and everything decodes to what was encoded."""

from __future__ import annotations

import base64
import email.header
import quopri
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.errors import InvalidHeader, TextNotEncodable
from postwright.message.encoded_words import LONGEST, charset_name, decode, encode, to_bytes
from tests.support.growth import check_linear

exploring = settings(derandomize=True, max_examples=300, deadline=None)
texts = st.text(st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=120)
CHARSETS = ["", "utf-8", "iso-8859-1", "iso-8859-15", "windows-1252", "koi8-r", "iso-2022-jp", "shift_jis", "gb18030", "big5",
            "euc-kr", "us-ascii", "cp437", "mac-roman", "utf-16", "utf-7"]  # fmt: skip


def by_stdlib(words: list[str]) -> str:
    return str(email.header.make_header(email.header.decode_header(" ".join(words))))


@exploring
@given(texts, st.sampled_from(CHARSETS), st.integers(1, 90), st.integers(1, 90))
def test_what_is_encoded_decodes_to_the_same(text: str, charset: str, first: int, rest: int) -> None:
    words = encode(text, charset, first, rest)
    assert decode(" ".join(words)) == text
    assert decode("\r\n ".join(words)) == text
    assert by_stdlib(words) == text
    for number, word in enumerate(words):
        assert len(word) <= max(min(rest if number else first, LONGEST), 34)
        assert decode(word)  # each one by itself: it holds whole characters


@exploring
@given(texts, st.sampled_from(CHARSETS))
def test_words_are_at_most_75_characters_of_the_safe_kinds(text: str, charset: str) -> None:
    for word in encode(text, charset):
        assert len(word) <= 75
        assert re.fullmatch(r"=\?[a-z0-9_-]+\?(q\?[A-Za-z0-9!*+/=_-]+|b\?[A-Za-z0-9+/=]+)\?=", word)


@pytest.mark.parametrize(
    ("text", "charset", "word"),
    [
        ("wörd", "", "=?utf-8?b?d8O2cmQ=?="),
        ("Größe und mehr", "", "=?utf-8?q?Gr=C3=B6=C3=9Fe_und_mehr?="),
        ("Größe und mehr", "iso-8859-1", "=?iso-8859-1?q?Gr=F6=DFe_und_mehr?="),
        ("Größe und mehr", "latin1", "=?iso-8859-1?q?Gr=F6=DFe_und_mehr?="),
        ("5 € und mehr", "iso-8859-1", "=?utf-8?q?5_=E2=82=AC_und_mehr?="),
        ("5 € und mehr", "cp1252", "=?windows-1252?q?5_=80_und_mehr?="),
        ("日本", "iso-2022-jp", "=?iso-2022-jp?b?GyRCRnxLXBsoQg==?="),
        ("漢字", "", "=?utf-8?b?5ryi5a2X?="),
        ("a_b=c?d", "", "=?utf-8?b?YV9iPWM/ZA==?="),
        ("two  spaces", "", "=?utf-8?q?two__spaces?="),
        ("5¥ \\ two", "shift_jis", "=?utf-8?b?NcKlIFwgdHdv?="),  # that one writes the yen sign as a backslash
    ],
)
def test_the_shorter_form_is_taken(text: str, charset: str, word: str) -> None:
    assert encode(text, charset) == [word]


def test_characters_are_never_cut() -> None:
    for text in ("ä" * 100, "漢" * 100, "😀" * 60, "aä" * 80, "x" * 40 + "😀" * 20, "é" + "x" * 150):
        for room in range(24, 76):
            words = encode(text, "", room, room)
            assert len(words) > 1
            assert "".join(map(decode, words)) == text


def test_characters_are_never_cut_in_the_quoted_form() -> None:
    for before in range(30, 75):
        for c in ("é", "漢", "😀", "="):
            text = "x" * before + c + "y" * 90
            words = encode(text)
            assert words[0].startswith("=?utf-8?q?")
            assert "".join(map(decode, words)) == text


def test_shift_states_are_closed_in_each_word() -> None:
    words = encode("日本語" * 20, "iso-2022-jp")
    assert len(words) > 1
    for word in words:
        raw = base64.b64decode(word.split("?")[3])
        assert raw.startswith(b"\x1b$B")
        assert raw.endswith(b"\x1b(B")


@pytest.mark.parametrize(
    ("charset", "name"),
    [
        ("UTF8", "utf-8"),
        ("latin-1", "iso-8859-1"),
        ("l9", "iso-8859-15"),
        ("cp1252", "windows-1252"),
        ("cp874", "cp874"),
        ("cp437", "ibm437"),
        ("ascii", "us-ascii"),
        ("koi8_r", "koi8-r"),
        ("sjis", "shift_jis"),
        ("eucjp", "euc-jp"),
        ("iso2022jp", "iso-2022-jp"),
        ("macroman", "macintosh"),
        ("GB18030", "gb18030"),
        ("big5", "big5"),
        ("utf-16", "utf-8"),
        ("utf-7", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("cp037", "utf-8"),
        ("unicode_escape", "utf-8"),
    ],
)
def test_character_sets_have_the_names_that_readers_know(charset: str, name: str) -> None:
    assert charset_name(charset) == name


@pytest.mark.parametrize("charset", ["klingon", "rot13", "base64", "a\0b", "x" * 300])
def test_what_is_no_character_set_is_refused(charset: str) -> None:
    with pytest.raises(TextNotEncodable):
        encode("ü", charset)


def test_a_text_that_a_character_set_would_change_goes_in_utf_8() -> None:
    assert to_bytes("\x1b漢", "iso-2022-jp")[1] == "utf-8"
    assert to_bytes("漢", "iso-2022-jp")[1] == "iso-2022-jp"


def test_half_a_character_is_refused() -> None:
    with pytest.raises(InvalidHeader, match="surrogate"):
        to_bytes("a\ud800b", "")
    with pytest.raises(InvalidHeader, match="surrogate"):
        to_bytes("a\ud800b", "iso-8859-1")


@pytest.mark.parametrize(
    ("text", "decoded"),
    [
        # RFC 2047 section 8
        ("=?ISO-8859-1?Q?a?=", "a"),
        ("=?ISO-8859-1?Q?a?= b", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a?=\r\n    =?ISO-8859-1?Q?b?=", "ab"),
        ("=?ISO-8859-1?Q?a_b?=", "a b"),
        ("=?ISO-8859-1?Q?a?= =?ISO-8859-2?Q?_b?=", "a b"),
        ("=?US-ASCII*EN?Q?Keith_Moore?=", "Keith Moore"),  # RFC 2231 section 5
        ("x =?utf-8?b?w7w=?= y =?utf-8?b?w7w=?= =?utf-8?b?w7w?= z", "x ü y üü z"),
        ("=?klingon?q?a?= =?utf-8?q?b?=", "=?klingon?q?a?= b"),
        ("=?utf-8?q?=FF?=", "=?utf-8?q?=FF?="),
        ("=?utf-8?b?!?=", "=?utf-8?b?!?="),
        ("=?utf-8?x?a?=", "=?utf-8?x?a?="),
        ("nothing", "nothing"),
        ("=?", "=?"),
    ],
)
def test_decoding_and_what_can_not_be_decoded(text: str, decoded: str) -> None:
    assert decode(text) == decoded


@exploring
@given(st.text(st.sampled_from("=?utf-8qQbB_ 0A\t"), max_size=60))
def test_decoding_takes_any_text(text: str) -> None:
    assert isinstance(decode(text), str)
    if "=?" not in text:
        assert decode(text) == text


def test_quoted_words_are_quoted_printable_but_for_the_space() -> None:
    (word,) = encode("Grüße an alle drei")
    assert quopri.decodestring(word.split("?")[3].encode(), header=True).decode() == "Grüße an alle drei"


BOMBS = [
    "=?",
    "=?a",
    "=?utf-8?q?",
    "=?utf-8?q?x",
    "=?utf-8?q?x?=",
    "=?utf-8?q?x?= ",
    "?=",
    "=",
    "=?utf-8?b?A",
    "=?a*b",
    "=?utf-8*e?q?",
    "a" * 9,
]


@pytest.mark.parametrize("bomb", BOMBS)
@pytest.mark.parametrize("start", ["", "=?utf-8?q?", "=?"])
def test_decoding_takes_time_in_proportion_to_the_text(bomb: str, start: str) -> None:
    check_linear(lambda size: decode(start + bomb * (size // len(bomb))))
