"""One queue directory: its names, and the few ways in which files come, change their name and go.

Everything is done relative to the open directory, so nothing that happens to its path in the meantime matters. A name
is used only if it matches a pattern, and a file only if it is an ordinary one of ours with one name: no symbolic or
hard link and no FIFO leads anywhere else. What this module must never do: try a failed sync again.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import stat
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from postwright.errors import QueueFileInvalid, QueueUnusable
from postwright.spool.spares import spares
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

T = TypeVar("T")
R = TypeVar("R")

QUEUED, SENDING, SENT, FAILED, FRESH = ".queued", ".sending", ".sent", ".failed", ".new"
_STEM = r"[A-Za-z0-9][A-Za-z0-9._~-]{0,199}"
_NAMES = {
    QUEUED: re.compile(_STEM + r"\.queued", re.ASCII),
    SENDING: re.compile(_STEM + r"\.sending", re.ASCII),
    SENT: re.compile(_STEM + r"\.sent", re.ASCII),
    FAILED: re.compile(_STEM + r"\.failed", re.ASCII),
    FRESH: re.compile(r"\." + _STEM + r"\.new", re.ASCII),
}
_PRIORITY = re.compile(r"([0-9])-", re.ASCII)
_USUAL_PRIORITY = "5"
_FLAGS = os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK  # a FIFO would keep open() waiting
_FULL_SYNC = getattr(fcntl, "F_FULLFSYNC", None)
"""On macOS fsync() leaves data in the drive's cache."""

_DONTNEED = getattr(os, "POSIX_FADV_DONTNEED", None)
"""On Linux this starts writing what is not on the disk yet; what is in memory may go then."""

EXHAUSTED = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EROFS})
"""What is wrong with this machine, and with no message in particular."""


class Taken(Exception):  # noqa: N818 - nothing is wrong
    """Another process is at this file, or has moved it."""


def sync(fd: int) -> None:
    """Wait until a file or directory is on the disk."""
    if _FULL_SYNC is None:
        os.fsync(fd)
    else:
        fcntl.fcntl(fd, _FULL_SYNC)


def hurry(fd: int) -> None:
    """Let the system begin to write a file, and don't wait: many files that are synced together go faster then."""
    if _DONTNEED is not None:
        try:  # noqa: SIM105 - it is for each of many files, and this is quicker
            os.posix_fadvise(fd, 0, 0, _DONTNEED)
        except OSError:  # it is advice
            pass


Beside: TypeAlias = "Callable[[Callable[[Any], Any], Sequence[Any]], list[Any]]"
"""Calls a function with each of many things, and returns the answers; several at a time, where it can."""


def one_by_one(function: Callable[[T], R], items: Sequence[T]) -> list[R]:
    """Call a function with each item in turn."""
    return list(map(function, items))


def unusable(what: str, error: OSError) -> QueueUnusable:
    """Return the error for what the operating system would not do."""
    return QueueUnusable(f"{printable(what)}: {error.strerror or error}")


def check_name(name: str, *suffixes: str) -> str:
    """Return the name's stem.

    Raises:
        QueueFileInvalid: It is not the name of a queue file in one of these states; it may not be a path.
    """
    for suffix in suffixes or _NAMES:
        if _NAMES[suffix].fullmatch(name):
            return name.removesuffix(suffix)
    raise QueueFileInvalid(f"'{printable(name)}' is not the name of a file in a queue")


