"""Errors of the queue: the directory, one of its files, or a run that did not send everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors.base import SMTPError
from postwright.errors.usage import InvalidValue, UsageError

if TYPE_CHECKING:
    from postwright.words import QueueReport


class QueueUnusable(UsageError, OSError):
    """The queue can't be used.

    The directory is not there, or the disk is full or broken. The message is not in the queue then; in a run, what was
    not sent stays there.
    """

    code = 302


class QueueFileInvalid(InvalidValue):
    """The file is no queue file, or it is damaged."""


class QueueIncomplete(SMTPError):
    """Not all messages of the queue were sent.

    ``report`` has what became of each. When the run was stopped, the error that stopped it is ``report.stopped`` and
    the cause of this one; all that were not sent are in the queue still. ``code`` and ``outcome`` are those of the
    gravest failure.
    """

    report: QueueReport

    def __init__(self, detail: str = "", *, report: QueueReport, code: int = 0, **more: object) -> None:
        super().__init__(detail, **more)  # type: ignore[arg-type]
        self.report = report
        self.__dict__["code"] = code

    @property
    def is_transient(self) -> bool:
        """Whether a later run may send more: the server could not be reached or used this time."""
        return bool(getattr(self.report.stopped, "is_transient", False))
