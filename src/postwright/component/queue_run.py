"""A run over a queue as flows: over one connection or several, messages overlapped on each. Once, for both clients.

A run never guesses: the verdict on a message is noted in memory the moment it is known, and ``Run`` writes it down,
whatever happens in between. What concerns the server (it can't be reached, it refuses the login, it is closing down)
ends a connection's part of the run and leaves its messages queued; what concerns one message ends that message's
attempt only.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from postwright.component import letters
from postwright.drive import clock
from postwright.enums import Outcome
from postwright.errors import (
    CommunicationError,
    Interrupted,
    OperationTimeout,
    QueueUnusable,
    ServiceClosing,
    SMTPError,
)
from postwright.events import Error
from postwright.flow import Finish, Sleep, Wait
from postwright.session.batch import Batch
from postwright.session.crowd import rewind, to_everyone
from postwright.session.tally import told
from postwright.spool.claim import Verdict
from postwright.spool.directory import EXHAUSTED
from postwright.spool.record import seconds
from postwright.words import QueueEntry, QueueReport, SendResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from postwright.component.operations import Operations
    from postwright.component.queueing import Helpers
    from postwright.component.wishes import Manner
    from postwright.options.plan import Plan
    from postwright.session.ways import Item
    from postwright.spool.run import Run, Taking
    from postwright.words import Envelope, Reply

WINDOW = 32
"""Messages that one connection takes at a time, where they can be overlapped; other processes can't have these."""

PAUSE = 0.5
"""Seconds after which it is asked again whether the run shall end, while the rate lets nothing begin."""

FIRST_DELAY, LONGEST_DELAY = 300.0, 4 * 3600.0
"""Seconds before the second attempt, which double with each attempt, up to a limit."""

_INTERRUPTED = "the program was interrupted"


class Round:
    """What the connections of one run share.

    Args:
        manner: How the run is done.
        helpers: The other connections.

    Attributes:
        entries: What became of each file so far.
        faults: What ended a connection's part.
        ended: Whether no message shall be begun any more.
    """

    def __init__(self, manner: Manner, helpers: Helpers) -> None:
        self.manner = manner
        self._helpers = helpers
        self.entries: list[QueueEntry] = []
        self.faults: list[SMTPError] = []
        self.ended = False
        self.connections = 1
        self.workers: list[Worker] = []

    def shall_stop(self) -> bool:
        """Whether the run shall end, as soon as what is in flight has its answers."""
        stop = self.manner.stop
        if not self.ended and (self._helpers.interrupted or (stop is not None and stop())):
            self.ended = True
        return self.ended

    def report(self, left: int) -> QueueReport:
        """Return the report; a fault that left nothing undone is none."""
        faults = [*self.faults, *([Interrupted()] if self._helpers.interrupted else [])]
        return QueueReport(tuple(self.entries), left, faults[0] if faults and left else None)


