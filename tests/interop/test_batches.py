"""Batches through real servers: overlapped, one result for each message, one bad message never stops the rest."""

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from postwright import SendResult, errors
from tests.interop.both import Client
from tests.interop.servers import MailServer, Postfix, Sink, new_token

Make = Callable[..., Client]


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> MailServer:
    found: MailServer = request.getfixturevalue(request.param)
    return found


def letter(number: int, token: str, sender: str = "alice@example.test", to: str = "x@capture.test") -> bytes:
    text = f"line {number}\r\n.\r\n..two\r\n"
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {number}\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n"
        f"Message-ID: <{number}.{token}@example.test>\r\n\r\n{text}"
    ).encode()


def client_for(make: Make, server: MailServer | Sink, *, chunking: bool) -> Client:
    client = make(mail_server=server.host, mail_port=server.plain, ssl_start_mode=3)
    client.settings.use_chunking = chunking
    return client


@pytest.mark.parametrize("chunking", [True, False])
def test_every_message_arrives_once_and_in_order(client_factory: Make, server: MailServer, chunking: bool) -> None:
    client, tokens = client_for(client_factory, server, chunking=chunking), [new_token() for _ in range(40)]
    results = client.send_many([letter(n, token) for n, token in enumerate(tokens)])
    assert [type(result) for result in results] == [SendResult] * 40
    assert [result.message_id for result in results] == [
        f"<{n}.{token}@example.test>" for n, token in enumerate(tokens)
    ]
    assert len({result.queue_id for result in results}) == 40
    for number in (0, 1, 17, 39):
        assert server.newest_capture(tokens[number]).raw == letter(number, tokens[number])
    assert not client.connected


def mixed(token: str) -> list[tuple[Any, type]]:
    """Messages of all fates, and the type of result that each must have."""
    good = SendResult
    return [
        (letter(0, token), good),
        (letter(1, token, to="reject@example.test"), errors.RecipientsRefused),
        (letter(2, token), good),
        (b"no header at all", errors.InvalidHeader),
        (letter(4, token, to="reject@example.test, x@capture.test"), errors.RecipientsRefused),
        (letter(5, token, sender="nobody@example.test"), errors.MessageRefused),
        (letter(6, token), good),
        (letter(7, token) + b"x" * 70_000, errors.InvalidValue),
        (letter(8, token) + (b"y" * 70 + b"\r\n") * 2000, good),
        (letter(9, token, sender="tempdata@example.test"), errors.MessageRefused),
        ((letter(10, token), "bob@example.test", ["y@capture.test", "x@capture.test"]), good),
        (letter(11, token), good),
    ]


@pytest.mark.parametrize("chunking", [True, False])
def test_one_bad_message_never_stops_the_rest(client_factory: Make, server: MailServer, chunking: bool) -> None:
    client, token = client_for(client_factory, server, chunking=chunking), new_token()
    for _ in range(2):  # the first time the server is new to us, the second time it is known
        rows = mixed(token)
        results = client.send_many([row for row, _ in rows])
        assert [type(result) for result in results] == [kind for _, kind in rows]
        refused = results[1]
        assert [r.accepted for r in refused.recipients] == [False]
        assert [r.accepted for r in results[10].recipients] == [True, True]


@pytest.mark.parametrize("chunking", [True, False])
def test_the_connection_of_the_caller_is_kept(client_factory: Make, postfix: Postfix, chunking: bool) -> None:
    client, token = client_for(client_factory, postfix, chunking=chunking), new_token()
    with client.kept():
        client.connect()
        client.send_many([letter(n, token) for n in range(5)])
        assert client.connected
        assert client.send_message(letter(6, token)).reply.code == 250


def test_tolerated_refusals_are_told(client_factory: Make, postfix: Postfix) -> None:
    client, token = client_for(client_factory, postfix, chunking=True), new_token()
    client.settings.stop_on_to_errors = False
    seen: list[Any] = []
    client.on_error = seen.append
    results = client.send_many([letter(n, token, to="reject@example.test, x@capture.test") for n in range(3)])
    assert [len(result.refused) for result in results] == [1, 1, 1]
    assert len(seen) == 3


def test_a_server_that_is_not_there_gives_every_message_its_error(client_factory: Make) -> None:
    client = client_factory(mail_server="127.0.0.1", mail_port=1, ssl_start_mode=3)
    results = client.send_many([letter(n, "t") for n in range(100)])
    assert [type(result) for result in results] == [errors.NetworkError] * 100


def test_results_come_while_messages_are_taken(sink: Sink) -> None:
    from postwright import SMTP

    taken: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(100_000):
            taken.append(number)
            yield letter(number, "t")

    with SMTP(mail_server=sink.host, mail_port=sink.discard, ssl_start_mode=3) as client:
        client.connect()
        for index, result in enumerate(client.send_many(endless())):
            assert isinstance(result, SendResult)
            if index == 500:
                break
        assert len(taken) < 1000


def test_listeners_get_every_event_in_order(client_factory: Make, postfix: Postfix) -> None:
    client, token = client_for(client_factory, postfix, chunking=True), new_token()
    lines: list[str] = []
    client.on_pi_trail = lambda event: lines.append(event.message)
    client.send_many([letter(n, token) for n in range(3)])
    commands = [line.split(" ")[0] for line in lines if line[:4].isalpha() and line[:4].isupper()]
    assert commands == ["EHLO", *["MAIL", "RCPT", "BDAT"] * 3, "QUIT"]


@pytest.mark.parametrize("chunking", [True, False])
def test_replies_that_come_while_a_task_does_something_else_are_not_lost(postfix: Postfix, chunking: bool) -> None:
    from postwright import AsyncSMTP

    token = new_token()

    async def scenario() -> list[Any]:
        client = AsyncSMTP(mail_server=postfix.host, mail_port=postfix.plain, ssl_start_mode=3)
        client.settings.use_chunking = chunking
        results = []
        async for result in client.send_many(letter(n, token) for n in range(150)):
            results.append(result)
            await asyncio.sleep(0.002)
        return results

    results = asyncio.run(scenario())
    assert [type(result) for result in results] == [SendResult] * 150


@pytest.mark.parametrize("ordered", [True, False])
def test_several_connections_share_the_work(client_factory: Make, server: MailServer, ordered: bool) -> None:
    client, tokens = client_for(client_factory, server, chunking=True), [new_token() for _ in range(60)]
    used: set[str] = set()
    client.on_connection_status = lambda event: used.add(f"{event.connection_event} {event.description[:9]}")
    letters = [letter(n, token) for n, token in enumerate(tokens)]
    letters[7] = b"no header at all"
    results = client.send_many(letters, connections=4, ordered=ordered)
    assert len(results) == 60
    failed = [index for index, result in enumerate(results) if not isinstance(result, SendResult)]
    assert failed == [7] if ordered else len(failed) == 1
    sent = {result.message_id for result in results if isinstance(result, SendResult)}
    assert len(sent) == 59
    if ordered:
        assert results[0].message_id == f"<0.{tokens[0]}@example.test>"
    assert "Connected connected" in used
    assert not client.connected


def test_several_connections_end_when_nobody_wants_more(sink: Sink) -> None:
    import threading

    from postwright import SMTP

    client = SMTP(mail_server=sink.host, mail_port=sink.discard, ssl_start_mode=3)
    results = client.send_many((letter(n, "t") for n in range(100_000)), connections=3)
    for _ in range(10):
        assert isinstance(next(results), SendResult)
    results.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "postwright-batch"]
