"""A batch without CHUNKING: a body, and the next message's commands behind its dot, in one write: body, dot, RSET, MAIL,
RCPT, DATA (RFC 2920 section 3.1).

Where every answer is what it nearly always is, the driver takes the turns by itself (``Talk.converse``); whatever else
comes is left to the dialogue, which goes on from where the turns stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postwright.session.hearing import check_closing, check_reset, refused_by_closing
from postwright.session.states import State
from postwright.session.transaction import TAKEN
from postwright.session.verdict import accepted, all_taken, tell_refusals
from postwright.session.ways import RSET, Way, dotted, overlap

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.session.ways import Item
    from postwright.words import Reply, SendResult


DATA = b"DATA\r\n"


class Dotted(Way):
    """One connection's way without CHUNKING.

    At most two messages are in flight: one whose body is out, and the one whose commands stand behind it.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._talk, self._link = self._session.talk, self._session.link
        self._ended = False
        """Whether the body of the first message in flight is out, or what stands in its place."""
        self._answers: list[Reply] = []
        """What was said to the commands of that message."""
        self._replied: list[Reply] = []
        """What was said to a message that was taken."""
        self._proven = False
        """Whether it was known that the server understands what stands behind that body."""
        self._taken: Item | None = None
        """A message that was taken, whose result is made as soon as there is time."""
        self._pause: Callable[[], bool] = bool
        self._paused = False

    async def go(self, pause: Callable[[], bool]) -> None:
        """Go on by one message, or by many where all goes well.

        Args:
            pause: Says whether to stop before the body of the next message.
        """
        flight = self._tally.flight
        if not flight:
            self._ended = False
            await self._talk.pour(self._begin())
        if self._forbidden is None and overlap.get(self._ways.server):
            await self._take_turns(pause)
            if self._paused or not flight:
                self._session.state = State.ENDED if flight else State.READY
                return
        if self._ended or await self._offer():
            await self._close()

    def _begin(self, before: int = 0) -> bytes:
        """Return the commands for the next message; it is in flight from now on.

        Args:
            before: The answers that are owed to what stands before them in the same write.
        """
        item = self._tally.todo.popleft()
        recipients = item.envelope.recipients
        self._session.allowance.use(recipients)
        item.tries += 1
        item.end_at = None
        self._tally.flight.append(item)
        self._talk.expect(before + len(recipients) + 2)
        return item.commands or self._ways.group(item) + DATA

    def _following(self, before: int) -> bytes:
        """Return the commands that stand behind the end of a message; b"" where there is no next one."""
        item = self._tally.next()
        if item is not None and self._ways.admits(item):
            return self._begin(before)
        self._talk.expect(before)
        return b""

    # As it nearly always goes

    async def _take_turns(self, pause: Callable[[], bool]) -> None:
        self._pause, self._paused, self._proven = pause, False, True
        self._session.state = State.ENDED
        try:
            await self._talk.converse(self._answer, self._ears.timeout, self._ahead)
        except BaseException:
            if self._ended and self._ears.heard:  # what failed then, the answer is here
                self._settle(self._ears.heard.pop(0))
            raise
        finally:
            self._tell()

    def _answer(self, replies: list[Reply]) -> bytes | None:
        """Settle a message if the answers to it are the usual ones, and return the next one's body; see ``converse``."""
        heard, flight = self._ears.heard, self._tally.flight
        heard += replies
        ended = self._ended
        if not ended:
            count = len(flight[0].envelope.recipients) + 2
        else:  # the answers to body and RSET, and to what stood behind them
            count = len(flight[1].envelope.recipients) + 4 if len(flight) > 1 else 2
        if len(heard) < count:
            return None if heard and heard[-1].code == 421 else b""
        if ended:
            if heard[0].code != 250 or heard[1].code != 250:
                return None
            self._tell()
            self._taken, self._replied = flight.popleft(), self._answers
            self._replied[-1] = heard[0]
            del heard[:2]
            self._ended = False
        if not flight or heard[0].code != 250 or heard[-1].code != 354 or not all_taken(heard):
            return None
        if self._pause():
            self._paused = True
            return None
        return self._body(flight[0])

    def _body(self, item: Item) -> bytes:
        """Return a message's body and what stands behind it; its end is offered from now on."""
        heard = self._ears.heard
        self._answers = heard[:]
        heard.clear()
        self._ended = True
        data, item.body = item.body or dotted(item.data), b""
        item.end_at = self._link.offered + len(data) - 5
        return b"".join((data, RSET, self._following(2)))

    def _ahead(self) -> None:
        """Do, while the server has something to do, what need not wait for its answer."""
        self._tell()
        tally = self._tally
        if len(tally.flight) > 1:
            following = tally.flight[1]
            following.body = dotted(following.data)
        item = tally.next()
        if item is not None and self._ways.admits(item):
            item.commands = self._ways.group(item) + DATA

    def _tell(self) -> None:
        item, self._taken = self._taken, None
        if item is not None:
            self._tally.done.append((item.key, accepted(item, self._replied)))

    # As it can go

    async def _offer(self) -> bool:
        """Send the body of the first message in flight, or what the answers call for; say whether that could be done."""
        flight = self._tally.flight
        item = flight[0]
        count = len(item.envelope.recipients) + 2
        answers = self._ears.here(count) or await self._ears.hear(count)
        check_closing(answers)
        mail, rcpts, go = answers[0], answers[1:-1], answers[-1]
        wanted = go.code == 354 and mail.code == 250 and not TAKEN.isdisjoint([reply.code for reply in rcpts])
        if wanted and self._forbidden is not None and (errors := await self._forbidden([item])):
            await self._session.hang_up(errors[0].message)  # the server waits for a body that it must not get
            return False
        out = b""
        if wanted:
            out = dotted(item.data)
            item.end_at = self._link.offered + len(out) - 5
        elif go.code == 354:  # no recipient is left, and the server waits for a body (RFC 2920 section 3.1)
            out = b".\r\n"
        self._answers, self._ended = answers, True
        self._proven = overlap.get(self._ways.server, False)
        following = self._following(1 + (go.code == 354))
        self._session.state = State.ENDED
        await self._talk.pour(out + RSET + following)
        return True

    async def _close(self) -> None:
        """Hear what became of the first message in flight."""
        flight, ears, go = self._tally.flight, self._ears, self._answers[-1]
        final = (ears.here(1) or await ears.hear(1))[0] if go.code == 354 else go
        refused_by_closing(flight[0], final)
        if refusals := self._settle(final):
            await tell_refusals(self._session, refusals)
        if self._proven:
            check_reset((ears.here(1) or await ears.hear(1))[0])
        elif not await ears.prove():
            self._tally.take_back()
            return
        if not flight:
            self._session.state = State.READY

    def _settle(self, final: Reply) -> SendResult | None:
        self._ended = False
        return self._tally.settle(self._tally.flight.popleft(), self._answers[0], self._answers[1:-1], final)
