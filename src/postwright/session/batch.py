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
from postwright.session.hearing import Hearing, check_closing, check_reset, closed_early, refused_by_closing
from postwright.session.states import State
from postwright.session.tally import FINAL, LINE_FAULTS, TRIES, Tally
from postwright.session.transaction import TAKEN
from postwright.session.verdict import tell_refusals
from postwright.session.ways import RSET, Item, Ways, dotted, overlap

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from postwright.flow import Flow
    from postwright.message.draft import Draft
    from postwright.session.session import Session
    from postwright.words import Envelope, SendResult

WINDOW = 64
"""Messages in flight."""

FEW = 4
"""Messages that are taken while it is not known how they can be sent."""

MOMENT = 0.02
"""Seconds for which results are gathered, so that a fast server is not slowed down by handing over each of them."""

WRITE = 128 * 1024
"""Octets of one write of whole messages."""


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
        self._ways = Ways(session)
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

    def add(self, key: int, envelope: Envelope, draft: Draft, *, alone: bool = False) -> None:
        """Take one more message; ``alone`` says that it needs a transaction of its own."""
        if not self._todo:
            self._due = self._session.clock() + self._moment
        self._todo.append(Item(key, envelope, draft, alone=alone))

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
        clock = self._session.clock
        end = clock() + self._moment
        self._more = more
        while self.pending and (not self.done or clock() < end) and len(self.done) < WINDOW:
            if more and not self._todo and len(self._flight) < min(self._enough, self.window):
                return
            opening = not self._session.connected
            try:
                if opening:
                    await self._open()
                    opening, self._fresh = False, True
                await self._advance()
            except SMTPError as error:
                await self._fault(error, final=opening)

    async def _advance(self) -> None:
        if self._ways.offered is not self._session.extensions:
            self._ways = Ways(self._session)
        if not (self._flight or self._ears.resetting) and self._session.used_up:
            await quit_line(self._session)  # the next round opens a new one
            return
        if not self._overlapping:
            await self._one(self._todo.popleft())
        elif self._ways.chunked:
            await self._chunked()
        else:
            await self._dotted()

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

    def _fits(self) -> bool:
        """Whether the next message can be overlapped, on this line."""
        return self._ways.fits(self._todo[0]) and not (self._ways.counted and self._session.used_up)

    # CHUNKING: whole messages, many in flight

    async def _chunked(self) -> None:
        idle = not (self._flight or self._ears.resetting)
        if idle:
            await self._look()
        ready = self._fitting()
        if idle and not ready:
            await self._one(self._todo.popleft())
            return
        if ready and self._before_end is not None:
            errors = await self._forbidden(ready)
            ready = [item for item in ready if item.key not in errors]
        if ready:
            out = self._ways.chunks(ready, self._session.link.offered)
            self._flight.extend(ready)
            self._session.talk.expect(sum([len(item.envelope.recipients) + 3 for item in ready]))
            self._session.state = State.ENDED
            await self._session.talk.pour(out)
        while (self._flight or self._ears.resetting) and (len(self._flight) > self.window // 2 or not self._goes_on()):
            await self._hear_chunked()
        if not self._flight and not self._ears.resetting:
            self._session.state = State.READY

    def _fitting(self) -> list[Item]:
        """Take the messages that go out in one write."""
        ready: list[Item] = []
        octets, room = 0, self.window - len(self._flight)
        while self._todo and len(ready) < room and octets < WRITE and self._fits():
            item = self._todo.popleft()
            self._session.allowance.use(item.envelope.recipients)
            octets += len(item.data)
            ready.append(item)
        return ready

    async def _forbidden(self, items: list[Item]) -> Mapping[int, SMTPError]:
        """Say that the ends of messages go out now; note and return the errors of those whose end must not."""
        assert self._before_end is not None
        errors = await self._before_end([item.key for item in items])
        for item in items:
            if item.key in errors:
                self._tally.finish(item, errors[item.key])
        return errors

    def _goes_on(self) -> bool:
        """Whether another message can be put in flight, now or soon."""
        return self._fits() if self._todo else self._more

    async def _hear_chunked(self) -> None:
        heard = await self._ears.more()
        at = 0
        try:
            while True:
                if self._ears.resetting and at < len(heard):
                    self._ears.resetting = False
                    at += 1
                    if heard[at - 1].code != 250:
                        check_reset(heard[at - 1])
                if not self._flight:
                    break
                item = self._flight[0]
                end = at + len(item.envelope.recipients) + 2
                if len(heard) < end:
                    closed_early(item, heard[at:])
                    break
                answers, at = heard[at:end], end
                if answers[-1].code == 421:
                    refused_by_closing(item, answers[-1])
                self._flight.popleft()
                self._ears.resetting = True
                if refusals := self._tally.settle(item, answers[0], answers[1:-1], answers[-1]):
                    await tell_refusals(self._session, refusals)
        finally:
            del heard[:at]

    # Without CHUNKING: a body, and the next message's commands behind its dot

    async def _dotted(self) -> None:
        talk = self._session.talk
        if not self._flight:
            if not self._fits():
                await self._one(self._todo.popleft())
                return
            await self._look()
            await talk.pour(self._begin(self._todo.popleft()))
        item = self._flight[0]
        count = len(item.envelope.recipients) + 2
        answers = self._ears.here(count) or await self._ears.hear(count)
        check_closing(answers)
        mail, rcpts, go = answers[0], answers[1:-1], answers[-1]
        wanted = go.code == 354 and mail.code == 250 and not TAKEN.isdisjoint([reply.code for reply in rcpts])
        if wanted and self._before_end is not None:
            self._flight.popleft()
            if errors := await self._forbidden([item]):  # the server waits for a body that it must not get
                await self._session.hang_up(errors[item.key].message)
                return
            self._flight.append(item)
        out = b""
        if wanted:
            out = dotted(item.data)
            item.end_at = self._session.link.offered + len(out) - 5
        elif go.code == 354:  # no recipient is left, and the server waits for a body (RFC 2920 section 3.1)
            out = b".\r\n"
        talk.expect(1 + (go.code == 354))
        proven = overlap.get(self._ways.server)
        following = self._begin(self._todo.popleft()) if proven and self._todo and self._fits() else b""
        self._session.state = State.ENDED
        await talk.pour(out + RSET + following)
        final = (self._ears.here(1) or await self._ears.hear(1))[0] if go.code == 354 else go
        refused_by_closing(item, final)
        self._flight.popleft()
        if refusals := self._tally.settle(item, mail, rcpts, final):
            await tell_refusals(self._session, refusals)
        if proven:
            check_reset((self._ears.here(1) or await self._ears.hear(1))[0])
        else:
            await self._ears.prove()
        if not self._flight:
            self._session.state = State.READY

    def _begin(self, item: Item) -> bytes:
        self._session.allowance.use(item.envelope.recipients)
        item.tries += 1
        item.end_at = None
        self._flight.append(item)
        self._session.talk.expect(len(item.envelope.recipients) + 2)
        return self._ways.group(item) + b"DATA\r\n"

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
