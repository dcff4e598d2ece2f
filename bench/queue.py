"""Durable queueing against the least that durability costs: write, fsync, rename, fsync of the directory.

Run it as ``python -m bench.queue [directory]``. Each round does both, one after the other, on the same disk; nothing
is deleted before the end, as deletions slow a file system down.
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

from postwright import SMTP
from postwright.spool.claim import Claim
from postwright.spool.directory import QUEUED, Directory

if TYPE_CHECKING:
    from collections.abc import Callable

COUNT, ROUNDS, BATCH = 300, 7, 128
BODY = b"x" * 70 + b"\r\n"
MESSAGE = b"From: a@example.org\r\nTo: b@example.org\r\nSubject: x\r\nMessage-ID: <1@example.org>\r\n\r\n" + BODY * 55


def bare(folder: str, data: bytes, number: int) -> None:
    """Do what nobody can do without."""
    directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fd = os.open(f".{number}.new", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600, dir_fd=directory)
    os.write(fd, data)
    os.fsync(fd)
    os.rename(f".{number}.new", f"{number}.queued", src_dir_fd=directory, dst_dir_fd=directory)
    os.fsync(directory)
    os.close(fd)
    os.close(directory)


def timed(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def enqueueing(root: str) -> None:
    client = SMTP(from_="a@example.org", send_to="b@example.org", message_text="")
    client.message = BODY * 55
    numbers = itertools.count()
    ratios, batches, rates = [], [], []
    for _ in range(ROUNDS):
        times = []
        for way in ("bare", "one", "batch"):
            folder = tempfile.mkdtemp(dir=root)
            if way == "bare":
                times.append(timed(lambda: [bare(folder, MESSAGE, next(numbers)) for _ in range(COUNT)]))  # noqa: B023
            elif way == "one":
                times.append(timed(lambda: [client.queue(folder) for _ in range(COUNT)]))  # noqa: B023
            else:
                work = [[MESSAGE] * BATCH] * (COUNT // BATCH + 1)
                seconds = timed(lambda: [client.queue_many(folder, batch) for batch in work])  # noqa: B023
                times.append(seconds * COUNT / (len(work) * BATCH))
        ratios.append(times[0] / times[1])
        batches.append(times[0] / times[2])
        rates.append(COUNT / times[0])
    print(f"bare loop: {statistics.median(rates):.0f} messages/s")
    print(f"queue(): {statistics.median(ratios):.2f} of it ({min(ratios):.2f} to {max(ratios):.2f})")
    print(f"queue_many(): {statistics.median(batches):.2f} of it ({min(batches):.2f} to {max(batches):.2f})")


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
