"""AUTH (RFC 4954): mechanisms, refusals, nonsense from the server, and passwords that never show."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest

from postwright.errors import (
    CommunicationError,
    ExtensionMissing,
    InvalidValue,
    LoginRefused,
    NotAvailable,
)
from tests.support.clients import failure
from tests.support.scripts import hello

if TYPE_CHECKING:
    from postwright.errors import (
        SMTPError,
    )
    from tests.support.clients import Client, World

SECRET = base64.b64encode(b"\0alice\0sesame").decode()
USER, PASSWORD = (base64.b64encode(text).decode() for text in (b"alice", b"sesame"))
LOGIN = f"C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {USER}\nS: 334 UGFzc3dvcmQ6\nC: {PASSWORD}\n"


def play(world: World, talk: str, *, cleartext: bool = True, **values: Any) -> Client:
    client = world.play(talk, user="alice", password="sesame", **values)
    client.settings.allow_cleartext_auth = cleartext
    return client


def test_plain_goes_with_its_command(world: World) -> None:
    client = play(world, hello("AUTH PLAIN LOGIN") + f"C: AUTH PLAIN {SECRET}\nS: 235 2.7.0 welcome")
    client.connect()
    assert client.connected


def test_login_is_taken_where_plain_is_not_offered(world: World) -> None:
    client = play(world, hello("AUTH LOGIN") + LOGIN + "S: 235 welcome")
    client.connect()


def test_the_old_spelling_of_the_offer_is_understood(world: World) -> None:
    client = play(world, hello("AUTH=LOGIN") + LOGIN + "S: 235 welcome")
    client.connect()


def test_a_mechanism_that_is_asked_for_is_exact(world: World) -> None:
    client = play(world, hello("AUTH PLAIN LOGIN") + LOGIN + "S: 235 welcome", auth_mechanism=100)
    client.connect()


def test_a_long_secret_waits_for_an_empty_challenge(world: World) -> None:
    secret = base64.b64encode(b"\0alice\0" + b"x" * 400).decode()
    client = play(world, hello("AUTH PLAIN") + f"C: AUTH PLAIN\nS: 334 \nC: {secret}\nS: 235 welcome")
    client.password = "x" * 400
    client.connect()


def test_an_empty_challenge_may_also_have_no_blank(world: World) -> None:
    secret = base64.b64encode(b"\0alice\0" + b"x" * 400).decode()
    client = play(world, hello("AUTH PLAIN") + f"C: AUTH PLAIN\nS: 334\nC: {secret}\nS: 235 welcome")
    client.password = "x" * 400
    client.connect()


def test_the_authorization_identity_stands_first(world: World) -> None:
    secret = base64.b64encode(b"bob\0alice\0sesame").decode()
    client = play(world, hello("AUTH PLAIN") + f"C: AUTH PLAIN {secret}\nS: 235 welcome")
    client.settings.authorization_identity = "bob"
    client.connect()


@pytest.mark.parametrize("code", [535, 454, 534, 432, 500, 504])
def test_a_refused_login_ends_there(world: World, code: int) -> None:
    client = play(world, hello("AUTH PLAIN LOGIN") + f"C: AUTH PLAIN {SECRET}\nS: {code} no\nC: QUIT\nS: 221 bye")
    error = failure(client, "connect")
    assert isinstance(error, LoginRefused)
    assert error.is_transient == (code < 500)
    assert_hidden(error)
    assert not client.connected


def assert_hidden(error: SMTPError) -> None:
    for text in (str(error), repr(error), repr(error.__dict__), repr(error.__reduce__())):
        assert "sesame" not in text
        assert SECRET not in text
        assert PASSWORD not in text


def test_a_refused_login_sends_no_mail(world: World) -> None:
    client = play(world, hello("AUTH PLAIN") + f"C: AUTH PLAIN {SECRET}\nS: 535 no\nC: QUIT\nS: 221 bye")
    assert isinstance(failure(client), LoginRefused)
    assert b"MAIL" not in world.heard


@pytest.mark.parametrize("challenge", ["####", "VXNlcm5hbWU", "Grüße", "VXNl cm5h"])
def test_a_challenge_that_is_no_base64_is_cancelled(world: World, challenge: str) -> None:
    client = play(world, hello("AUTH LOGIN") + f"C: AUTH LOGIN\nS: 334 {challenge}\nC: *\nS: 501 cancelled")
    error = failure(client, "connect")
    assert isinstance(error, LoginRefused)
    assert "makes no sense" in str(error)


def test_a_challenge_too_many_is_cancelled(world: World) -> None:
    client = play(world, hello("AUTH PLAIN") + f"C: AUTH PLAIN {SECRET}\nS: 334 bW9yZQ==\nC: *\nS: 501 cancelled")
    assert isinstance(failure(client, "connect"), LoginRefused)


def test_endless_challenges_come_to_an_end(world: World) -> None:
    client = play(world, hello("AUTH LOGIN") + LOGIN + "S: 334 bW9yZQ==\nC: *\nS: 334 bW9yZQ==")
    assert isinstance(failure(client, "connect"), CommunicationError)
    assert not client.connected


@pytest.mark.parametrize("offer", [(), ("AUTH",), ("AUTH GSSAPI X-OWN",)])
def test_a_login_that_is_not_offered_is_an_error_before_any_secret(world: World, offer: tuple[str, ...]) -> None:
    client = play(world, hello(*offer) + "C: QUIT\nS: 221 bye")
    assert isinstance(failure(client, "connect"), ExtensionMissing)


def test_an_exact_mechanism_that_is_not_offered_names_what_is(world: World) -> None:
    client = play(world, hello("AUTH PLAIN X-OWN") + "C: QUIT\nS: 221 bye", auth_mechanism=100)
    assert "LOGIN; the server offers PLAIN, X-OWN" in str(failure(client, "connect"))


def test_no_secret_goes_out_in_plaintext(world: World) -> None:
    client = play(world, hello("AUTH PLAIN LOGIN") + "C: QUIT\nS: 221 bye", cleartext=False)
    error = failure(client, "connect")
    assert isinstance(error, NotAvailable)
    assert "AllowCleartextAuth" in str(error)
    assert b"AUTH" not in world.heard


@pytest.mark.parametrize("reply", ["250 ok", "220 ok", "354 go on"])
def test_only_235_is_a_login(world: World, reply: str) -> None:
    client = play(world, hello("AUTH PLAIN") + f"C: AUTH PLAIN {SECRET}\nS: {reply}\nC: QUIT\nS: 221 bye")
    assert isinstance(failure(client, "connect"), LoginRefused)


def test_without_a_user_nobody_logs_in(world: World) -> None:
    client = world.play(hello("AUTH PLAIN"))
    client.connect()
    assert b"AUTH" not in world.heard


@pytest.mark.parametrize("masked", [True, False])
def test_the_trail_hides_secrets_unless_masking_is_off(world: World, masked: bool) -> None:
    client = play(world, hello("AUTH LOGIN") + LOGIN + "S: 235 welcome")
    client.settings.mask_sensitive = masked
    events = client.listen("on_pi_trail")
    client.connect()
    said = "\n".join(event.message for event in events)
    assert (PASSWORD in said) != masked
    assert (USER in said) != masked
    assert "AUTH LOGIN" in said


def test_the_trail_hides_an_initial_response(world: World) -> None:
    client = play(world, hello("AUTH PLAIN") + f"C: AUTH PLAIN {SECRET}\nS: 235 welcome")
    events = client.listen("on_pi_trail")
    client.connect()
    assert "AUTH PLAIN ********" in [event.message for event in events]


def test_a_nul_in_a_secret_is_refused_when_it_is_set(world: World) -> None:
    client = world.play()
    for name in ("user", "password"):
        with pytest.raises(InvalidValue):
            setattr(client, name, "a\0b")


@pytest.mark.parametrize("name", ["PLAIN", "LOGIN"])
def test_a_mechanism_may_be_asked_for_by_its_name(world: World, name: str) -> None:
    talk = f"C: AUTH PLAIN {SECRET}\n" if name == "PLAIN" else LOGIN
    client = play(world, hello("AUTH LOGIN PLAIN") + talk + "S: 235 welcome")
    client.settings.sasl_mechanism = name
    client.connect()
    client.settings.sasl_mechanism = ""


def test_a_mechanism_asked_for_by_its_name_is_exact(world: World) -> None:
    client = play(world, hello("AUTH PLAIN") + "C: QUIT\nS: 221 bye")
    client.settings.sasl_mechanism = "LOGIN"
    error = failure(client, "connect")
    assert isinstance(error, ExtensionMissing)
    assert "SASLMechanism asks for LOGIN; the server offers PLAIN" in str(error)
    client.settings.sasl_mechanism = ""


def test_only_one_setting_decides_on_the_mechanism(world: World) -> None:
    client = play(world, hello("AUTH PLAIN") + "C: QUIT\nS: 221 bye", auth_mechanism=4)
    client.settings.sasl_mechanism = "PLAIN"
    assert isinstance(failure(client, "connect"), InvalidValue)
    client.settings.sasl_mechanism = ""


def test_a_mechanism_that_is_named_logs_in_without_a_user(world: World) -> None:
    client = world.play(hello("AUTH EXTERNAL") + "C: AUTH EXTERNAL =\nS: 235 welcome")
    client.settings.allow_cleartext_auth = True
    client.settings.sasl_mechanism = "EXTERNAL"
    client.connect()
    client.settings.sasl_mechanism = ""


@pytest.mark.parametrize("name", ["plain", "A B", "X" * 21, "É", "A\nB"])
def test_a_name_that_no_mechanism_can_have_is_refused(world: World, name: str) -> None:
    with pytest.raises(InvalidValue):
        world.play().settings.sasl_mechanism = name
