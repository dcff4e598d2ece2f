"""Servers that answer what is no reply, too much, too little, or what nobody asked for."""

from __future__ import annotations

import io
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest

from postwright import Outcome, SendResult
from postwright.enums import Direction
from postwright.errors import (
    CommunicationError,
    InactivityTimeout,
    MalformedReply,
    MessageRefused,
    ReplyTooLong,
    ServiceClosing,
    UnexpectedReply,
)
from postwright.session import ways
from tests.support.clients import failure
from tests.support.scripts import hello

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.clients import Client, World
    from tests.support.server import Wire

MALFORMED = {
    "two digits": b"25 ok\r\n",
    "one digit": b"2\r\n",
    "four digits": b"2500 ok\r\n",
    "no digits": b"ok\r\n",
    "arabic digits": "٢٥٠ ok\r\n".encode(),
    "fullwidth digits": "２５０ ok\r\n".encode(),
    "a class that is none": b"650 ok\r\n",
    "a preliminary code": b"150 wait\r\n",
    "a second digit that is none": b"290 ok\r\n",
    "a blank in front": b" 250 ok\r\n",
    "a sign": b"+250 ok\r\n",
    "no blank behind the code": b"250_ok\r\n",
    "codes that differ": b"250-one\r\n251 two\r\n",
    "codes of different classes": b"250-one\r\n550 two\r\n",
    "a line without a code inside": b"250-one\r\ntwo\r\n250 three\r\n",
    "a NUL": b"250 o\0k\r\n",
    "a bare CR": b"250 one\rtwo\r\n",
    "an empty line": b"\r\n",
    "only a line feed": b"\n",
}


def attack_at(step: str, said: bytes) -> Callable[[Wire], None]:
    """Speak well up to a step, then say this and listen."""

    def attack(wire: Wire) -> None:
        for name, expected, answer in (
            ("greeting", "", "220 hostile.example"),
            ("hello", "EHLO ", "250 hostile.example"),
            ("mail", "MAIL ", "250 ok"),
            ("rcpt", "RCPT ", "250 ok"),
            ("data", "DATA", "354 go"),
        ):
            if expected:
                wire.expect(expected)
            if name == step:
                wire.send(said)
                wire.until_gone()
                return
            wire.say(answer)
        wire.body()
        wire.send(said)
        wire.until_gone()

    return attack


@pytest.mark.parametrize("step", ["greeting", "hello", "rcpt", "end"])
@pytest.mark.parametrize("said", MALFORMED.values(), ids=MALFORMED.keys())
def test_what_is_no_reply_ends_the_line(world: World, said: bytes, step: str) -> None:
    client = world.attack(attack_at(step, said))
    error = failure(client)
    assert isinstance(error, MalformedReply)
    assert error.outcome is (Outcome.UNKNOWN if step == "end" else Outcome.NOT_SENT)
    assert not client.connected


def refused(raw: str) -> str:
    """A dialogue in which the recipient is refused with these bytes."""
    talk = f'C: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.net>\nS: <raw b"{raw}">\n'
    return hello() + talk + "C: RSET\nS: 250 ok"


def test_octets_that_are_no_text_are_taken_and_never_a_unicode_error(world: World) -> None:
    client = world.play(refused(r"550 \xff\xfe\x80 caf\xe9\r\n"))
    error = failure(client)
    assert "\\xff\\xfe\\x80 caf\\xe9" in str(error)
    str(error).encode()


def test_escape_sequences_do_not_reach_the_trail_or_an_error(world: World) -> None:
    client = world.play(refused(r"550 \x1b[2J\x1b]0;owned\x07 \xc2\x9b1m\r\n"))
    events = client.listen("on_pi_trail")
    error = failure(client)
    shown = str(error) + "".join(event.message for event in events)
    assert not any(c in shown for c in "\x1b\x07\x9b")
    assert "\\x1b[2J" in shown
    assert any(event.direction is Direction.SERVER and "owned" in event.message for event in events)


