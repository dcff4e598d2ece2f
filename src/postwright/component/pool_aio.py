"""AsyncPool: connections kept open between messages, shared by tasks. Its methods are those of Pool, as coroutines."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from postwright.component.aio import AsyncSMTP
from postwright.component.many_aio import over_pool
from postwright.component.pooling import Pooling
from postwright.drive.tasks import Home, TaskSweeper, TaskTurn, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Iterable
    from email.message import Message
    from types import TracebackType
    from typing import Self

    from postwright.component.batching import Letter
    from postwright.component.composed import Composed
    from postwright.errors import SMTPError
    from postwright.words import SendResult


class AsyncPool(Pooling[AsyncSMTP]):
    """Connections to one server that are kept open and shared by the tasks of one event loop.

    It has the members of ``Pool``; ``connection`` is an asynchronous context manager. A task that is cancelled gives its
    connection up.

    Args:
        size: The most connections at a time.
        wait: Seconds that a caller waits for a connection that is free.
        max_idle: Seconds after which a connection that nobody used is closed.
        max_age: Seconds after which a connection is replaced by a new one.
        **values: Any property, or event handler, of the connections.

    Attributes:
        template: Each connection begins with the properties, settings and handlers of this client.

    Raises:
        InvalidValue: ``size`` is no number from 1 on, or a time is negative.
    """

    _kind = AsyncSMTP
    _turn = TaskTurn
    _sweeper_kind = TaskSweeper

    def __init__(
        self, size: int = 8, *, wait: float = 30.0, max_idle: float = 60.0, max_age: float = 600.0, **values: Any
    ) -> None:
        super().__init__(size, wait=wait, max_idle=max_idle, max_age=max_age, **values)
        self._home = Home()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def connection(self, wait: float | None = None) -> AsyncIterator[AsyncSMTP]:
        """Lend a connection for the length of an ``async with`` block."""
        self._settle()
        client = await run(self._lend(wait))
        try:
            yield client
        except Exception as error:
            self._note(error)
            await run(self._give_back(client))
            raise
        except BaseException:  # cancelled: nothing may be waited for any more
            self._drop(client)
            raise
        await run(self._give_back(client))

    def _settle(self) -> None:
        """Belong to the running event loop; where an earlier one has ended, its connections have with it."""
        if self._home.moved():
            for client in (*self._lent, *self._shut()):
                client._drop()
            self._begin()

    def _drop(self, client: AsyncSMTP) -> None:
        """Take a connection back without a word."""
        for each in self._take_back(client):
            each._drop()

    async def send_message(
        self,
        message: Message | bytes | Composed,
        from_addr: str | None = None,
        to_addrs: str | Iterable[str] | None = None,
    ) -> SendResult:
        """Send a finished message over a connection of the pool."""
        async with self.connection() as smtp:
            return await smtp.send_message(message, from_addr, to_addrs)

    def send_many(
        self,
        messages: Iterable[Letter] | AsyncIterable[Letter],
        *,
        connections: int | None = None,
        ordered: bool = True,
    ) -> AsyncIterator[SendResult | SMTPError]:
        """Send finished messages over connections of the pool, overlapped, and give a result for each."""
        return over_pool(self, messages, min(connections or self.size, self.size), ordered=ordered)

    async def close(self) -> None:
        """Say QUIT on every connection that is idle and close it; those that are in use follow when they come back."""
        await run(self._close())
