"""The world's facts that flows get as arguments: time, randomness, this host's name."""

from __future__ import annotations

import os
import time
from functools import lru_cache
from typing import NamedTuple

monotonic = time.monotonic
"""Seconds that only grow."""

randomness = os.urandom
"""So many random octets."""


class Moment(NamedTuple):
    """A point in time: seconds since 1970, and the local offset from UTC in seconds."""

    seconds: float
    utc_offset: int


def now() -> Moment:
    """Return the present moment."""
    seconds = time.time()
    return Moment(seconds, _utc_offset(int(seconds)))


@lru_cache(maxsize=1)
def _utc_offset(second: int) -> int:
    return time.localtime(second).tm_gmtoff


def host_name() -> str:
    """Return this host's own name, as the system has it; no name server is asked."""
    import socket  # noqa: PLC0415 - here it is needed for this alone

    return socket.gethostname()