def measured(client: Client, method: str = "send") -> tuple[Exception, int]:
    """Return the error that a method ends with, and the most memory that it took."""
    tracemalloc.start()
    try:
        error = failure(client, method)
        return error, tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def warmed(client: Client) -> Client:
    """Load what is loaded once, so that it does not count."""
    client.settings.hello = "warm"
    client.do_events()
    client.smtp.compose()
    return client


def flood(wire: Wire, piece: bytes) -> None:
    while True:
        wire.send(piece)


@pytest.mark.parametrize("step", ["greeting", "hello"])
def test_a_line_without_an_end_is_cut_off(world: World, step: str) -> None:
    def attack(wire: Wire) -> None:
        if step == "hello":
            wire.say("220 hostile.example")
            wire.expect("EHLO ")
        flood(wire, b"2" * 65536)

    error, most = measured(warmed(world.attack(attack)))
    assert isinstance(error, ReplyTooLong)
    assert most < 1024 * 1024


@pytest.mark.parametrize("line", [b"250-x\r\n", b"250-\r\n", b"250-" + b"y" * 1000 + b"\r\n"])
def test_a_reply_without_an_end_is_cut_off(world: World, line: bytes) -> None:
    def attack(wire: Wire) -> None:
        wire.say("220 hostile.example")
        wire.expect("EHLO ")
        flood(wire, line * 64)

    error, most = measured(warmed(world.attack(attack)))
    assert isinstance(error, ReplyTooLong)
    assert most < 1024 * 1024


def long_greeting(wire: Wire) -> None:
    wire.send(b"220 " + b"x" * 3000 + b"\r\n")
    wire.until_gone()


def test_a_line_may_be_as_long_as_the_setting_says(world: World) -> None:
    client = world.attack(attack_at("hello", b"250 " + b"x" * 3000 + b"\r\n"))
    assert isinstance(failure(client, "connect"), ReplyTooLong)
    world.enemy = None
    client = world.attack(long_greeting)
    client.settings.max_line_length = 4000
    client.settings.reply_timeout = 1
    assert isinstance(failure(client, "connect"), InactivityTimeout)  # the greeting was taken


