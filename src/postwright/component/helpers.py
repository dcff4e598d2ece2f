"""Further connections of ``SMTP.process_queue``, each in a thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.component.batching import furnish
from postwright.drive.crew import Threads

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

    from postwright.component.queueing import Queueing
    from postwright.component.smtp import SMTP
    from postwright.flow import Flow
    from postwright.options import Plan


class Helpers:
    """Further connections of a queue run, each in a thread; see the protocol of ``queueing``.

    Args:
        client: Whose settings and handlers they have.
        plan: The settings of the run.

    Attributes:
        interrupted: Whether the run was interrupted.
    """

    def __init__(self, client: SMTP, plan: Plan) -> None:
        self._client = client
        self._plan = plan
        self._twins: list[SMTP] = []
        self._before = client._crew
        self.interrupted = False
        self._threads = Threads("postwright-queue")

    def begin(self, works: Sequence[Callable[[Queueing], Flow[None]]]) -> None:
        """Open a connection for each piece of work, and do it there."""
        for work in works:
            twin = furnish(self._client, self._client._another())
            self._twins.append(twin)
            self._threads.begin(self._do, twin, work)

    def _do(self, twin: SMTP, work: Callable[[Queueing], Flow[None]]) -> None:
        try:
            twin._run(self._plan, work(twin._queueing))
        except BaseException:
            twin._drop()
            raise

    def finish(self) -> None:
        """Wait until all is done; what a handler of theirs raised is raised here."""
        self._threads.finish()

    def interrupt(self) -> None:
        """End what is in progress; who has not begun finds ``interrupted`` set."""
        self.interrupted = True
        for twin in self._twins:
            twin.interrupt()

    def __enter__(self) -> Self:
        self._client._crew = self
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None and not issubclass(kind, Exception):  # the keyboard
            self.interrupt()
        self._threads.join()
        self._client._crew = self._before
