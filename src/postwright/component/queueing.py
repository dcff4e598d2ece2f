"""The queue as flows: a message into it, and a run that sends what is in it. Once, for both clients.

A run never guesses: the verdict on a message is noted in memory the moment it is known, and ``Run`` writes it down,
whatever happens in between. What concerns the server (it can't be reached, it refuses the login, it is closing down)
ends the run and leaves the messages queued; what concerns one message ends that message's attempt only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from postwright.component import letters
from postwright.component.operations import with_open_body
from postwright.drive import clock
from postwright.enums import Outcome
from postwright.errors import (
    CommunicationError,
    ConnectionDropped,
    InactivityTimeout,
    Interrupted,
    NetworkError,
    OperationTimeout,
    QueueIncomplete,
    QueueUnusable,
    ServiceClosing,
    SMTPError,
)
from postwright.events import Error
from postwright.flow import Call
from postwright.session import asking
from postwright.session.delivery import pull
from postwright.session.transaction import Transaction
from postwright.spool.claim import Verdict
from postwright.spool.directory import EXHAUSTED
from postwright.spool.record import seconds
from postwright.spool.run import Run
from postwright.spool.writer import BATCH, Writer, put_all, whole
from postwright.words import QueueEntry, QueueReport, SendResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postwright.component.operations import Operations
    from postwright.component.wishes import Manner, Wishes
    from postwright.message.draft import Draft
    from postwright.options.plan import Plan
    from postwright.spool.record import Letter
    from postwright.spool.run import Taking
    from postwright.words import Envelope, Reply

    Message: TypeAlias = object
    Adopt: TypeAlias = Callable[[Message], tuple[Envelope, Draft]]

IN_MEMORY = 1024 * 1024
"""Up to this many octets a message that is in memory is written as one piece."""

AHEAD = 4
"""Messages that are taken at once; other processes can't have these."""

FIRST_DELAY, LONGEST_DELAY = 300.0, 4 * 3600.0
"""Seconds before the second attempt, which double with each attempt, up to a limit."""

_LINE_FAULTS = (NetworkError, CommunicationError, ConnectionDropped, InactivityTimeout, ServiceClosing)


class Queueing:
    """The queue side of one SMTP or AsyncSMTP object.

    Args:
        operations: Its dialogue side.
    """

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._session = operations.session

    # Into the queue

    async def put(self, plan: Plan, path: str, envelope: Envelope, draft: Draft, wishes: Wishes) -> str:
        """Put a message into a queue and return the file's name; for "*" return the file's content."""
        letter = letters.written(plan, envelope, draft, wishes)
        return await with_open_body(draft.body, self._put(path, letter, draft))

    async def _put(self, path: str, letter: Letter, draft: Draft) -> str:
        body = draft.body
        at_once = not (body.blocking or body.awaits) and (body.size or 0) <= IN_MEMORY
        if path != "*" and not at_once:
            return await self._spool(path, letter, draft)
        data = whole(letter, [draft.headers, *[part async for part in letters.parts(body, pull)]], body)
        if path == "*":
            return data.decode("utf-8", "surrogateescape")
        answer = (await Call(put_all, path, [(letter.id, data)]))[0]
        if isinstance(answer, SMTPError):
            raise answer
        return answer

    @staticmethod
    async def _spool(path: str, letter: Letter, draft: Draft) -> str:
        writer = Writer(path, letter)
        try:
            await Call(writer.work, writer.begin, draft.headers)
            async for part in letters.parts(draft.body, pull):
                await Call(writer.work, writer.add, part)
            name: str = await Call(writer.work, writer.finish, bool(draft.body.eight_bit))
        finally:
            writer.close()
        return name

    async def put_many(
        self, plan: Plan, path: str, messages: Iterable[Message], adopt: Adopt, wishes: Wishes
    ) -> list[str | SMTPError]:
        """Put finished messages into a queue; return the name, or the error, of each."""
        answers: list[str | SMTPError] = []
        waiting: list[tuple[str, bytes]] = []
        places: list[int] = []
        for message in messages:
            try:
                envelope, draft = adopt(message)
                letter = letters.written(plan, envelope, draft, wishes)
                data = whole(letter, [draft.headers, draft.body.whole or b"".join(letters.now(draft.body))], draft.body)
            except SMTPError as error:
                answers.append(error)
                continue
            waiting.append((letter.id, data))
            places.append(len(answers))
            answers.append("")
            if len(waiting) == BATCH or len(data) > IN_MEMORY:
                await self._flush(path, waiting, places, answers)
        await self._flush(path, waiting, places, answers)
        return answers

    @staticmethod
    async def _flush(
        path: str, waiting: list[tuple[str, bytes]], places: list[int], answers: list[str | SMTPError]
    ) -> None:
        if waiting:
            for place, answer in zip(places, await Call(put_all, path, list(waiting)), strict=True):
                answers[place] = answer
        waiting.clear()
        places.clear()

    # Out of the queue

    async def process(self, plan: Plan, path: str, manner: Manner) -> QueueReport:
        """Send what is in a queue, and say what became of each message.

        Raises:
            QueueUnusable: There is no such directory, or it can't be used.
            QueueIncomplete: Not everything was sent.
        """
        work = _Work(self._operations, plan, Run(path, keep=plan.settings.keep_queue, clock=letters.present), manner)
        opened = not self._session.connected
        try:
            await work.begin()
            await work.go_through()
            await Call(work.run.close)
        except BaseException:
            work.run.close()  # a cancelled flow may wait for nothing, and this takes a moment only
            raise
        if opened and self._session.connected:
            await asking.quit_line(self._session)
        report = work.report()
        if report.failed or report.stopped:
            raise _incomplete(report)
        return report


