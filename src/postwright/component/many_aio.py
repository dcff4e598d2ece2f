"""``AsyncSMTP.send_many`` and ``AsyncPool.send_many``: over one connection, or over several, each in a task."""

from __future__ import annotations

from collections.abc import AsyncIterable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from postwright.component.batching import SHARE, Feed, Numbered
from postwright.component.enlisting import Berth, beside
from postwright.component.load import END, Load
from postwright.drive.tasks import Turn, merged_tasks, run
from postwright.errors import PoolTimeout
from postwright.session.batch import WINDOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable

    from postwright.component.aio import AsyncSMTP
    from postwright.component.batching import Letter
    from postwright.component.pool_aio import AsyncPool
    from postwright.errors import SMTPError
    from postwright.words import SendResult

T = TypeVar("T")


def many(
    client: AsyncSMTP, messages: Iterable[Letter] | AsyncIterable[Letter], connections: int, *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    """Send the messages and yield their results; see ``SMTP.send_many``."""
    if connections > 1:
        from postwright.component.pool_aio import AsyncPool  # noqa: PLC0415 - it stands on AsyncSMTP, and that on this

        client._crew = beside(AsyncPool(connections), client)
        return over_pool(client._crew, messages, connections, ordered=ordered)
    return _alone(client, _each(messages), ordered=ordered)


async def _each(messages: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[tuple[int, T]]:
    number = count()
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield next(number), message
    else:
        for message in messages:
            yield next(number), message


async def _letters(
    load: Load, take: Callable[[], Awaitable[tuple[int, Letter] | None]], blocked: Callable[[], bool]
) -> AsyncIterator[tuple[int, Letter] | None]:
    """Yield the messages for one connection; see ``load.letters``."""
    while True:
        step = False if blocked() and not load.over else load.step()
        if step is True:
            yield load.took(await take())
        elif step is END:
            return
        else:
            yield step or None


async def _alone(
    client: AsyncSMTP, given: AsyncIterator[tuple[int, Letter]], *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    plan, load, order = client._ready(), Load(client), Numbered(ordered=ordered)
    feed = Feed(client._operations, partial(client._adopted, plan), load, window=WINDOW)
    opened = not client.connected

    async def take() -> tuple[int, Letter] | None:
        return await anext(given, None)

    try:
        async for number, result in _over_one(
            client, given if load.plain else _letters(load, take, feed.blocked), feed
        ):
            for ready in order.next(number, result):
                yield ready
    finally:
        if opened:
            await client.disconnect()


async def _over_one(
    client: AsyncSMTP, source: AsyncIterator[tuple[int, Letter]] | AsyncIterator[tuple[int, Letter] | None], feed: Feed
) -> AsyncIterator[tuple[int, SendResult | SMTPError]]:
    plan = client._plan()
    async for numbered in source:
        if numbered is None:
            await client._run(plan, feed.rest())
            for result in feed.results():
                yield result
        elif feed.take(*numbered):
            if feed.batch.full:
                await client._run(plan, feed.advance(more=True))
            for result in feed.results():
                yield result
    while feed.batch.pending:
        await client._run(plan, feed.advance())
        for result in feed.results():
            yield result


async def over_pool(
    pool: AsyncPool, messages: Iterable[Letter] | AsyncIterable[Letter], connections: int, *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    """Send the messages over connections of a pool and yield their results; see ``Pool.send_many``."""
    plan, load, order = pool.template._ready(), Load(pool.template, shared=True), Numbered(ordered=ordered)
    given, turn = _each(messages), Turn()
    pool._settle()
    berths = [Berth(pool) for _ in range(connections)]
    first = await run(berths[0].enlist())

    async def take() -> tuple[int, Letter] | None:
        async with turn:  # an asynchronous generator can't be asked by two tasks at once
            return await anext(given, None)

    async def work(berth: Berth[AsyncSMTP]) -> AsyncIterator[tuple[int, SendResult | SMTPError]]:
        try:
            client = first if berth is berths[0] else await run(berth.enlist())
        except PoolTimeout:  # those who have a connection do the work
            return
        feed = Feed(client._operations, partial(client._adopted, plan), load, place=berth, window=SHARE)
        try:
            async for result in _over_one(client, _letters(load, take, feed.blocked), feed):
                yield result
        except BaseException:  # cancelled: nothing may be waited for any more
            berth.come_back()
            pool._drop(client)
            raise
        berth.come_back()
        await run(pool._give_back(client))

    try:
        async for number, result in merged_tasks([work(berth) for berth in berths]):
            for ready in order.next(number, result):
                yield ready
    finally:
        if first in pool._lent:  # its task was cancelled before it began
            pool._drop(first)
