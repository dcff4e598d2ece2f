"""Header fields: what is written parses back to what was asked, by our own reading and by the standard library's."""

from __future__ import annotations

import contextlib
import email
import email.policy
import re
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from postwright.errors import ForbiddenCharacter, InvalidAddress, InvalidHeader
from postwright.message import headers
from postwright.message.addresses import parse_mailbox_list
from postwright.message.encoded_words import decode
from postwright.words import Address
from tests.support.growth import check_linear

if TYPE_CHECKING:
    from collections.abc import Callable

exploring = settings(derandomize=True, max_examples=400, deadline=None)

CHARSETS = ["", "utf-8", "iso-8859-1", "windows-1252", "iso-2022-jp", "gb18030", "us-ascii"]
words = st.one_of(
    st.from_regex(r"[!-~]{1,12}", fullmatch=True),
    st.sampled_from(
        ["", "", "ü", "=?utf-8?q?a?=", "x=?", "?=", "\t", "漢字", "😀", "a" * 90, "b" * 998, "é" * 40, '"', "(", "\\"]
    ),
)
subjects = st.one_of(
    st.lists(words, max_size=14).map(" ".join),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=90),
    st.text(st.sampled_from("ab =?_qü.\t"), max_size=40),
)
widths = st.sampled_from([1, 40, 60, 76, 78, 80, 200, 998, 5000])


def check_form(field: bytes, width: int) -> str:
    """Hold what any field must be, and return its value without folds."""
    assert field.endswith(b"\r\n")
    lines = field[:-2].split(b"\r\n")
    assert not re.search(rb"[\x00-\x08\x0a-\x1f\x7f]", b"".join(lines))
    for number, line in enumerate(lines):
        assert len(line) <= 998
        if number:
            assert line.startswith((b" ", b"\t"))
            assert line.strip(b" \t"), "a line of white space only"
        # A line is longer than asked for only where one word alone is.
        if len(line) > max(40, width):
            assert b" " not in line.lstrip(b" ").removeprefix(line.split(b": ")[0] + b": ") or b'"' in line
        if b"=?" in line and b"?=" in line:
            assert len(line) <= 76
    return field.decode().partition(":")[2].replace("\r\n", "").removeprefix(" ")


