"""A batch with CHUNKING (RFC 3030): several whole messages in flight, MAIL, RCPT, BDAT LAST, RSET, MAIL, ..."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.session.hearing import check_reset, closed_early, refused_by_closing
from postwright.session.states import State
from postwright.session.verdict import accepted, tell_refusals, usual
from postwright.session.ways import Way

if TYPE_CHECKING:
    from postwright.session.ways import Item

WRITE = 128 * 1024
"""Octets of one write of whole messages."""


class Chunked(Way):
    """One connection's way with CHUNKING."""

    async def go(self, window: int, *, more: bool) -> None:
        """Put messages in flight, and hear answers until there is room for others.

        Args:
            window: How many may be in flight.
            more: Whether others will come.
        """
        session, ears, flight = self._session, self._ears, self._tally.flight
        await self._send(window)
        while (flight or ears.resetting) and (len(flight) > window // 2 or not self._goes_on(more)):
            await self._hear()
        if not flight and not ears.resetting:
            session.state = State.READY

    def _goes_on(self, more: bool) -> bool:
        """Whether another message can be put in flight, now or soon."""
        item = self._tally.next()
        return more if item is None else self._ways.admits(item)

    async def _send(self, window: int) -> None:
        flight = self._tally.flight
        ready = self._fitting(window - len(flight))
        flight.extend(ready)
        if ready and self._forbidden is not None and await self._forbidden(ready):
            ready = [item for item in ready if item in flight]
        if not ready:
            return
        out = self._ways.chunks(ready, self._session.link.offered)
        self._session.talk.expect(sum([len(item.envelope.recipients) + 3 for item in ready]))
        self._session.state = State.ENDED
        await self._session.talk.pour(out)

    def _fitting(self, room: int) -> list[Item]:
        """Take the messages that go out in one write."""
        tally, ways = self._tally, self._ways
        ready: list[Item] = []
        octets = 0
        while len(ready) < room and octets < WRITE and (item := tally.next()) is not None and ways.admits(item):
            tally.todo.popleft()
            self._session.allowance.use(item.envelope.recipients)
            octets += len(item.data)
            ready.append(item)
        return ready

    async def _hear(self) -> None:
        ears, tally, flight = self._ears, self._tally, self._tally.flight
        heard = await ears.more()
        at = 0
        try:
            while True:
                if ears.resetting and at < len(heard):
                    ears.resetting = False
                    at += 1
                    if heard[at - 1].code != 250:
                        check_reset(heard[at - 1])
                if not flight:
                    break
                item = flight[0]
                end = at + len(item.envelope.recipients) + 2
                if len(heard) < end:
                    closed_early(item, heard[at:])
                    break
                answers, at = heard[at:end], end
                if answers[-1].code == 421:
                    refused_by_closing(item, answers[-1])
                flight.popleft()
                ears.resetting = True
                if usual(answers):
                    tally.done.append((item.key, accepted(item, answers)))
                elif refusals := tally.settle(item, answers[0], answers[1:-1], answers[-1]):
                    await tell_refusals(self._session, refusals)
        finally:
            del heard[:at]