def test_a_flood_while_we_send_is_cut_off(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.shrink()
        wire.to_body()
        flood(wire, b"250-more\r\n" * 1000)

    client = warmed(world.attack(attack))
    client.set_message_stream(io.BytesIO(b"A line of a message that is long.\r\n" * 500000))
    client.settings.out_buffer_size = 4096
    client.settings.transfer_text_limit = 0
    error, most = measured(client)
    assert isinstance(error, CommunicationError | MessageRefused)
    assert error.outcome is Outcome.NOT_SENT
    assert most < 5 * 1024 * 1024  # a write of one, and what was said meanwhile, which passes from hand to hand


def test_a_reply_that_trickles_in_for_ever_runs_out_of_time(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.say("220 hostile.example")
        wire.expect("EHLO ")
        while True:
            wire.send(b"2")
            wire.delay(0.1)

    client = world.attack(attack)
    client.settings.reply_timeout = 1
    started = time.monotonic()
    error = failure(client)
    assert isinstance(error, InactivityTimeout)
    assert "complete" in str(error)
    assert 0.9 < time.monotonic() - started < 10  # of 300


LETTER = b"From: a@example.org\r\nTo: b@example.net\r\n\r\nHello\r\n"


PIPELINING, CHUNKING = ("PIPELINING",), ("PIPELINING", "CHUNKING")


@pytest.mark.parametrize(
    ("offered", "proven", "asked"),
    [
        ((), None, True),
        (PIPELINING, None, True),
        (PIPELINING, True, True),
        (PIPELINING, False, False),
        (CHUNKING, None, True),
    ],
)
def test_in_a_batch_too(world: World, offered: tuple[str, ...], proven: bool | None, asked: bool) -> None:
    def attack(wire: Wire) -> None:
        wire.hello(*offered)
        if asked:
            wire.line()
        while True:
            wire.send(b"2")
            wire.delay(0.1)

    client = world.attack(attack)
    client.settings.reply_timeout = 1
    if proven is not None:
        ways.overlap[client.mail_server, client.mail_port] = proven
    started = time.monotonic()
    results = list(client.send_many([LETTER, LETTER]))
    assert 0.9 < time.monotonic() - started < 10  # of 300
    assert all(isinstance(result, InactivityTimeout | UnexpectedReply | SendResult) for result in results)
    assert isinstance(results[1], SendResult) or results[1].outcome is Outcome.UNKNOWN or not asked


@pytest.mark.parametrize("said", ["250 early", "220 again", "354 go", "550 no"])
def test_a_reply_that_nobody_asked_for_ends_the_line(world: World, said: str) -> None:
    def attack(wire: Wire) -> None:
        wire.say("220 hostile.example", said)
        wire.until_gone()

    client = world.attack(attack)
    error = failure(client)
    assert isinstance(error, UnexpectedReply)
    assert error.outcome is Outcome.NOT_SENT
    assert world.wire.heard == b""


@pytest.mark.parametrize("said", ["250 ok", "250 2.1.5 ok"])
def test_an_answer_too_many_is_never_paired_with_the_next_command(world: World, said: str) -> None:
    def attack(wire: Wire) -> None:
        wire.hello()
        wire.expect("MAIL ")
        wire.say("250 ok", said)
        wire.until_gone()

    error = failure(world.attack(attack))
    assert isinstance(error, UnexpectedReply)
    assert b"RCPT" not in world.wire.heard


def test_answers_ahead_of_a_group_do_not_make_a_false_success(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.hello("PIPELINING")
        wire.expect("MAIL ")
        wire.say("250 ok", "250 ok", "250 ok", "250 taken")
        wire.until_gone()

    error = failure(world.attack(attack))
    assert isinstance(error, UnexpectedReply)
    assert error.outcome is Outcome.NOT_SENT


def test_a_late_reply_is_never_read_because_the_line_is_closed(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.hello()
        wire.expect("MAIL ")
        wire.delay(1.2)
        wire.say("250 late")
        wire.until_gone()

    client = world.attack(attack, timeout=1)
    client.connect()
    assert isinstance(failure(client), InactivityTimeout)
    assert not client.connected
    client.timeout = 5
    assert client.send().reply.enhanced == "2.0.0"  # of the next line


BIG = b"A line of a message that is long.\r\n" * 100000


@pytest.mark.parametrize("end", ["stays", "closes", "resets"])
def test_a_refusal_in_the_middle_of_the_body_is_heard(world: World, end: str) -> None:
    def attack(wire: Wire) -> None:
        wire.to_body()
        wire.receive()
        wire.say("552 5.3.4 too big")
        if end == "stays":
            wire.until_gone()
        elif end == "resets":
            wire.delay(0.05)
            wire.reset()

    client = world.attack(attack, message=BIG)
    client.settings.out_buffer_size = 65536
    error = failure(client)
    assert error.outcome is Outcome.NOT_SENT
    assert not client.connected
    assert "552 5.3.4 too big" in str(error)
    assert error.reply is not None
    assert not error.is_transient


def test_a_421_in_the_middle_of_the_body_is_transient(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.to_body()
        wire.receive()
        wire.say("421 4.3.2 off")
        wire.until_gone()

    error = failure(world.attack(attack, message=BIG))
    assert isinstance(error, ServiceClosing)
    assert error.outcome is Outcome.NOT_SENT
    assert error.is_transient


def test_a_server_that_only_listens_after_the_body_is_not_believed(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.to_body()
        wire.body()
        wire.half_close()
        wire.until_gone()

    error = failure(world.attack(attack))
    assert error.outcome is Outcome.UNKNOWN


def test_a_thousand_recipients_do_not_deadlock_with_a_server_that_answers_each_at_once(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.shrink()
        wire.hello("PIPELINING")
        for _ in range(1001):
            wire.line()
            wire.say("250 " + "y" * 300)
        wire.expect("DATA")
        wire.say("354 go")
        wire.body()
        wire.say("250 taken")
        wire.quit()

    people = ", ".join(f"somebody-with-a-long-name-{i}@a-long-name.example.net" for i in range(1000))
    client = world.attack(attack, send_to="", bcc=people)
    client.settings.allow_empty_to = True
    client.settings.stop_on_bcc_errors = True
    client.settings.in_buffer_size = client.settings.out_buffer_size = 16384
    assert len(client.send().accepted) == 1000