def by_stdlib(field: bytes) -> Any:
    message = email.message_from_bytes(field + b"\r\n", policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert len(message) == 1
    return next(iter(message.values()))


@exploring
@given(subjects, widths, st.sampled_from(CHARSETS))
@example("a  b", 80, "")
@example(" a", 80, "")
@example("a ", 80, "")
@example(" ", 80, "")
@example("a =?utf-8?q?b?= c", 80, "")
@example("=?", 80, "")
@example("ü a ü", 80, "")
@example("a\tb", 80, "")
@example("x" * 985 + " ü", 80, "")
def test_free_text_parses_back(subject: str, width: int, charset: str) -> None:
    field = headers.unstructured("Subject", subject, width=width, charset=charset)
    value = check_form(field, width)
    assert decode(value) == subject
    assert str(by_stdlib(field)) == subject


@pytest.mark.parametrize(
    ("subject", "field"),
    [
        ("Hello world", "Subject: Hello world\r\n"),
        ("", "Subject:\r\n"),
        ("x" * 71, "Subject: " + "x" * 71 + "\r\n"),
        ("x" * 60 + " " + "y" * 10, "Subject: " + "x" * 60 + " " + "y" * 10 + "\r\n"),
        ("x" * 60 + " " + "y" * 11, "Subject: " + "x" * 60 + "\r\n " + "y" * 11 + "\r\n"),
        ("x" * 989, "Subject: " + "x" * 989 + "\r\n"),
        ("Hello wörld again", "Subject: Hello =?utf-8?b?d8O2cmxk?= again\r\n"),
        ("a  b", "Subject: =?utf-8?q?a__b?=\r\n"),
        ("a =?x?= b", "Subject: a =?utf-8?b?PT94Pz0=?= b\r\n"),
    ],
)
def test_free_text_as_it_looks(subject: str, field: str) -> None:
    assert headers.unstructured("Subject", subject) == field.encode()


def test_a_word_that_is_longer_than_a_line_may_be_is_encoded() -> None:
    field = headers.unstructured("Subject", "a " + "x" * 2000 + " b")
    assert max(map(len, field.split(b"\r\n"))) <= 76
    assert str(by_stdlib(field)) == "a " + "x" * 2000 + " b"


def test_encoded_words_fold_at_76_also_in_wide_headers() -> None:
    field = headers.unstructured("Subject", "ü " * 200, width=998)
    assert {len(line) <= 76 for line in field.split(b"\r\n")} == {True}


def test_a_long_name_leaves_the_first_line_to_itself() -> None:
    field = headers.unstructured("X-" + "N" * 70, "grüße " * 3)
    assert field.split(b"\r\n")[0] == b"X-" + b"N" * 70 + b":"
    # The standard library takes the space of that first fold for a part of the value, and RFC 5322 does not.
    assert str(by_stdlib(field)) == " " + "grüße " * 3
    assert str(by_stdlib(headers.unstructured("X-" + "N" * 38, "grüße " * 3, width=1))) == "grüße " * 3


CONTROLS = [chr(n) for n in (*range(9), *range(10, 32), 0x7F, *range(0x80, 0xA0), 0x2028, 0x2029, 0xD800, 0xDFFF)]


@pytest.mark.parametrize("c", CONTROLS, ids=[f"{ord(c):04x}" for c in CONTROLS])
def test_control_characters_are_refused_in_every_field(c: str) -> None:
    attempts: list[Callable[[], bytes]] = [
        lambda: headers.unstructured("Subject", f"a{c}b"),
        lambda: headers.unstructured("Subject", f"ü {c}"),
        lambda: headers.mailboxes("To", [Address("a", "x.y", f"N{c}")]),
        lambda: headers.structured("Date", f"now{c}"),
        lambda: headers.parameters("Content-Type", "a/b", [("name", f"n{c}")]),
    ]
    for attempt in attempts:
        with pytest.raises(ForbiddenCharacter) as caught:
            attempt()
        assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    "attack", ["x\r\nBcc: evil@x.y", "x\nBcc: evil@x.y", "x\rBcc: evil@x.y", "x\r\n\r\n<html>", "x\r\n\tBcc:e"]
)
def test_no_value_can_start_another_field(attack: str) -> None:
    with pytest.raises(ForbiddenCharacter):
        headers.unstructured("Subject", attack)
    with pytest.raises(ForbiddenCharacter):
        headers.mailboxes("To", [Address("a", "x.y", attack)])
    with pytest.raises(InvalidAddress):
        headers.mailboxes("To", [Address("a", "x.y" + attack)])
    with pytest.raises(InvalidAddress):
        headers.mailboxes("To", [Address(attack, "x.y")])
    with pytest.raises(ForbiddenCharacter):
        headers.structured("Message-ID", f"<{attack}>")


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\r\nBcc", "ü", "a\0", "\t", "Subject: x\r\nBcc"])
def test_names_are_field_names_only(name: str) -> None:
    attempts: list[Callable[[], bytes]] = [
        lambda: headers.unstructured(name, "v"),
        lambda: headers.mailboxes(name, [Address("a", "x.y")]),
        lambda: headers.structured(name, "v"),
        lambda: headers.parameters(name, "v", []),
    ]
    for attempt in attempts:
        with pytest.raises(InvalidHeader, match="no name of a header field"):
            attempt()


display_names = st.one_of(
    st.just(""),
    st.lists(words.filter(lambda word: word not in ("", "\t")), min_size=1, max_size=6).map(" ".join),
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=60),
    st.text(st.sampled_from('ab ,;:<>()@."\\=?ü'), max_size=20),
)
specs = st.sampled_from(
    [("alice", "example.com"), ("a b", "x.y"), ('q"\\', "x.y"), ("b@c", "x.y"), ("a", "bücher.example"), ("a", "[192.0.2.1]"),
     ("x" * 64, "y" * 60 + ".example")]
)  # fmt: skip


