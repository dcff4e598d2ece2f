"""The progress of one mail: a bar where rich is installed and a person looks on, lines otherwise."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

from postwright.cli import bars
from postwright.cli.screen import is_terminal, write

if TYPE_CHECKING:
    from postwright.component.smtp import SMTP
    from postwright.events import Transfer

_STEP = 10  # percent between two lines


class Progress(Protocol):
    """Shows how far the mail is."""

    def moved(self, event: Transfer) -> None:
        """Show one event."""

    def close(self) -> None:
        """Leave the screen as it should stay."""


def watch(smtp: SMTP, *, forced: bool) -> Progress:
    """Show the progress of the client's next mail on standard error.

    Args:
        smtp: The client.
        forced: Whether to show it for small mails too, that go out in one part.
    """
    shown: Progress
    if not is_terminal(sys.stderr):
        shown = Lines()
    else:
        try:
            shown = Bar(forced=forced)
        except ImportError:
            shown = OneLine(forced=forced)
    smtp.on_transfer = shown.moved
    return shown


def told(event: Transfer) -> str:
    """Return how far it is, in words."""
    size = megabytes(event.bytes_transferred)
    return size if event.percent_done < 0 else f"{event.percent_done:3} %  {size}"


def megabytes(count: int) -> str:
    """Return a size for people."""
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


class Lines:
    """A line for every ten percent, for logs."""

    def __init__(self) -> None:
        self._next = 0

    def moved(self, event: Transfer) -> None:
        """Write a line when it is due."""
        if event.percent_done >= self._next or event.percent_done < 0:
            self._next = event.percent_done - event.percent_done % _STEP + _STEP
            write(sys.stderr, f"postwright: {told(event)}\n")

    def close(self) -> None:
        """There is nothing to do."""


class OneLine:
    """One line that is written again and again.

    Args:
        forced: Whether mails that go out in one part are shown too.
    """

    def __init__(self, *, forced: bool) -> None:
        self._forced = forced
        self._begun = False

    def moved(self, event: Transfer) -> None:
        """Write the line again."""
        if self._begun or self._forced or event.percent_done < 100:
            self._begun = True
            write(sys.stderr, f"\r\x1b[Ksending {told(event)}")

    def close(self) -> None:
        """End the line."""
        if self._begun:
            write(sys.stderr, "\n")


class Bar:
    """A bar made by rich.

    Args:
        forced: Whether mails that go out in one part are shown too.

    Raises:
        ImportError: rich is not installed.
    """

    def __init__(self, *, forced: bool) -> None:
        self._forced = forced
        self._task: Any = None
        self._bar = bars.sending(transient=False)

    def moved(self, event: Transfer) -> None:
        """Move the bar."""
        if self._task is None:
            if event.percent_done == 100 and not self._forced:
                return
            self._bar.start()
            self._task = self._bar.add_task("", total=None if event.percent_done < 0 else 100, told="")
        self._bar.update(self._task, completed=max(0, event.percent_done), told=told(event))

    def close(self) -> None:
        """Stop the bar where it is."""
        self._bar.stop()
