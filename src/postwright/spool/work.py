"""Work on files that may go on in a thread while who asked for it is gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from postwright.errors import NotPossibleNow

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Work:
    """Something that holds files.

    A driver may be at it in a thread when the task that waits is cancelled. So whoever is last clears up: ``close``, or
    the function in the thread when it returns; never both.

    Attributes:
        closed: Whether nobody waits for it any more.
    """

    def __init__(self) -> None:
        self.closed = False
        self._working = 0
        self._clearing = [True]  # whoever takes this out clears up: a list's pop() is one step for all threads

    def work(self, function: Callable[..., T], *args: Any) -> T:
        """Call a function of this object; one at a time.

        Raises:
            NotPossibleNow: It was closed before the thread came to it: nobody waits for the answer.
        """
        self._working += 1
        try:
            if self.closed:
                raise NotPossibleNow("this was given up already")
            return function(*args)
        finally:
            self._working -= 1
            if self.closed and not self._working:
                self._clear_once()

    def close(self) -> None:
        """Let go of everything, at once or when the work in progress is done; may be called twice."""
        self.closed = True
        if not self._working:
            self._clear_once()

    def _clear_once(self) -> None:
        try:
            self._clearing.pop()
        except IndexError:
            return
        self._clear()

    def _clear(self) -> None:
        """Let go of everything that it still holds."""
