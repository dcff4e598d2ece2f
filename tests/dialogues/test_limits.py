"""What one connection and one transaction may carry: LIMITS (RFC 9422), 452 for too many recipients, our own setting."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from postwright import Outcome, SendResult
from postwright.errors import ConnectionDropped, ExtensionMissing, MessageRefused, RecipientsRefused
from postwright.events import Error
from tests.support.clients import failure
from tests.support.scripts import hello

if TYPE_CHECKING:
    from tests.support.clients import Client, World

PEOPLE = ("b1@x.example", "b2@x.example", "b3@y.example", "b4@y.example", "b5@z.example")
FULL = "452 4.5.3 too many recipients"


def transaction(*pairs: tuple[int, str], final: str = "250 2.0.0 queued as AAAAA1") -> str:
    """MAIL, RCPTs with their answers, DATA and its end."""
    rcpts = "".join(f"C: RCPT TO:<{PEOPLE[index]}>\nS: {answer}\n" for index, answer in pairs)
    return f"\nC: MAIL FROM:<a@example.org>\nS: 250 ok\n{rcpts}C: DATA\nS: 354 go on\nC: <body>\nS: {final}\n"


def crowd(world: World, *transcripts: str) -> Client:
    client = world.play(*transcripts, send_to="", bcc=", ".join(PEOPLE))
    client.settings.allow_empty_to = True
    return client


QUIT = "C: QUIT\nS: 221 bye\nS: <close>\n"
OK = "250 2.1.5 ok"


def test_recipients_without_room_follow_in_further_transactions(world: World) -> None:
    talk = transaction((0, OK), (1, OK), (2, FULL), (3, FULL), (4, FULL), final="250 2.0.0 queued as AAAAA1")
    talk += transaction((2, OK), (3, "550 5.1.1 nobody"), (4, FULL), final="250 2.0.0 queued as AAAAA2")
    talk += transaction((4, OK), final="250 2.0.0 queued as AAAAA3")
    client = crowd(world, hello() + talk + QUIT)
    events = client.listen("on_error")
    result = client.send()
    assert [r.accepted for r in result.recipients] == [True, True, True, False, True]
    assert [r.address for r in result.recipients] == list(PEOPLE)
    assert result.queue_id == "AAAAA3"
    assert [reply.queue_id for reply in result.earlier] == ["AAAAA1", "AAAAA2"]
    assert [event.description for event in events if isinstance(event, Error)] == ["<b4@y.example>: 550 5.1.1 nobody"]
    bodies = world.peers[0].bodies
    assert len(bodies) == 3
    assert len(set(bodies)) == 1


@pytest.mark.parametrize("reply", ["552 5.5.3 too many recipients", "452 Too many recipients"])
def test_the_other_words_for_too_many_recipients(world: World, reply: str) -> None:
    talk = transaction((0, OK), (1, OK), (2, OK), (3, OK), (4, reply)) + transaction((4, OK))
    assert len(crowd(world, hello() + talk + QUIT).send().accepted) == 5


def test_a_full_mailbox_is_no_lack_of_room(world: World) -> None:
    talk = transaction((0, OK), (1, OK), (2, OK), (3, OK), (4, "452 4.2.2 mailbox full"))
    assert len(crowd(world, hello() + talk + QUIT).send().refused) == 1


def test_a_recipient_who_may_stop_the_message_is_not_put_off(world: World) -> None:
    talk = "C: MAIL FROM:<a@example.org>\nS: 250 ok\n"
    talk += f"C: RCPT TO:<{PEOPLE[0]}>\nS: 250 ok\nC: RCPT TO:<{PEOPLE[1]}>\nS: {FULL}\nC: RSET\nS: 250 ok\n{QUIT}"
    client = world.play(hello() + talk, send_to=", ".join(PEOPLE[:2]))
    error = failure(client)
    assert isinstance(error, RecipientsRefused)
    assert error.outcome is Outcome.NOT_SENT
    assert "StopOnToErrors=False" in str(error)


def test_no_room_even_for_the_first_of_the_rest_ends_it(world: World) -> None:
    talk = transaction((0, OK), (1, OK), (2, OK), (3, OK), (4, FULL))
    talk += f"C: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<{PEOPLE[4]}>\nS: {FULL}\nC: RSET\nS: 250 ok\n"
    result = crowd(world, hello() + talk + QUIT).send()
    assert [r.address for r in result.refused] == [PEOPLE[4]]
    assert str(result.refused[0].reply) == FULL


@pytest.mark.parametrize(
    ("final", "kind", "outcome"),
    [
        ("554 5.7.1 not this one", MessageRefused, Outcome.SENT),
        ("<close>", ConnectionDropped, Outcome.UNKNOWN),
    ],
)
def test_a_further_transaction_that_fails_does_not_hide_the_first(
    world: World, final: str, kind: type, outcome: Outcome
) -> None:
    talk = transaction((0, OK), (1, OK), (2, OK), (3, OK), (4, FULL)) + transaction((4, OK), final=final)
    end = "C: RSET\nS: 250 ok\n" + QUIT if final.startswith("554") else ""
    error = failure(crowd(world, hello() + talk + end))
    assert type(error) is kind
    assert error.outcome is outcome
    assert [r.accepted for r in error.recipients] == [True] * 5


def test_a_stream_that_can_be_read_once_leaves_the_rest_refused(world: World) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    talk = transaction((0, OK), (1, OK), (2, OK), (3, OK), (4, FULL))
    client = crowd(world, hello() + talk + QUIT)
    client.set_message_stream(Pipe(b"Hello\r\n"))
    result = client.send()
    assert [r.address for r in result.refused] == [PEOPLE[4]]


def test_rcptmax_is_respected_before_anything_is_asked(world: World) -> None:
    talk = transaction((0, OK), (1, OK)) + transaction((2, OK), (3, OK)) + transaction((4, OK))
    result = crowd(world, hello("LIMITS MAILMAX=9 RCPTMAX=2 WHATEVER=7") + talk + QUIT).send()
    assert len(result.accepted) == 5
    assert len(result.earlier) == 2


def test_rcptmax_and_a_recipient_who_may_stop_the_message(world: World) -> None:
    client = world.play(hello("LIMITS RCPTMAX=2") + QUIT, send_to=", ".join(PEOPLE[:3]))
    error = failure(client)
    assert isinstance(error, ExtensionMissing)
    assert "RCPTMAX" in str(error) or "2 recipients" in str(error)
    assert [r.reply for r in error.recipients] == []


def test_rcptdomainmax_takes_a_connection_for_each_domain(world: World) -> None:
    start = hello("LIMITS RCPTDOMAINMAX=1")
    client = crowd(
        world,
        start + transaction((0, OK), (1, OK)) + QUIT,
        start + transaction((2, OK), (3, OK)) + QUIT,
        start + transaction((4, OK)) + QUIT,
    )
    assert len(client.send().accepted) == 5


def test_recipients_of_a_further_transaction_that_are_all_refused_are_no_error(world: World) -> None:
    talk = transaction((0, OK), (1, OK), (2, OK), (3, OK))
    talk += f"C: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<{PEOPLE[4]}>\nS: 550 no\nC: RSET\nS: 250 ok\n"
    result = crowd(world, hello("LIMITS RCPTMAX=4") + talk + QUIT).send()
    assert [r.address for r in result.refused] == [PEOPLE[4]]
    assert result.earlier == ()


MAIL = "\nC: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.net>\nS: 250 ok\n"
WHOLE = MAIL + "C: DATA\nS: 354 go on\nC: <body>\nS: 250 2.0.0 taken\n"


@pytest.mark.parametrize("offer", ["LIMITS MAILMAX=2", "DSN"])
def test_a_connection_that_carried_what_it_may_is_replaced(world: World, offer: str) -> None:
    client = world.play(hello(offer) + WHOLE + WHOLE + QUIT, hello(offer) + WHOLE)
    if offer == "DSN":
        client.settings.max_messages_per_connection = 2
    client.connect()
    for _ in range(3):
        assert client.send().reply.text == "taken"
    assert client.connected


@pytest.mark.parametrize(
    "offer", ["LIMITS MAILMAX=0", "LIMITS MAILMAX=no", "LIMITS", "LIMITS MAILMAX=1000000 RCPTMAX="]
)
def test_limits_that_are_none_are_ignored(world: World, offer: str) -> None:
    client = world.play(hello(offer) + WHOLE + WHOLE + WHOLE)
    client.connect()
    for _ in range(3):
        client.send()


LETTER = b"From: a@example.org\r\nTo: b@example.net\r\nMessage-ID: <%d@example.org>\r\n\r\nHello\r\n"


def test_a_batch_takes_a_new_connection_where_the_old_one_is_used_up(world: World) -> None:
    start, commands = hello("PIPELINING", "CHUNKING", "LIMITS MAILMAX=2"), ""
    message = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: BDAT 78 LAST\nC: RSET\n"
    answers = "S: 250 ok\nS: 250 ok\nS: 250 2.0.0 taken\nS: 250 reset\n"
    commands = start + message * 2 + answers * 2 + QUIT
    client = world.play(commands, commands, start + message + answers + QUIT)
    results = list(client.send_many([LETTER % number for number in range(5)]))
    assert [type(result) for result in results] == [SendResult] * 5
    assert [result.message_id for result in results] == [f"<{number}@example.org>" for number in range(5)]


def test_a_batch_sends_to_the_rest_in_a_further_transaction(world: World) -> None:
    first = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: RCPT TO:<c@example.net>\nC: BDAT 78 LAST\nC: RSET\n"
    answers = f"S: 250 ok\nS: 250 ok\nS: {FULL}\nS: 250 2.0.0 queued as AAAAA1\nS: 250 reset\n"
    rest = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<c@example.net>\nC: BDAT 78 LAST\n"
    rest += "S: 250 ok\nS: 250 ok\nS: 250 2.0.0 queued as AAAAA2\n"
    client = world.play(hello("PIPELINING", "CHUNKING") + first + answers + rest + QUIT)
    client.settings.stop_on_to_errors = False
    (result,) = client.send_many([(LETTER % 1, None, ["b@example.net", "c@example.net"])])
    assert [r.accepted for r in result.recipients] == [True, True]
    assert (result.queue_id, [reply.queue_id for reply in result.earlier]) == ("AAAAA2", ["AAAAA1"])


def test_a_batch_looks_before_it_begins_on_a_line_that_was_open(world: World) -> None:
    bye = "S: 421 4.4.2 idle too long\nS: <close>"
    message = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: BDAT 78 LAST\nC: RSET\n"
    answers = "S: 250 ok\nS: 250 ok\nS: 250 2.0.0 taken\nS: 250 reset\n"
    start = hello("PIPELINING", "CHUNKING")
    client = world.play(start + bye, start + message * 3 + answers * 3)
    client.settings.process_idle_events = False
    client.connect()
    if world.server is not None:
        assert world.server.idle.wait(2)
    results = list(client.send_many([LETTER % number for number in range(3)]))
    assert [type(result) for result in results] == [SendResult] * 3


ENDS = {
    "MAIL": "S: 421 4.7.0 too many errors\nS: <close>",
    "RCPT": "S: 250 ok\nS: 421 no\nS: <close>",
    "BDAT": "S: 250 ok\nS: 550 nobody\nS: 421 too many errors\nS: <close>",
    "cut": "S: 250 ok\nS: 550 nobody\nS: <close>",
}


@pytest.mark.parametrize("place", ENDS)
def test_without_a_recipient_nobody_has_a_body_that_went_with_the_group(world: World, place: str) -> None:
    group = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: BDAT 78 LAST\n"
    client = world.play(hello("PIPELINING", "CHUNKING") + group + ENDS[place])
    assert failure(client, "send_message", LETTER % 1).outcome is Outcome.NOT_SENT


def test_a_421_behind_an_accepted_recipient_leaves_it_unknown(world: World) -> None:
    group = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: BDAT 78 LAST\n"
    client = world.play(hello("PIPELINING", "CHUNKING") + group + "S: 250 ok\nS: 250 ok\nS: <close>")
    assert failure(client, "send_message", LETTER % 1).outcome is Outcome.UNKNOWN


def test_a_421_to_rcpt_in_a_batch_lets_the_message_go_again(world: World) -> None:
    start = hello("PIPELINING", "CHUNKING")
    message = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: BDAT 78 LAST\nC: RSET\n"
    good = "S: 250 ok\nS: 250 ok\nS: 250 2.0.0 taken\nS: 250 reset\n"
    client = world.play(start + message + "S: 250 ok\nS: 421 4.7.0 bye\nS: <close>", start + message + good + QUIT)
    (result,) = client.send_many([LETTER % 1])
    assert isinstance(result, SendResult)