class Worker:
    """One connection's part of a run.

    Args:
        operations: The connection.
        plan: The settings of the run.
        run: Its claims.
        round_: What it shares with other connections.
    """

    def __init__(self, operations: Operations, plan: Plan, run: Run, round_: Round) -> None:
        self._operations = operations
        self._session = operations.session
        self._plan = letters.bare(plan)
        self._run = run
        self._round = round_
        self._end: SMTPError | None = None
        self._takings: dict[int, tuple[Taking, Plan]] = {}
        self._count = 0
        round_.workers.append(self)
        operations.no_line = None
        self._session.adopt(self._plan)
        self._batch = Batch(
            self._session,
            operations.open,
            self._alone,
            WINDOW,
            enough=WINDOW // 2 + 1,
            moment=0.0,
            before_end=self._before_ends,
        )

    async def go_through(self) -> bool:
        """Send message after message, until there is none, or something is wrong that concerns them all.

        Returns:
            Whether nothing was wrong, so that more could be sent.
        """
        batch = self._batch
        try:
            while await self._fill():
                await batch.advance(more=self._more())
                await self._settle()
                self._end = self._end or batch.ended
        except SMTPError as error:
            entries = self._known(error)
            self._end = self._end or error
            await self._session.hang_up(error.message, error.code)
            await Finish(self._run.work, self._run.settle)
            await self.tell(entries)
        except BaseException:  # a handler's own, or cancelled
            self._known(CommunicationError(_INTERRUPTED))
            raise
        if self._end is None:
            return True
        self._round.faults.append(self._end)
        await self._session.fire(Error(self._end.code, self._end.message))
        return False

    def _more(self) -> bool:
        """Whether further messages can be taken at once, so that the line need not fall idle."""
        return not (self._round.ended or self._plan.settings.max_message_rate) and self._run.left > 0 and not self._end

    def _known(self, error: SMTPError) -> list[QueueEntry]:
        """Note the fate of each message, as far as it is known now that an error ends this part of the run."""
        answers = self._batch.fetch() + [(key, told(error, Outcome.UNKNOWN)) for key in self._batch.unknown()]
        return [entry for key, answer in answers if (entry := self._judge(key, answer)) is not None]

    def _stopping(self) -> bool:
        return self._end is not None or self._round.shall_stop()

    # Out of the queue, into the batch

    async def _fill(self) -> bool:
        """Take more messages; say whether there is anything to do."""
        while not self._stopping():
            room = await self._room()
            if not room:
                return self._batch.pending
            try:
                taken, bad = await Finish(self._run.work, self._run.take, room)
            except QueueUnusable as error:
                self._end = error
                continue
            for taking in taken:
                self._add(taking)
            await self.tell(bad)
            if taken:
                return self._batch.pending or bool(self._batch.done)
        self._batch.withdraw()
        return self._batch.pending

    async def _room(self) -> int:
        """Return how many messages may be taken now; with MaxMessageRate one, when its turn has come."""
        if not self._run.left:
            return 0
        rate = self._plan.settings.max_message_rate
        if not rate:
            return min(self._batch.room, self._run.left // self._round.connections + 1)
        if self._batch.pending:
            return 0
        while wait := self._operations.cadence.take(rate):
            await Sleep(min(wait, PAUSE))
            if self._stopping():
                return 0
        return 1

    def _add(self, taking: Taking) -> None:
        key = self._count
        self._count += 1
        self._takings[key] = (taking, self._plan)
        try:
            envelope, draft, plan = letters.read(self._plan, taking)
        except SMTPError as error:
            self._batch.done.append((key, error))
            return
        self._takings[key] = (taking, plan)
        self._batch.add(key, (envelope, draft), alone=plan is not self._plan)

    # To the server

    async def _before_ends(self, keys: list[int]) -> Mapping[int, SMTPError]:
        """Note on the disk that the server may have these messages from now on."""
        server = f"{self._session.server_host}:{self._plan.properties.mail_port}"
        claims = [self._takings[key][0].claim for key in keys]
        faults = await Finish(self._run.work, self._run.commit, claims, server)
        return {key: fault for key, fault in zip(keys, faults, strict=True) if fault is not None}

    async def _alone(self, item: Item) -> SendResult:
        """Send a message by transactions of its own."""
        taking, plan = self._takings[item.key]
        sent = self._operations.sent
        shares: list[Envelope] = []
        unknown = False

        async def before_end() -> None:
            for fault in (await self._before_ends([item.key])).values():
                raise fault

        async def transact(envelope: Envelope) -> SendResult:
            nonlocal unknown
            sent.outcome = Outcome.NOT_SENT
            try:
                return await self._operations.transact(envelope, item.draft, before_end=before_end)
            finally:
                if sent.outcome is Outcome.SENT:
                    shares.append(envelope)
                unknown = unknown or sent.outcome is Outcome.UNKNOWN

        self._session.adopt(plan)
        try:
            await rewind(item.draft)
            return await to_everyone(self._session, item.envelope, item.draft, transact)
        except SMTPError:
            raise
        except BaseException:  # a handler's own, or cancelled
            if unknown:
                self._run.judge(taking.claim, Verdict("failed", Outcome.UNKNOWN, _INTERRUPTED))
            elif shares:
                state = "sent" if shares == [item.envelope] else "failed"
                self._run.judge(taking.claim, Verdict(state, Outcome.SENT, _INTERRUPTED))
            raise
        finally:
            self._session.adopt(self._plan)

    # What came of it

    async def _settle(self) -> None:
        """See to the files of messages whose fate is known, and tell it."""
        entries = [entry for key, answer in self._batch.fetch() if (entry := self._judge(key, answer)) is not None]
        if not entries:
            return
        self._end = self._end or await Finish(self._run.work, self._run.settle)
        await self.tell(entries)

    def _judge(self, key: int, answer: SendResult | SMTPError) -> QueueEntry | None:
        """Note a message's fate; what concerns all messages leaves it without one, and it goes back."""
        taking, _ = self._takings.pop(key)
        error = answer if isinstance(answer, SMTPError) else None
        if error is not None and self._concerns_all(error):
            self._end = self._end or error
            if error.outcome is Outcome.NOT_SENT:
                return None
        verdict = self._verdict(taking, answer)
        self._run.judge(taking.claim, verdict)
        result = None if isinstance(answer, SMTPError) else answer
        return QueueEntry(taking.claim.queued_name, verdict.state, verdict.outcome, error, result)

    async def tell(self, entries: Iterable[QueueEntry]) -> None:
        """Note entries, and fire Error for those that failed."""
        waiting = deque(entries)
        self._round.entries += waiting  # first of all: a handler may end what follows
        while waiting:
            entry = waiting.popleft()
            if isinstance(entry.error, SMTPError):
                await self._session.fire(Error(entry.error.code, f"{entry.name}: {entry.error.message}"))
            if self._round.manner.progress is not None:
                in_hand = sum(len(worker._takings) for worker in self._round.workers)
                await Wait(self._round.manner.progress, entry, self._run.left + in_hand + len(waiting))

    def _concerns_all(self, error: SMTPError) -> bool:
        """Whether there is no use in going on with other messages."""
        if isinstance(error, QueueUnusable):
            return isinstance(error.__cause__, OSError) and error.__cause__.errno in EXHAUSTED
        if self._batch.ended is not None or error is self._operations.no_line:
            return True
        return isinstance(error, Interrupted | OperationTimeout | ServiceClosing)

    def _verdict(self, taking: Taking, answer: SendResult | SMTPError) -> Verdict:
        if isinstance(answer, SendResult):
            left = _left(taking, answer)
            if left and (again := self._again(taking)):
                return Verdict("deferred", Outcome.SENT, str(answer.reply), again, left)
            return Verdict("sent", Outcome.SENT, str(answer.reply))
        if answer.outcome is not Outcome.NOT_SENT:
            return Verdict("failed", answer.outcome, answer.message)
        if (answer.is_transient or _for_now(answer.reply)) and (again := self._again(taking)):
            return Verdict("deferred", Outcome.NOT_SENT, answer.message, again)
        return Verdict("failed", Outcome.NOT_SENT, answer.message)

    def _again(self, taking: Taking) -> float:
        """Return when a message may be tried again, in seconds since 1970; 0 for never."""
        now = letters.present()
        claim, manner = taking.claim, self._round.manner
        if not manner.retry or now - seconds(claim.letter.created) >= manner.max_age:
            return 0.0
        delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(claim.log.attempts, 16))
        spread = 0.75 + int.from_bytes(clock.randomness(2), "big") / 0x1FFFF  # so that not all come back at once
        return now + delay * spread


def _left(taking: Taking, result: SendResult) -> tuple[int, ...]:
    """Return the places of the recipients who were refused for now, of a message that others have."""
    rows = zip(letters.places(taking), result.recipients, strict=True)
    return tuple(place for place, told in rows if not told.accepted and _for_now(told.reply))


def _for_now(reply: Reply | None) -> bool:
    return reply is not None and reply.is_transient
