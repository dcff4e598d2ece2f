"""Carrying a flow under asyncio: the task that asked for it does what must be waited for, the reader the rest.

While a flow reads and writes, the event loop's reader carries it on: no task is woken up, and no future is made, for
each answer. User's code never runs there, for it belongs to the task, with its context; so does all that takes longer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from postwright.errors import InactivityTimeout
from postwright.flow import Converse, Read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from postwright.drive.patience import Patience
    from postwright.errors import SMTPError
    from postwright.flow import Effect, Flow

T = TypeVar("T")

_HEARD: tuple[type[Read], type[Converse]] = (Read, Converse)

LATER = object()
"""In place of an answer: there is none yet."""


class Carrier:
    """One flow on its way; what an effect means is the subclass's."""

    at_once: ClassVar[dict[type, Callable[[Any, Any], Any]]]
    """What grants an effect without waiting; LATER where that can't be done now."""

    grants: ClassVar[dict[type, Callable[[Any, Any, Any], Awaitable[Any]]]]
    """What grants any effect but those that the reader goes on with, in the task."""

    def __init__(self) -> None:
        self._patience: Patience | None = None
        self._flow: Flow[Any] | None = None
        self._result: Any = None
        self._wish: Read | Converse | None = None  # what the flow waits for while the reader carries it on
        self._stop: Effect[Any] | BaseException | None = None  # where the reader let the flow stand

    async def _drive(self, flow: Flow[T], patience: Patience) -> T:
        self._flow = flow
        effect = self._carry(None, None)
        while effect is not None:
            answer: Any = None
            error: BaseException | None = None
            try:
                if not effect.calm:
                    patience.check()
                if not isinstance(effect, _HEARD):
                    answer = await self.grants[type(effect)](self, patience, effect)
                elif (answer := self.at_once[type(effect)](self, effect)) is LATER:
                    self._wish = effect
                    await patience.wait(effect.timeout, self._silence)
                    effect = self._stopped()
                    continue
            except BaseException as caught:
                if self._flow is None:  # this came out of it
                    raise
                error = caught
            finally:
                self._wish = None
            effect = self._carry(answer, error)
        result: T = self._result
        self._result = None
        return result

    def _carry(self, answer: Any, error: BaseException | None) -> Effect[Any] | None:
        """Carry the flow on as far as it goes without waiting; return the effect that it stops at, None at its end."""
        flow, patience = self._flow, self._patience
        assert flow is not None
        assert patience is not None
        while True:
            try:
                effect = flow.send(answer) if error is None else flow.throw(error)
            except BaseException as end:
                self._flow = None
                if not isinstance(end, StopIteration):
                    raise
                self._result = end.value
                return None
            answer = error = None
            grant = self.at_once.get(type(effect))
            try:
                if grant is not None:
                    patience.check()
                    answer = grant(self, effect)
            except BaseException as caught:  # noqa: BLE001 - it goes into the flow, and out of it if unhandled
                error = caught
                continue
            if grant is None or answer is LATER:
                return effect

    def _go_on(self) -> bool:
        """Carry on a flow that waits for what has arrived now, if there is one; say whether that was so."""
        patience, wish = self._patience, self._wish
        if wish is None or patience is None or not patience.waiting:
            return False
        try:
            self._resume(self.at_once[type(wish)](self, wish), None)
        except BaseException as broken:  # noqa: BLE001 - it goes into the flow
            self._resume(None, broken)
        return True

    def _resume(self, answer: Any, error: BaseException | None) -> None:
        """Carry on a flow with what it waited for; LATER is a Converse that goes on.

        Where it stops at anything but another wait for the server, its task is woken up.
        """
        patience, wish = self._patience, self._wish
        assert patience is not None
        self._wish = None
        try:
            self._stop = wish if answer is LATER else self._carry(answer, error)
        except BaseException as out:  # noqa: BLE001 - it is raised in the task
            self._stop = out
        if isinstance(self._stop, _HEARD) and patience.allow(self._stop.timeout):
            self._wish = self._stop
        else:
            patience.wake()

    def _stopped(self) -> Effect[Any] | None:
        """Return where the reader let the flow stand, None at its end, or raise what came out of it."""
        if self._wish is not None:  # the task was woken for something else, and the flow waits for this as before
            return self._wish
        stop, self._stop = self._stop, None
        if isinstance(stop, BaseException):
            raise stop
        return stop

    def _silence(self) -> SMTPError:
        assert self._wish is not None
        return InactivityTimeout(f"the server sent nothing for {self._wish.timeout:g} s")
