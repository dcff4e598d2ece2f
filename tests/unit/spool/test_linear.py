"""What a file of a queue costs does not depend on how many there are."""

from __future__ import annotations

import fcntl
import os
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP
from postwright.enums import Outcome
from postwright.spool import care, spares
from postwright.spool.claim import Verdict
from postwright.spool.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

CALLS = ("open", "close", "stat", "fstat", "pread", "write", "rename", "unlink", "scandir", "fsync", "ftruncate")


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count the calls to the system."""
    counts: Counter[str] = Counter()

    def counted(function: Callable[..., Any], name: str) -> Callable[..., Any]:
        def call(*args: Any, **keywords: Any) -> Any:
            counts[name] += 1
            return function(*args, **keywords)

        return call

    for name in CALLS:
        monkeypatch.setattr(os, name, counted(getattr(os, name), name))
    monkeypatch.setattr(fcntl, "flock", counted(fcntl.flock, "flock"))
    return counts


def run_over(path: Path) -> int:
    """Take everything out of a queue as a run does, in groups, and say how many there were."""
    run = Run(str(path), keep=False, clock=lambda: 1_772_532_000.0)
    run.begin()
    count = 0
    while run.left:
        taken, bad = run.take(20)
        assert not bad
        run.commit([taking.claim for taking in taken], "mail.example.org:25")
        for taking in taken:
            run.judge(taking.claim, Verdict("sent", Outcome.SENT))
        assert run.settle() is None
        count += len(taken)
    run.close()
    return count


def each(path: Path, count: int, calls: Counter[str], work: Callable[[Path], int]) -> dict[str, float]:
    """Return the calls for each of so many files."""
    path.mkdir()
    SMTP().queue_many(path, [b"From: a@example.org\nTo: b@example.org\n\nx\n"] * count)
    calls.clear()
    assert work(path) == count
    return {name: round(number / count, 1) for name, number in calls.items()}


@pytest.mark.parametrize("work", [run_over, lambda path: len(list(care.rows(str(path))))], ids=["a run", "a list"])
def test_each_file_costs_the_same(
    tmp_path: Path, calls: Counter[str], work: Callable[[Path], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spares, "FEW", 0)  # the first files would be deleted, and the others kept
    few, many = (each(tmp_path / str(count), count, calls, work) for count in (100, 2000))
    assert {name for name, number in many.items() if number > few[name]} == set()
    assert sum(many.values()) <= 20


def test_a_new_file_costs_no_more_than_it_must(tmp_path: Path, calls: Counter[str]) -> None:
    client = SMTP(from_="a@example.org", send_to="b@example.org", message_text="x")
    client.queue("*")
    calls.clear()
    client.queue(tmp_path)
    # The directory and the file are opened, synced and closed; fstat shows whether the lock came in time. One rename
    # looks for a spare file.
    assert calls == {"open": 2, "flock": 1, "fstat": 1, "write": 1, "fsync": 2, "rename": 2, "close": 2}
    calls.clear()
    client.queue_many(tmp_path, [client.compose() for _ in range(100)])
    guesses = calls.pop("rename") - 100
    assert guesses <= 17 + 100 // 8
    assert calls == {"open": 101, "flock": 100, "fstat": 100, "write": 100, "fsync": 101, "close": 101}
