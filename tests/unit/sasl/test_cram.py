"""CRAM-MD5, with the example of RFC 2195."""

from __future__ import annotations

import pytest

from postwright.sasl.cram import CRAM_MD5
from postwright.sasl.hashes import md5_missing
from postwright.sasl.mechanism import ChallengeError, Credentials


def test_the_example_of_the_rfc() -> None:
    dialogue = CRAM_MD5.start(Credentials("tim", "tanstaaftanstaaf"))
    assert next(dialogue) == b""
    answer = dialogue.send(b"<1896.697170952@postoffice.reston.mci.net>")
    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_an_empty_challenge_is_not_answered() -> None:
    dialogue = CRAM_MD5.start(Credentials("tim", "tanstaaftanstaaf"))
    next(dialogue)
    with pytest.raises(ChallengeError):
        dialogue.send(b"")


def test_it_needs_md5() -> None:
    assert CRAM_MD5.missing is md5_missing
