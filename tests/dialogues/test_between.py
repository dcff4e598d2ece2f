"""Between messages: RSET, a line that went stale, a server that leaves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright.errors import ConnectionDropped, RecipientsRefused, ServiceClosing, UnexpectedReply
from postwright.events import ConnectionStatus, Error
from tests.support.clients import failure
from tests.support.scripts import DATA, MAIL, TAKEN, hello

if TYPE_CHECKING:
    from tests.support.clients import World

REFUSED = "C: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.net>\nS: 550 no\n"


def test_a_refusal_is_followed_by_rset_and_the_line_is_kept(world: World) -> None:
    client = world.play(hello() + REFUSED + "C: RSET\nS: 250 ok" + MAIL + DATA + "S: 250 taken")
    client.connect()
    assert isinstance(failure(client), RecipientsRefused)
    assert client.connected
    assert client.send().reply.text == "taken"


@pytest.mark.parametrize(("extensions", "verb"), [(True, "EHLO"), (False, "HELO")])
def test_without_send_rset_a_new_hello_resets(world: World, extensions: bool, verb: str) -> None:
    greeting = f"S: 220 mx\nC: {verb} client.example\nS: 250 mx\n"
    client = world.play(greeting + REFUSED + f"C: {verb} client.example\nS: 250 mx", allow_extensions=extensions)
    client.settings.send_rset = False
    client.connect()
    assert isinstance(failure(client), RecipientsRefused)
    assert client.connected


def test_a_server_that_refuses_rset_is_left(world: World) -> None:
    client = world.play(hello() + REFUSED + "C: RSET\nS: 500 what?")
    client.connect()
    assert isinstance(failure(client), RecipientsRefused)
    assert not client.connected


def test_a_server_that_leaves_at_rset_still_leaves_the_refusal_known(world: World) -> None:
    client = world.play(hello() + REFUSED + "C: RSET\nS: <close>")
    client.connect()
    error = failure(client)
    assert isinstance(error, RecipientsRefused)
    assert not client.connected


@pytest.mark.parametrize("end", ["S: <close>", "S: 421 4.4.2 idle too long\nS: <close>"])
def test_a_line_that_went_stale_is_replaced_once(world: World, end: str) -> None:
    client = world.play(hello() + end, hello() + MAIL + DATA + "S: 250 taken")
    client.settings.process_idle_events = False
    client.connect()
    if world.server is not None:
        assert world.server.idle.wait(2)  # its last words are on their way
    assert client.send().reply.text == "taken"
    assert client.connected
    assert len([peer for peer in world.peers if peer.heard]) == 2


def test_a_line_that_breaks_after_mail_was_said_is_not_replaced(world: World) -> None:
    client = world.play(hello() + "C: MAIL FROM:<a@example.org>\nS: <close>")
    client.connect()
    assert isinstance(failure(client), ConnectionDropped)


def test_a_server_that_spoke_while_idle_is_not_trusted_any_more(world: World) -> None:
    client = world.play(hello() + MAIL + DATA + "S: 250 taken\nS: 250 and again")
    client.settings.process_idle_events = False
    client.connect()
    client.send()
    client.settings.select_wait_millis = 1000
    events = client.listen("on_error")
    client.do_events()
    assert not client.connected
    assert [event.error_code for event in events] == [UnexpectedReply.code]


def test_do_events_notices_a_421(world: World) -> None:
    client = world.play(hello() + "S: 421 bye\nS: <close>")
    events = client.listen("on_error", "on_connection_status")
    client.settings.select_wait_millis = 1000
    client.settings.process_idle_events = False
    client.connect()
    client.do_events()
    assert not client.connected
    assert [e.error_code for e in events if isinstance(e, Error)] == [ServiceClosing.code]
    assert [e.connection_event for e in events if isinstance(e, ConnectionStatus)] == ["Connected", "Disconnected"]


def test_do_events_without_a_line_only_waits(world: World) -> None:
    client = world.play()
    client.do_events()
    assert not client.connected


def test_do_events_leaves_a_quiet_line_alone(world: World) -> None:
    client = world.play(hello() + MAIL + DATA + TAKEN)
    client.connect()
    client.do_events()
    client.send()
    client.disconnect()
