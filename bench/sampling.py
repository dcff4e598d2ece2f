"""A sampling profiler: a signal at each so much of processor time, and a look at who is at work.

It hardly slows what it looks at, so that small functions are not made to look large, as they are by a tracing one.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType, TracebackType
    from typing import Self

ROOMS = str(Path(__file__).resolve().parent.parent / "src" / "postwright") + os.sep
EVERY = 0.0005
"""Seconds of processor time between two looks."""


class Sampler:
    """Notes, at each look, the rooms and functions of postwright that are at work.

    Attributes:
        looks: How many there were.
        rooms: The room of the innermost of our functions; "outside" for none.
        own: The innermost of our functions, "room/module.py:function".
        under: Every one of our functions on the stack: what it costs with all that it calls.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.rooms: Counter[str] = Counter()
        self.own: Counter[str] = Counter()
        self.under: Counter[str] = Counter()

    def __enter__(self) -> Self:
        signal.signal(signal.SIGPROF, self._look)
        signal.setitimer(signal.ITIMER_PROF, EVERY, EVERY)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        signal.setitimer(signal.ITIMER_PROF, 0)

    def _look(self, _: int, frame: FrameType | None) -> None:
        self.looks += 1
        seen: list[str] = []
        while frame is not None:
            code = frame.f_code
            if code.co_filename.startswith(ROOMS):
                seen.append(f"{code.co_filename[len(ROOMS) :]}:{code.co_qualname}")
            frame = frame.f_back
        if not seen:
            self.rooms["outside"] += 1
            return
        room = seen[0].partition(":")[0].partition(os.sep)[0].removesuffix(".py")
        self.rooms[room] += 1
        self.own[seen[0]] += 1
        self.under.update(set(seen))
