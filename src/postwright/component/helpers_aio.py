"""Further connections of ``AsyncSMTP.process_queue``, each in a task."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.component.batching import furnish
from postwright.drive.tasks import Tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from postwright.component.aio import AsyncSMTP
    from postwright.component.queueing import Queueing
    from postwright.flow import Flow
    from postwright.options import Plan


class Helpers:
    """Further connections of a queue run, each in a task; see the protocol of ``queueing``.

    Args:
        client: Whose settings and handlers they have.
        plan: The settings of the run.

    Attributes:
        interrupted: Whether the run was interrupted.
    """

    def __init__(self, client: AsyncSMTP, plan: Plan) -> None:
        self._client = client
        self._plan = plan
        self._twins: list[AsyncSMTP] = []
        self._before = client._crew
        self.interrupted = False
        self._tasks = Tasks()

    def begin(self, works: Sequence[Callable[[Queueing], Flow[None]]]) -> None:
        """Open a connection for each piece of work, and do it there."""
        for work in works:
            twin = furnish(self._client, self._client._another())
            self._twins.append(twin)
            self._tasks.begin(self._do(twin, work))

    async def _do(self, twin: AsyncSMTP, work: Callable[[Queueing], Flow[None]]) -> None:
        try:
            await twin._run(self._plan, work(twin._queueing))
        except BaseException:
            twin._drop()
            raise

    async def finish(self) -> None:
        """Wait until all is done; what a handler of theirs raised is raised here."""
        await self._tasks.finish()

    def interrupt(self) -> None:
        """End what is in progress; who has not begun finds ``interrupted`` set."""
        self.interrupted = True
        for twin in self._twins:
            twin.interrupt()

    async def __aenter__(self) -> Self:
        self._client._crew = self
        return self

    async def __aexit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._client._crew = self._before
        await self._tasks.end(cancel=kind is not None and not issubclass(kind, Exception))
