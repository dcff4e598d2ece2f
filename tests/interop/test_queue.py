"""The queue against real servers: kept, tried again, held; and many messages over several connections, each once."""

import os
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from postwright import Outcome, errors
from tests.interop.both import Client
from tests.interop.servers import MailServer, Postfix, new_token

Make = Callable[..., Client]


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> MailServer:
    found: MailServer = request.getfixturevalue(request.param)
    return found


def letter(number: int, token: str, to: str = "x@capture.test", sender: str = "alice@example.test") -> bytes:
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {number}\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n"
        f"Message-ID: <{number}.{token}@example.test>\r\n\r\nline {number}\r\n.\r\n..two\r\n"
    ).encode()


def client_for(make: Make, server: MailServer, *, chunking: bool = True, connections: int = 1) -> Client:
    client = make(mail_server=server.host, mail_port=server.plain, ssl_start_mode=3)
    client.settings.use_chunking = chunking
    client.settings.queue_connections = connections
    return client


def process(client: Client, path: Path, **how: Any) -> Any:
    """Return the report, whether or not everything was sent."""
    try:
        return client.process_queue(path, **how)
    except errors.QueueIncomplete as error:
        return error.report


def ends(path: Path) -> Counter[str]:
    return Counter(name.rpartition(".")[2] for name in os.listdir(path))


def captured(server: MailServer, token: str, count: int) -> Counter[int]:
    """Return how often each message was delivered, once there are so many, or no more come."""
    return Counter(each.number for each in server.captures(token, count))


@pytest.mark.timeout(600)
@pytest.mark.parametrize("chunking", [True, False])
def test_each_message_arrives_once_over_several_connections(
    client_factory: Make, server: MailServer, tmp_path: Path, chunking: bool, request: pytest.FixtureRequest
) -> None:
    count = 1000 if request.config.getoption("--long") else 60
    client, token = client_for(client_factory, server, chunking=chunking, connections=4), new_token()
    names = client.queue_many(tmp_path, [letter(number, token) for number in range(count)])
    assert all(isinstance(name, str) for name in names)
    report = client.process_queue(tmp_path)
    assert len(report.sent) == count
    assert len({entry.result.queue_id for entry in report.sent}) == count
    assert os.listdir(tmp_path) == []
    assert captured(server, token, count) == dict.fromkeys(range(count), 1)


def test_kept_messages_say_what_the_server_answered(client_factory: Make, server: MailServer, tmp_path: Path) -> None:
    client, token = client_for(client_factory, server), new_token()
    client.settings.keep_queue = True
    client.queue_many(tmp_path, [letter(number, token) for number in range(3)])
    report = client.process_queue(tmp_path)
    assert ends(tmp_path) == {"sent": 3}
    for entry, path in zip(
        sorted(report.sent, key=lambda entry: str(entry.name)), sorted(tmp_path.iterdir()), strict=True
    ):
        assert f" sent {entry.result.reply}" in path.read_text()
    assert client.process_queue(tmp_path).entries == ()


@pytest.mark.parametrize("chunking", [True, False])
@pytest.mark.parametrize("who", ["temp", "quota"])
def test_what_is_refused_for_now_goes_again(
    client_factory: Make, server: MailServer, tmp_path: Path, who: str, chunking: bool
) -> None:
    client, token = client_for(client_factory, server, chunking=chunking), new_token()
    rows = [letter(0, token), letter(1, token, to=f"{who}@example.test"), letter(2, token)]
    rows += [letter(3, token, sender="tempdata@example.test"), letter(4, token, to="reject@example.test")]
    client.queue_many(tmp_path, rows)
    report = process(client, tmp_path, retry=True)
    assert Counter(entry.state for entry in report.entries) == {"sent": 2, "deferred": 2, "failed": 1}
    assert all(entry.error.reply.is_transient for entry in report.deferred)
    assert ends(tmp_path) == {"queued": 2, "failed": 1}
    assert process(client, tmp_path, retry=True).entries == ()  # not before its time
    for path in tmp_path.glob("*.queued"):  # a person lets them go at once, and they are refused again
        from postwright.spool import care

        care.requeue(str(tmp_path), path.name, time.time())
    assert len(process(client, tmp_path, retry=True).deferred) == 2
    assert len(process(client, tmp_path).entries) == 0
    assert captured(server, token, 2) == {0: 1, 2: 1}


def test_a_server_that_says_421_has_nothing_twice(client_factory: Make, server: MailServer, tmp_path: Path) -> None:
    # Exim goes on behind its 421, so that nobody knows what it took of what was behind it: one at a time there.
    client, token = client_for(client_factory, server, chunking=isinstance(server, Postfix)), new_token()
    rows = [letter(0, token), letter(1, token, to="bye@example.test"), letter(2, token), letter(3, token)]
    client.queue_many(tmp_path, rows)
    report = process(client, tmp_path)
    assert all(entry.outcome is not Outcome.UNKNOWN for entry in report.entries)
    left = ends(tmp_path)
    assert left["queued"] >= 1  # whom the server throws out for
    assert left["sending"] == 0
    for path in tmp_path.glob("*.queued"):
        if b"bye@" in path.read_bytes():
            path.unlink()
    process(client, tmp_path)
    assert captured(server, token, 3) == {0: 1, 2: 1, 3: 1}


def test_reports_are_asked_for_from_the_queue(client_factory: Make, postfix: Postfix, tmp_path: Path) -> None:
    client, token = client_for(client_factory, postfix), new_token()
    client.from_, client.send_to = "bob@example.test", "alice@example.test"
    client.message_recipients[0].options = "NOTIFY=SUCCESS ORCPT=rfc822;alice+original@example.test"
    client.settings.envelope_id = token
    client.settings.dsn_return = "HDRS"
    client.queue(tmp_path)
    other = client_for(client_factory, postfix)  # it knows nothing of the message's wishes
    other.queue_many(tmp_path, [letter(number, token) for number in range(3)])
    assert len(other.process_queue(tmp_path).sent) == 4
    report = postfix.mailbox("bob", token, "Original-Recipient").decode()
    assert f"Original-Envelope-Id: {token}" in report
    assert "Original-Recipient: rfc822;alice+original@example.test" in report
    assert "Action: delivered" in report
