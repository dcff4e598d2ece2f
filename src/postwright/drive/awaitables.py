"""Whether something can be awaited, without the inspect module, which takes longer to load than most of this package."""

from __future__ import annotations

from collections.abc import Awaitable
from types import CoroutineType, GeneratorType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import TypeGuard

_ITERABLE_COROUTINE = 0x100  # the flag of a generator that types.coroutine() made awaitable


def is_awaitable(answer: object) -> TypeGuard[Awaitable[Any]]:
    """Whether it can be awaited."""
    if isinstance(answer, GeneratorType):
        return bool(answer.gi_code.co_flags & _ITERABLE_COROUTINE)
    return isinstance(answer, Awaitable)


def is_coroutine(answer: object) -> TypeGuard[CoroutineType[Any, Any, Any]]:
    """Whether it is what a coroutine function returns."""
    return isinstance(answer, CoroutineType)
