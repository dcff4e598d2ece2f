"""What became of the mail, at every reply that a server can leave out, cut or turn into a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright import Outcome
from postwright.errors import (
    ConnectionDropped,
    InactivityTimeout,
    MessageRefused,
    NetworkError,
    ServiceClosing,
    UnexpectedReply,
)
from tests.support.clients import failure
from tests.support.scripts import DATA, MAIL, hello

if TYPE_CHECKING:
    from postwright.errors import (
        SMTPError,
    )
    from tests.support.clients import World

ONE_BY_ONE = (hello() + MAIL + DATA + "S: 250 taken\nC: QUIT\nS: 221 bye").strip().splitlines()
GROUP = (
    hello("PIPELINING") + "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: DATA\n"
    "S: 250 ok\nS: 250 ok\nS: 354 go\nC: <body>\nS: 250 taken\nC: QUIT\nS: 221 bye"
).splitlines()[1:]


def replies(lines: list[str]) -> list[int]:
    """The indices of the lines with which the server's replies begin."""
    return [
        i
        for i, line in enumerate(lines)
        if line.strip().startswith("S: ") and not (i and lines[i - 1].strip().startswith("S: 250-"))
    ]


def cut(lines: list[str], at: int, instead: str) -> str:
    """The dialogue up to one reply of the server, and what happens in its place."""
    return "\n".join([*lines[:at], instead])


def expected(lines: list[str], at: int, error: SMTPError) -> None:
    """The mail's fate is unknown only where the end of the body was written and not answered."""
    behind = any("<body>" in line for line in lines[:at])
    assert error.outcome is (Outcome.UNKNOWN if behind else Outcome.NOT_SENT)
    assert ("deliver it twice" in str(error)) == behind


CASES = [
    pytest.param(lines, at, id=f"{name}-{lines[at].strip().removeprefix('S: ').replace(' ', '-')}-{at}")
    for name, lines in (("single", ONE_BY_ONE), ("group", GROUP))
    for at in replies(lines)[:-1]
]


@pytest.mark.parametrize(("lines", "at"), CASES)
@pytest.mark.parametrize("end", ["<close>", "<reset>"])
def test_a_line_that_ends_instead_of_a_reply(world: World, lines: list[str], at: int, end: str) -> None:
    error = failure(world.play(cut(lines, at, f"S: {end}")))
    assert isinstance(error, ConnectionDropped | NetworkError)
    assert isinstance(error, ConnectionError)
    assert error.is_transient
    expected(lines, at, error)


@pytest.mark.parametrize(("lines", "at"), CASES)
def test_a_421_instead_of_a_reply_closes_the_line(world: World, lines: list[str], at: int) -> None:
    client = world.play(cut(lines, at, "S: 421 4.3.2 shutting down\nS: <close>"))
    error = failure(client)
    assert isinstance(error, ServiceClosing)
    assert error.reply is not None
    assert error.reply.enhanced == "4.3.2"
    assert error.is_transient
    assert error.outcome is Outcome.NOT_SENT  # also at the end of the body: 421 is a reply, and it is a refusal
    assert not client.connected


@pytest.mark.parametrize(("lines", "at"), CASES)
def test_half_a_reply_is_none(world: World, lines: list[str], at: int) -> None:
    error = failure(world.play(cut(lines, at, 'S: <raw b"250 2.0.0 Ok: queu">\nS: <close>')))
    assert isinstance(error, ConnectionDropped)
    expected(lines, at, error)


@pytest.mark.parametrize("code", [451, 452, 552, 554])
def test_a_refused_body_is_not_sent_and_the_line_stays_good(world: World, code: int) -> None:
    client = world.play(hello() + MAIL + DATA + f"S: {code} 5.7.1 no\nC: RSET\nS: 250 ok")
    client.connect()
    error = failure(client)
    assert client.connected
    assert isinstance(error, MessageRefused)
    assert error.outcome is Outcome.NOT_SENT
    assert error.reply is not None
    assert error.reply.code == code
    assert error.is_transient == (code < 500)
    assert client.last_outcome is Outcome.NOT_SENT
    assert [r.accepted for r in error.recipients] == [True]


@pytest.mark.parametrize("reply", ["354 go on", "220 hello", "334 what"])
def test_an_answer_to_something_else_after_the_body_leaves_the_fate_unknown(world: World, reply: str) -> None:
    client = world.play(hello() + MAIL + DATA + f"S: {reply}")
    error = failure(client)
    assert isinstance(error, UnexpectedReply)
    assert error.outcome is Outcome.UNKNOWN
    assert not client.connected


def test_a_reply_after_the_body_that_fits_no_grammar_leaves_the_fate_unknown(world: World) -> None:
    error = failure(world.play(hello() + MAIL + DATA + "S: 2500 ok"))
    assert error.outcome is Outcome.UNKNOWN


def test_silence_after_the_body_leaves_the_fate_unknown(world: World) -> None:
    client = world.play(hello() + MAIL + DATA + "S: <silence>")
    client.settings.final_reply_timeout = 1
    error = failure(client)
    assert isinstance(error, InactivityTimeout)
    assert isinstance(error, TimeoutError)
    assert error.outcome is Outcome.UNKNOWN
    assert client.last_outcome is Outcome.UNKNOWN
    assert not client.connected


@pytest.mark.parametrize("end", ["S: 500 what?", "S: <close>", "S: <reset>", "S: 221-bye\nS: <close>", "S: 421 off"])
def test_nothing_that_goes_wrong_with_quit_turns_success_into_failure(world: World, end: str) -> None:
    client = world.play(hello() + MAIL + DATA + f"S: 250 taken\nC: QUIT\n{end}")
    assert client.send().reply.text == "taken"
    assert client.last_outcome is Outcome.SENT
    assert not client.connected


@pytest.mark.parametrize("end", ["C: QUIT\nS: <silence>", "S: 250 twice"])
def test_a_server_that_loses_its_thread_after_success_changes_nothing(
    world: World, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postwright.session.asking.FAREWELL", 0.05)
    client = world.play(hello() + MAIL + DATA + f"S: 250 taken\n{end}")
    assert client.send().reply.text == "taken"


def test_a_refused_mail_says_who_was_refused(world: World) -> None:
    client = world.play(hello() + "C: MAIL FROM:<a@example.org>\nS: 553 5.1.8 not you\nC: RSET\nS: 250 ok")
    client.connect()
    error = failure(client)
    assert str(error).startswith("[161] The server refused the sender: <a@example.org>: 553 5.1.8 not you")
    assert error.recipients[0].reply is None
    assert client.connected


def test_in_a_group_a_refused_mail_says_nothing_about_recipients(world: World) -> None:
    client = world.play(
        hello("PIPELINING") + "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: DATA\n"
        "S: 550 no\nS: 503 MAIL first\nS: 503 RCPT first\nC: RSET\nS: 250 ok"
    )
    client.connect()
    error = failure(client)
    assert error.recipients[0].reply is None
    assert client.connected


@pytest.mark.parametrize("code", [250, 200, 451, 503, 554])
def test_only_354_lets_the_body_go(world: World, code: int) -> None:
    client = world.play(hello() + MAIL + f"C: DATA\nS: {code} hm" + ("\nC: RSET\nS: 250 ok" if code >= 400 else ""))
    client.connect()
    error = failure(client)
    assert isinstance(error, MessageRefused if code >= 400 else UnexpectedReply)
    assert error.outcome is Outcome.NOT_SENT
    assert b"Hello" not in world.peers[0].heard
    assert client.connected == (code >= 400)
