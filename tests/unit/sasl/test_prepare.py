"""SASLprep, with the examples of RFC 4013 section 3."""

from __future__ import annotations

import pytest

from postwright.errors import InvalidValue
from postwright.sasl.prepare import saslprep


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("pass word", "pass word"),
        ("pass\u00a0word", "pass word"),
        ("pa\u0308ss", "päss"),
        ("\u0627\u0628", "\u0627\u0628"),
        ("🔑", "🔑"),
        ("", ""),
    ],
)
def test_texts_get_one_form(text: str, prepared: str) -> None:
    assert saslprep(text, "password") == prepared


@pytest.mark.parametrize("text", ["\u0007", "\u0627\u0031", "\u0627a\u0628", "a\ue000", "a\u2028b", "\x7f"])
def test_what_is_prohibited_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(InvalidValue, match="password") as caught:
        saslprep("sesame" + text if text[0] != "\u0627" else text, "password")
    assert "sesame" not in str(caught.value)
