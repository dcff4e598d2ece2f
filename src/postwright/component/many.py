"""``SMTP.send_many`` and ``Pool.send_many``: over one connection, or over several, each in a thread."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from postwright.component.batching import SHARE, Feed, Numbered, keeping
from postwright.component.enlisting import Berth, beside
from postwright.component.load import Load, letters
from postwright.drive.crew import Items, Shared, handful, merged, run
from postwright.errors import PoolTimeout
from postwright.session.batch import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.component.batching import Given, Letter
    from postwright.component.pool import Pool
    from postwright.component.smtp import SMTP
    from postwright.errors import SMTPError
    from postwright.words import SendResult

    Results: TypeAlias = list[tuple[int, SendResult | SMTPError]]


def many(
    client: SMTP, messages: Iterator[Letter], connections: int, *, ordered: bool
) -> Iterator[SendResult | SMTPError]:
    """Send the messages and yield their results; see ``SMTP.send_many``."""
    if connections > 1:
        from postwright.component.pool import Pool  # noqa: PLC0415 - it stands on SMTP, which stands on this

        client._crew = beside(Pool(connections), client)
        return over_pool(client._crew, messages, connections, ordered=ordered)
    return _alone(client, messages, ordered=ordered)


def _alone(client: SMTP, messages: Iterator[Letter], *, ordered: bool) -> Iterator[SendResult | SMTPError]:
    plan, load, order = client._ready(), Load(client), Numbered(ordered=ordered)
    feed = Feed(client, plan, load, window=WINDOW)
    opened = not client.connected
    given = Items(messages, keeping(client, plan))
    try:
        source = letters(load, partial(handful, enumerate(given)), feed)
        for results in _over_one(client, source, feed):
            yield from order.ready(results)
        given.check()
    finally:
        if opened:
            client.disconnect()


def _over_one(client: SMTP, source: Iterator[list[tuple[int, Given]] | None], feed: Feed) -> Iterator[Results]:
    plan = client._plan()
    for taken in source:
        if taken is None:
            client._run(plan, feed.rest())
            yield feed.results()
        elif feed.take(taken):
            if feed.batch.full:
                client._run(plan, feed.advance(more=True))
            yield feed.results()
    while feed.batch.pending:
        client._run(plan, feed.advance())
        yield feed.results()


def over_pool(
    pool: Pool, messages: Iterator[Letter], connections: int, *, ordered: bool
) -> Iterator[SendResult | SMTPError]:
    """Send the messages over connections of a pool and yield their results; see ``Pool.send_many``."""
    plan, load, order = pool.template._ready(), Load(pool.template, shared=True), Numbered(ordered=ordered)
    given = Items(messages, keeping(pool.template, plan))
    shared = Shared(given)
    berths = [Berth(pool) for _ in range(connections)]
    first = run(berths[0].enlist())

    def work(berth: Berth[SMTP]) -> Iterator[Results]:
        try:
            client = first if berth is berths[0] else run(berth.enlist())
        except PoolTimeout:  # those who have a connection do the work
            return
        feed = Feed(client, plan, load, place=berth, window=SHARE)
        try:
            yield from _over_one(client, letters(load, shared.take, feed), feed)
        finally:
            berth.come_back()
            run(pool._give_back(client))

    def stop() -> None:
        shared.stopped = load.stopped = True

    for results in merged([work(berth) for berth in berths], stop):
        yield from order.ready(results)
    given.check()
