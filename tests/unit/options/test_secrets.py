"""Secrets that may be functions."""

from __future__ import annotations

import pytest

from postwright import errors
from postwright.options import Properties, Settings, Store
from postwright.options.config import config
from postwright.options.secrets import SECRET_OR_SOURCE


def give() -> str:
    return "geheim"


async def give_later() -> str:
    return "geheim"


@pytest.mark.parametrize("value", ["", "geheim", give, give_later, str.upper])
def test_texts_and_functions_are_taken(value: object) -> None:
    assert SECRET_OR_SOURCE.check("Password", value) is value


@pytest.mark.parametrize("value", [None, 7, b"geheim", ["geheim"]])
def test_other_things_are_refused_and_not_shown(value: object) -> None:
    with pytest.raises(errors.InvalidValue) as caught:
        SECRET_OR_SOURCE.check("Password", value)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("value", ["geheim\n", "geheim\0"])
def test_texts_have_one_line(value: str) -> None:
    with pytest.raises(errors.ForbiddenCharacter) as caught:
        SECRET_OR_SOURCE.check("Password", value)
    assert "geheim" not in str(caught.value)


def test_config_sets_texts_and_shows_nothing_of_a_function() -> None:
    store = Store()
    assert config(store, "AuthorizationIdentity=bob") == "bob"
    Settings(store).authorization_identity = give
    assert config(store, "AuthorizationIdentity") == ""
    assert Settings(store).authorization_identity is give


def test_nothing_shows_it() -> None:
    store = Store()
    properties, settings = Properties(store), Settings(store)
    properties.password = "geheim"
    settings.authorization_identity = give
    for shown in (repr(properties), repr(settings), repr(store)):
        assert "geheim" not in shown
        assert "give" not in shown
