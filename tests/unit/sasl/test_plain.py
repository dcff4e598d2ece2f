"""PLAIN and LOGIN, with the examples of RFC 4616."""

from __future__ import annotations

import pytest

from postwright.errors import InvalidValue
from postwright.sasl.mechanism import Credentials
from postwright.sasl.plain import LOGIN, PLAIN


@pytest.mark.parametrize(
    ("credentials", "message"),
    [
        (Credentials("tim", "tanstaaftanstaaf"), b"\0tim\0tanstaaftanstaaf"),
        (Credentials("Kurt", "xipj3plmq", "Ursel"), b"Ursel\0Kurt\0xipj3plmq"),
        (Credentials("jürgen", "pässwörd"), "\0jürgen\0pässwörd".encode()),
    ],
)
def test_plain_is_one_message(credentials: Credentials, message: bytes) -> None:
    assert list(PLAIN.start(credentials)) == [message]


def test_login_answers_two_prompts() -> None:
    dialogue = LOGIN.start(Credentials("tim", "tanstaaf"))
    assert [next(dialogue), dialogue.send(b"Username:"), dialogue.send(b"Password:")] == [b"", b"tim", b"tanstaaf"]


@pytest.mark.parametrize(
    "credentials", [Credentials("x\0y", "p"), Credentials("u", "x\0y"), Credentials("u", "p", "x\0y")]
)
def test_a_nul_never_gets_into_plain(credentials: Credentials) -> None:
    with pytest.raises(InvalidValue, match="NUL"):
        next(PLAIN.start(credentials))
