"""Header lines that the user wrote: kept as they are where that is safe, refused where they are no headers."""

from __future__ import annotations

import pytest

from postwright.errors import ForbiddenCharacter, InvalidAddress, InvalidHeader
from postwright.message.blocks import Field, header_text, parse, refuse_twins, unfold, write


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        ("", []),
        ("\r\n", []),
        ("A: b", [Field("A", "b")]),
        ("A: b\r\nC:d\r\n", [Field("A", "b"), Field("C", "d")]),
        ("A: b\nC:  d  \n\n", [Field("A", "b"), Field("C", "d")]),
        ("A: b\r\n c\r\n\td\r\nE: f", [Field("A", "b\r\n c\r\n\td"), Field("E", "f")]),
        ("A:", [Field("A", "")]),
        ("A: b: c", [Field("A", "b: c")]),
        ("A: ü", [Field("A", "ü")]),
    ],
)
def test_lines_become_fields(text: str, fields: list[Field]) -> None:
    assert parse(text) == fields


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("no colon", 1),
        ("A: b\r\nno colon", 2),
        (" folded first", 1),
        ("A: b\r\n\r\nC: d", 2),
        ("A: b\r\n   \r\nC: d", 2),
        ("A b: c", 1),
        ("A : b", 1),
        (": b", 1),
        ("Ü: b", 1),
        ("A: b\n\nsmuggled body", 2),
        ("A\0: b", 1),
    ],
)
def test_what_is_no_field_is_refused_with_its_line(text: str, line: int) -> None:
    with pytest.raises(InvalidHeader, match=f"line {line} ") as caught:
        parse(text)
    assert str(caught.value).isprintable()


def test_a_lone_cr_is_refused() -> None:
    with pytest.raises(ForbiddenCharacter, match="line 2"):
        parse("A: b\r\nC: d\rBcc: x")


def test_ascii_stays_as_it_came_with_its_folds() -> None:
    for value in ("plain", "a\r\n b\r\n\tc", "=?utf-8?q?encoded?= already", "x" * 900, "a  b   c", '"q q" <a@b>'):
        assert write(Field("X-Any", value)) == f"X-Any: {value}\r\n".encode()


def test_lines_that_are_too_long_are_folded() -> None:
    value = " ".join(["<id@example.com>"] * 100)
    out = write(Field("References", value))
    assert max(map(len, out.split(b"\r\n"))) <= 80
    assert unfold(out.decode()) == f"References: {value}"
    with pytest.raises(InvalidHeader, match="longer than a line"):
        write(Field("X", "x" * 1000))


@pytest.mark.parametrize(
    ("field", "raw"),
    [
        (Field("Comments", "ü"), b"Comments: =?utf-8?b?w7w=?=\r\n"),
        (Field("Comments", "a\r\n ü"), b"Comments: a =?utf-8?b?w7w=?=\r\n"),
        (Field("Comments", "ü =?utf-8?q?a?="), b"Comments: =?utf-8?b?w7w=?= a\r\n"),
        (Field("Sender", "Jürgen <j@x.y>"), b"Sender: =?utf-8?q?J=C3=BCrgen?= <j@x.y>\r\n"),
        (Field("Resent-To", "j@bücher.example, k@x.y"), b"Resent-To: j@xn--bcher-kva.example, k@x.y\r\n"),
    ],
)
def test_what_is_not_ascii_is_written_by_our_rules(field: Field, raw: bytes) -> None:
    assert write(field) == raw


def test_what_can_not_be_encoded_is_refused() -> None:
    with pytest.raises(InvalidHeader, match="beyond ASCII"):
        write(Field("Message-ID", "<ü@x.y>"))
    with pytest.raises(InvalidHeader, match="beyond ASCII"):
        write(Field("content-type", "text/plain; name=ü"))
    with pytest.raises(InvalidAddress):
        write(Field("Sender", "Jürgen"))
    with pytest.raises(InvalidAddress, match="SMTPUTF8"):
        write(Field("Sender", "jürgen@x.y"))
    assert write(Field("Sender", "jürgen@x.y"), utf8=True) == "Sender: jürgen@x.y\r\n".encode()
    assert write(Field("X", "Grüße an"), charset="latin1") == b"X: =?iso-8859-1?b?R3L832U=?= an\r\n"


@pytest.mark.parametrize(
    "value", ["a\r\nBcc: x@y", "a\nb", "a\rb", "a\0b", "a\x1bb", "a\r\n", "a\n b", "a\r\n\r\n b", "ü\r\nBcc: x@y"]
)
def test_values_can_not_start_another_field(value: str) -> None:
    with pytest.raises(ForbiddenCharacter):
        write(Field("X", value))


def test_names_are_checked() -> None:
    with pytest.raises(InvalidHeader):
        write(Field("X\r\nBcc", "y"))


def test_fields_that_are_there_once_only() -> None:
    refuse_twins([Field("Received", "a"), Field("Received", "b"), Field("X", "a"), Field("x", "b"), Field("From", "a")])
    for name in ("From", "date", "SUBJECT", "To", "Content-Type", "Message-ID"):
        with pytest.raises(InvalidHeader, match="twice"):
            refuse_twins([Field(name, "a"), Field("X", "b"), Field(name.swapcase(), "c")])


def test_names_match_in_any_case_and_folds_go() -> None:
    field = Field("SubJect", "a\r\n b")
    assert (field.key, field.text) == ("subject", "a b")
    assert header_text("ü".encode()) == "ü"
    assert header_text(b"\xfc") == "ü"
