"""What a server repeats is hidden, whatever stands around it, and nothing else is."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postwright.wire.veil import Veil
from postwright.words import Reply

MASK = "********"
secrets = st.text(st.characters(codec="utf-8", exclude_categories=("Z", "C")), min_size=6, max_size=40)
around = st.binary(max_size=20)


def veil(*secrets: str, known: str = "", masked: bool = True) -> Veil:
    made = Veil((known,), masked=masked)
    for secret in secrets:
        made.hide(secret)
    return made


@given(secrets, st.text(max_size=20), st.text(max_size=20), st.integers(0, 40))
def test_a_secret_is_hidden_wherever_it_stands(secret: str, before: str, after: str, cut: int) -> None:
    one, two = secret[:cut], secret[cut:]
    lines = veil(secret).over(Reply(535, (f"5.7.8 -{before}{one}", f"5.7.8 {two}{after}"))).lines
    assert secret not in "".join(" ".join(line.removeprefix("5.7.8") for line in lines).split())
    assert MASK in lines[0] + lines[1]


@given(secrets, around, around, st.booleans())
def test_in_base64_all_is_hidden_but_what_it_shares_with_others(
    secret: str, before: bytes, after: bytes, addresses: bool
) -> None:
    encode = base64.urlsafe_b64encode if addresses else base64.b64encode
    encoded = encode(before + secret.encode() + after).decode()
    kept, mask, _ = veil(secret).text(encoded).partition(MASK)
    assert mask
    assert encoded.startswith(kept)
    assert len(kept) * 6 < (len(before) + 1) * 8


@pytest.mark.parametrize("secret", ["~~~???>>>", "ÿÿÿÿÿÿ", "sub?ject>s~"])
def test_both_alphabets_are_hidden(secret: str) -> None:
    data = secret.encode()
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert veil(secret).text(f"it was {encode(data).decode()} here").startswith("it was ********")
    assert base64.b64encode(data) != base64.urlsafe_b64encode(data)


@pytest.mark.parametrize(
    ("lines", "shown"),
    [
        (("5.7.8 no sesame here",), ("5.7.8 no ******** here",)),
        (("se sa  me",), ("********",)),
        (("a s", "esam", "e b"), ("a ********", "********", "******** b")),
        (("5.7.8 ses", "5.7.8 ame"), ("5.7.8 ********", "5.7.8 ********")),
        (("sesamesesame sesame",), ("********",)),
        (("nothing", "of it"), ("nothing", "of it")),
        (("",), ("",)),
        (("  sesame  ",), ("  ********  ",)),
    ],
)
def test_the_rest_of_the_lines_stays(lines: tuple[str, ...], shown: tuple[str, ...]) -> None:
    assert veil("sesame").over(Reply(535, lines)) == Reply(535, shown)


def test_what_is_short_is_not_looked_for() -> None:
    assert veil("a", "of", "the", "").text("one of the a") == "one of the a"


def test_what_the_server_said_before_is_no_secret() -> None:
    assert veil("mail", "SIZE", known="mail.example 250 SIZE").text("mail SIZE") == "mail SIZE"


def test_a_response_is_hidden_whole_and_its_long_words_too() -> None:
    made = veil()
    made.hide_sent(
        b"alexander.the.great@example.org b913a602c7eda7a495b4e6e7334d3890 abc", "alexander.the.great@example.org x"
    )
    encoded = base64.b64encode(b"alexander.the.great@example.org b913a602c7eda7a495b4e6e7334d3890 abc").decode()
    assert made.text(f"<{encoded}>") == "<********>" or made.text(f"<{encoded}>") == "<********=>"
    assert made.text("b913a602c7eda7a495b4e6e7334d3890 abc") == "******** abc"
    assert made.text("alexander.the.great@example.org") == "alexander.the.great@example.org"


def test_a_short_response_is_hidden_too() -> None:
    made = veil()
    made.hide_sent(b"\0me\0ab", "me")
    assert made.text("what is AG1lAGFi?") == "what is ********?"


def test_what_is_said_by_hand_is_hidden_with_its_fields() -> None:
    made = veil()
    made.hide_line("AGFsaWNlAHNlc2FtZQ==")
    made.hide_line("no-base64-at-all")
    assert made.text("sesame, AGFsaWNlAHNlc2FtZQ==, no-base64-at-all ok") == "********, ********, ******** ok"


@pytest.mark.parametrize("masked", [True, False])
def test_a_challenge_is_kept_apart(masked: bool) -> None:
    made = veil("sesame", masked=masked)
    reply = made.over(Reply(334, ("first", "c2VzYW1l")))
    assert made.challenge == "c2VzYW1l"
    assert reply.lines == ((MASK, MASK) if masked else ("first", "c2VzYW1l"))


def test_a_reply_without_secrets_is_the_same_object() -> None:
    reply = Reply(250, ("ok",))
    assert veil("sesame").over(reply) is reply


def test_a_long_reply_of_the_secret_alone_takes_no_time() -> None:
    assert veil("a" * 200).text("a" * 128_000) == MASK


def test_it_does_not_show_itself() -> None:
    assert "sesame" not in repr(veil("sesame"))
