"""New messages on their way into the queue: hidden until they are whole and on the disk.

Whatever goes wrong, nothing is visible then: the hidden file is removed, and where even that fails the next run clears
it away.
"""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from postwright.errors import QueueUnusable
from postwright.spool.directory import FRESH, Directory, hurry, one_by_one, sync, unusable, write
from postwright.spool.record import head
from postwright.spool.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postwright.spool.directory import Beside
    from postwright.spool.record import Letter

BATCH = 128
"""Files that are open at once while many messages are queued."""

_TRIES = 100


def new_id(created: str, priority: int, random: bytes) -> str:
    """Return an identifier that is unique, and sorts by priority and age."""
    return f"{priority}-{created.replace('-', '').replace(':', '')}-{random.hex()}"


def whole(letter: Letter, message: bytes) -> bytes:
    """Return a queue file as one piece."""
    return b"".join([head(letter, hashlib.sha256(message)), message, b"\n"])


class _Fresh:
    """A file that nobody can see yet.

    Attributes:
        fd: Its descriptor.
        name: Its name now.
        fault: Why it can't be part of the queue.
    """

    __slots__ = ("_directory", "_id", "fault", "fd", "name")

    def __init__(self, directory: Directory, identifier: str) -> None:
        self._directory = directory
        self._id = identifier
        self.name, self.fd = "", -1
        self.fault: OSError | None = None

    def make(self, data: bytes) -> None:
        """Make the file, and write its first octets.

        Who clears away what dead processes left may be quicker than the lock, so there is more than one try.
        """
        for number in range(_TRIES):
            name = f".{self._id}~{number}{FRESH}"
            try:
                self.fd = self._directory.create(name)
            except (BlockingIOError, FileNotFoundError, FileExistsError):
                if number == _TRIES - 1:
                    raise
            else:
                self.name = name
                break
        write(self.fd, data)

    def sync(self) -> OSError | None:
        """Wait until it is on the disk; return why it is not."""
        try:
            sync(self.fd)
        except OSError as error:
            return error
        return None

    def show(self) -> None:
        """Make it visible, once it is synced; the directory must be synced after it."""
        self.name = self._directory.show(self.name, self._id)

    def drop(self) -> None:
        """Remove it again, also where it is visible: it is still locked, so nobody has sent it. Once kept, it stays."""
        if self.name and self.fd >= 0:
            self._directory.discard(self.name)
        self.keep()

    def keep(self) -> None:
        """Leave it as it is, and unlock it."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def put_one(path: str, identifier: str, data: bytes) -> str:
    """Put a whole file into a queue.

    Args:
        path: The directory.
        identifier: The file's name without its extension.
        data: Its content.

    Returns:
        Its name.

    Raises:
        QueueUnusable: There is no such directory, or the disk is full or broken.
    """
    directory = Directory(path)
    fresh = _Fresh(directory, identifier)
    try:
        fresh.make(data)
        sync(fresh.fd)
        fresh.show()
        directory.sync()
        fresh.keep()
    except OSError as error:
        raise unusable(path, error) from error
    finally:
        fresh.drop()
        directory.close()
    return fresh.name


def put_all(path: str, files: Sequence[tuple[str, bytes]], beside: Beside = one_by_one) -> list[str | QueueUnusable]:
    """Put whole files into a queue, with one sync of the directory for many of them.

    Args:
        path: The directory.
        files: The identifier and the content of each.
        beside: Waits for several files at a time.

    Returns:
        The name of each file that is in the queue, or why it is not.
    """
    directory = Directory(path)
    try:
        return [
            answer for at in range(0, len(files), BATCH) for answer in _put(directory, files[at : at + BATCH], beside)
        ]
    finally:
        directory.close()


def _put(directory: Directory, files: Sequence[tuple[str, bytes]], beside: Beside) -> list[str | QueueUnusable]:
    """All are written before the first is waited for; the names change when all are on the disk."""
    made: list[_Fresh] = []
    try:
        for identifier, data in files:
            fresh = _Fresh(directory, identifier)
            made.append(fresh)
            try:
                fresh.make(data)
                if len(files) > 1:
                    hurry(fresh.fd)
            except OSError as error:
                fresh.fault = error
        whole = [fresh for fresh in made if fresh.fault is None]
        for fresh, fault in zip(whole, beside(_Fresh.sync, whole), strict=True):
            fresh.fault = fault
        _show(directory, whole)
        for fresh in made:
            (fresh.keep if fresh.fault is None else fresh.drop)()
    except BaseException:
        for fresh in made:
            fresh.drop()
        raise
    return [fresh.name if fresh.fault is None else unusable(directory.path, fresh.fault) for fresh in made]


def _show(directory: Directory, made: Sequence[_Fresh]) -> None:
    """Make those without a fault visible, and wait until their names are on the disk; note further faults."""
    for fresh in made:
        if fresh.fault is None:
            try:
                fresh.show()
            except OSError as error:
                fresh.fault = error
    shown = [fresh for fresh in made if fresh.fault is None]
    if shown:
        try:
            directory.sync()
        except OSError as error:
            for fresh in shown:
                fresh.fault = error


class Writer(Work):
    """A message that goes into the queue part by part, in constant memory.

    Its methods are called through ``work``, one after the other; ``close`` at any time, and without ``finish`` before
    it nothing stays.

    Args:
        path: The directory.
        letter: What the head says; size and content type are filled in at the end.
    """

    def __init__(self, path: str, letter: Letter) -> None:
        super().__init__()
        self._path = path
        self._letter = letter
        self._directory: Directory | None = None
        self._fresh: _Fresh | None = None
        self._digest = hashlib.sha256()
        self._size = 0

    def begin(self, header: bytes) -> None:
        """Make the file, leave room for its head, and write the message's header block."""
        try:
            self._directory = Directory(self._path)
            self._fresh = _Fresh(self._directory, self._letter.id)
            self._fresh.make(head(self._letter, hashlib.sha256()))  # of the same length as the one that takes its place
        except OSError as error:
            raise self._fault(error) from error
        self.add(header)

    def add(self, data: bytes) -> None:
        """Write the next part."""
        assert self._fresh is not None
        try:
            write(self._fresh.fd, data)
        except OSError as error:
            raise self._fault(error) from error
        self._digest.update(data)
        self._size += len(data)

    def finish(self, eight_bit: bool) -> str:
        """Make the message part of the queue; return the file's name."""
        assert self._fresh is not None
        assert self._directory is not None
        letter = self._letter.sized(self._size, eight_bit=eight_bit)
        try:
            write(self._fresh.fd, b"\n")
            write_at_start(self._fresh.fd, head(letter, self._digest))
            sync(self._fresh.fd)
            if self.closed:  # cancelled in the meantime: it is not wanted any more
                return ""
            self._fresh.show()
            self._directory.sync()
        except OSError as error:
            raise self._fault(error) from error
        self._fresh.keep()
        return self._fresh.name

    def _fault(self, error: OSError) -> QueueUnusable:
        return error if isinstance(error, QueueUnusable) else unusable(self._path, error)

    def _clear(self) -> None:
        fresh, self._fresh = self._fresh, None
        if fresh is not None:
            fresh.drop()
        directory, self._directory = self._directory, None
        if directory is not None:
            directory.close()


def write_at_start(fd: int, data: bytes) -> None:
    """Write over the beginning of a file."""
    at = 0
    while at < len(data):
        at += os.pwrite(fd, data[at:], at)
