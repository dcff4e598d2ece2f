"""What the server offers decides what may be said; what the message needs and it lacks is an error before MAIL."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from postwright import Outcome
from postwright.errors import ExtensionMissing, MessageRefused
from postwright.wire.dots import unstuff
from tests.support.clients import failure
from tests.support.scripts import DATA, TAKEN, hello

if TYPE_CHECKING:
    from tests.support.clients import World

RCPT = "C: RCPT TO:<b@example.net>\nS: 250 ok\n"
NOTHING = "C: QUIT\nS: 221 bye"


def test_pipelining_sends_mail_rcpt_and_data_as_one_group(world: World) -> None:
    client = world.play(
        hello("PIPELINING") + "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: DATA\n"
        "S: 250 ok\nS: 250 ok\nS: 354 go\nC: <body>\n" + TAKEN
    )
    assert client.send().reply.text == "taken"


def test_use_pipelining_off_means_one_by_one(world: World) -> None:
    client = world.play(hello("PIPELINING") + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n" + RCPT + DATA + TAKEN)
    client.settings.use_pipelining = False
    client.send()


def test_a_thousand_recipients_go_in_one_group(world: World) -> None:
    people = [f"p{i}@example.net" for i in range(1000)]
    said = "".join(f"C: RCPT TO:<{one}>\n" for one in people)
    client = world.play(
        hello("PIPELINING") + f"C: MAIL FROM:<a@example.org>\n{said}" + "S: 250 ok\n" * 1001 + DATA + TAKEN,
        bcc=", ".join(people[1:]),
        send_to=people[0],
    )
    assert len(client.send().accepted) == 1000


def test_size_is_declared(world: World) -> None:
    client = world.play(hello("SIZE 100000") + "C: MAIL FROM:<a@example.org> SIZE=*\nS: 250 ok\n" + RCPT + DATA + TAKEN)
    client.send()
    declared = int(world.peers[0].lines[1].rpartition("=")[2])
    assert declared == len(unstuff(world.peers[0].bodies[0]))


@pytest.mark.parametrize("limit", ["SIZE", "SIZE 0", "SIZE many"])
def test_a_size_without_a_limit_limits_nothing(world: World, limit: str) -> None:
    client = world.play(hello(limit) + "C: MAIL FROM:<a@example.org> SIZE=*\nS: 250 ok\n" + RCPT + DATA + TAKEN)
    client.send()


def test_a_message_that_is_too_large_is_refused_before_mail(world: World) -> None:
    client = world.play(hello("SIZE 10") + NOTHING)
    error = failure(client)
    assert isinstance(error, MessageRefused)
    assert "at most 10" in str(error)
    assert error.outcome is Outcome.NOT_SENT


def test_eight_bit_octets_need_8bitmime(world: World) -> None:
    client = world.play(
        hello("8BITMIME") + "C: MAIL FROM:<a@example.org> BODY=8BITMIME\nS: 250 ok\n" + RCPT + DATA + TAKEN,
        message=b"caf\xe9\r\n",
    )
    client.send()
    assert b"caf\xe9\r\n" in world.peers[0].bodies[0]


def test_eight_bit_octets_of_the_users_own_are_refused_without_8bitmime(world: World) -> None:
    error = failure(world.play(hello() + NOTHING, message=b"caf\xe9\r\n"))
    assert isinstance(error, ExtensionMissing)
    assert "8BITMIME" in str(error)


def test_text_that_we_compose_is_encoded_so_that_every_server_can_take_it(world: World) -> None:
    client = world.play(
        hello() + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n" + RCPT + DATA + TAKEN, message_text="café\r\n"
    )
    client.send()
    assert world.peers[0].bodies[0].isascii()


class OneWay(io.BytesIO):
    """A stream that can be read only once."""

    def seekable(self) -> bool:
        return False


@pytest.mark.parametrize("kind", [io.BytesIO, OneWay])
def test_a_stream_whose_octets_the_server_cannot_take_is_not_sent(world: World, kind: type[io.BytesIO]) -> None:
    # One that can seek is looked through before MAIL; of another the octets show when they should go out.
    talk = NOTHING if kind is io.BytesIO else "C: MAIL FROM:<a@example.org>\nS: 250 ok\n" + RCPT + "C: DATA\nS: 354 go"
    client = world.play(hello() + talk)
    client.set_message_stream(kind(b"caf\xe9\r\n"))
    error = failure(client)
    assert isinstance(error, ExtensionMissing)
    assert error.outcome is Outcome.NOT_SENT
    assert b"\xe9" not in world.peers[0].heard


UTF8: dict[str, Any] = {"send_to": "jürgen@example.net"}


def test_a_local_part_outside_ascii_needs_smtputf8(world: World) -> None:
    client = world.play(
        hello("8BITMIME", "SMTPUTF8") + "C: MAIL FROM:<a@example.org> SMTPUTF8 BODY=8BITMIME\nS: 250 ok\n"
        "C: RCPT TO:<jürgen@example.net>\nS: 250 ok\n" + DATA + TAKEN,
        **UTF8,
    )
    assert client.send().accepted[0].address == "jürgen@example.net"


def test_without_smtputf8_such_an_address_is_an_error_before_mail(world: World) -> None:
    error = failure(world.play(hello("8BITMIME") + NOTHING, **UTF8))
    assert isinstance(error, ExtensionMissing)
    assert "SMTPUTF8" in str(error)


def test_smtputf8_can_be_switched_off(world: World) -> None:
    client = world.play(hello("8BITMIME", "SMTPUTF8") + NOTHING, **UTF8)
    client.settings.use_smtputf8 = False
    error = failure(client)
    assert "UseSMTPUTF8 is off" in str(error)


def test_smtputf8_is_not_asked_for_without_need(world: World) -> None:
    client = world.play(
        hello("8BITMIME", "SMTPUTF8") + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n"
        "C: RCPT TO:<b@xn--mnchen-3ya.example>\nS: 250 ok\n" + DATA + TAKEN,
        send_to="b@münchen.example",
        subject="Grüße",
    )
    client.send()
    assert b"<b@xn--mnchen-3ya.example>" in world.heard
    assert b"To: b@xn--mnchen-3ya.example\r\n" in world.heard


def test_dsn_parameters_stand_where_rfc_3461_has_them(world: World) -> None:
    client = world.play(
        hello("DSN") + "C: MAIL FROM:<a@example.org> RET=HDRS ENVID=a+2Bb+3Dc\nS: 250 ok\n"
        "C: RCPT TO:<b@example.net> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;b@example.net\nS: 250 ok\n" + DATA + TAKEN
    )
    client.settings.dsn_return = "HDRS"
    client.settings.envelope_id = "a+b=c"
    client.message_recipients[0].options = "NOTIFY SUCCESS,FAILURE ORCPT rfc822;b@example.net"
    client.send()


@pytest.mark.parametrize("wish", ["dsn_return", "envelope_id", "notify"])
def test_dsn_that_is_asked_for_and_not_offered_is_an_error_before_mail(world: World, wish: str) -> None:
    client = world.play(hello() + NOTHING)
    if wish == "notify":
        client.message_recipients[0].options = "NOTIFY=NEVER"
    else:
        setattr(client.settings, wish, "FULL")
    error = failure(client)
    assert isinstance(error, ExtensionMissing)
    assert "DSN" in str(error)


def test_extensions_are_forgotten_with_their_line(world: World) -> None:
    client = world.play(
        hello("SIZE 10") + NOTHING + "\nS: <close>",
        hello() + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n" + RCPT + DATA + TAKEN,
    )
    assert isinstance(failure(client), MessageRefused)
    client.send()
