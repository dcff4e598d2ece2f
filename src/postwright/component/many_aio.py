"""``AsyncSMTP.send_many`` and ``AsyncPool.send_many``: over one connection, or over several, each in a task."""

from __future__ import annotations

from contextlib import aclosing
from typing import TYPE_CHECKING, TypeAlias

from postwright.component.batching import SHARE, Feed, Numbered, keeping
from postwright.component.enlisting import Berth, beside
from postwright.component.load import END, Load
from postwright.drive.crew import SLOW
from postwright.drive.tasks import Asking, Source, merged_tasks, run
from postwright.errors import PoolTimeout
from postwright.session.batch import WINDOW

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable

    from postwright.component.aio import AsyncSMTP
    from postwright.component.batching import Given, Letter
    from postwright.component.load import Eater
    from postwright.component.pool_aio import AsyncPool
    from postwright.errors import SMTPError
    from postwright.words import SendResult

    Results: TypeAlias = list[tuple[int, SendResult | SMTPError]]


def many(
    client: AsyncSMTP, messages: Iterable[Letter] | AsyncIterable[Letter], connections: int, *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    """Send the messages and yield their results; see ``SMTP.send_many``."""
    if connections > 1:
        from postwright.component.pool_aio import AsyncPool  # noqa: PLC0415 - it stands on AsyncSMTP, and that on this

        client._crew = beside(AsyncPool(connections), client)
        return over_pool(client._crew, messages, connections, ordered=ordered)
    return _alone(client, messages, ordered=ordered)


async def _letters(
    load: Load, asking: Asking[Given], eater: Eater
) -> AsyncGenerator[list[tuple[int, Given]] | None, None]:
    """Yield the messages for one connection; see ``load.letters``."""
    try:
        while True:
            step = asking.begun or (False if eater.blocked() and not load.over else load.step())
            if step is True:
                taken = await asking.take(load.most(eater.room))
                if taken is None:
                    yield None
                elif load.took(taken):
                    yield taken
                elif load.plain:
                    return
            elif step is END:
                return
            else:
                yield [step] if isinstance(step, tuple) else None
    finally:
        asking.end()


async def _alone(
    client: AsyncSMTP, messages: Iterable[Letter] | AsyncIterable[Letter], *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    plan, load, order = client._ready(), Load(client), Numbered(ordered=ordered)
    feed = Feed(client, plan, load, window=WINDOW)
    given = Source(messages, keeping(client, plan))
    asking = Asking(given, feed.pending, SLOW)
    opened = not client.connected
    try:
        async with aclosing(_over_one(client, _letters(load, asking, feed), feed)) as results:
            async for given_now in results:
                for ready in order.ready(given_now):
                    yield ready
        given.check()
    finally:
        if opened:
            await client.disconnect()


async def _over_one(
    client: AsyncSMTP, source: AsyncGenerator[list[tuple[int, Given]] | None, None], feed: Feed
) -> AsyncGenerator[Results, None]:
    plan = client._plan()
    async with aclosing(source) as letters:
        async for taken in letters:
            if taken is None:
                await client._run(plan, feed.rest())
                yield feed.results()
            elif feed.take(taken):
                if feed.batch.full:
                    await client._run(plan, feed.advance(more=True))
                yield feed.results()
    while feed.batch.pending:
        await client._run(plan, feed.advance())
        yield feed.results()


async def over_pool(
    pool: AsyncPool, messages: Iterable[Letter] | AsyncIterable[Letter], connections: int, *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    """Send the messages over connections of a pool and yield their results; see ``Pool.send_many``."""
    plan, load, order = pool.template._ready(), Load(pool.template, shared=True), Numbered(ordered=ordered)
    given = Source(messages, keeping(pool.template, plan))
    pool._settle()
    berths = [Berth(pool) for _ in range(connections)]
    first = await run(berths[0].enlist())

    async def work(berth: Berth[AsyncSMTP]) -> AsyncIterator[Results]:
        try:
            client = first if berth is berths[0] else await run(berth.enlist())
        except PoolTimeout:  # those who have a connection do the work
            return
        feed = Feed(client, plan, load, place=berth, window=SHARE)
        try:
            source = _letters(load, Asking(given, feed.pending, SLOW), feed)
            async with aclosing(_over_one(client, source, feed)) as results:
                async for result in results:
                    yield result
        except BaseException:  # cancelled: nothing may be waited for any more
            berth.come_back()
            pool._drop(client)
            raise
        berth.come_back()
        await run(pool._give_back(client))

    try:
        async for results in merged_tasks([work(berth) for berth in berths]):
            for ready in order.ready(results):
                yield ready
        given.check()
    finally:
        if first in pool._lent:  # its task was cancelled before it began
            pool._drop(first)
