"""A function that waits for somebody else by itself, perhaps for ever, in a thread that nobody has to wait for."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from postwright.errors import InactivityTimeout

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.flow import Apart

T = TypeVar("T")


class Errand(Generic[T]):
    """One call of a function in a thread of its own.

    When it is given up the thread goes on alone and what it brings is dropped. The end of the program does not wait for it.

    Args:
        function: What to call.
        args: With what.
        done: Called in the thread when the function has ended, whatever came of it.
    """

    __slots__ = ("_answer", "_error")

    def __init__(self, function: Callable[..., T], args: tuple[object, ...], done: Callable[[], object]) -> None:
        self._answer: T | None = None
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._answer = function(*args)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                self._error = error
            finally:
                done()

        threading.Thread(target=run, name="postwright-errand", daemon=True).start()

    def result(self) -> T:
        """Return what the function returned, or raise what it raised; it must have ended."""
        if self._error is not None:
            raise self._error
        answer: T = self._answer  # type: ignore[assignment]
        return answer


def late(effect: Apart[Any]) -> InactivityTimeout:
    """Return the error for an answer that did not come in time."""
    return InactivityTimeout(f"{effect.whom} did not answer for {effect.timeout:g} s")
