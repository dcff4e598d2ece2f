"""The connections of a pool that send a batch: it opens them itself, and may have fewer of them in its course."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from postwright.component.batching import CrowdedError
from postwright.component.load import MOMENT
from postwright.component.throttle import complains
from postwright.drive import clock
from postwright.errors import SMTPError
from postwright.flow import Sleep, Wait

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.component.base import Component
    from postwright.component.operations import Operations
    from postwright.component.places import Turn
    from postwright.component.pooling import Pooling

C = TypeVar("C", bound="Component")
P = TypeVar("P", bound="Pooling[Any]")

CLOSING = 421

GONE = 1.0
"""Seconds in which a server may still count a connection that was closed."""

PAUSE = 0.2
"""Seconds before another one is tried."""


def beside(pool: P, client: Component) -> P:
    """Make a pool one for a single batch: with the settings of a client, and no connection is kept."""
    pool.template = client
    pool._keeping = False
    return pool


class Berth(Generic[C]):
    """The place of one connection of a batch among those of its pool.

    Args:
        pool: The pool.

    Attributes:
        placed: Whether there is one; without, the connection is closed, and queues.
    """

    def __init__(self, pool: Pooling[C]) -> None:
        self._pool = pool
        self.placed = True

    async def enlist(self) -> C:
        """Return a client of the pool, connected or not, once there is a place for it.

        Raises:
            PoolTimeout: There was none in time.
        """
        pool = self._pool
        await pool._take_place(clock.monotonic() + pool._wait, pool._wait)
        client, leaving, _ = pool._pick()
        for each in leaving:
            await pool._part(each)
        return client

    @property
    def crowded(self) -> bool:
        """Whether more connections are in use than there may be now."""
        return self._pool._places.crowded

    async def reopen(self, operations: Operations) -> None:
        """Open the connection, the first time or again.

        Raises:
            CrowdedError: The server bears no more than the others; the place was left.
            SMTPError: It can't be opened.
        """
        pool = self._pool
        last = operations.session.last_reply
        if last is not None and last.code == CLOSING:
            pool._throttle.burdened()
            if self.crowded:
                self._leave()
                raise CrowdedError
        while True:
            alone = pool._places.taken <= 1
            try:
                return await operations.open()
            except SMTPError as error:
                if not complains(error):
                    raise
                if unused := pool._spare():  # ours, but of no use to a batch: the server may take another one instead
                    await pool._part(unused)
                    continue
                if pool._places.taken > 1:
                    pool._throttle.refused(pool._greeted())
                    self._leave()
                    raise CrowdedError from error
                if alone and clock.monotonic() - pool._places.left > GONE:
                    raise
            await Sleep(PAUSE)  # those beside it are gone since then, and the server may not know yet

    def _leave(self) -> None:
        self.placed = False
        self._pool._places.leave()

    async def stand_back(self, operations: Operations, over: Callable[[], bool]) -> None:
        """Close the connection, leave its place and queue for another, until there is one or all is over."""
        pool = self._pool
        await operations.part()
        if self.placed:
            self._leave()
        turn: Turn = type(pool)._turn()
        woken: bool = pool._places.ask(turn)
        try:
            while not woken and not over():
                woken = await Wait(turn.wait, MOMENT)
        except BaseException:
            pool._places.give_up(turn)
            raise
        if not woken:
            pool._places.give_up(turn)
        elif turn.refused is not None:
            raise turn.refused
        self.placed = woken

    def come_back(self) -> None:
        """Have a place, as everyone has who gives a connection back."""
        if not self.placed:
            self._pool._places.squeeze_in()
            self.placed = True
