"""What is wanted of a message in the queue, and of a run over it: light enough to be there from the start."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from postwright.words import QueueEntry

MAX_AGE = 5 * 24 * 3600.0
"""Seconds after which a message is not tried again (RFC 5321 section 4.5.4.1: four to five days)."""


class Wishes(NamedTuple):
    """What else is wanted of a message in the queue."""

    priority: int = 5
    """0 to 9; 0 goes first."""
    not_before: datetime | None = None
    """When it may be sent; None for at once."""


class Manner(NamedTuple):
    """How a run is done."""

    retry: bool
    """Whether a message that was refused for now (4yz) is queued again."""
    max_age: float
    """Seconds after which that ends."""
    stop: Callable[[], bool] | None
    """Asked between two messages whether the run shall end."""
    progress: Callable[[QueueEntry, int], object] | None = None
    """Called with what became of a message, and with the number of messages that wait."""
