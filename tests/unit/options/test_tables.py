"""The two tables hold everything, each line refuses control characters, and shared options are shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postwright import errors
from postwright.options.kinds import Text
from postwright.options.option import Store
from postwright.options.tables import (
    COMPUTED,
    PROPERTIES,
    PROPERTY_GROUPS,
    SETTING_GROUPS,
    SETTINGS,
    Properties,
    Settings,
)

if TYPE_CHECKING:
    from postwright.options.option import Option

EVERY: dict[str, Option[Any, Any]] = {**PROPERTIES, **Settings._options}
BODIES = {"message_text", "message_html"}
BLOCKS = {"other_headers", "ssl_server_ca_certs", "ssl_ca_certs", "ssl_crls", "firewall_data"}
TEXTS = {key for key, o in EVERY.items() if o.kind.python == "str" and not o.read_only}
LINES = sorted(TEXTS - BODIES - BLOCKS)


def test_the_tables_hold_what_the_groups_hold() -> None:
    assert set(PROPERTIES) == {key for group in PROPERTY_GROUPS.values() for key in group._options}
    assert len(SETTINGS) == len(Settings._options) == sum(len(g._options) for g in SETTING_GROUPS.values())


def test_no_property_is_in_two_tables() -> None:
    assert not set(PROPERTIES) & set(COMPUTED)


@pytest.mark.parametrize("key", sorted({*PROPERTIES} & {*Settings._options}))
def test_a_property_and_its_setting_are_one(key: str) -> None:
    assert PROPERTIES[key] is Settings._options[key]


def test_they_share_one_value() -> None:
    store = Store()
    properties, settings = Properties(store), Settings(store)
    properties.return_path = "bounces@example.org"
    settings.other_headers = "X-A: 1"
    assert (settings.return_path, properties.other_headers) == ("bounces@example.org", "X-A: 1")


@pytest.mark.parametrize("character", ["\r", "\n", "\r\n", "\0", "\x1b", "\x7f", "\t"])
@pytest.mark.parametrize("key", LINES)
def test_no_line_takes_a_control_character(key: str, character: str) -> None:
    store = Store()
    with pytest.raises(errors.ForbiddenCharacter):
        EVERY[key].write(store, f"a{character}b")
    with pytest.raises(errors.ForbiddenCharacter):
        EVERY[key].parse(store, f"a{character}b")
    assert store.values == {}


@pytest.mark.parametrize("key", sorted(BLOCKS))
def test_blocks_take_line_ends_and_no_other_control(key: str) -> None:
    kind = EVERY[key].kind
    assert isinstance(kind, Text)
    assert kind.free == "\r\n\t"


@pytest.mark.parametrize("key", sorted(EVERY))
def test_every_option_is_explained_in_one_line(key: str) -> None:
    doc = EVERY[key].doc
    assert doc.endswith(".")
    assert "\n" not in doc
    assert len(doc) < 121


@pytest.mark.parametrize("key", sorted(EVERY))
def test_every_default_is_a_value_that_can_be_set(key: str) -> None:
    option = EVERY[key]
    if option.read_only:
        return
    store = Store()
    option.write(store, option.default)
    assert option.read(store) == option.default
    assert type(option.default) is type(option.kind.check(option.name, option.default))


@pytest.mark.parametrize("key", sorted(EVERY))
def test_nonsense_leaves_the_old_value(key: str) -> None:
    store = Store()
    old = EVERY[key].read(store)
    with pytest.raises((errors.InvalidValue, errors.RemotePortInvalid, errors.ReadOnly)):
        EVERY[key].write(store, object())
    assert EVERY[key].read(store) == old


def test_passwords_and_tokens_are_secrets() -> None:
    secrets = {key for key, option in EVERY.items() if option.kind.secret}
    assert secrets == {
        "authorization_identity",
        "firewall_data",
        "firewall_password",
        "open_ssl_prng_seed_data",
        "password",
        "ssl_cert_store",
        "ssl_cert_store_password",
    }
