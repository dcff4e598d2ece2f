"""The register: every mechanism keeps the rules, secrets are hidden, and other packages can bring theirs."""

from __future__ import annotations

import pickle
import sys
from importlib.metadata import EntryPoint
from typing import TYPE_CHECKING

import pytest

from postwright.errors import InvalidValue
from postwright.sasl import mechanism as room
from postwright.sasl.conformance import conform
from postwright.sasl.mechanism import KNOWN, REGISTER, Mechanism, find, fresh_nonce, octets, register
from tests.support.sasl import ALICE, BEARER, SERVERS, Users, credentials_for, meet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.sasl.mechanism import Credentials, Dialogue

OPTIONAL = {"NTLM", "GSSAPI"}


def found(name: str) -> Mechanism:
    mechanism = find(name)
    assert mechanism is not None
    return mechanism


@pytest.mark.parametrize("name", sorted(set(KNOWN) - OPTIONAL))
def test_every_mechanism_keeps_the_rules(name: str) -> None:
    conform(found(name), credentials_for(found(name)))


def users_for(name: str) -> Users:
    return Users(binding=b"tls-unique:exported" if name.endswith("-PLUS") else b"")


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_that_follows_the_rfc_lets_alice_in(name: str) -> None:
    assert meet(found(name), credentials_for(found(name)), users_for(name))


@pytest.mark.parametrize("name", sorted(set(SERVERS) - {"EXTERNAL"}))
def test_a_wrong_secret_does_not_get_in(name: str) -> None:
    wrong = credentials_for(found(name))._replace(password="wrong", token="wrong")
    assert not meet(found(name), wrong, users_for(name))


@pytest.mark.parametrize("name", sorted(SERVERS))
def test_an_identity_is_carried_where_it_can_be(name: str) -> None:
    mechanism, users = found(name), users_for(name)
    assert meet(mechanism, credentials_for(mechanism)._replace(identity="bob"), users)
    assert users.acting == ("bob" if mechanism.acts_as and not mechanism.takes_token else "")


def test_every_known_mechanism_has_its_place() -> None:
    assert set(KNOWN) == OPTIONAL | set(SERVERS)
    assert [find(name).name for name in KNOWN] == list(KNOWN)  # type: ignore[union-attr]


def test_strongest_first() -> None:
    ranks = [found(name).strength for name in KNOWN]
    assert ranks == sorted(ranks, reverse=True)
    by_itself = [name for name in KNOWN if not found(name).strength]
    assert by_itself == ["XOAUTH2", "OAUTHBEARER", "NTLM", "GSSAPI", "EXTERNAL"]


def test_credentials_hide_their_secrets() -> None:
    for credentials in (ALICE, BEARER, ALICE._replace(identity="sesame")):
        assert "sesame" not in f"{credentials!r} {credentials}"
    assert "alice" in repr(ALICE)


def test_a_nonce_is_fresh_and_needs_no_quotes() -> None:
    assert fresh_nonce() != fresh_nonce()
    assert fresh_nonce().isalnum()
    assert len(fresh_nonce()) >= 32


def test_a_nul_is_refused_without_showing_the_secret() -> None:
    with pytest.raises(InvalidValue) as caught:
        octets("sesame\0", "password")
    assert "sesame" not in str(caught.value)
    assert octets("pässwörd", "password") == b"p\xc3\xa4ssw\xc3\xb6rd"


# Mechanisms of other packages


def _own(_: Credentials) -> Dialogue:
    yield b"hello"


OWN = Mechanism("X-OWN", client_first=True, start=_own, strength=30)
NO_MECHANISM = object()


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    values: dict[str, str] = {}
    module = "tests_of_other_packages"
    monkeypatch.setitem(sys.modules, module, sys.modules[__name__])
    monkeypatch.setattr(
        "importlib.metadata.entry_points",
        lambda group: [EntryPoint(name, value.replace("HERE", module), group) for name, value in values.items()],
    )
    monkeypatch.setattr(room, "_others", None)
    before = dict(REGISTER)
    yield values
    REGISTER.clear()
    REGISTER.update(before)


def test_another_package_s_mechanism_is_found_by_its_entry_point(plugins: dict[str, str]) -> None:
    plugins["x-own"] = "HERE:OWN"
    assert not room.is_settled("X-OWN")
    assert find("X-OWN") is OWN
    assert room.is_settled("X-OWN")
    conform(OWN, ALICE)


def test_what_nobody_brought_is_not_found(plugins: dict[str, str]) -> None:
    plugins["X-OWN"] = "HERE:OWN"
    assert find("X-NOBODY") is None
    assert room.is_settled("X-OTHER"), "what is installed is looked up once"


@pytest.mark.parametrize("value", ["no.such.module:OWN", "HERE:NO_MECHANISM", "HERE:nothing", "HERE:OWN"])
def test_a_broken_one_says_so_when_it_is_to_be_used(plugins: dict[str, str], value: str) -> None:
    plugins["X-BROKEN"] = value
    mechanism = find("X-BROKEN")
    assert mechanism is not None
    assert "can't be loaded" in mechanism.missing()
    with pytest.raises(InvalidValue):
        next(mechanism.start(ALICE))


def test_an_own_mechanism_can_be_registered_by_hand(plugins: dict[str, str]) -> None:
    assert register(OWN) is OWN
    assert find("X-OWN") is OWN
    assert plugins == {}


def test_the_register_holds_nothing_that_can_t_be_pickled_with_an_error() -> None:
    error = room.ChallengeError("it is empty")
    assert str(pickle.loads(pickle.dumps(error))) == "it is empty"
