"""``SMTP.send_many``: over one connection, or over several, each in a thread."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from postwright.component.batching import SHARE, Feed, Numbered, furnish
from postwright.drive.crew import Shared, merged
from postwright.session.batch import WINDOW

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.component.batching import Letter
    from postwright.component.smtp import SMTP
    from postwright.errors import SMTPError
    from postwright.words import SendResult


def many(
    client: SMTP, messages: Iterator[Letter], connections: int, *, ordered: bool
) -> Iterator[SendResult | SMTPError]:
    """Send the messages and yield their results; see ``SMTP.send_many``."""
    if connections > 1:
        return _crew(client, messages, connections, ordered=ordered)
    return _over_one(client, messages, WINDOW, ordered=ordered)


def _over_one(
    client: SMTP, messages: Iterator[Letter], window: int, *, ordered: bool
) -> Iterator[SendResult | SMTPError]:
    plan = client._ready()
    feed = Feed(client._operations, partial(client._adopted, plan), ordered=ordered, window=window)
    opened = not client.connected
    try:
        for message in messages:
            if feed.take(message):
                if feed.batch.full:
                    client._run(plan, feed.batch.advance(more=True))
                yield from feed.results()
        while feed.batch.pending:
            client._run(plan, feed.batch.advance())
            yield from feed.results()
    finally:
        if opened:
            client.disconnect()


def _crew(
    client: SMTP, messages: Iterator[Letter], connections: int, *, ordered: bool
) -> Iterator[SendResult | SMTPError]:
    client._ready()
    shared, order = Shared(messages), Numbered(ordered=ordered)

    def work(twin: SMTP) -> Iterator[tuple[int, SendResult | SMTPError]]:
        numbers: deque[int] = deque()

        def share() -> Iterator[Letter]:
            while (taken := shared.take()) is not None:
                numbers.append(taken[0])
                yield taken[1]

        for result in _over_one(twin, share(), SHARE, ordered=True):
            yield numbers.popleft(), result

    def stop() -> None:
        shared.stopped = True

    twins = [furnish(client, client._another()) for _ in range(connections)]
    for number, result in merged([work(twin) for twin in twins], stop):
        yield from order.next(number, result)
