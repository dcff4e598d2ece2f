"""Many messages over one connection, overlapped: the server always has the next one before it has answered the last.

Two ways, by what the server offers; both need PIPELINING (RFC 2920):

- with CHUNKING (RFC 3030) several whole messages are in flight: MAIL, RCPT, BDAT LAST, RSET, MAIL, ...
- without it, the body goes out in one write with the next message's commands: body, dot, RSET, MAIL, RCPT, DATA.

RSET stands behind every message because servers differ in what a refused one leaves behind: Postfix keeps the
transaction open after some refusals, and its daemon dies on a MAIL behind a refused BDAT. Only small messages whose
fate no refused recipient can change are overlapped; all others go by a ``Transaction`` of their own, in between.

It owns which message stands where in the stream, so that after a fault each has its own exact outcome: what the server
can't have taken goes again on a new connection, what it may have taken is UNKNOWN and never does. Who must know of each
message, before its end is offered, that the server may have it from now on (the queue does) gives ``before_end``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.enums import Outcome
from postwright.errors import ServiceClosing, SMTPError
from postwright.session.asking import quit_line
from postwright.session.chunked import Chunked
from postwright.session.dotted import Dotted
from postwright.session.hearing import Hearing
from postwright.session.tally import FINAL, LINE_FAULTS, TRIES, Tally
from postwright.session.ways import Item, Ways, overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postwright.flow import Flow
    from postwright.session.session import Session
    from postwright.session.ways import Understood
    from postwright.words import SendResult

WINDOW = 64
"""Messages in flight."""

FEW = 4
"""Messages that are taken while it is not known how they can be sent."""

MOMENT = 0.02
"""Seconds for which results are gathered, so that a fast server is not slowed down by handing over each of them."""


class Batch:
    """Messages on their way over one connection.

    Args:
        session: The connection; it is opened when it is needed.
        open_line: Opens it.
        alone: Sends one message by a transaction of its own, over the line that is open.
        window: How many messages are taken before they are sent.
        enough: While so many are in flight no more are asked for.
        moment: Seconds for which results are gathered.
        before_end: Awaited before the ends of messages are offered in one write; it returns the errors of those whose
            end must not be offered, by their keys.
    """

    def __init__(
        self,
        session: Session,
        open_line: Callable[[], Flow[None]],
        alone: Callable[[Item], Flow[SendResult]],
        window: int = WINDOW,
        *,
        enough: int = WINDOW,
        moment: float = MOMENT,
        before_end: Callable[[list[int]], Flow[Mapping[int, SMTPError]]] | None = None,
    ) -> None:
        self._session = session
        self._open, self._alone = open_line, alone
        self.window, self._enough = window, enough
        self._moment = moment
        self._before_end = before_end
        self._tally = Tally()
        self._todo, self._flight = self._tally.todo, self._tally.flight
        self._ears = Hearing(session)
        self._renew()
        self._more = self._fresh = False
        self._due = 0.0
        self.ended: SMTPError | None = None
        """What ended the batch: no line could be opened, or the user or the time ended it."""

    @property
    def done(self) -> list[tuple[int, SendResult | SMTPError]]:
        """Results that were not fetched yet, with the key of each message."""
        return self._tally.done

    def fetch(self) -> list[tuple[int, SendResult | SMTPError]]:
        """Return the results that were not fetched yet, and forget them."""
        done, self._tally.done = self._tally.done, []
        return done

    def add(self, key: int, message: Understood | Callable[[], Understood], *, alone: bool = False) -> None:
        """Take one more message; see ``Item``. One that can't be sent has the reason as its result when its turn comes."""
        if not self._todo:
            self._due = self._session.clock() + self._moment
        self._todo.append(Item(key, message, alone=alone))

    def withdraw(self) -> list[int]:
        """Take back the messages that nothing was said of yet; they have no result. Return their keys."""
        return self._tally.withdraw()

    def unknown(self) -> list[int]:
        """Return the keys of messages that the server has, or may have, in part or as a whole, and that have no result."""
        return self._tally.unknown(self._session.link.taken)

    @property
    def room(self) -> int:
        """How many more messages shall be taken: few while it is not known that they can be overlapped."""
        window = self.window if self._overlapping else min(FEW, self.window)
        taken = len(self._todo) + len(self._flight)
        return window - taken if taken * 2 <= window else 0

    @property
    def lack(self) -> int:
        """How many messages are missing until it is ``full``."""
        return self.window - len(self._todo) - len(self._flight)

    @property
    def _overlapping(self) -> bool:
        return self._session.connected and self._ways.overlapped and overlap.get(self._ways.server) is not False

    @property
    def full(self) -> bool:
        """Whether enough waits to be sent, or something has waited for a moment."""
        waiting = len(self._todo)
        return waiting + len(self._flight) >= self.window or (waiting > 0 and self._session.clock() > self._due)

    @property
    def pending(self) -> bool:
        """Whether any message has no result yet."""
        return bool(self._todo or self._flight or self._ears.resetting)

    async def advance(self, *, more: bool = False) -> None:
        """Go on until there is at least one more result, and a moment longer while more of them come at once.

        Args:
            more: More will be added: what is in flight need not come to its end, so that the line is never idle.
        """
        clock, tally = self._session.clock, self._tally
        end = clock() + self._moment
        few = min(self._enough, self.window) if more else 0
        self._more = more

        def pause() -> bool:
            """Whether it is time to hand over results, or to ask for more messages."""
            done = len(tally.done)
            return (done > 0 and (done >= WINDOW or clock() >= end)) or (not tally.todo and len(tally.flight) < few)

        while self.pending and not pause():
            opening = not self._session.connected
            if opening and self._tally.next() is None:  # nothing that was given can be sent
                return
            try:
                if opening:
                    await self._open()
                    opening, self._fresh = False, True
                await self._advance(pause)
            except SMTPError as error:
                await self._fault(error, final=opening)

    async def _advance(self, pause: Callable[[], bool]) -> None:
        if self._ways.offered is not self._session.extensions:
            self._renew()
        idle = not (self._flight or self._ears.resetting)
        if idle and self._session.used_up:
            await quit_line(self._session)  # the next round opens a new one
            return
        if idle:
            first = self._tally.next()
            if first is None:
                return
            if not (self._overlapping and self._ways.admits(first)):
                await self._one(self._todo.popleft())
                return
            await self._look()
        if isinstance(self._way, Chunked):
            await self._way.go(self.window, more=self._more)
        else:
            await self._way.go(pause)

    def _renew(self) -> None:
        """Look at what can be overlapped on a new line, and choose the way."""
        session, forbidden = self._session, self._forbidden if self._before_end is not None else None
        ways = self._ways = Ways(session)
        self._way = (Chunked if ways.chunked else Dotted)(session, ways, self._tally, self._ears, forbidden)

    async def _look(self) -> None:
        """See, before a flight begins, whether the server said something or left while the line was idle."""
        if not self._fresh:
            await self._session.talk.glance()
        self._fresh = False

    async def _one(self, item: Item) -> None:
        item.tries += 1
        try:
            self._tally.finish(item, await self._alone(item))
        except SMTPError as error:
            idle = isinstance(error, LINE_FAULTS) and error.outcome is Outcome.NOT_SENT
            if idle and item.tries < TRIES:
                self._todo.appendleft(item)
            else:
                self._tally.finish(item, error)
            if isinstance(error, FINAL):
                raise
            if not self._session.in_order:
                await self._session.hang_up(error.message, error.code)

    async def _forbidden(self, items: list[Item]) -> list[SMTPError]:
        """Say that the ends of messages go out now; settle and return the errors of those whose end must not."""
        assert self._before_end is not None
        errors = await self._before_end([item.key for item in items])
        for item in items:
            if item.key in errors:
                self._flight.remove(item)
                self._tally.finish(item, errors[item.key])
        return list(errors.values())

    # What came of each message

    async def _fault(self, error: SMTPError, *, final: bool) -> None:
        """Settle what was in flight when the line failed.

        Nothing goes again if the failure is final: no line could be opened, or the user or the time ended it. Without
        that a line that failed has always settled a message or used up one of its tries, so this comes to an end.
        """
        taken = self._session.link.taken
        if isinstance(error, ServiceClosing) and self._flight:
            try:
                if await self._ears.nothing_behind():
                    taken = 0
                    if self._session.allowance.mails > len(self._flight):  # this line was good for something
                        self._tally.spare()
            except FINAL as ending:
                error = ending
        await self._session.hang_up(error.message, error.code)
        self._ears.clear()
        final = final or isinstance(error, FINAL)
        if final:
            self.ended = error
        self._tally.fault(error, taken, final=final)
