"""VRFY, EXPN, commands of the user's own, and the reply that can be read afterwards."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from postwright.enums import Direction
from postwright.errors import NotConnected, NotPossibleNow, Refused
from postwright.events import Expand
from tests.support.clients import failure
from tests.support.scripts import DATA, MAIL, hello

if TYPE_CHECKING:
    from tests.support.clients import World


@pytest.mark.parametrize("reply", ["250 2.1.5 Bob <bob@example.net>", "252 2.0.0 send and see", "251 he moved"])
def test_verify_returns_the_reply(world: World, reply: str) -> None:
    client = world.play(hello() + f"C: VRFY bob\nS: {reply}\nC: QUIT\nS: 221 bye")
    assert str(client.verify("bob")) == reply
    assert not client.connected


@pytest.mark.parametrize("code", [550, 551, 553, 502, 450])
def test_verify_raises_when_there_is_no_answer(world: World, code: int) -> None:
    client = world.play(hello() + f"C: VRFY bob\nS: {code} no\nC: QUIT\nS: 221 bye")
    error = failure(client, "verify", "bob")
    assert isinstance(error, Refused)
    assert error.reply is not None
    assert error.reply.code == code


def test_expand_returns_the_members_and_fires_an_event_for_each(world: World) -> None:
    client = world.play(
        hello() + "C: EXPN staff\nS: 250-2.1.5 Bob <bob@example.net>\nS: 250-2.1.5 <eve@example.net>\n"
        "S: 250 2.1.5 mallory@example.net"
    )
    events = client.listen("on_expand")
    client.connect()
    members = client.expand("staff")
    assert members == ("Bob <bob@example.net>", "<eve@example.net>", "mallory@example.net")
    assert events == [Expand(member) for member in members]
    assert client.connected


def test_expand_raises_when_there_is_no_such_list(world: World) -> None:
    client = world.play(hello() + "C: EXPN staff\nS: 550 no")
    client.connect()
    assert isinstance(failure(client, "expand", "staff"), Refused)
    assert client.connected


def test_a_question_outside_ascii_says_smtputf8(world: World) -> None:
    client = world.play(hello("SMTPUTF8") + "C: VRFY jürgen SMTPUTF8\nS: 252 perhaps")
    client.connect()
    client.verify("jürgen")


def test_a_users_own_command_is_sent_as_it_is(world: World) -> None:
    client = world.play(hello() + "C: NOOP  two  blanks\nS: 250-2.0.0 one\nS: 250 2.0.0 two")
    client.connect()
    reply = client.send_command("NOOP  two  blanks")
    assert reply.code == 250
    assert reply.enhanced == "2.0.0"
    assert reply.text == "one\ntwo"
    assert client.last_reply == "250-2.0.0 one\r\n250 2.0.0 two"


def test_a_users_own_command_may_be_refused(world: World) -> None:
    client = world.play(hello() + "C: HELP\nS: 502 no")
    client.connect()
    assert client.send_command("HELP").code == 502


def test_a_command_needs_a_line(world: World) -> None:
    client = world.play()
    assert isinstance(failure(client, "send_command", "NOOP"), NotConnected)


def test_assigning_command_sends_it_on_smtp_and_names_the_method_on_async_smtp(world: World) -> None:
    if world.kind == "async":
        client = world.play(hello())
        client.connect()
        with pytest.raises(NotPossibleNow, match="send_command"):
            client.command = "NOOP"
        return
    client = world.play(hello() + "C: NOOP\nS: 250 fine")
    client.connect()
    client.command = "NOOP"
    assert client.last_reply == "250 fine"


def test_a_users_own_quit_closes_the_line(world: World) -> None:
    client = world.play(hello() + "C: QUIT\nS: 221 bye\nS: <close>")
    client.connect()
    client.send_command("QUIT")
    assert not client.connected


def test_a_users_own_login_is_masked(world: World) -> None:
    first, second = (base64.b64encode(text).decode() for text in (b"alice", b"sesame"))
    client = world.play(
        hello() + f"C: AUTH PLAIN {first}\nS: 535 no\nC: AUTH LOGIN\nS: 334 VXNlcjo=\nC: {first}\n"
        f"S: 334 UGFzczo=\nC: {second}\nS: 235 yes"
    )
    events = client.listen("on_pi_trail")
    client.connect()
    for line in (f"AUTH PLAIN {first}", "AUTH LOGIN", first, second):
        client.send_command(line)
    said = [event.message for event in events if event.direction is Direction.CLIENT]
    assert said[1:] == ["AUTH PLAIN ********", "AUTH LOGIN", "********", "********"]


def test_the_trail_has_every_line_of_the_dialogue_but_no_body(world: World) -> None:
    client = world.play(hello("8BITMIME") + MAIL + DATA + "S: 250 taken\nC: QUIT\nS: 221 bye")
    events = client.listen("on_pi_trail")
    client.send()
    said = [f"{event.direction.name[0]}: {event.message}" for event in events if event.direction is not Direction.INFO]
    assert said == [
        "S: 220 mx.example",
        "C: EHLO client.example",
        "S: 250-mx.example",
        "S: 250 8BITMIME",
        "C: MAIL FROM:<a@example.org>",
        "S: 250 ok",
        "C: RCPT TO:<b@example.net>",
        "S: 250 ok",
        "C: DATA",
        "S: 354 go on",
        "S: 250 taken",
        "C: QUIT",
        "S: 221 bye",
    ]


def test_without_a_reply_last_reply_is_empty(world: World) -> None:
    assert world.play().last_reply == ""