class Directory:
    """An open queue directory.

    Args:
        path: Where it is.

    Raises:
        QueueUnusable: There is no such directory.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        try:
            self.fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except (OSError, ValueError) as error:
            why = error if isinstance(error, OSError) else OSError(errno.EINVAL, str(error))
            raise unusable(self.path, why) from error

    def close(self) -> None:
        """Let go of it; may be called twice."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)

    def sync(self) -> None:
        """Wait until all changes of names are on the disk."""
        sync(self.fd)

    def names(self, suffix: str) -> list[str]:
        """Return the names of all files in a state, in the order in which they are due."""
        pattern = _NAMES[suffix]
        with os.scandir(self.fd) as found:
            names = [entry.name for entry in found if entry.name.endswith(suffix) and pattern.fullmatch(entry.name)]
        return sorted(names, key=_order)

    def create(self, name: str) -> int:
        """Make a new file that nobody else may read, or give a spare one its name; it is locked. Return its descriptor.

        Raises:
            FileExistsError: The spare one was of no use; there may be others.
        """
        check_name(name, FRESH)
        fd = self._spare(name)
        spare = fd >= 0
        if not spare:
            fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600, dir_fd=self.fd)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            facts = os.fstat(fd)
            if not facts.st_nlink:  # who clears away what dead processes left was quicker than the lock
                raise FileNotFoundError(errno.ENOENT, "the file was removed while it was made")
            if spare and not _is_spare(facts):
                raise FileExistsError(errno.EEXIST, "what a spare file's name leads to is none")
            if facts.st_mode & 0o777 != 0o600:  # a umask can take away more than it should
                os.fchmod(fd, 0o600)
        except BaseException:
            os.close(fd)
            if spare:
                self.discard(name)
            raise
        return fd

    def _spare(self, name: str) -> int:
        """Give a spare file the name of a new one; return its descriptor, -1 where there is none."""
        if (spare := spares.likely()) is None:
            return -1
        try:
            os.rename(spare, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        except OSError:
            spares.found(there=False)
            return -1
        spares.found(there=True)
        try:
            return os.open(name, os.O_RDWR | _FLAGS, dir_fd=self.fd)
        except OSError:
            self.discard(name)
            return -1

    def open(self, name: str, suffix: str) -> int:
        """Open a file in a state and lock it; return its descriptor.

        Raises:
            Taken: Another process holds it, or it is gone.
            QueueFileInvalid: It is no ordinary file of ours.
            OSError: It can't be opened.
        """
        check_name(name, suffix)
        try:
            fd = os.open(name, os.O_RDWR | os.O_APPEND | _FLAGS, dir_fd=self.fd)
        except FileNotFoundError:
            raise Taken from None
        except OSError as error:
            if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
                raise QueueFileInvalid(f"{name}: it is no ordinary file") from None
            raise
        try:
            facts = self._inspect(name, fd)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Taken from None
            if not self.has(name, facts):
                raise Taken
        except BaseException:
            os.close(fd)
            raise
        return fd

    @staticmethod
    def _inspect(name: str, fd: int) -> os.stat_result:
        facts = os.fstat(fd)
        if not stat.S_ISREG(facts.st_mode):
            raise QueueFileInvalid(f"{name}: it is no ordinary file")
        if facts.st_uid != os.geteuid():
            raise QueueFileInvalid(f"{name}: it belongs to another user")
        if facts.st_nlink > 1:
            raise QueueFileInvalid(f"{name}: it has another name (a hard link)")
        if facts.st_mode & 0o077:
            os.fchmod(fd, 0o600)
        return facts

    def holds(self, name: str) -> bool:
        """Whether there is a file of that name."""
        try:
            os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def has(self, name: str, facts: os.stat_result) -> bool:
        """Whether the name leads to the file with these facts."""
        try:
            named = os.stat(name, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(named, facts)

    def show(self, hidden: str, stem: str) -> str:
        """Give a new file its visible name, which is random, so that no file can have it; return that."""
        name = stem + QUEUED
        os.rename(hidden, name, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        return name

    def rename(self, old: str, new: str) -> None:
        """Give a file another name, which no file may have.

        Raises:
            FileExistsError: A file has it.
        """
        try:
            os.stat(new, dir_fd=self.fd, follow_symlinks=False)
        except FileNotFoundError:
            os.rename(old, new, src_dir_fd=self.fd, dst_dir_fd=self.fd)
        else:
            raise FileExistsError(errno.EEXIST, f"there is a {new} already")

    def remove(self, name: str) -> None:
        """Remove a file."""
        os.unlink(name, dir_fd=self.fd)

    def discard(self, name: str) -> None:
        """Remove a file that nobody was told of; where it can't be, the next run clears it away."""
        with contextlib.suppress(OSError):
            self.remove(name)

    def retire(self, name: str) -> bool:
        """Take a file out of the queue; say whether it is a spare one now, which is emptied once the directory is synced."""
        if spares.one_goes():
            try:
                os.rename(name, spares.free(), src_dir_fd=self.fd, dst_dir_fd=self.fd)
            except OSError:  # for one more name there may be no room
                pass
            else:
                return True
        self.remove(name)
        return False

    def clear(self) -> None:
        """Remove new files that dead processes left unfinished; nobody was told that they are in the queue."""
        for name in self.names(FRESH):
            try:
                fd = self.open(name, FRESH)
            except (Taken, QueueFileInvalid, OSError):
                continue
            try:
                self.remove(name)
            except OSError:
                continue
            finally:
                os.close(fd)


def _is_spare(facts: os.stat_result) -> bool:
    """Whether it is an empty ordinary file of ours with one name."""
    ours = stat.S_ISREG(facts.st_mode) and facts.st_uid == os.geteuid()
    return ours and facts.st_nlink == 1 and not facts.st_size


def _order(name: str) -> tuple[str, str]:
    match = _PRIORITY.match(name)
    return (match[1] if match else _USUAL_PRIORITY, name)


def write(fd: int, data: bytes) -> None:
    """Write all octets, however few the system takes at once."""
    done = os.write(fd, data)
    while done < len(data):
        done += os.write(fd, memoryview(data)[done:])
