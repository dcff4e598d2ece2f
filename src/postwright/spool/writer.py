"""New messages on their way into the queue: hidden until they are whole and on the disk.

Whatever goes wrong, nothing is visible then: the hidden file is removed, and where even that fails the next run clears
it away.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
from typing import TYPE_CHECKING, Protocol

from postwright.errors import QueueUnusable
from postwright.spool.directory import FRESH, QUEUED, Directory, hurry, one_by_one, sync, unusable, write
from postwright.spool.record import head
from postwright.spool.work import Work

if TYPE_CHECKING:
    from collections.abc import Sequence

    from postwright.spool.directory import Beside
    from postwright.spool.record import Letter

BATCH = 128
"""Files that are open at once while many messages are queued."""

_TRIES = 100
_TEST = hashlib.sha256()


def new_id(created: str, priority: int, random: bytes) -> str:
    """Return an identifier that is unique, and sorts by priority and age."""
    return f"{priority}-{created.translate({45: None, 58: None})}-{random.hex()}"


class _Content(Protocol):
    @property
    def eight_bit(self) -> bool | None: ...


def whole(letter: Letter, parts: Sequence[bytes], body: _Content) -> bytes:
    """Return a queue file as one piece.

    Args:
        letter: What its head says; sizes and content type are filled in here.
        parts: The message: its header block, then its body.
        body: Knows whether the body has octets above 127, once it was read.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    size = sum(map(len, parts))
    letter = letter.sized(len(parts[0]), size, eight_bit=bool(body.eight_bit))
    return b"".join([head(letter, digest), *parts, b"\n"])


def _create(directory: Directory, identifier: str) -> tuple[str, int]:
    """Make a hidden file; return its name and descriptor.

    Who clears away what dead processes left may be quicker than the lock, so there is more than one try.
    """
    for number in itertools.count():
        name = f".{identifier}~{number}{FRESH}"
        try:
            return name, directory.create(name)
        except (BlockingIOError, FileNotFoundError, FileExistsError):
            if number == _TRIES:
                raise
    raise AssertionError


class _Fresh:
    """A file that nobody can see yet."""

    __slots__ = ("_directory", "_fd", "_id", "_name")

    def __init__(self, directory: Directory, identifier: str) -> None:
        self._directory = directory
        self._id = identifier
        self._name, self._fd = "", -1

    def make(self, data: bytes, *, hurried: bool = False) -> None:
        """Make the file, and write its first octets; hurried, where others follow before it is waited for."""
        self._name, self._fd = _create(self._directory, self._id)
        self.put(data)
        if hurried:
            hurry(self._fd)

    def sync(self) -> OSError | None:
        """Wait until it is on the disk; return why it is not."""
        try:
            sync(self._fd)
        except OSError as error:
            return error
        return None

    @property
    def fd(self) -> int:
        return self._fd

    def put(self, data: bytes) -> None:
        write(self._fd, data)

    def show(self) -> str:
        """Make it visible, once it is synced; the directory must be synced after it."""
        name = self._id + QUEUED
        self._directory.rename(self._name, name)
        self._name = name
        return name

    def drop(self) -> None:
        """Remove it again, also where it is visible: it is still locked, so nobody has sent it."""
        if self._name:
            with contextlib.suppress(OSError):
                self._directory.remove(self._name)
        self.release()

    def release(self) -> None:
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)


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
    faults: dict[int, OSError] = {}
    try:
        for index, (identifier, data) in enumerate(files):
            fresh = _Fresh(directory, identifier)
            made.append(fresh)
            try:
                fresh.make(data, hurried=len(files) > 1)
            except OSError as error:
                faults[index] = error
        whole = [index for index in range(len(made)) if index not in faults]
        answers = zip(whole, beside(lambda index: made[index].sync(), whole), strict=True)
        faults |= {index: fault for index, fault in answers if fault is not None}
        names = _shown(directory, made, faults)
        for index, fresh in enumerate(made):
            (fresh.drop if index in faults else fresh.release)()
    except BaseException:
        for fresh in made:
            fresh.drop()
        raise
    return [unusable(directory.path, faults[index]) if index in faults else name for index, name in enumerate(names)]


def _shown(directory: Directory, made: Sequence[_Fresh], faults: dict[int, OSError]) -> list[str]:
    """Make those without a fault visible, and wait until their names are on the disk; note further faults."""
    names = [""] * len(made)
    for index, fresh in enumerate(made):
        if index not in faults:
            try:
                names[index] = fresh.show()
            except OSError as error:
                faults[index] = error
    if len(faults) < len(made):
        try:
            directory.sync()
        except OSError as error:
            faults |= dict.fromkeys([index for index in range(len(made)) if index not in faults], error)
    return names


class Writer(Work):
    """A message that goes into the queue part by part, in constant memory.

    Its methods are called through ``work``, one after the other; ``close`` at any time, and without ``finish`` before
    it nothing stays.

    Args:
        path: The directory.
        letter: What the head says; sizes and content type are filled in at the end.
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
            self._fresh.make(head(self._letter, _TEST))  # of the same length as the one that takes its place
        except OSError as error:
            raise self._fault(error) from error
        self._letter = self._letter.sized(len(header), 0, eight_bit=False)
        self.add(header)

    def add(self, data: bytes) -> None:
        """Write the next part."""
        assert self._fresh is not None
        try:
            self._fresh.put(data)
        except OSError as error:
            raise self._fault(error) from error
        self._digest.update(data)
        self._size += len(data)

    def finish(self, eight_bit: bool) -> str:
        """Make the message part of the queue; return the file's name."""
        assert self._fresh is not None
        assert self._directory is not None
        letter = self._letter.sized(self._letter.header_size, self._size, eight_bit=eight_bit)
        try:
            self._fresh.put(b"\n")
            write_at_start(self._fresh.fd, head(letter, self._digest))
            sync(self._fresh.fd)
            if self.closed:  # cancelled in the meantime: it is not wanted any more
                return ""
            name = self._fresh.show()
            self._directory.sync()
        except OSError as error:
            raise self._fault(error) from error
        self._fresh.release()
        self._fresh = None
        return name

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
