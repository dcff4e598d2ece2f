"""Kinds take what they allow, show it so that it can be read again, and never show secrets."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any

import pytest

from postwright import enums, errors
from postwright.options import kinds
from postwright.options.kinds import CONTROLS, Choice, Enumeration, Flags, Integer, OptionalInteger

if TYPE_CHECKING:
    from postwright.options.kinds import Kind

COLOURS = Flags(0b11, "red 1, blue 2", hexadecimal=True)
WORDS = Choice("", "Full", "HDRS")
LIMITED = Integer(1, 9, "apples")
UNSET = OptionalInteger(1, 9)
IPV6 = Enumeration(enums.UseIPv6)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        (kinds.BOOLEAN, True, True),
        (kinds.BOOLEAN, 0, False),
        (LIMITED, 9, 9),
        (LIMITED, enums.UseIPv6.BOTH, 2),
        (UNSET, None, None),
        (UNSET, 1, 1),
        (COLOURS, 3, 3),
        (IPV6, 1, enums.UseIPv6.IPV6_ONLY),
        (IPV6, enums.UseIPv6.BOTH, enums.UseIPv6.BOTH),
        (WORDS, "full", "Full"),
        (WORDS, "", ""),
        (kinds.TEXT, "a\r\nb\0\x7f", "a\r\nb\0\x7f"),
        (kinds.LINES, "a\r\n\tb", "a\r\n\tb"),
        (kinds.LINE, "Käse 🧀", "Käse 🧀"),
        (kinds.PATH, "/tmp/\udcff", "/tmp/\udcff"),
        (kinds.BYTES, bytearray(b"\xff"), b"\xff"),
        (kinds.BYTES, memoryview(b"ab"), b"ab"),
        (kinds.BYTES, "ü", b"\xc3\xbc"),
    ],
)
def test_what_is_allowed_is_kept(kind: Kind[Any, Any], given: object, kept: object) -> None:
    value = kind.check("X", given)
    assert (value, type(value)) == (kept, type(kept))


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        (kinds.BOOLEAN, 2),
        (kinds.BOOLEAN, "True"),
        (kinds.BOOLEAN, None),
        (LIMITED, 0),
        (LIMITED, 10),
        (LIMITED, True),
        (LIMITED, 1.5),
        (LIMITED, "5"),
        (UNSET, 0),
        (UNSET, "x"),
        (COLOURS, 4),
        (COLOURS, -1),
        (IPV6, 3),
        (IPV6, "BOTH"),
        (IPV6, True),
        (WORDS, "half"),
        (WORDS, 1),
        (kinds.LINE, b"bytes"),
        (kinds.LINE, "half a \ud83e character"),
        (kinds.TEXT, None),
        (kinds.BYTES, 5),
        (kinds.BYTES, "\ud800"),
    ],
)
def test_what_is_not_allowed_is_refused_by_name(kind: Kind[Any, Any], given: object) -> None:
    with pytest.raises(errors.InvalidValue, match="Gauge"):
        kind.check("Gauge", given)


@pytest.mark.parametrize("character", sorted(CONTROLS))
@pytest.mark.parametrize("kind", [kinds.LINE, kinds.SECRET, kinds.PATH, kinds.PATHS])
def test_a_line_holds_no_control_character(kind: Kind[str, str], character: str) -> None:
    with pytest.raises(errors.ForbiddenCharacter, match=f"U\\+{ord(character):04X} at 1"):
        kind.check("X", f"a{character}b")


@pytest.mark.parametrize("character", sorted(CONTROLS - set("\r\n\t")))
def test_lines_hold_no_other_control_character(character: str) -> None:
    with pytest.raises(errors.ForbiddenCharacter):
        kinds.LINES.check("X", f"a{character}b")


def test_a_choice_says_that_a_line_end_is_the_trouble() -> None:
    with pytest.raises(errors.ForbiddenCharacter):
        WORDS.check("X", "full\r\nDATA")


def test_an_error_says_what_is_allowed() -> None:
    with pytest.raises(errors.InvalidValue, match="2 BOTH"):
        IPV6.check("X", 9)
    with pytest.raises(errors.InvalidValue, match="a whole number of apples from 1 to 9"):
        LIMITED.check("X", 99)
    with pytest.raises(errors.InvalidValue, match="'Full', 'HDRS'"):
        WORDS.check("X", "none")


def test_a_number_may_have_an_error_of_its_own() -> None:
    with pytest.raises(errors.RemotePortInvalid, match="70000"):
        Integer(1, 65535, error=errors.RemotePortInvalid).check("X", 70000)


@pytest.mark.parametrize("word", ["True", "true", "1", "YES", " yes "])
def test_yes_in_any_spelling(word: str) -> None:
    assert kinds.BOOLEAN.parse("X", word) is True


@pytest.mark.parametrize("word", ["False", "fALSE", "0", "No"])
def test_no_in_any_spelling(word: str) -> None:
    assert kinds.BOOLEAN.parse("X", word) is False


@pytest.mark.parametrize("word", ["", "2", "on", "None"])
def test_other_words_are_neither(word: str) -> None:
    with pytest.raises(errors.InvalidValue, match="Yes or No"):
        kinds.BOOLEAN.parse("X", word)


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        (kinds.BOOLEAN, True, "True"),
        (LIMITED, 5, "5"),
        (UNSET, None, ""),
        (UNSET, 5, "5"),
        (COLOURS, 2, "0x2"),
        (IPV6, enums.UseIPv6.BOTH, "2"),
        (WORDS, "Full", "Full"),
        (kinds.SECRET, "geheim", "geheim"),
        (kinds.BYTES, b"MY", "MY"),
    ],
)
def test_what_is_shown_can_be_read(kind: Kind[Any, Any], value: object, shown: str) -> None:
    assert kind.show(value) == shown
    assert kind.parse("X", shown) == value


@pytest.mark.parametrize("kind", [LIMITED, UNSET, COLOURS, IPV6])
@pytest.mark.parametrize("text", ["two", "2.0", "--2", "0xg"])
def test_text_that_is_no_number_is_refused(kind: Kind[Any, Any], text: str) -> None:
    with pytest.raises(errors.InvalidValue, match=text):
        kind.parse("X", text)


def test_numbers_may_be_hexadecimal() -> None:
    assert LIMITED.parse("X", "0x5") == 5


@pytest.mark.parametrize("kind", [kinds.SECRET, kinds.SECRET_LINES, kinds.SecretBytes()])
def test_secrets_are_in_no_error_and_no_repr(kind: Kind[Any, Any]) -> None:
    assert "geheim" not in kind.quote("geheim")
    assert "geheim" not in kind.quote(b"geheim")
    with pytest.raises(errors.InvalidValue) as caught:
        kind.check("X", {"geheim": 1})
    assert "geheim" not in str(caught.value)


def test_long_values_are_cut_in_errors() -> None:
    assert len(kinds.LINE.quote("x" * 1000)) < 80


def test_a_kind_must_say_how_it_checks() -> None:
    with pytest.raises(TypeError, match="check"):
        kinds.Kind()  # type: ignore[abstract]


def test_members_of_other_enumerations_count_as_their_numbers() -> None:
    class Other(IntEnum):
        ONE = 1

    assert IPV6.check("X", Other.ONE) is enums.UseIPv6.IPV6_ONLY
