"""The loop in which a flow is carried to its end, where granting an effect needs no await."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.flow import Effect, Flow

T = TypeVar("T")


def carry(flow: Flow[T], grant: Callable[[Effect[Any]], Any]) -> T:
    """Run a flow to its end.

    Args:
        flow: What to run.
        grant: Does what an effect asks for and returns the answer; what it raises goes into the flow.

    Returns:
        What the flow returned.
    """
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            effect = flow.send(answer) if error is None else flow.throw(error)
        except StopIteration as stop:
            result: T = stop.value
            return result
        answer = error = None
        try:
            answer = grant(effect)
        except BaseException as caught:  # noqa: BLE001 - it goes into the flow, and out of it if unhandled
            error = caught
