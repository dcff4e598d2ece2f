"""OAUTHBEARER, with the example of RFC 7628, and XOAUTH2, with Google's."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from postwright.errors import InvalidValue, LoginRefused
from postwright.sasl.bearer import OAUTHBEARER, XOAUTH2
from postwright.sasl.mechanism import Credentials
from postwright.words import Reply
from tests.support.sasl import ended

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Mechanism

TOKEN = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg=="
BOTH = [XOAUTH2, OAUTHBEARER]


def test_the_example_of_the_rfc() -> None:
    credentials = Credentials("user@example.com", token=TOKEN, host="server.example.com", port=143)
    assert next(OAUTHBEARER.start(credentials)) == (
        b"n,a=user@example.com,\1host=server.example.com\1port=143\1auth=Bearer " + TOKEN.encode() + b"\1\1"
    )


def test_the_example_of_google() -> None:
    credentials = Credentials("someuser@example.com", token="ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
    assert base64.b64encode(next(XOAUTH2.start(credentials))) == (
        b"dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ=="
    )


@pytest.mark.parametrize("mechanism", BOTH)
@pytest.mark.parametrize(
    ("given", "sent"), [("abc", b"Bearer abc"), ("Bearer abc", b"Bearer abc"), ("MAC x", b"MAC x")]
)
def test_the_scheme_is_bearer_unless_it_is_given(mechanism: Mechanism, given: str, sent: bytes) -> None:
    assert b"\1auth=" + sent + b"\1\1" in next(mechanism.start(Credentials("u", token=given, host="h", port=1)))


@pytest.mark.parametrize("mechanism", BOTH)
@pytest.mark.parametrize("token", ["", " ", "a\1b", "a\nb", "a b c", "tökén", "a\x7f"])
def test_other_tokens_are_refused_and_not_shown(mechanism: Mechanism, token: str) -> None:
    with pytest.raises(InvalidValue, match="token") as caught:
        next(mechanism.start(Credentials("u", token="sesame" + token if token.strip() else token, host="h")))
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize("user", ["", "a\1b", "a\x00b", "a\nb"])
def test_xoauth2_refuses_users_that_would_break_it(user: str) -> None:
    with pytest.raises(InvalidValue):
        next(XOAUTH2.start(Credentials(user, token="t")))


def test_oauthbearer_escapes_the_user_and_can_do_without() -> None:
    assert next(OAUTHBEARER.start(Credentials("a,b=c", token="t", host="h", port=1))).startswith(
        b"n,a=a=2Cb=3Dc,\1host=h\1"
    )
    assert next(OAUTHBEARER.start(Credentials(token="t", host="h", port=1))).startswith(b"n,,\1host=h\1")
    for credentials in (Credentials("u", token="t", host="h\1port=2"), Credentials("u\1", token="t", host="h")):
        with pytest.raises(InvalidValue):
            next(OAUTHBEARER.start(credentials))


@pytest.mark.parametrize(("mechanism", "acknowledgement"), [(XOAUTH2, b""), (OAUTHBEARER, b"\1")])
def test_an_error_in_json_is_acknowledged_and_told(mechanism: Mechanism, acknowledgement: bytes) -> None:
    dialogue = mechanism.start(Credentials("u", token="t", host="h", port=1))
    next(dialogue)
    assert dialogue.send(b'{"status":"invalid_token"}\x1b' + b"x" * 1000) == acknowledgement
    reply = Reply(535, ("5.7.8 no",))
    with pytest.raises(LoginRefused) as caught:
        dialogue.throw(LoginRefused("535 no", reply=reply))
    assert caught.value.reply == reply
    assert caught.value.detail.startswith('535 no; the server said: {"status":"invalid_token"}\\x1bxxx')
    assert len(caught.value.detail) < 600


@pytest.mark.parametrize("mechanism", BOTH)
def test_success_needs_nothing_more(mechanism: Mechanism) -> None:
    dialogue = mechanism.start(Credentials("u", token="t", host="h", port=1))
    next(dialogue)
    assert ended(dialogue)
