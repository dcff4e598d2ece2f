"""The queue as flows: messages into it, and a run that sends what is in it. Once, for both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeAlias

from postwright.component import letters
from postwright.component.operations import with_open_body
from postwright.component.queue_run import Round, Worker
from postwright.drive.crew import side_by_side
from postwright.enums import Outcome
from postwright.errors import Interrupted, OperationTimeout, QueueIncomplete, QueueUnusable, SMTPError
from postwright.flow import Finish, Wait
from postwright.session import asking
from postwright.session.delivery import pull
from postwright.spool.run import Run
from postwright.spool.writer import BATCH, Writer, put, put_all, whole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Sequence

    from postwright.component.operations import Operations
    from postwright.component.wishes import Manner, Wishes
    from postwright.flow import Flow
    from postwright.message.draft import Draft
    from postwright.options.plan import Plan
    from postwright.spool.record import Letter
    from postwright.words import Envelope, QueueReport

    Message: TypeAlias = object
    Adopt: TypeAlias = Callable[[Message], tuple[Envelope, Draft]]


class Helpers(Protocol):
    """Further connections of a run, each in a thread or a task."""

    def begin(self, works: Sequence[Callable[[Queueing], Flow[None]]]) -> None:
        """Open a connection for each piece of work, and do it there."""

    def finish(self) -> Awaitable[None] | None:
        """Wait until all is done; what a handler of theirs raised is raised here."""

    def interrupt(self) -> None:
        """End what is in progress; who has not begun finds ``interrupted`` set."""

    @property
    def interrupted(self) -> bool:
        """Whether the run was interrupted."""


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
        message = letters.at_hand(draft)
        letter = letters.written(plan, envelope, draft, wishes, message)
        if message is None:
            return await with_open_body(draft.body, self._read(path, letter, draft))
        data = whole(letter, message)
        if path == "*":
            return _text(data)
        name: str = await Finish(put, path, letter.id, data)
        return name

    async def _read(self, path: str, letter: Letter, draft: Draft) -> str:
        if path != "*":
            return await self._spool(path, letter, draft)
        message = b"".join([draft.headers, *[part async for part in letters.parts(draft.body, pull)]])
        letter = letter.sized(len(message), eight_bit=bool(draft.body.eight_bit))
        return _text(whole(letter, message))

    @staticmethod
    async def _spool(path: str, letter: Letter, draft: Draft) -> str:
        writer = Writer(path, letter)
        try:
            await Finish(writer.work, writer.begin, draft.headers)
            async for part in letters.parts(draft.body, pull):
                await Finish(writer.work, writer.add, part)
            name: str = await Finish(writer.work, writer.finish, bool(draft.body.eight_bit))
        finally:
            writer.close()
        return name

    async def put_many(
        self, plan: Plan, path: str, messages: Iterable[Message], adopt: Adopt, wishes: Wishes
    ) -> list[str | SMTPError]:
        """Put finished messages into a queue; return the name, or the error, of each.

        What ends the method early, while a file is read, is the error of all that were not queued by then.
        """
        answers: list[str | SMTPError] = []
        waiting: list[tuple[str, bytes]] = []
        places: list[int] = []
        end: SMTPError | None = None
        for message in messages:
            if end is not None:
                answers.append(end)
                continue
            try:
                envelope, draft = adopt(message)
                content = letters.at_hand(draft)
                letter = letters.written(plan, envelope, draft, wishes, content)
                if content is None:
                    await self._flush(path, waiting, places, answers)
                    answers.append(await with_open_body(draft.body, self._spool(path, letter, draft)))
                    continue
                data = whole(letter, content)
            except SMTPError as error:
                answers.append(error)
                if isinstance(error, (Interrupted, OperationTimeout)):
                    end = error
                continue
            waiting.append((letter.id, data))
            places.append(len(answers))
            answers.append("")
            if len(waiting) == BATCH:
                await self._flush(path, waiting, places, answers)
        await self._flush(path, waiting, places, answers)
        return answers

    @staticmethod
    async def _flush(
        path: str, waiting: list[tuple[str, bytes]], places: list[int], answers: list[str | SMTPError]
    ) -> None:
        for place, answer in zip(places, await Finish(put_all, path, list(waiting), side_by_side), strict=True):
            answers[place] = answer
        waiting.clear()
        places.clear()

    # Out of the queue

    async def process(self, plan: Plan, path: str, manner: Manner, helpers: Helpers) -> QueueReport:
        """Send what is in a queue, and say what became of each message.

        Args:
            plan: The settings.
            path: The directory.
            manner: How it is done.
            helpers: Further connections.

        Raises:
            QueueUnusable: There is no such directory, or it can't be used.
            QueueIncomplete: Not everything was sent.
        """
        run = Run(path, keep=plan.settings.keep_queue, clock=letters.present, beside=side_by_side)
        round_ = Round(manner, helpers)
        opened = not self._session.connected
        try:
            await self._work(plan, run, round_, helpers)
            await self._let_go(run, round_)
        except BaseException:
            round_.ended = True
            run.close()  # a cancelled flow may wait for nothing, and this takes a moment only
            raise
        if opened and self._session.connected:
            await asking.quit_line(self._session)
        report = round_.report(run.left)
        if report.failed or report.stopped:
            raise _incomplete(report)
        return report

    async def _work(self, plan: Plan, run: Run, round_: Round, helpers: Helpers) -> None:
        found = await Finish(run.work, run.begin)
        worker = Worker(self._operations, plan, run, round_)
        await worker.tell(found)
        round_.connections = max(1, min(plan.settings.queue_connections, run.left))

        def work(twin: Queueing) -> Flow[None]:
            return twin.help(plan, run.another(), round_)

        helpers.begin([work] * (round_.connections - 1))
        going = True
        while going:
            going = await worker.go_through()
            await Wait(helpers.finish)
            going = going and run.left > 0 and not round_.ended  # what others gave back is sent here

    async def help(self, plan: Plan, run: Run, round_: Round) -> None:
        """Take part in a run of another client."""
        try:
            await Finish(run.work, run.join)
        except QueueUnusable as error:  # those who have the directory open do the work
            round_.faults.append(error)
            return
        try:
            await Worker(self._operations, plan, run, round_).go_through()
            await self._let_go(run, round_)
        except BaseException:
            round_.ended = True
            run.close()
            raise
        if self._session.connected:
            await asking.quit_line(self._session)

    @staticmethod
    async def _let_go(run: Run, round_: Round) -> None:
        """Put back what was taken and not sent."""
        try:
            await Finish(run.close)
        except QueueUnusable as error:
            round_.faults.append(error)


def _text(file: bytes) -> str:
    return file.decode("utf-8", "surrogateescape")


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
