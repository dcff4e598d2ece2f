"""Whatever fails at whatever octet, the outcome is never false: no SENT that was not, no NOT_SENT that was."""

import asyncio
from typing import Any

import pytest

from postwright import SMTP, AsyncSMTP, Outcome, SMTPError
from postwright.session.delivery import WRITE
from tests.crash.faulty import Fault, Seen, faulty

WAYS = {
    "one by one": (),
    "pipelined": ("PIPELINING", "SIZE"),
    "chunked": ("CHUNKING", "8BITMIME"),
    "chunked and pipelined": ("PIPELINING", "CHUNKING"),
}


def values(port: int) -> dict[str, Any]:
    return {
        "mail_server": "127.0.0.1",
        "mail_port": port,
        "ssl_start_mode": 3,
        "from_": "a@example.org",
        "send_to": "b@example.org",
        "message_date": "Tue, 24 Nov 2026 04:00:00 +0000",
        "message_id": "<same@example.org>",
        "message_text": "one\n.two\n",
        "timeout": 1,
    }


def send_sync(port: int, body: bytes = b"") -> Outcome:
    client = SMTP(**values(port), message=body)
    client.settings.hello = "me.example"
    try:
        client.send()
    except SMTPError as error:
        assert not client.connected
        return error.outcome
    return Outcome.SENT


def send_async(port: int, body: bytes = b"") -> Outcome:
    async def run() -> Outcome:
        client = AsyncSMTP(**values(port), message=body)
        client.settings.hello = "me.example"
        try:
            await client.send()
        except SMTPError as error:
            assert not client.connected
            return error.outcome
        return Outcome.SENT

    return asyncio.run(run())


def judge(fault: Fault, seen: Seen, outcome: Outcome) -> None:
    if outcome is Outcome.SENT:
        assert seen.accepted, f"false SENT at {fault}"
    elif outcome is Outcome.NOT_SENT:
        assert not seen.whole, f"false NOT_SENT at {fault}"
    else:
        assert not seen.accepted or fault.side == "sent", f"UNKNOWN although it was told, at {fault}"


@pytest.mark.parametrize("send", [send_sync, send_async])
@pytest.mark.parametrize("way", WAYS)
def test_no_outcome_is_false(way: str, send: Any, request: pytest.FixtureRequest) -> None:
    """Every octet in the long form, in both directions; every few octets in the quick one."""
    step = 1 if request.config.getoption("--long", default=False) else 5
    with faulty(None, WAYS[way]) as (port, clean):
        assert send(port) is Outcome.SENT
    outcomes = set()
    cells = [
        Fault(side, after, kind)
        for side, total in (("sent", clean.sent), ("received", len(clean.received)))
        for kind in ("close", "reset")
        for after in range(0 if side == "sent" else 1, total, step)
    ]
    for fault in cells:
        with faulty(fault, WAYS[way]) as (port, seen):
            outcome = send(port)
            outcomes.add(outcome)
        judge(fault, seen, outcome)
    assert len(cells) >= 100
    assert outcomes == set(Outcome)


LARGE = b".one of many lines\r\n" * (7 * WRITE // 2 // 20)
"""A body of three writes and a half."""


@pytest.mark.parametrize("send", [send_sync, send_async])
@pytest.mark.parametrize("way", [way for way in WAYS if way != "pipelined"])
def test_no_outcome_of_a_large_message_is_false(way: str, send: Any, request: pytest.FixtureRequest) -> None:
    """The line fails in and between the writes of a body, at its end, and among the replies to its chunks."""
    with faulty(None, WAYS[way]) as (port, clean):
        assert send(port, LARGE) is Outcome.SENT
    total = len(clean.received)
    long = request.config.getoption("--long", default=False)
    heard = {*range(0, total, WRITE // (8 if long else 2)), *range(total - (60 if long else 12), total)}
    said = range(1, clean.sent, 1 if long else 11)
    outcomes = set()
    for kind in ("close", "reset"):
        for side, places in (("received", sorted(heard)), ("sent", said)):
            for after in places:
                fault = Fault(side, after, kind)
                with faulty(fault, WAYS[way]) as (port, seen):
                    outcome = send(port, LARGE)
                    outcomes.add(outcome)
                judge(fault, seen, outcome)
    assert outcomes >= {Outcome.NOT_SENT, Outcome.UNKNOWN}


@pytest.mark.parametrize("kind", ["stall", "garbage"])
@pytest.mark.parametrize("way", WAYS)
def test_silence_and_garbage_are_told_too(way: str, kind: str, request: pytest.FixtureRequest) -> None:
    with faulty(None, WAYS[way]) as (port, clean):
        assert send_sync(port) is Outcome.SENT
    step = 1 if request.config.getoption("--long", default=False) else 60
    for after in range(3, clean.sent, step):
        fault = Fault("sent", after, kind)
        with faulty(fault, WAYS[way]) as (port, seen):
            client = SMTP(**values(port))
            client.settings.final_reply_timeout = 1
            try:
                client.send()
                outcome = Outcome.SENT
            except SMTPError as error:
                outcome = error.outcome
        judge(fault, seen, outcome)