@exploring
@given(st.lists(st.tuples(specs, display_names), min_size=1, max_size=8), widths, st.sampled_from(CHARSETS))
def test_mailboxes_parse_back(people: list[tuple[tuple[str, str], str]], width: int, charset: str) -> None:
    given_ = [Address(local, domain, name) for (local, domain), name in people]
    field = headers.mailboxes("To", given_, width=width, charset=charset)
    value = check_form(field, width)
    found = parse_mailbox_list(value)
    assert [(a.local_part, a.name) for a in found] == [(a.local_part, a.name) for a in given_]
    # The standard library's display_name has one space for many (WhiteSpaceTerminal.value is " "), and a space where
    # two encoded words meet, against RFC 2047 section 6.2.
    theirs = by_stdlib(field).addresses
    assert [a.username for a in theirs] == [a.local_part for a in given_]
    assert ["".join(a.display_name.split()) for a in theirs] == ["".join(a.name.split()) for a in given_]


@exploring
@given(st.lists(st.tuples(specs, display_names), min_size=1, max_size=2), widths, st.sampled_from(CHARSETS))
def test_few_mailboxes_are_written_as_many_are(
    people: list[tuple[tuple[str, str], str]], width: int, charset: str
) -> None:
    def field(written: Callable[[Address], str]) -> bytes:
        with mock.patch.object(headers, "_written", written):
            return headers.mailboxes("To", [Address(*spec, name) for spec, name in people], width, charset)

    assert field(headers._written) == field(lambda _: "")  # that nothing may stand as it is


@pytest.mark.parametrize(
    ("address", "field"),
    [
        (Address("a", "x.y"), "To: a@x.y\r\n"),
        (Address("a", "x.y", "Al Ice"), "To: Al Ice <a@x.y>\r\n"),
        (Address("a", "x.y", "Smith, A."), 'To: "Smith, A." <a@x.y>\r\n'),
        (Address("a", "x.y", 'A "B" \\'), 'To: "A \\"B\\" \\\\" <a@x.y>\r\n'),
        (Address("a", "x.y", "evil@x.y"), 'To: "evil@x.y" <a@x.y>\r\n'),
        (Address("a", "x.y", "<evil@x.y>, B"), 'To: "<evil@x.y>, B" <a@x.y>\r\n'),
        (Address("a", "x.y", "=?utf-8?q?B?="), "To: =?utf-8?b?PT91dGYtOD9xP0I/PQ==?= <a@x.y>\r\n"),
        (Address("a", "x.y", " A  B "), "To: =?utf-8?q?_A__B_?= <a@x.y>\r\n"),
        (Address("a", "bücher.example", "Jürgen"), "To: =?utf-8?q?J=C3=BCrgen?= <a@xn--bcher-kva.example>\r\n"),
        (Address("a b", "x.y"), 'To: "a b"@x.y\r\n'),
    ],
)
def test_mailboxes_as_they_look(address: Address, field: str) -> None:
    assert headers.mailboxes("To", [address]) == field.encode()


def test_many_recipients_fold_between_addresses() -> None:
    people = [Address(f"user{n}", "example.com", "A Name") for n in range(1000)]
    field = headers.mailboxes("To", people)
    lines = field[:-2].split(b"\r\n")
    assert max(map(len, lines)) <= 80
    assert parse_mailbox_list(field[3:].replace(b"\r\n", b"").decode()) == tuple(people)


def test_quoted_strings_are_never_folded() -> None:
    name = "A, " + "very long name, " * 20 + "end"
    field = headers.mailboxes("To", [Address("a", "x.y", name)])
    assert f'"{name}"'.encode() in field


