"""``AsyncSMTP.send_many``: over one connection, or over several, each in a task."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, TypeVar

from postwright.component.batching import SHARE, Feed, Numbered, furnish
from postwright.drive.tasks import Turn, merged_tasks
from postwright.session.batch import WINDOW

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from postwright.component.aio import AsyncSMTP
    from postwright.component.batching import Letter
    from postwright.errors import SMTPError
    from postwright.words import SendResult

T = TypeVar("T")


def many(
    client: AsyncSMTP, messages: Iterable[Letter] | AsyncIterable[Letter], connections: int, *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    """Send the messages and yield their results; see ``SMTP.send_many``."""
    if connections > 1:
        return _crew(client, _each(messages), connections, ordered=ordered)
    return _over_one(client, _each(messages), WINDOW, ordered=ordered)


async def _each(messages: Iterable[T] | AsyncIterable[T]) -> AsyncIterator[T]:
    if isinstance(messages, AsyncIterable):
        async for message in messages:
            yield message
    else:
        for message in messages:
            yield message


async def _over_one(
    client: AsyncSMTP, messages: AsyncIterator[Letter], window: int, *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    plan = client._ready()
    feed = Feed(client._operations, partial(client._adopted, plan), ordered=ordered, window=window)
    opened = not client.connected
    try:
        async for message in messages:
            if feed.take(message):
                if feed.batch.full:
                    await client._run(plan, feed.batch.advance(more=True))
                for result in feed.results():
                    yield result
        while feed.batch.pending:
            await client._run(plan, feed.batch.advance())
            for result in feed.results():
                yield result
    finally:
        if opened:
            await client.disconnect()


async def _crew(
    client: AsyncSMTP, messages: AsyncIterator[Letter], connections: int, *, ordered: bool
) -> AsyncIterator[SendResult | SMTPError]:
    client._ready()
    order, numbering, turn = Numbered(ordered=ordered), count(), Turn()

    async def work(twin: AsyncSMTP) -> AsyncIterator[tuple[int, SendResult | SMTPError]]:
        numbers: deque[int] = deque()

        async def share() -> AsyncIterator[Letter]:
            while True:
                async with turn:  # an asynchronous generator can't be asked by two tasks at once
                    try:
                        message = await anext(messages)
                    except StopAsyncIteration:
                        return
                    numbers.append(next(numbering))
                yield message

        async for result in _over_one(twin, share(), SHARE, ordered=True):
            yield numbers.popleft(), result

    twins = [furnish(client, client._another()) for _ in range(connections)]
    async for number, result in merged_tasks([work(twin) for twin in twins]):
        for ready in order.next(number, result):
            yield ready
