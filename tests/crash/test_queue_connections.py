"""A run over several connections, with both clients: shared out, told once, ended as one."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP, AsyncSMTP
from postwright.errors import Interrupted, QueueIncomplete
from postwright.events import ConnectionStatus
from tests.crash.moody import MoodySink
from tests.crash.queues import judge
from tests.crash.sink import Sink
from tests.crash.spooler import message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.sink import Octets

    Process = Callable[..., Any]

ROWS = [(number, "one", 100_000 if number % 10 == 9 else 300) for number in range(60)]
EXPECTED = {f"<{number}@example.org>": message(number, subject, size) for number, subject, size in ROWS}


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture(params=[SMTP, AsyncSMTP])
def process(request: pytest.FixtureRequest, sink: Sink) -> Process:
    """Call it with a directory, and attributes of the client; it runs over three connections."""

    def call(path: Path, rate: float = 0.0, **values: Any) -> Any:
        how = {name: values.pop(name) for name in ("stop", "progress") if name in values}
        values = {"mail_server": "127.0.0.1", "mail_port": sink.port, "ssl_start_mode": 3, "timeout": 10} | values
        client = request.param(**values)
        client.settings.hello = "client.example.org"
        client.settings.queue_connections = 3
        client.settings.max_message_rate = rate
        call.client = client  # type: ignore[attr-defined]
        answer = client.process_queue(path, **how)
        return asyncio.run(answer) if asyncio.iscoroutine(answer) else answer

    return call


def fill(path: Path) -> list[str]:
    names = SMTP().queue_many(path, [message(*row) for row in ROWS])
    return [name for name in names if isinstance(name, str)]


def connected(seen: list[ConnectionStatus]) -> int:
    return sum(event.connection_event == "Connected" for event in seen)


def test_all_connections_share_the_work(process: Process, sink: Sink, tmp_path: Path) -> None:
    names, seen, told = fill(tmp_path), [], []  # type: ignore[var-annotated]
    report = process(tmp_path, on_connection_status=seen.append, progress=lambda entry, left: told.append(entry))
    judge(tmp_path, sink, EXPECTED, set(EXPECTED), "the end")
    assert sorted(entry.name for entry in report.sent) == sorted(names)
    assert sorted(entry.name for entry in told) == sorted(names)
    assert connected(seen) == 3
    assert os.listdir(tmp_path) == []
    assert "postwright-queue" not in {thread.name for thread in threading.enumerate()}


def test_connections_that_the_server_refuses_leave_their_share_to_the_others(tmp_path: Path) -> None:
    names, told = fill(tmp_path), []  # type: ignore[var-annotated]
    with MoodySink(most=1) as sink:
        client = SMTP(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3, timeout=10)
        client.settings.hello = "client.example.org"
        client.settings.queue_connections = 4
        client.on_error = told.append
        client.connect()  # the one that the server grants
        report = client.process_queue(tmp_path)
        client.disconnect()
        judge(tmp_path, sink, EXPECTED, set(EXPECTED), "the end")
    assert sorted(entry.name for entry in report.sent) == sorted(names)
    assert (report.left, report.stopped) == (0, None)
    assert 1 <= len(told) <= 3
    assert all("421" in event.description for event in told)


def test_no_more_connections_than_messages(process: Process, sink: Sink, tmp_path: Path) -> None:
    SMTP().queue_many(tmp_path, [message(1), message(2)])
    seen: list[ConnectionStatus] = []
    process(tmp_path, on_connection_status=seen.append)
    assert connected(seen) <= 2
    assert len(sink.taken) == 2


def test_the_rate_is_that_of_all_connections(process: Process, sink: Sink, tmp_path: Path) -> None:
    SMTP().queue_many(tmp_path, [message(number) for number in range(6)])
    start = time.monotonic()
    process(tmp_path, rate=20)
    assert time.monotonic() - start > 0.24
    assert len(sink.taken) == 6


def test_a_handler_s_own_error_ends_all_of_them(process: Process, sink: Sink, tmp_path: Path) -> None:

    def raise_in_a_helper(event: ConnectionStatus) -> None:
        if event.connection_event == "Connected":
            count.append(event)
            if len(count) == 2:
                raise RuntimeError("mine")

    count: list[ConnectionStatus] = []
    names = fill(tmp_path)
    with pytest.raises(RuntimeError, match="mine"):
        process(tmp_path, on_connection_status=raise_in_a_helper)
    process.client._drop()  # type: ignore[attr-defined]
    assert set(os.listdir(tmp_path)) <= set(names)
    process(tmp_path)
    judge(tmp_path, sink, EXPECTED, set(EXPECTED), "the end")


def test_asked_to_stop_it_finishes_what_is_in_flight(process: Process, sink: Sink, tmp_path: Path) -> None:
    fill(tmp_path)
    leaving = threading.Event()
    report = process(tmp_path, stop=leaving.is_set, progress=lambda entry, left: leaving.set())
    assert 0 < len(report.sent) < 60
    assert len(report.entries) + report.left == 60
    assert {name.rpartition(".")[2] for name in os.listdir(tmp_path)} == {"queued"}
    assert len(sink.taken) == len(report.sent)


def test_interrupted_all_connections_end(process: Process, sink: Sink, tmp_path: Path) -> None:
    fill(tmp_path)
    done: list[Any] = []

    def interrupt(entry: Any, _: int) -> None:
        done.append(entry)
        if len(done) == 1:
            process.client.interrupt()  # type: ignore[attr-defined]

    start = time.monotonic()
    with pytest.raises(QueueIncomplete) as caught:
        process(tmp_path, progress=interrupt)
    report = caught.value.report
    assert isinstance(report.stopped, Interrupted)
    assert time.monotonic() - start < 10
    kinds = Counter(name.rpartition(".")[2] for name in os.listdir(tmp_path))
    assert kinds.keys() <= {"queued", "failed"}
    assert kinds["queued"] == report.left > 0
    assert kinds["failed"] == len(report.failed)
    assert len(report.entries) + report.left == 60
    process(tmp_path)
    judge(tmp_path, sink, EXPECTED, set(EXPECTED), "the end")


def test_interrupted_before_the_others_have_begun_nobody_opens_a_line(
    process: Process, sink: Sink, tmp_path: Path
) -> None:
    fill(tmp_path)
    (tmp_path / "5-broken.sending").touch(0o600)
    seen: list[ConnectionStatus] = []

    def interrupt(entry: Any, _: int) -> None:
        assert entry.name == "5-broken.sending"
        process.client.interrupt()  # type: ignore[attr-defined]

    with pytest.raises(QueueIncomplete) as caught:
        process(tmp_path, progress=interrupt, on_connection_status=seen.append)
    report = caught.value.report
    assert isinstance(report.stopped, Interrupted)
    assert (len(report.entries), report.left) == (1, 60)
    assert not connected(seen)
    assert not sink.taken


class Stalled(Sink):
    """Two connections: the second hears nothing more from MAIL on, and the first is told then to go; none is let in again."""

    def __init__(self) -> None:
        super().__init__()
        self._numbers = iter(range(100))
        self._silent = threading.Event()

    def _converse(self, octets: Octets) -> None:
        number = next(self._numbers)
        if number > 1:
            octets.say("421 not again")
            return
        octets.say("220 stalled.example")
        for words in octets.lines():
            if words[0] != "MAIL":
                octets.say("250 fine")
            elif number == 0:
                self._silent.wait(10)
                octets.say("421 go")
                return
            else:
                self._silent.set()
                octets.until(b"never said")


@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
def test_interrupted_while_it_waits_for_the_others_it_ends_them(kind: type[Any], tmp_path: Path) -> None:
    names = fill(tmp_path)
    waiting = threading.Event()
    with Stalled() as sink:
        client = kind(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3, timeout=30)
        client.settings.queue_connections = 2
        client.on_error = lambda _: waiting.set()

        async def run() -> None:
            for answer in (client.connect(), client.process_queue(tmp_path)):
                if asyncio.iscoroutine(answer):
                    await answer

        thread = threading.Thread(target=lambda: waiting.wait(10) and client.interrupt())
        thread.start()
        start = time.monotonic()
        with pytest.raises(QueueIncomplete) as caught:
            asyncio.run(run())
        thread.join()
    assert time.monotonic() - start < 10
    assert (caught.value.report.entries, caught.value.report.left) == ((), 60)
    assert sorted(os.listdir(tmp_path)) == sorted(names)


def test_a_server_that_is_not_there_leaves_all_in_the_queue(process: Process, tmp_path: Path) -> None:
    names = fill(tmp_path)
    with pytest.raises(QueueIncomplete) as caught:
        process(tmp_path, mail_server="127.0.0.1", mail_port=1)
    assert caught.value.report.left == 60
    assert caught.value.report.entries == ()
    assert sorted(os.listdir(tmp_path)) == sorted(names)
