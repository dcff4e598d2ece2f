"""What the tests of the queue share: the process that works for them, and the rules by which it is judged."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from postwright.errors import QueueFileInvalid
from postwright.spool.record import read_head, read_log
from postwright.spool.spares import SPARE
from tests.crash import spooler

if TYPE_CHECKING:
    from tests.crash.sink import Sink

ROOT = Path(__file__).parents[2]
PROGRAM = Path(spooler.__file__)
ENVIRONMENT = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
UNMEASURED = {name: value for name, value in ENVIRONMENT.items() if not name.startswith("COVERAGE_")}
"""For what is disturbed from outside, where the coverage's own files would suffer too."""


class Spooler:
    """The process that does the jobs."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, str(PROGRAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(60)
        self._process.stdout.close()

    def do(self, **job: Any) -> dict[str, Any]:
        """Do one job and return what came out of it."""
        return self.do_all([job])[0]

    def do_all(self, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Do jobs at the same time."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(jobs) + "\n")
        self._process.stdin.flush()
        answers: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        assert all(answer["status"] in {0, 9} for answer in answers), answers
        return answers


def files(directory: Path) -> list[Path]:
    """Return the files of a queue, without spare ones."""
    return [path for path in directory.iterdir() if path.suffix != SPARE]


def state(path: Path) -> tuple[str, str]:
    """Return the Message-ID in a queue file and how it ended: an outcome, "open" behind a marker, "waits", or ""."""
    data = path.read_bytes()
    try:
        head = read_head(data)
    except QueueFileInvalid as error:
        raise AssertionError(f"damaged: {path.name}: {error}") from error
    assert head is not None, f"damaged: {path.name}"
    log = read_log(data[head.end :])
    word = "open" if log.committed else log.outcome
    return head.letter.message_id, "waits" if path.suffix == ".queued" and log.not_before else word


def judge(directory: Path, sink: Sink, expected: dict[str, bytes], must: set[str], where: object) -> None:
    """Nothing is lost, torn, sent twice or stuck.

    Args:
        directory: The queue, when all is done.
        sink: The server.
        expected: The octets of all messages that may be there, by Message-ID.
        must: The Message-IDs that were queued: of these none may be missing.
        where: What to say about a failure.
    """
    held: dict[str, str] = {}
    for path in files(directory):
        name, outcome = state(path)
        end = {".failed": {"unknown", "open", "not_sent"}, ".sent": {"sent", "open"}, ".queued": {"waits"}}.get(
            path.suffix, set()
        )
        assert outcome in end, f"stuck at {where}: {path.name}: {outcome}"
        assert name not in held, f"twice in the queue at {where}"
        held[name] = outcome
    for name, times in sink.taken.items():
        assert name in expected, f"{name} came from nowhere at {where}"
        assert times == 1, f"{name} sent {times} times at {where}"
        assert sink.octets[name] == {expected[name]}, f"{name} torn at {where}"
        assert held.get(name) in {None, "unknown", "open", "sent"}, f"{name} sent and held as {held[name]} at {where}"
    for name in must:
        assert name in sink.taken or name in held, f"{name} lost at {where}"
