"""Several asynchronous generators at once, each in a task of its own, merged into one: results as they come.

It owns the tasks. None is left when the merged generator is closed, whoever closes it.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar, cast

from postwright.drive.crew import AHEAD

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

T = TypeVar("T")

Turn = asyncio.Lock
"""What tasks take turns by."""


async def merged_tasks(works: Sequence[AsyncIterator[T]]) -> AsyncIterator[T]:
    """Yield what the iterators give, each of which runs in a task."""
    results: asyncio.Queue[tuple[bool, T | BaseException | None]] = asyncio.Queue(AHEAD)

    async def run(work: AsyncIterator[T]) -> None:
        try:
            async for result in work:
                await results.put((True, result))
        except Exception as error:  # noqa: BLE001 - it is raised where the results are fetched
            await results.put((False, error))
        else:
            await results.put((False, None))

    tasks = [asyncio.ensure_future(run(work)) for work in works]
    running = len(tasks)
    try:
        while running:
            given, result = await results.get()
            if given:
                yield cast("T", result)
            elif isinstance(result, BaseException):
                raise result
            else:
                running -= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
