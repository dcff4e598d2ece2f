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
