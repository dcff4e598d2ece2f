"""Recipients that are refused: who stops the message, what is known of each, and that no body goes to nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postwright import Outcome
from postwright.errors import RecipientsRefused
from postwright.events import Error
from tests.support.clients import failure
from tests.support.scripts import DATA, TAKEN, hello

if TYPE_CHECKING:
    from tests.support.clients import World

PEOPLE: dict[str, Any] = {"send_to": "t1@x.example, t2@x.example", "cc": "c@x.example", "bcc": "b@x.example"}
ADDRESSES = ("t1@x.example", "t2@x.example", "c@x.example", "b@x.example")
KINDS = {"t1@x.example": "to", "t2@x.example": "to", "c@x.example": "cc", "b@x.example": "bcc"}
CODES = {"yes": "250 2.1.5 ok", "later": "450 4.2.1 later", "never": "550 5.1.1 nobody"}


def asked(address: str, answer: str) -> str:
    return f"C: RCPT TO:<{address}>\nS: {CODES[answer]}\n"


def grouped(answers: dict[str, str], data: str = "") -> str:
    """MAIL and all RCPTs as one group, perhaps with DATA, and the answers to them."""
    said = "".join(f"C: RCPT TO:<{address}>\n" for address in ADDRESSES)
    heard = "".join(f"S: {CODES[answers.get(address, 'yes')]}\n" for address in ADDRESSES)
    return f"\nC: MAIL FROM:<a@example.org>\n{said}{data}S: 250 ok\n{heard}"


@pytest.mark.parametrize("answer", ["later", "never"])
@pytest.mark.parametrize("refused", ADDRESSES)
@pytest.mark.parametrize("stop", [True, False])
def test_one_by_one_a_refusal_stops_where_the_rule_says_so(world: World, refused: str, stop: bool, answer: str) -> None:
    talk = hello() + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n"
    for address in ADDRESSES:
        talk += asked(address, answer if address == refused else "yes")
        if stop and address == refused:
            break
    client = world.play(talk + ("C: RSET\nS: 250 ok\nC: QUIT\nS: 221 bye" if stop else DATA + TAKEN), **PEOPLE)
    setattr(client.settings, f"stop_on_{KINDS[refused]}_errors", stop)
    events = client.listen("on_error")
    if stop:
        error = failure(client)
        assert isinstance(error, RecipientsRefused)
        assert f"<{refused}>: {CODES[answer]}" in str(error)
        assert error.outcome is Outcome.NOT_SENT
        assert error.is_transient == (answer == "later")
        results = error.recipients
        assert all(r.reply is None for r in results[ADDRESSES.index(refused) + 1 :])
    else:
        results = client.send().recipients
        assert [(type(e), e.error_code) for e in events] == [(Error, 161)]
        assert all(r.accepted == (r.address != refused) for r in results)
    found = next(r for r in results if r.address == refused)
    assert not found.accepted
    assert str(found.reply) == CODES[answer]


@pytest.mark.parametrize("answer", ["later", "never"])
@pytest.mark.parametrize("refused", ADDRESSES)
def test_in_a_group_all_are_asked_and_the_body_stays_here_when_a_rule_stops_it(
    world: World, refused: str, answer: str
) -> None:
    stops = KINDS[refused] != "bcc"
    talk = hello("PIPELINING") + grouped({refused: answer})
    client = world.play(talk + ("C: RSET\nS: 250 ok" if stops else DATA + TAKEN), **PEOPLE)
    if stops:
        error = failure(client)
        assert isinstance(error, RecipientsRefused)
        results = error.recipients
        assert world.peers[0].bodies == []
    else:
        results = client.send().recipients
    assert [r.accepted for r in results] == [address != refused for address in ADDRESSES]
    assert all(r.reply is not None for r in results)


def test_with_no_rule_that_stops_data_goes_with_the_group(world: World) -> None:
    client = world.play(
        hello("PIPELINING")
        + grouped({"t1@x.example": "never", "c@x.example": "later"}, data="C: DATA\n")
        + "S: 354 go on\nC: <body>\n"
        + TAKEN,
        **PEOPLE,
    )
    client.settings.stop_on_to_errors = client.settings.stop_on_cc_errors = False
    result = client.send()
    assert [r.address for r in result.refused] == ["t1@x.example", "c@x.example"]
    assert [r.address for r in result.accepted] == ["t2@x.example", "b@x.example"]


@pytest.mark.parametrize("code", ["later", "never"])
@pytest.mark.parametrize("answer", ["354 go on\nC: .\nS: 554 no valid recipients", "503 no recipients"])
def test_a_data_that_was_taken_without_a_recipient_is_ended_by_a_bare_dot(world: World, code: str, answer: str) -> None:
    client = world.play(
        hello("PIPELINING")
        + grouped(dict.fromkeys(ADDRESSES, code), data="C: DATA\n")
        + f"S: {answer}\nC: RSET\nS: 250 ok\nC: QUIT\nS: 221 bye",
        **PEOPLE,
    )
    client.settings.stop_on_to_errors = client.settings.stop_on_cc_errors = False
    error = failure(client)
    assert isinstance(error, RecipientsRefused)
    assert error.outcome is Outcome.NOT_SENT
    assert all(address in str(error) for address in ADDRESSES)
    assert b"Hello" not in world.peers[0].heard


def test_one_by_one_data_is_not_said_when_nobody_is_left(world: World) -> None:
    talk = hello() + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n"
    talk += "".join(asked(address, "never") for address in ADDRESSES) + "C: RSET\nS: 250 ok"
    client = world.play(talk, **PEOPLE)
    client.settings.stop_on_to_errors = client.settings.stop_on_cc_errors = False
    assert isinstance(failure(client), RecipientsRefused)


@pytest.mark.parametrize("code", [250, 251, 252])
def test_a_recipient_is_taken_with_250_251_and_252(world: World, code: int) -> None:
    talk = f"C: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.net>\nS: {code} will do"
    client = world.play(hello() + talk + DATA + TAKEN)
    assert client.send().recipients[0].accepted


def test_the_bcc_recipient_is_in_the_envelope_and_not_in_the_data(world: World) -> None:
    client = world.play(hello("PIPELINING") + grouped({}) + DATA + TAKEN, **PEOPLE)
    client.send()
    assert b"b@x.example" not in world.peers[0].bodies[0]
    assert b"c@x.example" in world.peers[0].bodies[0]


def test_several_refusals_are_all_in_the_result(world: World) -> None:
    answers = {"t1@x.example": "later", "b@x.example": "never"}
    client = world.play(
        hello("PIPELINING") + grouped(answers, data="C: DATA\n") + "S: 354 go\nC: <body>\n" + TAKEN, **PEOPLE
    )
    client.settings.stop_on_to_errors = client.settings.stop_on_cc_errors = False
    codes = {r.address: r.reply.code for r in client.send().refused if r.reply}
    assert codes == {"t1@x.example": 450, "b@x.example": 550}
