"""Eight processors and four queuers on one directory, some of them killed at any moment: each message goes out once."""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash.queues import Spooler, judge
from tests.crash.sink import Sink
from tests.crash.spooler import message

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def spooler() -> Iterator[Spooler]:
    with Spooler() as made:
        yield made


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


class Crowd:
    """Rounds of processes on one directory."""

    def __init__(self, spooler: Spooler, sink: Sink, queue: Path, **job: Any) -> None:
        self._spooler = spooler
        self._sink = sink
        self._job = {"dir": str(queue), "port": sink.port, **job}
        self._chance = random.Random(7)
        self._next = 0
        self.expected: dict[str, bytes] = {}
        self.must: set[str] = set()

    def round(self, count: int, *, deadly: bool) -> None:
        """Let four queue so many messages each, and eight process, and some die."""
        jobs: list[dict[str, Any]] = []
        for _ in range(4):
            rows = [(self._next + n, "one", self._chance.choice([100, 3000, 120_000])) for n in range(count)]
            self._next += count
            self.expected.update({f"<{row[0]}@example.org>": message(*row) for row in rows})
            jobs.append({**self._job, "messages": rows})
        jobs += [{**self._job, "process": 4} for _ in range(8)]
        if deadly:
            for job in jobs:
                job["kill"] = self._chance.choice([0, self._chance.randrange(20, 800)])
        for answer in self._spooler.do_all(jobs):
            self.must |= {f"<{number}@example.org>" for number, *_ in answer["queued"]}

    def finish(self) -> None:
        self._spooler.do_all([{**self._job, "process": 1} for _ in range(8)])
        self._spooler.do(**{**self._job, "process": 1})


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("deadly", [False, True], ids=["peaceful", "deadly"])
def test_each_message_goes_out_once(
    spooler: Spooler, sink: Sink, tmp_path: Path, deadly: bool, request: pytest.FixtureRequest
) -> None:
    rounds = 250 if request.config.getoption("--long") else 5
    sink.forget()
    crowd = Crowd(spooler, sink, tmp_path)
    for _ in range(rounds):
        crowd.round(12, deadly=deadly)
    crowd.finish()
    judge(tmp_path, sink, crowd.expected, crowd.must, "the end")
    left = len(list(tmp_path.iterdir()))
    assert len(crowd.must) > rounds * 12 if deadly else crowd.must == set(crowd.expected)
    assert left == 0 or deadly
    assert left <= rounds * 8  # each death leaves at most one that nobody knows of
    print(f"{len(sink.taken)} sent, {left} held")


def without_locks(spooler: Spooler, sink: Sink, queue: Path) -> None:
    sink.forget()
    shutil.rmtree(queue, ignore_errors=True)
    queue.mkdir()
    crowd = Crowd(spooler, sink, queue, no_lock=True)
    crowd.round(6, deadly=False)
    crowd.finish()
    judge(queue, sink, crowd.expected, crowd.must, "the end")


def many_times(spooler: Spooler, sink: Sink, queue: Path) -> None:
    for _ in range(60):
        without_locks(spooler, sink, queue)


def test_the_lock_is_needed(spooler: Spooler, sink: Sink, tmp_path: Path) -> None:
    """Without it two processes send the same message, or tread on one another."""
    with pytest.raises(AssertionError, match=r"times|lost|stuck|held|told"):
        many_times(spooler, sink, tmp_path / "queue")
