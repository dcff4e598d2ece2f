"""Configuration strings set and read every setting, in any case, and say what went wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postwright import errors
from postwright.options.config import config
from postwright.options.kinds import Boolean, Choice, Enumeration, Integer, OptionalInteger
from postwright.options.option import Store
from postwright.options.tables import SETTINGS, Settings

if TYPE_CHECKING:
    from postwright.options.option import Option

SPECIAL = {
    "MaxMessageRate": "2.5",
    "SASLMechanism": "X-OWN",
    "Charset": "UTF-8",
    "SSLEnabledProtocols": "12288",
    "UseIPv6": "1",
    "CodePage": "1252",
    "FirewallType": "3",
    "UseFIPSCompliantAPI": "False",
    "OtherHeaders": "X-A: 1\r\nX-B: a=b",
    "MaxHeaderLength": "998",
    "MaxLineLength": "256",
    "SSLEnabledCipherSuites": "TLS_AES_128_GCM_SHA256;CALG_AES_256",
    "SSLSecurityFlags": "0x80000011",
    "TLS12SignatureAlgorithms": "sha256-rsa,sha384-ecdsa",
    "TLS12SupportedGroups": "ecdhe_secp384r1",
    "TLS13KeyShareGroups": "ecdhe_x448,ffdhe_2048",
    "TLS13SignatureAlgorithms": "ed25519,rsa_pss_sha256",
    "TLS13SupportedGroups": "ecdhe_x448,ffdhe_8192",
}
WRITABLE = [option for option in SETTINGS.values() if not option.read_only]


def other_value(option: Option[Any, Any]) -> str:
    """A value that is not the default, as a configuration string."""
    kind = option.kind
    if option.name in SPECIAL:
        return SPECIAL[option.name]
    if option.later:
        return kind.show(option.default)
    if isinstance(kind, Boolean):
        return str(not option.default)
    if isinstance(kind, Enumeration | Integer | OptionalInteger):
        return "7"
    if isinstance(kind, Choice):
        return next(word for word in reversed(kind.words) if word != option.default)
    return "some=thing"


@pytest.mark.parametrize("option", WRITABLE, ids=lambda o: o.name)
def test_every_setting_can_be_set_and_read(option: Option[Any, Any]) -> None:
    store = Store()
    text = other_value(option)
    assert config(store, f"{option.name}={text}") == text
    assert config(store, option.name.swapcase()) == text
    assert config(store, f" {option.name.upper()} ={text}") == text
    assert option.kind.show(getattr(Settings(store), option.key)) == text


@pytest.mark.parametrize("option", WRITABLE, ids=lambda o: o.name)
def test_what_is_shown_can_be_set(option: Option[Any, Any]) -> None:
    store = Store()
    shown = config(store, option.name)
    assert config(store, f"{option.name}={shown}") == shown


@pytest.mark.parametrize("option", [o for o in SETTINGS.values() if o.read_only], ids=lambda o: o.name)
def test_read_only_settings_are_read_only(option: Option[Any, Any]) -> None:
    if option.compute is None:
        assert config(Store(), option.name) == ""
    with pytest.raises(errors.ReadOnly, match=option.name):
        config(Store(), f"{option.name}=x")


@pytest.mark.parametrize(("text", "shown"), [("YES", "True"), ("0", "False"), ("tRUE", "True"), ("no", "False")])
def test_booleans_read_back_as_true_and_false(text: str, shown: str) -> None:
    assert config(Store(), f"AllowEmptyTo={text}") == shown


@pytest.mark.parametrize(
    "text", ["AllowEmptyTo=perhaps", "LingerTime=-1", "UseIPv6=9", "SSLEnabledProtocols=48", "MaxLineLength=x"]
)
def test_bad_values_leave_the_old_one(text: str) -> None:
    store = Store()
    name = text.partition("=")[0]
    old = config(store, name)
    with pytest.raises(errors.InvalidValue, match=name):
        config(store, text)
    assert config(store, name) == old


def test_the_value_begins_at_the_first_equals_sign_and_keeps_its_blanks() -> None:
    assert config(Store(), "AuthorizationIdentity= Bearer a=b= ") == " Bearer a=b= "


def test_an_empty_value_is_a_value() -> None:
    store = Store()
    config(store, "ConnectionTimeout=5")
    assert config(store, "ConnectionTimeout=") == ""
    assert Settings(store).connection_timeout is None


def test_knock_ons_work_here_too() -> None:
    store = Store()
    config(store, "KeepAliveTime=1000")
    assert config(store, "TCPKeepAlive") == "True"


def test_locks_work_here_too() -> None:
    store = Store()
    store.locked = True
    with pytest.raises(errors.LocalPortLocked):
        config(store, "LocalPort=1")
    assert config(store, "LocalPort") == "0"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("MaxHeaderLenght", "MaxHeaderLength"),
        ("MxHeaderLength=5", "MaxHeaderLength"),
        ("stoponbccerror", "StopOnBccErrors"),
        ("negotiatedversion", "SSLNegotiatedVersion"),
        ("Timeout", "attribute timeout"),
        ("SendTo=x", "attribute send_to"),
    ],
)
def test_unknown_names_bring_the_likely_one(wrong: str, right: str) -> None:
    with pytest.raises(errors.UnknownSetting, match=right):
        config(Store(), wrong)


@pytest.mark.parametrize("text", ["", "=5", "Nonsense", "x\r\ny", "SSLNegotiatedCipher[5]x" * 50])
def test_nonsense_is_unknown(text: str) -> None:
    with pytest.raises(errors.UnknownSetting) as caught:
        config(Store(), text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 300


def test_unknown_settings_are_key_errors_and_value_errors_too() -> None:
    with pytest.raises(KeyError):
        config(Store(), "Nonsense")
    with pytest.raises(ValueError, match="no such setting"):
        config(Store(), "Nonsense=1")


def test_only_text_is_a_configuration_string() -> None:
    with pytest.raises(errors.InvalidValue, match="bytes"):
        config(Store(), b"SendRSET")  # type: ignore[arg-type]
