"""What a person does with a queue: look, send again, remove."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import QueueFileInvalid
from postwright.spool.claim import Claim
from postwright.spool.directory import FAILED, QUEUED, SENDING, SENT, Directory, Taken, check_name, unusable
from postwright.spool.record import Log, moment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.spool.record import Letter

STATES = (QUEUED, SENDING, FAILED, SENT)


class Row(NamedTuple):
    """One file of a queue.

    Attributes:
        name: Its name.
        state: "queued", "sending", "failed" or "sent".
        letter: What its head says; None where it can't be read, and then ``fault`` says why.
        log: What happened to it.
        busy: Whether a process is at it.
    """

    name: str
    state: str
    letter: Letter | None
    log: Log
    fault: str = ""
    busy: bool = False


def rows(path: str) -> Iterator[Row]:
    """Yield the files of a queue, state by state, in the order in which they are due.

    Raises:
        QueueUnusable: There is no such directory.
    """
    directory = Directory(path)
    try:
        for suffix in STATES:
            for name in directory.names(suffix):
                row = _row(directory, name, suffix)
                if row is not None:
                    yield row
    finally:
        directory.close()


def row(path: str, name: str) -> Row | None:
    """Return one file of a queue; None where there is no such file.

    Raises:
        QueueFileInvalid: No file of a queue has such a name.
        QueueUnusable: There is no such directory.
    """
    stem = check_name(name, *STATES)
    directory = Directory(path)
    try:
        found = _row(directory, name, name.removeprefix(stem))
        return None if found is not None and found.busy and not directory.holds(name) else found
    finally:
        directory.close()


def _row(directory: Directory, name: str, suffix: str) -> Row | None:
    state = suffix.removeprefix(".")
    try:
        claim = Claim(directory, name.removesuffix(suffix), suffix)
    except Taken:
        return Row(name, state, None, Log(), "a process is at it", busy=True)
    except (QueueFileInvalid, OSError) as error:
        return Row(name, state, None, Log(), getattr(error, "detail", "") or str(error))
    try:
        return Row(name, state, None if claim.fault else claim.letter, claim.log, claim.fault)
    finally:
        claim.release()


def requeue(path: str, name: str, now: float) -> str:
    """Let a message be sent again, and at once; return the file's new name.

    Args:
        path: The directory.
        name: The file's name, in any state.
        now: Seconds since 1970.

    Raises:
        QueueFileInvalid: It is not there, a process is at it, or it can't be sent at all.
        QueueUnusable: The directory is not there, or the disk failed.
    """
    directory = Directory(path)
    try:
        claim = _open(directory, name)
        try:
            if claim.fault:
                raise QueueFileInvalid(f"{name}: {claim.fault}")
            claim.check()
            claim.write(("Requeued", moment(now)))
            if not name.endswith(QUEUED):
                claim.become(QUEUED)
            directory.sync()
            return claim.name
        finally:
            claim.release()
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        directory.close()


def remove(path: str, name: str) -> None:
    """Remove a file from a queue.

    Raises:
        QueueFileInvalid: It is not there, or a process is at it.
        QueueUnusable: The directory is not there, or the disk failed.
    """
    directory = Directory(path)
    try:
        claim = _open(directory, name)
        try:
            directory.remove(name)
            directory.sync()
        finally:
            claim.release()
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        directory.close()


def _open(directory: Directory, name: str) -> Claim:
    stem = check_name(name, *STATES)
    suffix = name.removeprefix(stem)
    try:
        return Claim(directory, stem, suffix)
    except Taken:
        there = directory.holds(name)
        raise QueueFileInvalid(f"{name}: {'a process is at it' if there else 'there is no such file'}") from None
