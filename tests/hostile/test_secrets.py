"""Passwords are in no event, no error, no representation and no pickle, and never go to a server that was not checked."""

from __future__ import annotations

import base64
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from postwright import AsyncPool, Pool
from postwright.errors import LoginRefused, SMTPError
from postwright.events import HANDLERS
from tests.support.clients import failure
from tests.support.scripts import hello

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clients import Client, World

PASSWORD = "open-sesame-41"
FORMS = (
    PASSWORD,
    base64.b64encode(PASSWORD.encode()).decode(),
    base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode(),
)


def play(world: World, talk: str) -> Client:
    client = world.play(talk, user="alice", password=PASSWORD)
    client.settings.allow_cleartext_auth = True
    return client


def assert_hidden(text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()
    assert not any(form.encode() in data for form in FORMS)


TALKS = {
    "plain refused": "C: AUTH PLAIN *\nS: 535 no\nC: QUIT\nS: 221 bye",
    "login refused": "C: AUTH LOGIN\nS: 334 VXNlcjo=\nC: *\nS: 334 UGFzczo=\nC: *\nS: 535 no\nC: QUIT\nS: 221 bye",
    "cut": "C: AUTH PLAIN *\nS: <close>",
    "malformed": "C: AUTH PLAIN *\nS: 2350 yes",
    "cancelled": "C: AUTH PLAIN *\nS: 334 bW9yZQ==\nC: *\nS: 501 off\nC: QUIT\nS: 221 bye",
}


@pytest.mark.parametrize("talk", TALKS.values(), ids=TALKS.keys())
def test_no_error_event_or_trace_shows_a_secret(world: World, talk: str) -> None:
    offer = "AUTH LOGIN" if "AUTH LOGIN" in talk else "AUTH PLAIN"
    client = play(world, hello(offer) + talk)
    client.listen(*HANDLERS)
    client.on_ssl_server_authentication = None
    error = failure(client, "connect")
    assert FORMS[1 if "LOGIN" in offer else 2].encode() in world.heard  # it did go out
    assert_hidden(repr(client.events))
    assert_hidden(str(error))
    assert_hidden(repr(error))
    assert_hidden("".join(traceback.format_exception(error)))
    assert_hidden(pickle.dumps(error))
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, SMTPError)
    assert str(again) == str(error)


def test_no_representation_shows_a_secret(world: World) -> None:
    client = play(world, "")
    client.settings.authorization_identity = PASSWORD
    for thing in (client.smtp, client.settings, client.smtp._store, client.smtp._session, client.smtp._plan()):
        assert_hidden(repr(thing))


def test_no_file_of_the_queue_holds_a_secret(world: World, tmp_path: Path) -> None:
    client = play(world, "")
    client.settings.authorization_identity = PASSWORD
    client.ssl_cert_store_password = PASSWORD
    client.firewall_password = PASSWORD
    client.queue(tmp_path)
    (file,) = tmp_path.iterdir()
    assert_hidden(file.read_bytes())
    client.settings.authorization_identity = ""


@pytest.mark.parametrize("kind", [Pool, AsyncPool])
def test_a_pool_shows_no_secret_and_is_not_pickled(kind: type[Pool | AsyncPool]) -> None:
    pool = kind(mail_server="mail.example.org", user="alice", password=PASSWORD)
    assert_hidden(repr(pool) + repr(vars(pool)))
    with pytest.raises(TypeError):
        pickle.dumps(pool)


def test_a_bad_password_is_not_quoted_by_the_error_that_refuses_it(world: World) -> None:
    client = world.play()
    with pytest.raises(SMTPError) as caught:
        client.password = PASSWORD + "\r\n"
    assert_hidden(str(caught.value))
    assert_hidden(repr(caught.value))


def test_a_refused_login_is_not_tried_again_in_a_weaker_way(world: World) -> None:
    client = play(world, hello("AUTH LOGIN PLAIN") + "C: AUTH PLAIN *\nS: 535 no\nC: QUIT\nS: 221 bye")
    assert isinstance(failure(client, "connect"), LoginRefused)
    assert world.heard.count(b"AUTH") == 1


@pytest.mark.parametrize("offer", ["AUTH PLAIN", "AUTH=PLAIN"])
def test_an_offer_in_plaintext_does_not_get_a_secret(world: World, offer: str) -> None:
    client = play(world, hello(offer) + "C: QUIT\nS: 221 bye")
    client.settings.allow_cleartext_auth = False
    failure(client)
    assert b"AUTH" not in world.heard
    assert_hidden(world.heard)
