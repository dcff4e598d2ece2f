"""The world's facts that flows get as arguments: time, randomness, this host's name."""

from __future__ import annotations

import os
import time
from functools import lru_cache

monotonic = time.monotonic
"""Seconds that only grow."""

now = time.time
"""Seconds since 1970."""

_BLOCK = 16
_BLOCKS = 64
_fresh: list[bytes] = []
"""Random blocks that nobody has had yet: the system is asked once for many of them."""

if hasattr(os, "register_at_fork"):  # a child must not have its parent's
    os.register_at_fork(after_in_child=_fresh.clear)


def randomness(count: int) -> bytes:
    """Return so many random octets."""
    if count > _BLOCK:
        return os.urandom(count)
    try:
        return _fresh.pop()[:count]
    except IndexError:
        octets = os.urandom(_BLOCK * _BLOCKS)
        blocks = [octets[at : at + _BLOCK] for at in range(0, len(octets), _BLOCK)]
        block = blocks.pop()
        _fresh.extend(blocks)
        return block[:count]


def utc_offset(seconds: float) -> int:
    """Return how many seconds local time is ahead of UTC at a moment."""
    return _utc_offset(int(seconds))


@lru_cache(maxsize=1)
def _utc_offset(second: int) -> int:
    return time.localtime(second).tm_gmtoff


def host_name() -> str:
    """Return this host's own name, as the system has it; no name server is asked."""
    import socket  # noqa: PLC0415 - here it is needed for this alone

    return socket.gethostname()
