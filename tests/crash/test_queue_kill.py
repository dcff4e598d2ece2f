"""kill -9 before every call to the system, then a run that must put all right; and again during that run."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash.queues import PROGRAM, UNMEASURED, Spooler, judge
from tests.crash.sink import Sink
from tests.crash.spooler import message

if TYPE_CHECKING:
    from pathlib import Path

WAYS: dict[str, dict[str, Any]] = {
    "DATA": {},
    "BDAT": {"chunking": True},
    "two connections": {"connections": 2},
    "spare files": {"chunking": True, "spares": True},
}
"""How the messages go out; the small ones overlap in all of them. With spare files, others are queued behind them."""

MESSAGES = [(1, "one", 300), (2, "refuse", 300), (3, "one", 150_000), (4, "one", 300)]
LATER = [(5, "one", 300), (6, "one", 300)]
EXPECTED = {f"<{number}@example.org>": message(number, subject, size) for number, subject, size in MESSAGES + LATER}


def fresh(path: Path) -> Path:
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    return path


def later(job: dict[str, Any]) -> list[tuple[int, str, int]]:
    return LATER if job.get("spares") else []


def one_point(spooler: Spooler, sink: Sink, path: Path, job: dict[str, Any], *kills: int) -> set[str]:
    """Queue and process, being killed at the given calls of the first runs; then judge."""
    sink.forget()
    fresh(path)
    must: set[str] = set()
    for turn, kill in enumerate((*kills, 0)):
        first = {"messages": MESSAGES, "later": later(job)} if turn == 0 else {}
        answer = spooler.do(**job, **first, dir=str(path), port=sink.port, process=True, kill=kill)
        must |= {f"<{number}@example.org>" for number, _ in answer["queued"]}
    judge(path, sink, EXPECTED, must, (job, kills))
    return must


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", WAYS)
def test_killed_before_every_call(
    spooler: Spooler, sink: Sink, tmp_path: Path, way: str, request: pytest.FixtureRequest
) -> None:
    long = request.config.getoption("--long")
    job = WAYS[way]
    path = tmp_path / "queue"
    sink.forget()
    rows = {"messages": MESSAGES, "later": later(job)}
    clean = spooler.do(**job, **rows, dir=str(fresh(path)), port=sink.port, process=True)
    calls = len(clean["calls"])
    spooler.do(dir=str(path), port=sink.port, process=True)
    judge(path, sink, EXPECTED, {f"<{n}@example.org>" for n, *_ in MESSAGES + later(job)}, "a clean run")
    assert sorted(state for _, state, _ in clean["report"]) == ["failed", "sent", "sent", "sent"]
    assert calls > 100
    reached = {len(one_point(spooler, sink, path, job, kill)) for kill in range(1, calls + 1, 1 if long else 4)}
    assert {0, 1, 2, 3, 4, *range(5, 5 + len(later(job)) - 1)} <= reached
    for kill in range(10, calls + 1, 3 if long else 40):
        for again in range(1, 90, 2 if long else 30):
            one_point(spooler, sink, path, job, kill, again)


CALLS = ("fsync", "renameat", "unlinkat", "flock", "pwrite64", "ftruncate", "sendto")


@pytest.mark.timeout(900)
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not there: tests/interop/install.sh has it")
@pytest.mark.parametrize("call", CALLS)
def test_killed_by_the_kernel(
    spooler: Spooler, sink: Sink, tmp_path: Path, call: str, request: pytest.FixtureRequest
) -> None:
    """The same from outside: strace kills the process as it enters the call."""
    step = 1 if request.config.getoption("--long") else 11
    deaths = 0
    for when in range(1, 200, step):
        sink.forget()
        queue = fresh(tmp_path / "queue")
        job = {"dir": str(queue), "port": sink.port, "process": 1, "messages": MESSAGES}
        inject = f"inject={call}:signal=KILL:when={when}"
        command = ["strace", "-qq", "-o", str(tmp_path / "log"), "-e", f"trace={call},access", "-e", inject]
        done = subprocess.run(
            [*command, sys.executable, str(PROGRAM), "--once", json.dumps(job)],
            env=UNMEASURED,
            capture_output=True,
            check=False,
            timeout=60,
        )
        notes = re.findall(r"/note/queued/(\d+)", (tmp_path / "log").read_text())
        spooler.do(dir=str(queue), port=sink.port, process=1)
        judge(queue, sink, EXPECTED, {f"<{number}@example.org>" for number in notes}, (call, when))
        if done.returncode == 0:
            break
        deaths += 1
    assert deaths or call == "ftruncate"  # which is needed only where something is torn