def _incomplete(report: QueueReport) -> QueueIncomplete:
    cause = report.stopped or next(entry.error for entry in report.failed)
    counts = [(len(report.sent), "sent"), (len(report.failed), "failed"), (len(report.deferred), "deferred")]
    text = ", ".join(f"{count} {word}" for count, word in (*counts, (report.left, "left")) if count)
    told = getattr(cause, "message", str(cause))
    error = QueueIncomplete(
        f"{text or 'nothing was done'}: {told}",
        report=report,
        code=getattr(cause, "code", 0),
        outcome=Outcome.UNKNOWN if report.unknown else Outcome.NOT_SENT,
    )
    error.__cause__ = cause
    return error


class _Work:
    """One run: the messages, the line, and what became of each."""

    def __init__(self, operations: Operations, plan: Plan, run: Run, manner: Manner) -> None:
        self._operations = operations
        self._session = operations.session
        self._plan = plan
        self._manner = manner
        self.run = run
        self._entries: list[QueueEntry] = []
        self._stopped: SMTPError | None = None
        self._left = 0

    def report(self) -> QueueReport:
        return QueueReport(tuple(self._entries), self._left, self._stopped)

    async def begin(self) -> None:
        await self._tell(await Call(self.run.work, self.run.begin))

    async def _tell(self, entries: Iterable[QueueEntry]) -> None:
        """Note entries, and fire Error for those that failed."""
        for entry in entries:
            self._entries.append(entry)
            if isinstance(entry.error, SMTPError):
                await self._session.fire(Error(entry.error.code, f"{entry.name}: {entry.error.message}"))

    async def go_through(self) -> None:
        """Send message after message, until there is none, or something is wrong that concerns them all."""
        try:
            while self.run.left and not self._shall_stop():
                taken, bad = await Call(self.run.work, self.run.take, AHEAD)
                await self._tell(bad)
                for taking in taken:
                    if self._shall_stop():
                        break
                    await self._send(taking)
        except SMTPError as error:
            self._stopped = error
            self._session.adopt(self._plan)
            await self._session.fire(Error(error.code, error.message))
        self._left = self.run.left + self.run.held

    def _shall_stop(self) -> bool:
        return self._manner.stop is not None and bool(self._manner.stop())

    async def _send(self, taking: Taking) -> None:
        """Send one message, see to its file, and note what became of it.

        Raises:
            SMTPError: What concerns all messages; this one has its verdict, or goes back.
        """
        end: SMTPError | None = None
        try:
            envelope, draft, plan = letters.read(self._plan, taking)
        except SMTPError as error:
            answer: SendResult | SMTPError = error
        else:
            answer = await self._attempt(taking, envelope, draft, plan)
            if isinstance(answer, SMTPError):
                if not self._session.in_order:
                    await self._session.hang_up(answer.message, answer.code)
                if self._concerns_all(answer):
                    end = answer
                    if answer.outcome is Outcome.NOT_SENT:
                        raise answer
        verdict = self._verdict(taking, answer)
        self.run.judge(taking.claim, verdict)
        error_or_none = answer if isinstance(answer, SMTPError) else None
        result = None if isinstance(answer, SMTPError) else answer
        name = taking.claim.queued_name
        await Call(self.run.work, self.run.settle, taking.claim)
        await self._tell([QueueEntry(name, verdict.state, verdict.outcome, error_or_none, result)])
        if end is not None:
            raise end

    async def _attempt(self, taking: Taking, envelope: Envelope, draft: Draft, plan: Plan) -> SendResult | SMTPError:
        """Offer a message; a line that failed before it had all of it is replaced once."""
        answer: SendResult | SMTPError | None = None
        for _ in range(2):
            if not self._session.connected:
                await self._operations.open()
            answer = await self._transact(taking, envelope, draft, plan)
            if not (isinstance(answer, _LINE_FAULTS) and answer.outcome is Outcome.NOT_SENT):
                break
            await self._session.hang_up(answer.message, answer.code)
        assert answer is not None
        return answer

    async def _transact(self, taking: Taking, envelope: Envelope, draft: Draft, plan: Plan) -> SendResult | SMTPError:
        session = self._session
        server = f"{session.server_host}:{plan.properties.mail_port}"
        draft.body.open()

        async def commit() -> None:
            await Call(self.run.work, self.run.commit, taking.claim, server)

        session.adopt(plan)
        deal = Transaction(session, envelope, draft)
        deal.before_end = commit
        try:
            return await deal.run()
        except SMTPError as error:
            return error
        except BaseException:  # a handler's own, or cancelled: what is known of the message counts
            if deal.outcome is Outcome.SENT:
                self.run.judge(taking.claim, Verdict("sent", Outcome.SENT))
            elif deal.outcome is Outcome.UNKNOWN:
                self.run.judge(taking.claim, Verdict("failed", Outcome.UNKNOWN, "the program was interrupted"))
            raise
        finally:
            session.adopt(self._plan)
            self._operations.sent.remember(deal)

    @staticmethod
    def _concerns_all(error: SMTPError) -> bool:
        """Whether there is no use in going on with other messages."""
        if isinstance(error, QueueUnusable):
            return isinstance(error.__cause__, OSError) and error.__cause__.errno in EXHAUSTED
        return isinstance(error, Interrupted | OperationTimeout | ServiceClosing)

    def _verdict(self, taking: Taking, answer: SendResult | SMTPError) -> Verdict:
        if isinstance(answer, SendResult):
            return Verdict("sent", Outcome.SENT, str(answer.reply))
        if answer.outcome is not Outcome.NOT_SENT:
            return Verdict("failed", answer.outcome, answer.message)
        now = letters.present()
        claim = taking.claim
        young = now - seconds(claim.letter.created) < self._manner.max_age
        if self._manner.retry and young and (answer.is_transient or _for_now(answer.reply)):
            delay = min(LONGEST_DELAY, FIRST_DELAY * 2.0 ** min(claim.log.attempts, 16))
            spread = 0.75 + int.from_bytes(clock.randomness(2), "big") / 0x1FFFF  # so that not all come back at once
            return Verdict("deferred", Outcome.NOT_SENT, answer.message, now + delay * spread)
        return Verdict("failed", Outcome.NOT_SENT, answer.message)


def _for_now(reply: Reply | None) -> bool:
    return reply is not None and reply.is_transient
