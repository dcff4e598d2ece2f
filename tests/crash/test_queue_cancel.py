"""Tasks that are cancelled at any moment: each file ends under a name that is true, and no descriptor stays open."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from postwright import AsyncSMTP
from tests.crash.queues import files, judge
from tests.crash.sink import Sink
from tests.crash.spooler import message

if TYPE_CHECKING:
    from pathlib import Path

ROWS = [(number, "one", 120_000 if number % 3 == 0 else 300) for number in range(8)]
EXPECTED = {f"<{number}@example.org>": message(number, subject, size) for number, subject, size in ROWS}


def client(port: int) -> AsyncSMTP:
    made = AsyncSMTP(mail_server="127.0.0.1", mail_port=port, ssl_start_mode=3, timeout=10)
    made.settings.hello = "client.example.org"
    return made


async def cancelled(sink: Sink, queue: Path, after: float) -> set[str]:
    """Queue and process, and be cancelled so many seconds later."""
    smtp = client(sink.port)
    await smtp.queue_many(queue, [message(*row) for row in ROWS])
    task = asyncio.create_task(smtp.process_queue(queue))
    await asyncio.sleep(after)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.get_running_loop().shutdown_default_executor()
    return {path.suffix for path in files(queue)}


@pytest.mark.timeout(300)
def test_cancelled_while_it_sends(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    chance = random.Random(3)
    queue = tmp_path / "queue"
    seen: set[str] = set()
    with Sink() as sink:
        for _ in range(400 if request.config.getoption("--long") else 40):
            sink.forget()
            shutil.rmtree(queue, ignore_errors=True)
            queue.mkdir()
            left = asyncio.run(cancelled(sink, queue, chance.uniform(0, 0.05)))
            assert left <= {".queued", ".failed"}
            seen |= left
            with contextlib.suppress(Exception):
                asyncio.run(client(sink.port).process_queue(queue))
            judge(queue, sink, EXPECTED, set(EXPECTED), "cancelled")
    assert ".queued" in seen


async def give_up(queue: Path, after: float) -> bool:
    smtp = AsyncSMTP(from_="a@example.org", send_to="b@example.org")
    smtp.set_message_stream(io.BytesIO(b"line\r\n" * 500_000))
    task = asyncio.create_task(smtp.queue(queue))
    await asyncio.sleep(after)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    await asyncio.get_running_loop().shutdown_default_executor()
    return task.cancelled()


def test_interrupted_while_it_queues_it_says_that_the_message_is_there(tmp_path: Path) -> None:
    """What it does in a thread is done in any case."""
    before = threading.Event()

    async def queue() -> str:
        smtp = AsyncSMTP(from_="a@example.org", send_to="b@example.org", message_text="hello")
        with ThreadPoolExecutor(1) as worker:
            asyncio.get_running_loop().set_default_executor(worker)
            worker.submit(before.wait)
            task = asyncio.create_task(smtp.queue(tmp_path))
            while smtp.idle:
                await asyncio.sleep(0)
            smtp.interrupt()
            await asyncio.sleep(0)
            before.set()
            return await task

    assert [asyncio.run(queue())] == os.listdir(tmp_path)


def test_cancelled_while_it_queues(tmp_path: Path) -> None:
    """Nothing half stays behind: the message is there as a whole, or nothing is."""
    chance = random.Random(5)
    given_up = 0
    for _ in range(15):
        queue = tmp_path / "queue"
        shutil.rmtree(queue, ignore_errors=True)
        queue.mkdir()
        given_up += asyncio.run(give_up(queue, chance.uniform(0, 0.02)))
        assert all(name.endswith(".queued") for name in os.listdir(queue))
    assert given_up
