"""Batches in dialogues: messages that have a transaction of their own, and lines that fail in the middle of one."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from postwright import AsyncSMTP, Outcome, SendResult, errors
from tests.support.scripts import DATA, MAIL, hello

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.clients import Client, World

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


def test_where_nothing_can_be_sent_no_line_is_opened(world: World) -> None:
    client = world.play()
    letters = [b"From: a@example.org\n\nnobody\n", b"no header", (LETTER % 0, "a@@b", None), (LETTER % 1, None, ["@"])]
    kinds = [type(result) for result in client.send_many(letters)]
    assert kinds == [
        errors.RecipientMissing,
        errors.InvalidHeader,
        errors.InvalidAddress,
        errors.InvalidAddress,
    ]
    assert client.last_reply == ""


def test_each_that_cannot_be_sent_says_why_and_the_others_go(world: World) -> None:
    client = world.play(hello() + FINE * 3 + LEAVE)
    good = letters(3)
    results = list(client.send_many([b"no header", good[0], b"\n", good[1], b"To: b@example.net\n\n", good[2], b"x"]))
    assert [type(result) for result in results] == [
        errors.InvalidHeader,
        SendResult,
        errors.InvalidHeader,
        SendResult,
        errors.SenderMissing,
        SendResult,
        errors.InvalidHeader,
    ]


def test_each_that_cannot_be_sent_says_why_also_where_no_line_can_be_opened(world: World) -> None:
    client = world.play("S: 554 5.3.2 no service here")
    results = list(client.send_many([letters(1)[0], b"no header"]))
    assert [type(result) for result in results] == [errors.GreetingRefused, errors.InvalidHeader]


NAMES = ("c@example.net", "d@example.net", "e@example.net")


def lists() -> Iterator[tuple[bytes, str, list[str]]]:
    to = [""]
    for to[0] in NAMES:
        yield LETTER % 1, "a@example.org", to


def messages() -> Iterator[EmailMessage]:
    message = EmailMessage()
    message["From"], message["To"] = "a@example.org", ""
    for name in NAMES:
        message.replace_header("To", name)
        message.set_content(f"to {name} alone")
        yield message


def octets() -> Iterator[tuple[bytearray, str, str]]:
    data = bytearray(LETTER % 1)
    for name in NAMES:
        data[-6:-1] = name[:5].encode()
        yield data, "a@example.org", name


@pytest.mark.parametrize("given", [lists, messages, octets])
def test_one_object_that_is_used_for_all_counts_as_it_was_each_time(world: World, given: Any) -> None:
    client = world.play(hello() + "".join(FINE.replace("b@example.net", name) for name in NAMES) + LEAVE)
    results = list(client.send_many(given()))
    assert [result.recipients[0].address for result in results] == list(NAMES)
    if given is messages:
        assert all(b"to %s alone" % name.encode() in world.heard for name in NAMES)
    if given is octets:
        assert all(b"\n%s\r\n" % name[:5].encode() in world.heard for name in NAMES)


def failing(count: int) -> Iterator[bytes]:
    yield from letters(count)
    raise RuntimeError("mine")


async def failing_later(count: int) -> AsyncIterator[bytes]:
    for letter in failing(count):
        yield letter


@pytest.mark.parametrize("later", [False, True])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_where_the_iterable_raises_what_it_gave_before_is_sent(world: World, count: int, later: bool) -> None:
    if later and world.kind != "async":
        pytest.skip("an asynchronous iterable is for AsyncSMTP alone")
    client = world.play(hello() + FINE * count + LEAVE) if count else world.play()
    results, error = until_it_raises(client, (failing_later if later else failing)(count))
    assert [result.message_id for result in results] == [f"<{number}@example.org>" for number in range(count)]
    assert isinstance(error, RuntimeError)
    assert str(error) == "mine"


def until_it_raises(client: Client, given: Any) -> tuple[list[Any], BaseException | None]:
    found: list[Any] = []

    async def gather(results: AsyncIterator[Any]) -> None:
        async for result in results:
            found.append(result)  # noqa: PERF401 - a comprehension would lose them where there is an error

    try:
        if isinstance(client.smtp, AsyncSMTP):
            client._loop.run(gather(client.smtp.send_many(given)))
        else:
            found.extend(client.smtp.send_many(given))
    except Exception as error:
        return found, error
    return found, None


@pytest.mark.parametrize("letter", [(), (LETTER % 1, None, None, None), 7, ("text", None, None), (LETTER % 1, 7)])
def test_what_is_no_letter_is_an_error_and_those_before_it_are_sent(world: World, letter: Any) -> None:
    client = world.play(hello() + FINE + LEAVE)
    results, error = until_it_raises(client, [LETTER % 0, letter])
    assert isinstance(results.pop(0), SendResult)
    assert isinstance(error or results.pop(), TypeError | AttributeError | errors.InvalidValue)
    assert results == []
