"""Programs that do the same work, run in turns (A B A B ...), and the ratio of their speeds in each turn."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bench.servers import pinned
from bench.tools import CLIENT, HERE, ROOT, Failed, library_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.servers import Place
    from bench.tools import Tools

PATIENCE = 120
"""Seconds that one program may take."""


@dataclass(frozen=True)
class Program:
    """One way to do some work.

    Args:
        name: What the report calls it.
        go: Does so many units of the work, and returns the seconds that they took.
        sink: Where to ask whether all messages arrived, where that can be asked.
    """

    name: str
    go: Callable[[int], float]
    sink: Place | None = None

    def speed(self, count: int) -> float:
        """Return units per second.

        Raises:
            Failed: It failed, or messages were lost.
        """
        before = self.sink.taken() if self.sink else {}
        speed = count / self.go(count)
        if self.sink:
            after = self.sink.taken()
            arrived = after["messages"] - before["messages"]
            if arrived != count or after["errors"] != before["errors"]:
                raise Failed(f"{self.name} sent {count} messages, and {arrived} arrived, with errors")
        return speed


@dataclass(frozen=True)
class Mode:
    """How long to measure: turns, and seconds for each program in a turn; sizes and delays to go with them."""

    turns: int
    seconds: float
    megabytes: int
    round_trip: float
    quick: bool = False


QUICK = Mode(turns=3, seconds=0.2, megabytes=48, round_trip=0.02, quick=True)
FULL = Mode(turns=9, seconds=0.7, megabytes=256, round_trip=0.05)


@dataclass
class Speeds:
    """Units per second of each program, turn by turn; programs that failed are in ``failed``."""

    by_name: dict[str, list[float]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    def ratios(self, ours: str, theirs: str) -> list[float]:
        """Return how many times as fast one was as the other, turn by turn.

        Raises:
            Failed: One of them is not there.
        """
        for name in (ours, theirs):
            if name in self.failed:
                raise Failed(f"{name}: {self.failed[name]}")
            if name not in self.by_name:
                raise Failed(f"{name} is missing")
        return [a / b for a, b in zip(self.by_name[ours], self.by_name[theirs], strict=True)]

    def median(self, name: str) -> float:
        """Return the middle of one program's speeds, 0 for none."""
        return statistics.median(self.by_name[name]) if self.by_name.get(name) else 0.0


def in_turns(mode: Mode, programs: list[Program], *, fixed: int = 0, trial: int = 100) -> Speeds:
    """Run programs in turns.

    Args:
        mode: How often, and for how long.
        programs: They take their turns in this order.
        fixed: Units of work; 0 for as many as fill the time.
        trial: Units of work with which that is found out.
    """
    speeds = Speeds()
    counts: dict[str, int] = {}
    for program in programs:
        try:
            counts[program.name] = fixed or _fitting(program, mode.seconds, trial)
            speeds.by_name[program.name] = []
        except Failed as error:
            speeds.failed[program.name] = str(error)
    for _ in range(mode.turns):
        for program in programs:
            if program.name in speeds.failed:
                continue
            try:
                speeds.by_name[program.name].append(program.speed(counts[program.name]))
            except Failed as error:
                speeds.failed[program.name] = str(error)
    return speeds


def _fitting(program: Program, seconds: float, trial: int) -> int:
    """Return how many units fill the time; the trials warm everything up, too.

    What is done once, such as opening fifty connections, makes a short trial slow, so there are longer and longer ones.
    """
    count = trial
    for _ in range(4):
        speed = program.speed(count)
        if count >= speed * seconds / 2:
            break
        count = max(count, round(speed * seconds))
    return max(2, round(speed * seconds))


def finished(words: list[str], env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run a client to its end.

    Raises:
        Failed: It failed.
    """
    try:
        done = subprocess.run(
            words,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env={**os.environ, **(env or {})},
            cwd=ROOT,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Failed(str(error)[:300]) from error
    if done.returncode:
        raise Failed(f"exit code {done.returncode}: {(done.stderr or done.stdout).strip()[-300:]}")
    return done


def _answer(words: list[str], env: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a client that ends with a line of JSON."""
    answer: dict[str, Any] = json.loads(finished(words, env).stdout.splitlines()[-1])
    return answer


def ours(tools: Tools, work: str, *, cpu: int | None = CLIENT, **arguments: Any) -> dict[str, Any]:
    """Run one of the works in ``ours`` with postwright, in a process of its own."""
    order = json.dumps({"work": work, **arguments})
    return _answer(pinned(tools, cpu, sys.executable, "-m", "bench.ours", order))


def peer(tools: Tools, work: str, *, cpu: int | None = CLIENT, **arguments: Any) -> dict[str, Any]:
    """Run one of the works in ``peers``: smtplib, the email package, aiosmtplib."""
    python = tools.peers or sys.executable
    order = json.dumps({"work": work, **arguments})
    return _answer(pinned(tools, cpu, python, "-m", "bench.peers", order))


def nodemailer(tools: Tools, **arguments: Any) -> dict[str, Any]:
    """Run Nodemailer.

    Raises:
        Failed: It is not there.
    """
    if not tools.node:
        raise Failed("Nodemailer is missing")
    words = pinned(tools, CLIENT, "node", str(HERE / "nodemailer.cjs"), json.dumps(arguments))
    return _answer(words, {"NODE_PATH": tools.node})


def smtp_source(tools: Tools, place: Place, *, connections: int = 1, size: int = 1024) -> Program:
    """Postfix's smtp-source: it keeps its connections, and reads each reply before it goes on."""

    def go(count: int) -> float:
        if not tools.smtp_source:
            raise Failed("smtp-source is missing")
        options = [
            "-d",
            "-s",
            str(connections),
            "-l",
            str(size),
            "-m",
            str(count),
            "-f",
            "a@example.com",
            "-t",
            "b@example.net",
        ]
        words = pinned(tools, CLIENT, tools.smtp_source, *options, f"127.0.0.1:{place.port}")
        began = time.perf_counter()
        finished(words, library_path())
        return time.perf_counter() - began

    return Program("smtp-source", go)


def curl(tools: Tools, url: str, path: str) -> float:
    """Send a file with curl, and return the seconds that it says it took, its start not counted."""
    if not tools.curl:
        raise Failed("curl is missing")
    trust = ["--cacert", tools.authority] if url.startswith("smtps") else []
    options = [
        "-s",
        "-S",
        "--mail-from",
        "a@example.com",
        "--mail-rcpt",
        "b@example.net",
        "--upload-file",
        path,
        *trust,
    ]
    return float(finished(pinned(tools, CLIENT, tools.curl, *options, "-w", "%{time_total}", url)).stdout.split()[-1])


def msmtp(tools: Tools, port: int, path: str) -> float:
    """Send a file with msmtp, and return the seconds that the whole program took."""
    if not tools.msmtp:
        raise Failed("msmtp is missing")
    options = ["--host=127.0.0.1", f"--port={port}", "--tls=off", "--auth=off", "--from=a@example.com", "b@example.net"]
    began = time.perf_counter()
    with open(path, "rb") as letter:
        done = subprocess.run(
            [tools.msmtp, *options], stdin=letter, capture_output=True, check=False, timeout=PATIENCE, text=True
        )
    if done.returncode:
        raise Failed(f"msmtp: {done.stderr.strip()[-200:]}")
    return time.perf_counter() - began
