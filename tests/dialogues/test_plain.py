"""The plain way: one command after the other, with a server that offers nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright import Outcome
from postwright.errors import AlreadyConnected, GreetingRefused, RecipientsRefused, SenderRefused, ServiceClosing
from postwright.wire.dots import unstuff
from tests.support.clients import failure
from tests.support.scripts import DATA, MAIL, TAKEN, hello

if TYPE_CHECKING:
    from tests.support.clients import World

MESSAGE = (
    b"From: a@example.org\r\nTo: b@example.net\r\nSubject: Hi\r\nDate: Tue, 1 Jul 2025 10:00:00 +0000\r\n"
    b"Message-ID: <1@example.org>\r\n\r\n"
)


def test_without_extensions_commands_go_one_by_one(world: World) -> None:
    client = world.play("""
        S: 220 mx.example
        C: EHLO client.example
        S: 250 mx.example
        C: MAIL FROM:<a@example.org>
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 250 ok
        C: DATA
        S: 354 go on
        C: <body>
        S: 250 2.0.0 Ok: queued as 4XyZ12
        C: QUIT
        S: 221 bye
        S: <close>
    """)
    result = client.send()
    assert result.reply.code == 250
    assert result.queue_id == "4XyZ12"
    assert result.message_id == "<1@example.org>"
    assert [(r.address, r.accepted) for r in result.recipients] == [("b@example.net", True)]
    assert client.last_outcome is Outcome.SENT
    assert unstuff(world.peers[0].bodies[0]) == MESSAGE + b"Hello\r\n"
    assert not client.connected


def test_a_line_that_was_open_before_stays_open(world: World) -> None:
    client = world.play(
        hello()
        + """
        C: MAIL FROM:<a@example.org>
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 250 ok
        C: DATA
        S: 354 go on
        C: <body>
        S: 250 ok
        C: MAIL FROM:<a@example.org>
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 250 ok
        C: DATA
        S: 354 go on
        C: <body>
        S: 250 ok
        C: QUIT
        S: 221 bye
        S: <close>
        """
    )
    client.connect()
    assert client.connected
    client.send()
    client.send()
    assert client.connected
    client.disconnect()
    assert not client.connected
    client.disconnect()  # without a line there is nothing to do


def test_many_messages_share_one_line_and_one_refusal_stops_none(world: World) -> None:
    client = world.play(
        hello()
        + MAIL
        + DATA
        + """
        S: 250 ok
        C: MAIL FROM:<a@example.org>
        S: 250 ok
        C: RCPT TO:<b@example.net>
        S: 550 5.1.1 nobody here
        C: RSET
        S: 250 ok
        """
        + MAIL
        + DATA
        + TAKEN
    )
    message = b"From: a@example.org\r\nTo: b@example.net\r\n\r\nHello\r\n"
    first, second, third = client.send_many([message] * 3)
    assert first.reply.code == third.reply.code == 250
    assert isinstance(second, RecipientsRefused)
    assert second.outcome is Outcome.NOT_SENT


def test_a_server_without_ehlo_is_greeted_with_helo(world: World) -> None:
    client = world.play(
        """
        S: 220 old.example
        C: EHLO client.example
        S: 500 what?
        C: HELO client.example
        S: 250 old.example
        """
        + MAIL
        + DATA
        + TAKEN
    )
    assert client.send().reply.text == "taken"


def test_without_allow_extensions_only_helo_is_said(world: World) -> None:
    client = world.play(
        """
        S: 220 old.example
        C: HELO client.example
        S: 250-old.example
        S: 250 PIPELINING
        """
        + MAIL
        + DATA
        + TAKEN,
        allow_extensions=False,
    )
    assert client.send().reply.code == 250


@pytest.mark.parametrize("answers", ["S: 421 4.3.2 busy", "S: 550 go away\nC: HELO client.example\nS: 550 go away"])
def test_a_refused_hello_is_an_error(world: World, answers: str) -> None:
    client = world.play(f"S: 220 mx\nC: EHLO client.example\n{answers}")
    error = failure(client)
    assert isinstance(error, GreetingRefused | ServiceClosing)
    assert error.outcome is Outcome.NOT_SENT


@pytest.mark.parametrize("greeting", ["554 no service here", "250 hello", "354 go on", "450 later"])
def test_only_220_is_a_greeting(world: World, greeting: str) -> None:
    error = failure(world.play(f"S: {greeting}"))
    assert isinstance(error, GreetingRefused)
    assert error.reply is not None
    assert str(error.reply) == greeting
    assert error.is_transient == greeting.startswith("4")


def test_a_greeting_may_have_many_lines(world: World) -> None:
    client = world.play("S: 220-mx.example\nS: 220-no spam here\nS: 220 welcome\nC: EHLO client.example\nS: 250 mx")
    client.connect()
    assert client.connected


def test_the_hello_name_is_an_address_literal_where_this_host_has_no_full_name(world: World) -> None:
    client = world.play("S: 220 mx\nC: EHLO [*]\nS: 250 mx")
    client.settings.hello = ""
    client._session.host_name = "laptop"
    client.connect()
    client.settings.hello = "client.example"


def test_terminal_messages_have_verbs_of_their_own(world: World) -> None:
    parts = [
        f"C: {verb} FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.net>\nS: 250 ok\n{DATA}\nS: 250 ok\n"
        for verb in ("SEND", "SOML", "SAML")
    ]
    client = world.play(hello() + "".join(parts))
    client.connect()
    client.send_to_terminal_only()
    client.send_to_terminal_or_email()
    client.send_to_terminal_and_email()


def test_a_terminal_message_that_the_server_does_not_know_is_refused(world: World) -> None:
    client = world.play(hello() + "C: SEND FROM:<a@example.org>\nS: 502 no\nC: RSET\nS: 250 ok")
    client.connect()
    assert isinstance(failure(client, "send_to_terminal_only"), SenderRefused)


def test_properties_that_are_missing_are_found_before_anything_is_said(world: World) -> None:
    client = world.play()
    for name, error in (("mail_server", "[163]"), ("from_", "[164]"), ("send_to", "[165]")):
        kept = getattr(client, name)
        setattr(client, name, "")
        assert str(failure(client)).startswith(error)
        setattr(client, name, kept)
    assert world.heard == b""


def test_a_second_connect_is_refused_and_harms_nothing(world: World) -> None:
    client = world.play(hello())
    client.connect()
    assert isinstance(failure(client, "connect"), AlreadyConnected)
    assert client.connected
