"""Batches in dialogues: messages that have a transaction of their own, and lines that fail in the middle of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright import Outcome, SendResult, errors
from tests.support.scripts import DATA, MAIL, hello

if TYPE_CHECKING:
    from tests.support.clients import World

FINE = MAIL + DATA + "S: 250 taken\n"
LEAVE = "C: QUIT\nS: 221 bye\nS: <close>\n"
LETTER = b"From: a@example.org\nTo: b@example.net\nMessage-ID: <%d@example.org>\n\nHello\n"


def letters(count: int) -> list[bytes]:
    return [LETTER % number for number in range(count)]


def test_what_was_not_offered_goes_again_over_a_new_line(world: World) -> None:
    client = world.play(hello() + FINE + "C: MAIL FROM:<a@example.org>\nS: <close>\n", hello() + FINE * 2 + LEAVE)
    assert [type(result) for result in client.send_many(letters(3))] == [SendResult] * 3


def test_a_line_on_which_a_message_failed_is_never_used_again(world: World) -> None:
    client = world.play(hello() + MAIL + DATA + "S: 25x what is this\n", hello() + FINE * 2 + LEAVE)
    results = list(client.send_many(letters(3)))
    assert isinstance(results[0], errors.MalformedReply)
    assert results[0].outcome is Outcome.UNKNOWN
    assert [type(result) for result in results[1:]] == [SendResult] * 2


def test_what_was_composed_goes_in_a_batch_as_it_was_then(world: World) -> None:
    client = world.play(hello() + FINE + FINE.replace("b@example.net", "c@example.net") + LEAVE)
    client.send_to, client.message_id = "b@example.net", "1@example.org"
    first = client.compose()
    client.send_to, client.message_id = "c@example.net", "2@example.org"
    results = list(client.send_many([first, client.compose()]))
    assert [result.message_id for result in results] == ["<1@example.org>", "<2@example.org>"]
    assert [result.recipients[0].address for result in results] == ["b@example.net", "c@example.net"]
    assert first.message_id == "<1@example.org>"
    assert first.headers.endswith(b"\r\n\r\n")
    assert [recipient.address.spec for recipient in first.recipients] == ["b@example.net"]


def test_what_was_composed_can_go_to_others(world: World) -> None:
    client = world.play(hello() + FINE.replace("b@example.net", "c@example.net") + "C: QUIT\nS: 221 bye\n")
    client.send_to = "b@example.net"
    result = client.send_message(client.compose(), None, "c@example.net")
    assert result.recipients[0].address == "c@example.net"