def test_local_parts_in_utf8_go_out_raw_when_that_is_allowed_only() -> None:
    people = [Address("jürgen", "bücher.example", "Jürgen")]
    with pytest.raises(InvalidAddress, match="SMTPUTF8"):
        headers.mailboxes("To", people)
    field = headers.mailboxes("To", people, utf8=True)
    assert field == "To: =?utf-8?q?J=C3=BCrgen?= <jürgen@bücher.example>\r\n".encode()


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ("<a@x.y>", "X: <a@x.y>\r\n"),
        ("  <a@x.y> ", "X: <a@x.y>\r\n"),
        (
            "<" + "a" * 60 + "@x> <bbbbb@y>" + " <c@z>" * 4,
            "X: <" + "a" * 60 + "@x> <bbbbb@y>\r\n" + " <c@z>" * 4 + "\r\n",
        ),
        ('a="' + "b " * 60 + '" c', 'X: a="' + "b " * 60 + '"\r\n c\r\n'),
        ('a="' + "b " * 40 + '\\" c" d', 'X: a="' + "b " * 40 + '\\" c"\r\n d\r\n'),
        ("(" + "c " * 50 + "(n) " + ") d", "X: (" + "c " * 50 + "(n) )\r\n d\r\n"),
        ("a  " * 40, "X: " + ("a  " * 40).rstrip() + "\r\n"),
    ],
)
def test_structured_values_fold_outside_of_quotes_and_comments(value: str, field: str) -> None:
    written = headers.structured("X", value)
    assert written == field.encode()
    assert written[3:-2].replace(b"\r\n", b"").decode() == value.strip()


def test_structured_values_are_ascii_that_fits() -> None:
    with pytest.raises(InvalidHeader, match="beyond ASCII"):
        headers.structured("Date", "Dönnerstag")
    with pytest.raises(InvalidHeader, match="longer than a line"):
        headers.structured("X", '"' + "a b" * 400 + '"')


@exploring
@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=300), widths)
def test_structured_values_unfold_to_what_they_were(value: str, width: int) -> None:
    field = headers.structured("X-Any", value, width=width)
    assert field.decode().partition(":")[2].replace("\r\n", "").removeprefix(" ").rstrip("\r\n") == value.strip()


filenames = st.one_of(
    st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=100),
    st.text(st.sampled_from("ab .\"\\'%*=?;ü"), max_size=40),
    st.sampled_from(["a.txt", "ü" * 200 + ".pdf", "x" * 400, "x" * 2000 + ".pdf", "😀" * 50, "a  b.txt", " a"]),
)


@exploring
@given(filenames, widths)
def test_parameters_parse_back(filename: str, width: int) -> None:
    field = headers.parameters(
        "Content-Disposition", "attachment", [("filename", filename), ("size", "1")], width=width
    )
    check_form(field, width)
    value = by_stdlib(field)
    assert value.content_disposition == "attachment"
    assert value.params["filename"] == filename
    assert value.params["size"] == "1"


@pytest.mark.parametrize(
    ("filename", "form"),
    [
        ("a b.txt", 'filename="a b.txt"'),
        ("fünf.txt", "filename*=utf-8''f%C3%BCnf.txt"),
        ('a"b', "filename*=utf-8''a%22b"),
        ("a\\b", "filename*=utf-8''a%5Cb"),
        ("a'b*%", 'filename="a\'b*%"'),
        ("ü'*%", "filename*=utf-8''%C3%BC%27%2A%25"),
    ],
)
def test_parameters_as_they_look(filename: str, form: str) -> None:
    field = headers.parameters("Content-Disposition", "attachment", [("filename", filename)])
    assert field == f"Content-Disposition: attachment; {form}\r\n".encode()


def test_long_parameters_go_in_numbered_parts_of_whole_characters() -> None:
    field = headers.parameters("Content-Disposition", "attachment", [("filename", "ü" * 60)])
    parts = re.findall(rb"filename\*(\d+)\*=([^;\r]*)", field)
    assert [int(number) for number, _ in parts] == list(range(len(parts)))
    assert len(parts) > 3
    assert all(re.fullmatch(rb"(?:utf-8'')?(?:%C3%BC)+", value) for _, value in parts)


def test_names_of_parameters_are_tokens() -> None:
    with pytest.raises(InvalidHeader, match="no name of a parameter"):
        headers.parameters("Content-Type", "a/b", [("na me", "x")])


@pytest.mark.parametrize("bomb", ["a ", '"', '" ', "(", "( ", "\\ ", '"\\" ', "  a", ") ", "<a@x.y> "])
def test_folding_takes_time_in_proportion_to_the_text(bomb: str) -> None:
    def fold(size: int) -> None:
        text = bomb * (size // len(bomb))
        with contextlib.suppress(InvalidHeader):
            headers.structured("X", text)
        headers.unstructured("X", text)

    check_linear(fold)
