"""Many messages over one connection, overlapped: the server always has the next one before it has answered the last.

Two ways, by what the server offers; both need PIPELINING (RFC 2920):

- with CHUNKING (RFC 3030) several whole messages are in flight: MAIL, RCPT, BDAT LAST, RSET, MAIL, ...
- without it, the body goes out in one write with the next message's commands: body, dot, RSET, MAIL, RCPT, DATA.

RSET stands behind every message because servers differ in what a refused one leaves behind: Postfix keeps the
transaction open after some refusals, and its daemon dies on a MAIL behind a refused BDAT. Only small messages whose
fate no refused recipient can change are overlapped; all others go by a ``Transaction`` of their own, in between.

It owns which message stands where in the stream, so that after a fault each has its own exact outcome: what the server
can't have taken goes again on a new connection, what it may have taken is UNKNOWN and never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import (
    CommunicationError,
    ConnectionDropped,
    InactivityTimeout,
    Interrupted,
    OperationTimeout,
    RecipientsRefused,
    ServiceClosing,
    SMTPError,
    UnexpectedReply,
)
from postwright.events import Error
from postwright.session.allowance import no_room
from postwright.session.asking import quit_line
from postwright.session.states import State
from postwright.session.tally import Tally
from postwright.session.transaction import TAKEN, refusal
from postwright.session.verdict import Answers, verdict
from postwright.session.ways import Item, Ways
from postwright.wire.dots import Dots
from postwright.words import SendResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.flow import Flow
    from postwright.message.draft import Draft
    from postwright.session.session import Session
    from postwright.words import Envelope, Reply

WINDOW = 64
"""Messages in flight."""

MOMENT = 0.02
"""Seconds for which results are gathered, so that a fast server is not slowed down by handing over each of them."""

WRITE = 128 * 1024
"""Octets of one write of whole messages."""

PROBE = 5.0
"""Seconds to wait for what stands behind the first final dot: two known servers lose it."""

_RSET = b"RSET\r\n"

_overlap: dict[tuple[str, int], bool] = {}
"""By server: whether it understands commands behind a final dot in the same write."""


class Batch:
    """Messages on their way over one connection.

    Args:
        session: The connection; it is opened when it is needed.
        open_line: Opens it.
        alone: Sends one message by a transaction of its own.
        window: How many messages are taken before they are sent.
    """

    def __init__(
        self,
        session: Session,
        open_line: Callable[[], Flow[None]],
        alone: Callable[[Envelope, Draft], Flow[SendResult]],
        window: int = WINDOW,
    ) -> None:
        self._session = session
        self._open = open_line
        self._alone = alone
        self._window = window
        self._tally = Tally()
        self._todo, self._flight = self._tally.todo, self._tally.flight
        self._heard: list[Reply] = []
        self._ways = Ways(session)
        self._more = False
        self._due = 0.0
        self._fresh = False

    @property
    def done(self) -> list[tuple[int, SendResult | SMTPError]]:
        """Results that were not fetched yet, with the key of each message."""
        return self._tally.done

    def fetch(self) -> list[tuple[int, SendResult | SMTPError]]:
        """Return the results that were not fetched yet, and forget them."""
        done, self._tally.done = self._tally.done, []
        return done

    def add(self, key: int, envelope: Envelope, draft: Draft) -> None:
        """Take one more message."""
        if not self._todo:
            self._due = self._session.clock() + MOMENT
        self._todo.append(Item(key, envelope, draft))

    @property
    def full(self) -> bool:
        """Whether enough waits to be sent, or something has waited for a moment."""
        waiting = len(self._todo)
        return waiting + len(self._flight) >= self._window or (waiting > 0 and self._session.clock() > self._due)

    @property
    def pending(self) -> bool:
        """Whether any message has no result yet."""
        return bool(self._todo or self._flight)

    async def advance(self, *, more: bool = False) -> None:
        """Go on until there is at least one more result, and a moment longer while more of them come at once.

        Args:
            more: More messages will be added: what is in flight need not come to its end, so that the line is never
                idle in between.
        """
        clock = self._session.clock
        end = clock() + MOMENT
        self._more = more
        while self.pending and (not self.done or clock() < end) and len(self.done) < WINDOW:
            if more and not self._todo and len(self._flight) < self._window:
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
        if not self._flight and self._session.used_up:
            await quit_line(self._session)  # the next round opens a new one
            return
        if not self._ways.overlapped or _overlap.get(self._session.server) is False:
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
        try:
            self._tally.finish(item, await self._alone(item.envelope, item.draft))
        except SMTPError as error:
            self._tally.finish(item, error)

    def _fits(self) -> bool:
        """Whether the next message can be overlapped, on this line."""
        item = self._todo[0]
        return item.earlier is None and self._ways.fits(item) and not self._session.used_up

    # CHUNKING: whole messages, many in flight

    async def _chunked(self) -> None:
        if not self._flight:
            await self._look()
        out: list[bytes] = []
        octets, start = 0, self._session.link.offered
        while self._todo and len(self._flight) < self._window and octets < WRITE and self._fits():
            item = self._todo.popleft()
            self._session.allowance.use(item.envelope.recipients)
            body = item.draft.body.whole or b""
            last = b"BDAT %d LAST\r\n" % (len(item.draft.headers) + len(body))
            parts = (self._ways.group(item, last), item.draft.headers, body, _RSET)
            out += parts
            octets += sum(map(len, parts))
            item.end_at = start + octets - len(_RSET) - 1  # its last octet makes the message whole
            item.tries += 1
            self._flight.append(item)
            self._session.talk.expect(len(item.envelope.recipients) + 3)
        if not self._flight:
            await self._one(self._todo.popleft())
            return
        if out:
            self._session.state = State.ENDED
            await self._session.talk.pour(b"".join(out))
        while self._flight and (len(self._flight) > self._window // 2 or not self._goes_on()):
            await self._hear_chunked()
        if not self._flight:
            self._session.state = State.READY

    def _goes_on(self) -> bool:
        """Whether another message can be put in flight, now or soon."""
        return self._fits() if self._todo else self._more

    async def _hear_chunked(self) -> None:
        heard = self._heard
        heard += await self._session.talk.several(self._patience())
        while self._flight:
            item = self._flight[0]
            count = len(item.envelope.recipients) + 3
            if len(heard) < count:
                break
            answers = heard[:count]
            del heard[:count]
            self._flight.popleft()
            await self._settle(item, answers[0], answers[1:-2], answers[-2])
            self._check_reset(answers[-1])
        if self._flight and len(heard) == len(self._flight[0].envelope.recipients) + 2:
            _refused_by_closing(self._flight[0], heard[-1])
        _check_closing(heard)

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
        answers = await self._hear(len(item.envelope.recipients) + 2)
        _check_closing(answers)
        mail, rcpts, go = answers[0], answers[1:-1], answers[-1]
        out = self._body(item, go, wanted=mail.code == 250 and any(r.code in TAKEN for r in rcpts))
        replies = 1 + (go.code == 354)
        talk.expect(replies)
        proven = _overlap.get(self._session.server)
        following = b""
        if proven and self._todo and self._fits():
            following = self._begin(self._todo.popleft())
        self._session.state = State.ENDED
        await talk.pour(out + _RSET + following)
        final = (await self._hear(1))[0] if go.code == 354 else go
        _refused_by_closing(item, final)
        _check_closing([final])
        self._flight.popleft()
        await self._settle(item, mail, rcpts, final)
        await self._prove(proven=proven)
        if not self._flight:
            self._session.state = State.READY

    def _begin(self, item: Item) -> bytes:
        self._session.allowance.use(item.envelope.recipients)
        item.tries += 1
        item.end_at = None
        self._flight.append(item)
        self._session.talk.expect(len(item.envelope.recipients) + 2)
        return self._ways.group(item, b"DATA\r\n")

    def _body(self, item: Item, go: Reply, *, wanted: bool) -> bytes:
        """Return the body and its dot; nothing but the dot where no recipient is left (RFC 2920 section 3.1)."""
        if go.code != 354:
            return b""
        if not wanted:
            return b".\r\n"
        dots = Dots()
        data = dots.feed(item.draft.headers + (item.draft.body.whole or b"")) + dots.finish()
        item.end_at = self._session.link.offered + len(data) - 5
        return data

    async def _prove(self, *, proven: bool | None) -> None:
        """Hear the answer to RSET; the first one proves that the server understands what stands behind a dot."""
        if proven:
            self._check_reset((await self._hear(1))[0])
            return
        try:
            self._check_reset((await self._hear(1, PROBE))[0])
        except (CommunicationError, ConnectionDropped, InactivityTimeout):
            _overlap[self._session.server] = False
            await self._session.hang_up("it does not understand commands behind the end of a message")
        else:
            _overlap[self._session.server] = True

    # What came of each message

    def _patience(self) -> float:
        """Seconds of silence that are borne: among the replies are those to whole messages."""
        return max(self._session.plan.settings.final_reply_timeout, self._session.link.timeout or 0)

    async def _hear(self, count: int, timeout: float | None = None) -> list[Reply]:
        """Return the next replies, so many of them; the last of them may be a 421, behind which nothing comes."""
        heard = self._heard
        while len(heard) < count:
            _check_closing(heard)
            heard += await self._session.talk.several(self._patience() if timeout is None else timeout)
        answers = heard[:count]
        del heard[:count]
        return answers

    async def _settle(self, item: Item, mail: Reply, rcpts: list[Reply], final: Reply) -> None:
        """Note what became of a message whose replies are all here.

        Raises:
            UnexpectedReply: The replies don't fit together.
        """
        try:
            result = verdict(item.envelope, item.draft, Answers(mail, rcpts, final, whole=item.end_at is not None))
        except UnexpectedReply:
            self._flight.appendleft(item)
            raise
        if isinstance(result, SendResult):
            for recipient, reply in zip(item.envelope.recipients, rcpts, strict=True):
                if reply.code not in TAKEN and not no_room(reply):
                    await self._session.fire(Error(RecipientsRefused.code, refusal(recipient, reply)))
        self._tally.finish(item, result)

    @staticmethod
    def _check_reset(reply: Reply) -> None:
        _check_closing([reply])
        if reply.code != 250:
            raise UnexpectedReply(f"{reply} in answer to RSET", reply=reply)

    async def _fault(self, error: SMTPError, *, final: bool) -> None:
        """Settle what was in flight when the line failed.

        Nothing goes again if the failure is final: no line could be opened, or the user or the time ended it. Without
        that a line that failed has always settled a message or used up one of its tries, so this comes to an end.
        """
        await self._session.hang_up(error.message, error.code)
        self._heard.clear()
        final = final or isinstance(error, Interrupted | OperationTimeout)
        self._tally.fault(error, self._session.link.taken, final=final)


def _check_closing(heard: list[Reply]) -> None:
    if heard and heard[-1].code == 421:
        raise ServiceClosing(str(heard[-1]), reply=heard[-1])


def _refused_by_closing(item: Item, final: Reply) -> None:
    """Note that a 421 in answer to a whole message refuses it: the server does not have it, and it may go again."""
    if final.code == 421:
        item.end_at = None
