"""Durable queueing against the least that durability costs: write, fsync, rename, fsync of the directory.

Run it as ``python -m bench.queue [directory]``. Deletions slow a file system down, so nothing is deleted before a queue is
measured that was worked off, as nearly every queue is.
"""

from __future__ import annotations

import itertools
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.letters import RECIPIENT, SENDER, raw
from postwright import SMTP
from postwright.enums import Outcome
from postwright.spool.claim import Claim, Verdict
from postwright.spool.directory import QUEUED, Directory
from postwright.spool.run import Run

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT, ROUNDS, BATCH = 384, 7, 128
BEFORE = 3072
"""Messages that were in a queue and are sent when it is measured in use: for a minute, fifty messages a second."""


class Bare:
    """What nobody can do without, and nothing else.

    Args:
        folder: Where the files go; it is opened once.
    """

    def __init__(self, folder: str) -> None:
        self._folder = folder
        self._directory = os.open(folder, os.O_RDONLY)
        self._number = 0
        self._names: list[str] = []

    def put(self, data: bytes) -> None:
        """Write a file durably."""
        self._number += 1
        hidden, shown = f"{self._folder}/.{self._number}", f"{self._folder}/{self._number}.file"
        file = os.open(hidden, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        os.write(file, data)
        os.fsync(file)
        os.close(file)
        os.rename(hidden, shown)
        os.fsync(self._directory)
        self._names.append(shown)

    def close(self) -> None:
        os.close(self._directory)

    def work_off(self) -> None:
        """Delete all files."""
        for name in self._names:
            os.unlink(name)
        self._names.clear()
        os.fsync(self._directory)


def work_off(folder: str) -> None:
    """Take all messages out of a queue as a run does that sends them."""
    run = Run(folder, keep=False, clock=time.time)
    run.begin()
    while run.left:
        taken, bad = run.take(BATCH)
        if bad:
            raise RuntimeError(f"{bad[0].name}: {bad[0].error}")
        run.commit([taking.claim for taking in taken], "mail.example.org:25")
        for taking in taken:
            run.judge(taking.claim, Verdict("sent", Outcome.SENT))
        if fault := run.settle():
            raise fault
    run.close()


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def enqueue(folder: str, count: int, *, together: bool, used: bool) -> dict[str, float]:
    """Queue messages, and store as many octets as durably without a queue; return the seconds of both.

    A disk's speed changes within seconds, so the two take turns with each message, or with each batch.

    Args:
        folder: Where both have a directory of their own.
        count: How many messages each stores.
        together: Whether the queue takes them in batches, finished; else it composes each.
        used: Whether many messages went out of both a moment ago, and what comes goes out again after each batch.
    """
    place, other = tempfile.mkdtemp(dir=folder), Bare(tempfile.mkdtemp(dir=folder))
    client = SMTP(from_=SENDER, send_to=RECIPIENT, subject="queued", message_text=("x" * 70 + "\n") * 54)
    size = int(client.queue("*").partition("\nSize: ")[2][:15])  # this also loads what is loaded once
    letters = [raw(number, size) for number in range(BATCH)]
    client.queue_many(place, [])

    def ours() -> None:
        if not together:
            client.queue(place)
        elif not all(isinstance(name, str) for name in client.queue_many(place, letters)):
            raise RuntimeError("a message was not queued")

    def bare() -> None:
        for letter in letters if together else letters[:1]:
            other.put(letter)

    def worked_off() -> None:
        work_off(place)
        other.work_off()

    if used:
        for _ in range(BEFORE // BATCH):
            client.queue_many(place, letters)
            for letter in letters:
                other.put(letter)
        worked_off()
    seconds = {"ours": 0.0, "bare": 0.0}
    for number in range(1, count // BATCH + 1 if together else count + 1):
        seconds["ours"] += timed(ours)
        seconds["bare"] += timed(bare)
        if used and (together or number % BATCH == 0):
            worked_off()
    other.close()
    return seconds


def enqueueing(root: str) -> None:
    for used, together in itertools.product((False, True), repeat=2):
        name = f"{'queue_many()' if together else 'queue()'}, {'in use' if used else 'new'}"
        found = [enqueue(tempfile.mkdtemp(dir=root), COUNT, together=together, used=used) for _ in range(ROUNDS)]
        ratios = [took["bare"] / took["ours"] for took in found]
        rate = statistics.median(COUNT / took["bare"] for took in found)
        shown = f"{statistics.median(ratios):.2f} of it ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"bare loop: {rate:.0f} messages/s; {name}: {shown}")


def listing(root: str) -> None:
    """Show what listing and claiming cost a file, in directories of several sizes."""
    client = SMTP(from_="a@example.org", send_to="b@example.org", message_text="x")
    content = client.queue("*").encode()
    for count in (1_000, 10_000, 100_000):
        folder = tempfile.mkdtemp(dir=root)
        for number in range(count):
            Path(folder, f"5-{number:06d}.queued").write_bytes(content)
        directory = Directory(folder)
        list_time = timed(lambda: directory.names(QUEUED))  # noqa: B023
        names = directory.names(QUEUED)[:: count // 1000]

        def claim_all() -> None:
            for name in names:  # noqa: B023
                claim = Claim(directory, name.removesuffix(QUEUED), QUEUED)  # noqa: B023
                claim.check()
                claim.take(0.0)
                claim.release()

        claim_time = timed(claim_all)
        directory.close()
        shutil.rmtree(folder)
        print(
            f"{count} files: listing {list_time / count * 1e6:.2f} us, claiming {claim_time / 1000 * 1e6:.0f} us a file"
        )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) > 1 else None) as place:
        enqueueing(place)
        listing(place)
