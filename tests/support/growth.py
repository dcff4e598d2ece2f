"""Whether work grows in proportion to its size, measured so that a busy machine can't change the answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

SMALL = 5_000
TIMES = 32
MARGIN = 8
"""How many times as long as in proportion it may take: caches have their share. Quadratic work would take 32 times."""

_LEAST = 2e-5  # seconds, below which a measurement says nothing


def check_linear(work: Callable[[int], object]) -> None:
    """See that work on 32 times as much takes no more than in proportion, give or take the caches.

    Only the thread's own processor time counts, and of several tries the least.

    Args:
        work: Does it for a size.
    """

    def seconds(size: int) -> float:
        best = 1e9
        for _ in range(3):
            began = time.thread_time()
            work(size)
            best = min(best, time.thread_time() - began)
        return best

    small = max(seconds(SMALL), _LEAST)
    large = seconds(SMALL * TIMES)
    assert large < MARGIN * TIMES * small, f"{TIMES} times the size took {large / small:.0f} times as long"
