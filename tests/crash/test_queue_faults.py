"""Faults of the disk and of the system at every call: nothing half is ever visible, nothing is lost or sent twice."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from tests.crash.queues import PROGRAM, UNMEASURED, Spooler, files, judge, state
from tests.crash.sink import Sink
from tests.crash.spooler import message

if TYPE_CHECKING:
    from pathlib import Path

MESSAGES = [(1, "one", 300), (2, "refuse", 300), (3, "one", 150_000), (4, "one", 300)]
LATER = [(5, "one", 300), (6, "one", 300)]
EXPECTED = {f"<{number}@example.org>": message(number, subject, size) for number, subject, size in MESSAGES + LATER}
FAULTS = ("EIO", "ENOSPC", "EDQUOT", "EROFS", "EMFILE", "ENFILE", "SHORT")
WAYS: dict[str, dict[str, Any]] = {
    "DATA": {},
    "BDAT": {"chunking": True},
    "two connections": {"chunking": True, "connections": 2},
    "kept and tried again": {"keep": True, "retry": True},
    "a batch": {"batch": True, "chunking": True},
    "spare files": {"chunking": True, "spares": True, "later": LATER},
}
"""How the messages go in and out; the small ones overlap on their way out in all of these."""


def named(numbers: list[list[str]]) -> set[str]:
    return {f"<{number}@example.org>" for number, *_ in numbers}


@pytest.mark.timeout(900)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_at_every_call(
    spooler: Spooler, sink: Sink, tmp_path: Path, fault: str, way: str, request: pytest.FixtureRequest
) -> None:
    step = 1 if request.config.getoption("--long") else 41
    job = {**WAYS[way], "process": True, "messages": MESSAGES}
    queue = tmp_path / "queue"
    queue.mkdir()
    sink.forget()
    clean = spooler.do(dir=str(queue), port=sink.port, **job)
    assert len(clean["calls"]) > 100
    for at in range(1, len(clean["calls"]) + 1, step):
        sink.forget()
        shutil.rmtree(queue)
        queue.mkdir()
        first = spooler.do(dir=str(queue), port=sink.port, at=at, fault=fault, **job)
        assert first["report"] is not None or first["error"], (fault, at)
        told = {name: outcome for name, _, outcome in first["report"] or ()}
        names = {name: number for number, name in first["queued"]}
        sent = {f"<{names[name]}@example.org>" for name, outcome in told.items() if outcome == "sent" and name in names}
        assert all(sink.taken[name] == 1 for name in sent), (fault, at)
        spooler.do(dir=str(queue), port=sink.port, process=True)
        judge(queue, sink, EXPECTED, named(first["queued"]), (fault, at, clean["calls"][at - 1]))
        assert not set(sink.taken) & named([[str(row[0])] for row in first["refused"]]), (fault, at)
        for path in files(queue):
            name, outcome = state(path)
            assert outcome != "not_sent" or name not in sink.taken, (fault, at, name)


@pytest.mark.parametrize("when", ["queue", "process"])
@pytest.mark.parametrize("call", ["fsync", "renameat", "unlinkat", "write", "pwrite64", "flock", "sendto", "recvfrom"])
@pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not there: tests/interop/install.sh has it")
def test_interrupted_calls_are_made_again(spooler: Spooler, sink: Sink, tmp_path: Path, call: str, when: str) -> None:
    sink.forget()
    path = str(tmp_path)
    messages = MESSAGES[:2]
    if when == "process":
        spooler.do(dir=path, messages=messages)
    job = {
        "dir": path,
        "port": sink.port,
        "process": when == "process",
        "messages": [] if when == "process" else messages,
    }
    log = tmp_path.parent / "strace.log"
    inject = f"inject={call}:error=EINTR:when=1..400+3"
    command = ["strace", "-qq", "-o", str(log), "-e", f"trace={call}", "-e", inject, sys.executable, str(PROGRAM)]
    done = subprocess.run(
        [*command, "--once", json.dumps(job)], env=UNMEASURED, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    if call in {"fsync", "renameat", "write"}:
        assert "INJECTED" in log.read_text()
    queued = named([["1"], ["2"]]) if when == "process" else named(json.loads(done.stdout)["queued"])
    assert len(queued) == 2 or call == "renameat"  # which no system interrupts
    spooler.do(dir=path, port=sink.port, process=True)
    judge(tmp_path, sink, EXPECTED, queued, (call, when))


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    """A file system of one mebibyte, really full."""
    from postwright import SMTP, errors

    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    queue = tmp_path / "small"
    queue.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(queue)], check=False)
    if mounted.returncode:
        pytest.skip("no file system can be mounted here")
    try:
        client = SMTP(from_="a@example.org", send_to="b@example.org", message_text="x" * 900_000)
        queued = [client.queue(queue)]
        with pytest.raises(errors.QueueUnusable, match="No space left"):
            client.queue(queue)
        client.set_message_stream(io.BytesIO(b"line\n" * 100_000))
        with pytest.raises(errors.QueueUnusable, match="No space left"):
            client.queue(queue)
        assert os.listdir(queue) == queued
    finally:
        subprocess.run(["umount", str(queue)], check=True)
