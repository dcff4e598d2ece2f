"""One choke point: whatever becomes a command has no control character, and what may be a secret is not shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postwright.errors import ForbiddenCharacter, InvalidValue
from postwright.wire.commands import MASK, command, encode, masked, path_command, secret


@pytest.mark.parametrize("c", [*map(chr, range(32)), "\x7f"], ids=ascii)
@pytest.mark.parametrize("utf8", [True, False])
def test_no_control_character_gets_through(c: str, utf8: bool) -> None:
    for text in (c, f"NOOP{c}", f"{c}NOOP", f"NOOP {c}RCPT"):
        with pytest.raises(ForbiddenCharacter) as caught:
            encode(text, utf8=utf8)
        assert c not in str(caught.value)


@given(st.text())
def test_a_line_is_one_line_or_an_error(text: str) -> None:
    try:
        data = encode(text, utf8=True)
    except InvalidValue:
        return
    assert data.endswith(b"\r\n")
    assert data[:-2].decode() == text
    assert b"\r" not in data[:-2]
    assert b"\n" not in data[:-2]


@pytest.mark.parametrize("text", ["é", "\u560a", "\u2028"])
def test_only_ascii_goes_out_unless_utf8_may(text: str) -> None:
    with pytest.raises(InvalidValue):
        encode(text)
    assert encode(text, utf8=True) == text.encode() + b"\r\n"


def test_half_a_character_is_an_error() -> None:
    with pytest.raises(InvalidValue):
        encode("\ud800", utf8=True)


@pytest.mark.parametrize(
    ("text", "after", "shown"),
    [
        ("NOOP x", False, "NOOP x"),
        ("AUTH PLAIN AGE=", False, f"AUTH PLAIN {MASK}"),
        ("auth plain AGE=", False, f"auth plain {MASK}"),
        ("AUTH PLAIN  AGE=", False, f"AUTH PLAIN {MASK}"),
        ("AUTH  PLAIN AGE=", False, f"AUTH PLAIN {MASK}"),
        ("AUTH LOGIN", False, "AUTH LOGIN"),
        ("c2VjcmV0", True, MASK),
        ("*", True, MASK),
    ],
)
def test_what_a_user_sends_is_masked_where_it_may_be_a_secret(text: str, after: bool, shown: str) -> None:
    made = masked(text, after_challenge=after)
    assert made.shown == shown
    assert made.data == text.encode() + b"\r\n"


def test_a_secret_is_shown_in_other_words() -> None:
    made = secret("AUTH PLAIN AGE=", "AUTH PLAIN ...")
    assert (made.data, made.shown) == (b"AUTH PLAIN AGE=\r\n", "AUTH PLAIN ...")


def test_a_path_has_brackets_and_parameters_behind_it() -> None:
    assert path_command("MAIL FROM", "", (("SIZE", "1"), ("SMTPUTF8", ""))).shown == "MAIL FROM:<> SIZE=1 SMTPUTF8"
    assert path_command("RCPT TO", "a@b").data == b"RCPT TO:<a@b>\r\n"
    assert path_command("RCPT TO", "é@b", utf8=True).data == "RCPT TO:<é@b>\r\n".encode()
    with pytest.raises(ForbiddenCharacter):
        path_command("RCPT TO", "a@b>\r\nDATA")
    with pytest.raises(ForbiddenCharacter):
        path_command("RCPT TO", "a@b", (("NOTIFY", "x\ny"),))
    assert command("RSET").data == b"RSET\r\n"
