"""A run that sends what is in a queue, as a flow. Once, for both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from postwright.component import letters
from postwright.component.queue_run import Round, Worker
from postwright.drive.crew import side_by_side
from postwright.enums import Outcome
from postwright.errors import QueueIncomplete, QueueUnusable
from postwright.flow import Finish, Wait
from postwright.session import asking
from postwright.spool.run import Run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from postwright.component.operations import Operations
    from postwright.component.wishes import Manner
    from postwright.flow import Flow
    from postwright.options.plan import Plan
    from postwright.words import QueueReport


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
