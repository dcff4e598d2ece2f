"""Events and their handlers: assigned, used as a decorator, or overridden in a subclass."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from postwright.errors import InvalidValue
from postwright.events import HANDLERS

if TYPE_CHECKING:
    from collections.abc import Callable

E = TypeVar("E")
F = TypeVar("F", bound="Callable[..., Any]")


class Hook(Generic[E]):
    """One event of one object, as the attribute gives it."""

    __slots__ = ("_name", "_owner")

    def __init__(self, owner: Signals, name: str) -> None:
        self._owner = owner
        self._name = name

    @property
    def handler(self) -> Callable[[E], Any] | None:
        """The function that was assigned, if one was."""
        return self._owner._handlers.get(HANDLERS[self._name])

    def __call__(self, function: F) -> F:
        """Take the decorated function as the handler."""
        setattr(self._owner, self._name, function)
        return function


class Signal(Generic[E]):
    """Declares the attribute of one event on a class."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name
        self.event = HANDLERS[name]

    @overload
    def __get__(self, owner: None, of: type) -> Signal[E]: ...
    @overload
    def __get__(self, owner: Signals, of: type) -> Hook[E]: ...
    def __get__(self, owner: Signals | None, of: type) -> Signal[E] | Hook[E]:
        if owner is None:
            return self
        return Hook(owner, self._name)

    def __set__(self, owner: Signals, handler: Callable[[E], Any] | None) -> None:
        if handler is None:
            owner._handlers.pop(self.event, None)
            owner._wanted.discard(self.event)
            return
        if not callable(handler):
            raise InvalidValue(f"{self._name} must be a function that takes one event, or None")
        owner._handlers[self.event] = handler
        owner._wanted.add(self.event)


def _call(owner: Signals, name: str, event: object) -> object:
    """Call a subclass's method, or what was assigned to the object over it."""
    handler = getattr(owner, name)
    return None if handler is None else handler(event)


class Signals:
    """What SMTP and AsyncSMTP share about events.

    Attributes:
        _wanted: The kinds of events that somebody listens to; the dialogue fires no others.
    """

    _handlers: dict[type, Callable[[Any], Any]]
    _wanted: set[type]

    def _listen(self) -> None:
        """Prepare the tables; methods of a subclass that are named like an event become its handlers."""
        self._handlers = {}
        self._wanted = set()
        for name, event in HANDLERS.items():
            declared = getattr(type(self), name)
            if not isinstance(declared, Signal):
                self._handlers[event] = partial(_call, self, name)
                self._wanted.add(event)

    def _dispatch(self, event: object) -> object:
        """Hand an event to its handler and return what that returns."""
        handler = self._handlers.get(type(event))
        return None if handler is None else handler(event)
