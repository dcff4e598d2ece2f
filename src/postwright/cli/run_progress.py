"""The progress of a run over a queue, for a person who looks on: a bar where rich is installed, else one line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from postwright.cli import bars
from postwright.cli.screen import write

if TYPE_CHECKING:
    from postwright.words import QueueEntry


class RunProgress(Protocol):
    """Shows how far a run is."""

    def moved(self, entry: QueueEntry, left: int) -> None:
        """Show what became of one more message."""

    def close(self) -> None:
        """Leave the screen as it was."""


def shown() -> RunProgress:
    """Return the progress of the next run, on standard error, which must be a terminal."""
    try:
        return Bar()
    except ImportError:
        return OneLine()


class Counts:
    """How many messages there were, by what became of them."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def add(self, entry: QueueEntry, left: int) -> tuple[int, str]:
        """Count one more; return how many there were, and all in words."""
        self._counts[entry.state] = self._counts.get(entry.state, 0) + 1
        words = [f"{count} {state}" for state, count in self._counts.items()]
        return sum(self._counts.values()), ", ".join([*words, f"{left} to go"])


class OneLine:
    """One line that is written again and again."""

    def __init__(self) -> None:
        self._counts = Counts()
        self._begun = False

    def moved(self, entry: QueueEntry, left: int) -> None:
        """Write the line again."""
        self._begun = True
        write(sys.stderr, f"\r\x1b[K{self._counts.add(entry, left)[1]}")

    def close(self) -> None:
        """Take the line away: what is said after it says more."""
        if self._begun:
            write(sys.stderr, "\r\x1b[K")


class Bar:
    """A bar made by rich.

    Raises:
        ImportError: rich is not installed.
    """

    def __init__(self) -> None:
        self._counts = Counts()
        self._task: Any = None
        self._bar = bars.sending(transient=True)

    def moved(self, entry: QueueEntry, left: int) -> None:
        """Move the bar."""
        if self._task is None:
            self._bar.start()
            self._task = self._bar.add_task("", told="")
        done, told = self._counts.add(entry, left)
        self._bar.update(self._task, completed=done, total=done + left, told=told)

    def close(self) -> None:
        """Take the bar away: what is said after it says more."""
        self._bar.stop()
