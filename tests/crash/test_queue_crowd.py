"""Eight processors and four queuers on one directory, some of them killed at any moment: each message goes out once."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from tests.crash.crowd import Crowd
from tests.crash.queues import Spooler, files, judge
from tests.crash.sink import Sink

if TYPE_CHECKING:
    from pathlib import Path


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
    left = len(files(tmp_path))
    assert len(crowd.must) > rounds * 12 if deadly else crowd.must == set(crowd.expected)
    assert left == 0 or deadly
    assert left < len(crowd.expected) // 3  # a death leaves at most what was in flight
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
