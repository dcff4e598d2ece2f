"""A message of any size goes through the queue in a constant amount of memory."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

from postwright import SMTP
from postwright.spool.claim import BACK
from postwright.spool.run import Run
from postwright.spool.stored import Stored

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 64 * 1024 * 1024
MOST = 8 * 1024 * 1024


class Endless:
    """So many octets of lines, made as they are read."""

    def __init__(self, size: int) -> None:
        self.left = size

    def read(self, count: int) -> bytes:
        count = min(count, self.left) // 64 * 64
        self.left -= count
        return (b"x" * 62 + b"\r\n") * (count // 64)


def test_in_and_out(tmp_path: Path) -> None:
    client = SMTP(from_="a@example.org", send_to="b@example.org")
    client.set_message_stream(Endless(SIZE))
    tracemalloc.start()
    try:
        name = client.queue(tmp_path)
        run = Run(str(tmp_path), keep=False, clock=time.time)
        run.begin()
        taken, _ = run.take(1)
        body = taken[0].body
        assert isinstance(body, Stored)
        octets = 0
        while part := body.read():
            octets += len(part)
        run.judge(taken[0].claim, BACK)
        run.close()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert octets == SIZE
    assert (tmp_path / name).stat().st_size > SIZE
    assert peak < MOST
