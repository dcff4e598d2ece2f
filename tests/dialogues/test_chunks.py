"""BDAT (RFC 3030): the body with counts instead of dots, in one chunk or in many."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest

from postwright import Outcome
from postwright.errors import ConnectionDropped, ExtensionMissing, MessageRefused, NetworkError, RecipientsRefused
from postwright.session.delivery import WRITE
from tests.support.clients import failure
from tests.support.scripts import DATA, TAKEN, hello

if TYPE_CHECKING:
    from tests.support.clients import World

GROUP = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: BDAT * LAST\n"
SINGLE = "C: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.net>\nS: 250 ok\n"
BIG = b"A line of the big message, which has very many of them.\r\n" * (3 * WRITE // 57)


def test_a_small_message_goes_in_one_group_with_its_commands(world: World) -> None:
    client = world.play(
        hello("PIPELINING", "CHUNKING") + GROUP + "S: 250 ok\nS: 250 ok\nS: 250 taken\nC: QUIT\nS: 221 bye"
    )
    result = client.send()
    assert result.reply.text == "taken"
    assert world.peers[0].bodies[0].endswith(b"\r\n\r\nHello\r\n")


def test_dots_are_not_stuffed_in_chunks(world: World) -> None:
    client = world.play(
        hello("PIPELINING", "CHUNKING") + GROUP + "S: 250 ok\nS: 250 ok\nS: 250 taken",
        message_text=".\r\n..dots\r\n",
    )
    client.send()
    assert world.peers[0].bodies[0].endswith(b"\r\n\r\n.\r\n..dots\r\n")


def test_without_pipelining_bdat_waits_for_the_recipients(world: World) -> None:
    client = world.play(hello("CHUNKING") + SINGLE + "C: BDAT * LAST\nS: 250 taken")
    assert client.send().reply.text == "taken"


def test_use_chunking_off_means_data(world: World) -> None:
    client = world.play(hello("CHUNKING") + SINGLE + DATA + TAKEN)
    client.settings.use_chunking = False
    client.send()


@pytest.mark.parametrize("replies", [("250 ok", "550 no", "503 no"), ("550 no", "503 no", "503 no")])
def test_a_group_that_is_refused_is_not_sent(world: World, replies: tuple[str, ...]) -> None:
    said = "".join(f"S: {reply}\n" for reply in replies)
    client = world.play(hello("PIPELINING", "CHUNKING") + GROUP + said + "C: RSET\nS: 250 ok")
    client.connect()
    error = failure(client)
    assert error.outcome is Outcome.NOT_SENT
    assert client.connected
    assert isinstance(error, RecipientsRefused) == (replies[0] == "250 ok")


def test_a_chunk_that_was_taken_with_no_recipient_leaves_the_fate_unknown(world: World) -> None:
    client = world.play(hello("PIPELINING", "CHUNKING") + GROUP + "S: 250 ok\nS: 550 no\nS: 250 taken?")
    error = failure(client)
    assert error.outcome is Outcome.UNKNOWN
    assert not client.connected


@pytest.mark.parametrize("end", ["<close>", "<reset>"])
def test_a_line_that_ends_before_the_last_reply_leaves_the_fate_unknown(world: World, end: str) -> None:
    client = world.play(hello("PIPELINING", "CHUNKING") + GROUP + f"S: 250 ok\nS: 250 ok\nS: {end}")
    error = failure(client)
    assert isinstance(error, ConnectionDropped | NetworkError)
    # A reset drops what was not read yet, so the server may not even have said that it took the recipient.
    assert error.outcome is Outcome.UNKNOWN
    assert client.last_outcome is Outcome.UNKNOWN


def test_a_big_message_goes_in_chunks_and_each_is_answered(world: World) -> None:
    chunk = "C: BDAT *\nS: 250 more\n"
    client = world.play(hello("CHUNKING") + SINGLE + chunk * 3 + "C: BDAT * LAST\nS: 250 taken", message=BIG)
    client.send()
    bodies = world.peers[0].bodies
    assert b"".join(bodies).partition(b"\r\n\r\n")[2] == BIG
    assert all(len(body) <= WRITE for body in bodies)
    counts = [int(line.split()[1]) for line in world.peers[0].lines if line.startswith("BDAT")]
    assert counts == [len(body) for body in bodies]


def test_with_pipelining_chunks_go_ahead_of_their_replies(world: World) -> None:
    group = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nS: 250 ok\nS: 250 ok\n"
    chunks = "C: BDAT *\n" * 3 + "S: 250 more\n" * 3
    client = world.play(hello("PIPELINING", "CHUNKING") + group + chunks + "C: BDAT * LAST\nS: 250 taken", message=BIG)
    assert client.send().reply.text == "taken"


@pytest.mark.parametrize("code", [452, 552, 503])
def test_a_chunk_that_is_refused_midway_ends_the_message(world: World, code: int) -> None:
    client = world.play(
        hello("CHUNKING") + SINGLE + f"C: BDAT *\nS: 250 more\nC: BDAT *\nS: {code} no more\nC: RSET\nS: 250 ok",
        message=BIG,
    )
    client.connect()
    error = failure(client)
    assert isinstance(error, MessageRefused)
    assert error.outcome is Outcome.NOT_SENT
    assert error.reply is not None
    assert error.reply.code == code
    assert client.connected


def test_all_replies_behind_a_refused_chunk_are_read(world: World) -> None:
    group = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nS: 250 ok\nS: 250 ok\n"
    client = world.play(
        hello("PIPELINING", "CHUNKING")
        + group
        + "C: BDAT *\n" * 3
        + "S: 552 too much\nS: 503 after that\nS: 503 and that\nC: RSET\nS: 250 ok",
        message=BIG,
    )
    client.connect()
    assert failure(client).outcome is Outcome.NOT_SENT
    assert client.connected


def test_binarymime_carries_every_octet(world: World) -> None:
    octets = bytes(range(256)) * 4
    client = world.play(
        hello("BINARYMIME", "CHUNKING")
        + "C: MAIL FROM:<a@example.org> BODY=BINARYMIME\nS: 250 ok\nC: RCPT TO:<b@example.net>\nS: 250 ok\n"
        "C: BDAT * LAST\nS: 250 taken"
    )
    client.settings.body_type = "BINARYMIME"
    client.other_headers = (
        "MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
    )
    client.set_message_stream(io.BytesIO(octets))
    client.send()
    assert world.peers[0].bodies[0].partition(b"\r\n\r\n")[2] == octets


@pytest.mark.parametrize("offered", [("BINARYMIME",), ("CHUNKING",), ()])
def test_binarymime_that_is_not_offered_is_an_error_before_mail(world: World, offered: tuple[str, ...]) -> None:
    client = world.play(hello(*offered) + "C: QUIT\nS: 221 bye")
    client.settings.body_type = "BINARYMIME"
    assert isinstance(failure(client), ExtensionMissing)
