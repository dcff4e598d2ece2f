"""The connections of a pool that send a batch: it opens them itself, and may have fewer of them in its course."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from postwright.component.batching import CrowdedError
from postwright.component.load import MOMENT
from postwright.component.pooling import Pooling
from postwright.component.throttle import complains
from postwright.drive import clock
from postwright.errors import SMTPError
from postwright.flow import Wait

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Self

    from postwright.component.base import Component
    from postwright.component.operations import Operations
    from postwright.component.places import Turn

C = TypeVar("C", bound="Component")

CLOSING = 421


class Enlisting(Pooling[C]):
    """A pool whose connections can be enlisted for a batch (see ``Crew``)."""

    async def _enlist(self) -> C:
        """Return a client of the pool, connected or not, once there is a place for it."""
        await self._take_place(clock.monotonic() + self._wait, self._wait)
        client, leaving, _ = self._pick()
        for each in leaving:
            await self._part(each)
        return client

    @property
    def crowded(self) -> bool:
        """Whether more connections are in use than there may be now."""
        return self._places.crowded

    async def reopen(self, operations: Operations) -> None:
        """Open the connection of a batch, the first or another one.

        Raises:
            CrowdedError: The server bears no more than the others; the place was left.
            SMTPError: It can't be opened.
        """
        last = operations.session.last_reply
        if last is not None and last.code == CLOSING:
            self._throttle.burdened()
            if self.crowded:
                self._places.leave()
                raise CrowdedError
        try:
            await operations.open()
        except SMTPError as error:
            others = self._places.taken - 1
            if not (complains(error) and others):
                raise
            self._throttle.refused(others)
            self._places.leave()
            raise CrowdedError from error

    async def stand_back(self, operations: Operations, over: Callable[[], bool], *, placed: bool) -> bool:
        """Close the connection of a batch, leave its place and queue for another; see ``Crew``."""
        await operations.part()
        if placed:
            self._places.leave()
        turn: Turn = type(self)._turn()
        woken: bool = self._places.ask(turn)
        try:
            while not woken and not over():
                woken = await Wait(turn.wait, MOMENT)
        except BaseException:
            self._places.give_up(turn)
            raise
        if not woken:
            self._places.give_up(turn)
        elif turn.refused is not None:
            raise turn.refused
        return woken

    def _come_back(self, *, placed: bool) -> None:
        """Let a batch that queues have a place, as everyone has who gives a connection back."""
        if not placed:
            self._places.squeeze_in()

    def _retire(self) -> None:
        """Note the end of the batch that a pool was made for; see ``beside``."""
        if not self._keeping:
            self._closed = True

    @classmethod
    def beside(cls, client: C, size: int) -> Self:
        """Return a pool for one batch: with the settings of a client, and no connection is kept."""
        pool = cls(size)
        pool.template = client
        pool._keeping = False
        return pool
