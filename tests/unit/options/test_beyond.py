"""The settings that the reference does not have."""

from __future__ import annotations

import pytest

from postwright import errors
from postwright.options.beyond import PostwrightSettings
from postwright.options.option import Store


@pytest.fixture
def settings() -> PostwrightSettings:
    return PostwrightSettings(Store())


def test_the_careful_choice_is_the_default(settings: PostwrightSettings) -> None:
    assert settings.allow_cleartext_auth is False
    assert (settings.final_reply_timeout, settings.reply_timeout) == (600, 300)


@pytest.mark.parametrize("word", ["7bit", "8BITMIME", "BinaryMIME", ""])
def test_body_types_in_any_case(settings: PostwrightSettings, word: str) -> None:
    settings.body_type = word
    assert settings.body_type == word.upper()


def test_other_words_are_refused(settings: PostwrightSettings) -> None:
    with pytest.raises(errors.InvalidValue, match="BINARYMIME"):
        settings.body_type = "9BIT"
    with pytest.raises(errors.InvalidValue, match="HDRS"):
        settings.dsn_return = "HALF"


@pytest.mark.parametrize("identifier", ["x" * 101, "käse"])
def test_envelope_identifiers_obey_rfc_3461(settings: PostwrightSettings, identifier: str) -> None:
    settings.envelope_id = "QQ314159"
    with pytest.raises(errors.InvalidValue, match="100 characters"):
        settings.envelope_id = identifier
    assert settings.envelope_id == "QQ314159"
