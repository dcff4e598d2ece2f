"""Work on files that may go on in a thread while who asked for it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Work:
    """Something that holds files.

    A driver may be at it in a thread when the task that waits is cancelled. So whoever is last clears up: ``close``, or
    the function in the thread when it returns. ``_clear`` must do nothing when it is called once more.

    Attributes:
        closed: Whether nobody waits for it any more.
    """

    def __init__(self) -> None:
        self.closed = False
        self._working = 0

    def work(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function of this object; one at a time."""
        self._working += 1
        try:
            return function(*args)
        finally:
            self._working -= 1
            if self.closed and not self._working:
                self._clear()

    def close(self) -> None:
        """Let go of everything, at once or when the work in progress is done; may be called twice."""
        self.closed = True
        if not self._working:
            self._clear()

    def _clear(self) -> None:
        """Let go of everything that it still holds."""
