"""One run over a queue directory: settle what dead processes left, then take message after message.

It owns the claims. Whatever ends the run, each claim ends under a name that says what is true of its message.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from postwright.enums import Outcome
from postwright.errors import CommunicationError, QueueFileInvalid
from postwright.spool.claim import BACK, Claim, Verdict
from postwright.spool.directory import EXHAUSTED, QUEUED, SENDING, Directory, Taken, one_by_one, unusable
from postwright.spool.record import moment, seconds
from postwright.spool.work import Work
from postwright.words import QueueEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from postwright.errors import QueueUnusable
    from postwright.spool.directory import Beside
    from postwright.spool.stored import Stored

LOOK = 256
"""Files that are looked at before the run is asked again whether it shall go on."""

DIED = "the process that sent it ended before it noted the server's answer"


class Taking(NamedTuple):
    """A message that was taken and is whole."""

    claim: Claim
    header: bytes
    body: bytes | Stored


class Run(Work):
    """A run over one directory, or one connection's part in it.

    Its methods are called through ``work``, one after the other; ``close`` at any time. Several parts share the names
    of what waits, and each has claims of its own.

    Args:
        path: The directory.
        keep: Whether messages that were sent stay, as ``.sent``.
        clock: Seconds since 1970.
        names: What waits, where another part has looked already.
        beside: Waits for several files at a time.
    """

    def __init__(
        self,
        path: str,
        *,
        keep: bool,
        clock: Callable[[], float],
        names: deque[str] | None = None,
        beside: Beside = one_by_one,
    ) -> None:
        super().__init__()
        self._path = path
        self._keep = keep
        self._clock = clock
        self._beside = beside
        self._directory: Directory | None = None
        self._names: deque[str] = deque() if names is None else names
        self._claims: dict[Claim, list[Verdict]] = {}

    @property
    def directory(self) -> Directory:
        """The directory, once the run has begun."""
        assert self._directory is not None
        return self._directory

    @property
    def left(self) -> int:
        """How many messages are waiting, as far as this run knows; what it gives back waits again."""
        return len(self._names)

    def another(self) -> Run:
        """Return another part of this run, which must ``join`` it."""
        return Run(self._path, keep=self._keep, clock=self._clock, names=self._names, beside=self._beside)

    def join(self) -> None:
        """Open the directory.

        Raises:
            QueueUnusable: There is no such directory, or it can't be used.
        """
        self._directory = Directory(self._path)

    def begin(self) -> list[QueueEntry]:
        """Open the directory, settle what dead processes left, and see what is there.

        Raises:
            QueueUnusable: There is no such directory, or it can't be used.
        """
        self._directory = Directory(self._path)
        try:
            entries = self.recover()
            self._directory.clear()
            self._names.extend(self._directory.names(QUEUED))
        except OSError as error:
            raise unusable(self._path, error) from error
        return entries

    def recover(self) -> list[QueueEntry]:
        """Settle every ``.sending`` file that nobody holds, by what it says; return those that are not queued again."""
        entries: list[QueueEntry] = []
        touched = False
        for name in self.directory.names(SENDING):
            try:
                claim = Claim(self.directory, name.removesuffix(SENDING), SENDING)
            except Taken:
                continue
            except QueueFileInvalid as error:
                entries.append(_refused(name, error))
                continue
            except OSError as error:
                if error.errno in EXHAUSTED:
                    raise
                entries.append(_refused(name, QueueFileInvalid(f"{name}: {error.strerror}")))
                continue
            try:
                verdict = _found(claim)
                claim.settle(verdict, now=self._clock(), keep=self._keep)
                touched = True
            finally:
                claim.release()
            if verdict.state == "failed":
                entries.append(_failed(name, verdict, unknown=verdict.outcome is Outcome.UNKNOWN))
        if touched:
            self.directory.sync()
        return entries

    def take(self, count: int) -> tuple[list[Taking], list[QueueEntry]]:
        """Take the next messages that are due, if there are any among the next few; also return what can't be sent.

        Raises:
            QueueUnusable: This machine has no more room or descriptors, or the disk failed.
        """
        taken: list[Taking] = []
        bad: list[QueueEntry] = []
        try:
            for _ in range(LOOK):
                if len(taken) == count or (name := self._next()) is None:
                    break
                self._take(name, taken, bad)
            if taken or bad:
                self.directory.sync()
        except OSError as error:
            raise unusable(self._path, error) from error
        return taken, bad

    def _next(self) -> str | None:
        try:
            return self._names.popleft()
        except IndexError:
            return None

    def _take(self, name: str, taken: list[Taking], bad: list[QueueEntry]) -> None:
        try:
            claim = Claim(self.directory, name.removesuffix(QUEUED), QUEUED)
        except Taken:
            return
        except QueueFileInvalid as error:
            bad.append(_refused(name, error))
            return
        except OSError as error:
            if error.errno in EXHAUSTED:
                self._names.appendleft(name)
                raise
            bad.append(_refused(name, QueueFileInvalid(f"{name}: {error.strerror}")))
            return
        keep = False
        try:
            if not claim.fault and not claim.log.committed and not self._due(claim):
                return
            fault, message = _checked(claim)
            if fault is not None:
                claim.settle(fault, now=self._clock())
                bad.append(_failed(name, fault, unknown=fault.outcome is Outcome.UNKNOWN))
                return
            assert message is not None
            try:
                claim.take(self._clock())
            except FileNotFoundError:  # a person was quicker
                return
            self._claims[claim] = []
            keep = True
            taken.append(Taking(claim, *message))
        finally:
            if not keep:
                claim.release()

    def _due(self, claim: Claim) -> bool:
        moments = [text for text in (claim.letter.not_before, claim.log.not_before) if text]
        return all(seconds(text) <= self._clock() for text in moments)

    def commit(self, claims: Sequence[Claim], server: str) -> list[QueueUnusable | None]:
        """Note, on the disk, that the ends of messages go out now; say why it could not be noted where it was not.

        All are written before the first is waited for, and several are waited for at a time: the disk is sooner done.
        """
        faults: list[QueueUnusable | None] = [None] * len(claims)
        marked: list[int] = []
        words = f"{moment(self._clock())} {server}"
        for index, claim in enumerate(claims):
            try:
                if claim.mark(words):
                    marked.append(index)
            except OSError as error:
                faults[index] = _caused(claim, error)
        for index, fault in zip(marked, self._beside(lambda index: claims[index].sync(), marked), strict=True):
            if fault is not None:
                faults[index] = _caused(claims[index], fault)
        return faults

    def judge(self, claim: Claim, verdict: Verdict) -> None:
        """Note, in memory, what shall become of a claim; this touches no disk, and ``settle`` or ``close`` does it."""
        if (verdicts := self._claims.get(claim)) is not None:
            verdicts.append(verdict)

    def settle(self) -> QueueUnusable | None:
        """Do what was judged, and wait until it is on the disk; return why that could not be done, if it could not."""
        judged = {claim: verdicts for claim, verdicts in self._claims.items() if verdicts}
        for claim in judged:
            del self._claims[claim]
        return self._end(judged)

    def _end(self, claims: Mapping[Claim, Sequence[Verdict]]) -> QueueUnusable | None:
        """Settle claims, with one sync of the directory for all; each is held until that is done."""
        fault: QueueUnusable | None = None
        for claim, verdicts in claims.items():
            try:
                claim.settle(verdicts[-1] if verdicts else BACK, now=self._clock(), keep=self._keep)
            except OSError as error:
                fault = _caused(claim, error)
        try:
            if claims:
                self.directory.sync()
            for claim in claims:
                claim.empty()
        except OSError as error:
            fault = _caused(next(iter(claims)), error)
        for claim, verdicts in claims.items():
            claim.release()
            if not verdicts:
                self._names.append(claim.name)
        return fault

    def _clear(self) -> None:
        fault = self._end(self._claims)
        self._claims = {}
        directory, self._directory = self._directory, None
        if directory is not None:
            directory.close()
        if fault is not None:
            raise fault


def _caused(claim: Claim, error: OSError) -> QueueUnusable:
    made = unusable(claim.name, error)
    made.__cause__ = error
    return made


def _checked(claim: Claim) -> tuple[Verdict | None, tuple[bytes, bytes | Stored] | None]:
    """Return the message, or the verdict on a file that can't be sent."""
    if claim.fault:
        return Verdict("failed", Outcome.NOT_SENT, claim.fault), None
    if claim.log.committed:
        return Verdict("failed", Outcome.UNKNOWN, DIED), None
    try:
        return None, claim.check()
    except QueueFileInvalid as error:
        return Verdict("failed", Outcome.NOT_SENT, error.detail), None
    except OSError as error:
        if error.errno in EXHAUSTED:
            raise
        return Verdict("failed", Outcome.NOT_SENT, f"it can't be read: {error.strerror}"), None


def _found(claim: Claim) -> Verdict:
    """Return what shall become of a message whose process died."""
    if claim.fault:
        return Verdict("failed", Outcome.NOT_SENT, claim.fault)
    if claim.log.outcome == "sent" and not claim.log.committed:
        return Verdict("sent", Outcome.SENT)
    if claim.log.committed or claim.log.outcome == "unknown":
        return Verdict("failed", Outcome.UNKNOWN, DIED)
    return BACK


def _failed(name: str, verdict: Verdict, *, unknown: bool) -> QueueEntry:
    kind = CommunicationError if unknown else QueueFileInvalid
    error = kind(f"{name}: {verdict.reason}", outcome=verdict.outcome)
    return QueueEntry(name, "failed", verdict.outcome, error)


def _refused(name: str, error: QueueFileInvalid) -> QueueEntry:
    return QueueEntry(name, "refused", Outcome.NOT_SENT, error)
