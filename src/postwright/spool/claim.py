"""One message that this process has taken out of the queue: locked, checked, named ``.sending``.

It owns the descriptor and with it the lock. What this module must never do: let go of the lock while the file's name
does not say what is true.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
from typing import TYPE_CHECKING, NamedTuple

from postwright.enums import Outcome
from postwright.errors import QueueFileInvalid
from postwright.spool.directory import EXHAUSTED, FAILED, QUEUED, SENDING, SENT, hurry, sync, write
from postwright.spool.record import MAX_LOG, Log, moment, note, read_head, read_log
from postwright.spool.stored import Stored
from postwright.wire.lines import CHUNK

if TYPE_CHECKING:
    from postwright.spool.directory import Directory
    from postwright.spool.record import Head, Letter

SMALL = 64 * 1024
"""A message of up to this many octets is read at once, and can go out in one write."""

_FREE_NAMES = 100


class Verdict(NamedTuple):
    """What shall become of a message that was taken.

    Attributes:
        state: "sent", "failed", "deferred", or "back": it goes back as if it had not been taken.
        outcome: What became of the mail.
        reason: In words; "" for none.
        not_before: When a deferred message may be tried again, in seconds since 1970.
        left: For which recipients a message goes again that others have, by their places in the head, from 1.
    """

    state: str
    outcome: Outcome = Outcome.NOT_SENT
    reason: str = ""
    not_before: float = 0.0
    left: tuple[int, ...] = ()


BACK = Verdict("back")


class Claim:
    """A file that is open and locked.

    Args:
        directory: Where it is.
        stem: Its name without the extension.
        suffix: Its extension.

    Raises:
        Taken: Another process holds it.
        QueueFileInvalid: It is no ordinary file of ours; it stays as it is.
        OSError: It can't be opened.

    Attributes:
        fault: Why it can't be sent, "" if it can.
    """

    def __init__(self, directory: Directory, stem: str, suffix: str) -> None:
        self.stem = stem
        self.fault = ""
        self.fd = directory.open(stem + suffix, suffix)
        self._directory = directory
        self._suffix = suffix
        self._head: Head | None = None
        self._spoiled = self._retired = False
        self._marker = -1
        self._first = b""
        self.log = Log()
        self._end: int | None = None
        """Where the next line of the log goes; None while it is not known, and then nothing is ever cut off."""
        try:
            self._look()
        except QueueFileInvalid as error:
            self.fault = error.detail
        except OSError as error:
            if error.errno in EXHAUSTED:
                self.release()
                raise
            self.fault = f"it can't be read: {error.strerror}"
        except BaseException:
            self.release()
            raise

    @property
    def name(self) -> str:
        """The file's name now."""
        return self.stem + self._suffix

    @property
    def queued_name(self) -> str:
        """Its name while it waited."""
        return self.stem + QUEUED

    @property
    def letter(self) -> Letter:
        """What the head says; only where there is no fault."""
        assert self._head is not None
        return self._head.letter

    # Reading

    def _look(self) -> None:
        """Read head and log; the message itself is checked by ``check``."""
        size = os.fstat(self.fd).st_size
        data, found = b"", None
        while found is None:
            more = os.pread(self.fd, max(SMALL, len(data)), len(data))
            if not more:
                raise QueueFileInvalid("it ends inside its head" if data else "it is empty")
            data += more
            found = read_head(data)
        self._first = data[:SMALL]
        if size < found.end or self._octets(found.end - 1, 1) != b"\n":
            raise QueueFileInvalid("it was cut, or its message is longer than its head says")
        if size - found.end > MAX_LOG:
            raise QueueFileInvalid("its log is too long")
        self._head = found
        self.log = read_log(self._octets(found.end, size - found.end))
        self._end = found.end + self.log.good

    def _octets(self, at: int, size: int) -> bytes:
        """Return exactly so many octets of the file, of which the first were read at once.

        Raises:
            QueueFileInvalid: There are not so many.
            OSError: They can't be read.
        """
        if at + size <= len(self._first):
            return self._first[at : at + size]
        return _read(self.fd, at, size)

    def check(self) -> tuple[bytes, bytes | Stored]:
        """Return the header block and the body, once the whole message was found to be as it was queued.

        Raises:
            QueueFileInvalid: It was changed.
            OSError: It can't be read.
        """
        assert self._head is not None
        letter, start = self._head.letter, self._head.length
        digest = hashlib.sha256()
        part = b""
        for at in range(0, letter.size, CHUNK):
            part = self._octets(start + at, min(CHUNK, letter.size - at))
            digest.update(part)
        digest.update(self._head.covered)
        if digest.hexdigest() != self._head.digest:
            raise QueueFileInvalid("its SHA-256 is not the one in its head: it was changed or damaged")
        self._first = b""  # nobody needs it any more
        if letter.size <= SMALL:  # that was the only part
            return part[: letter.header_size], part[letter.header_size :]
        header = _read(self.fd, start, letter.header_size)
        left = letter.size - letter.header_size
        return header, Stored(self.fd, start + letter.header_size, left, eight_bit=letter.eight_bit)

    # Names

    def take(self, now: float) -> None:
        """Call it ``.sending``; the directory must be synced before anything is sent."""
        if self.log.outcome in {"sent", "unknown"}:  # a person gave it back its old name, and so decided
            self.write(("Requeued", moment(now)))
        self._directory.rename(self.name, self.stem + SENDING)
        self._suffix = SENDING

    def become(self, suffix: str) -> None:
        """Take another extension; where that name is in use, another name too."""
        for number in range(_FREE_NAMES):
            stem = f"{self.stem}~{number}" if number else self.stem
            try:
                self._directory.rename(self.name, stem + suffix)
            except FileExistsError:
                continue
            self.stem, self._suffix = stem, suffix
            return
        raise FileExistsError(errno.EEXIST, f"there are too many files like {self.stem}{suffix}")

    # Writing

    def mark(self, when_and_where: str) -> bool:
        """Note that from now on the server may have the message; return whether that still needs ``sync``.

        Args:
            when_and_where: The moment and the server, for people.

        Raises:
            OSError: That could not be done, so the message must not be ended.
        """
        if self.log.committed:
            return False
        assert self._end is not None
        self._marker = self._end
        self._append(self.fd, ("Commit", when_and_where), synced=False)
        hurry(self.fd)
        return True

    def sync(self) -> OSError | None:
        """Wait until what was written is on the disk; return why it is not: nobody will know whether it ever is."""
        try:
            sync(self.fd)
        except OSError as error:
            self._spoiled = True
            return error
        return None

    def write(self, *lines: tuple[str, str]) -> None:
        """Append lines to the log and wait until they are on the disk.

        After a failure a new descriptor is used: the old one would not tell whether its octets are there.
        """
        if not self._spoiled:
            self._append(self.fd, *lines)
            return
        fd = os.open(self.name, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._directory.fd)
        try:
            if os.path.samestat(os.fstat(fd), os.fstat(self.fd)):
                self._append(fd, *lines)
        finally:
            os.close(fd)

    def _append(self, fd: int, *lines: tuple[str, str], synced: bool = True) -> None:
        try:
            if self._end is not None and os.fstat(fd).st_size > self._end:
                os.ftruncate(fd, self._end)  # what was torn
            data = b"".join(note(name, value) for name, value in lines)
            write(fd, data)
            if synced:
                sync(fd)
        except OSError:
            self._spoiled = True
            raise
        if self._end is not None:
            self._end += len(data)
        for name, value in lines:
            self.log = self.log.after(name, value)

    def settle(self, verdict: Verdict, *, now: float, keep: bool = False) -> None:
        """Make the file say what became of the message; the directory must be synced after it.

        Raises:
            OSError: That could not be done; what the file says then is not false.
        """
        if verdict.state == "sent" and not keep:
            self._remove(verdict, now)
            return
        outcome = _outcome(verdict, now)
        if verdict.state == "sent":
            with contextlib.suppress(OSError):  # a kindness to whoever finds the file; nothing depends on it
                self._append(self.fd, outcome)
            self.become(SENT)
        elif verdict.state == "failed":
            with contextlib.suppress(OSError):  # without its last lines it is still what it must be
                self.write(outcome)
            self.become(FAILED)
        elif verdict.state == "deferred":
            self._note_or_take_back(outcome, ("Not-Before", moment(verdict.not_before)), shared=bool(verdict.left))
            self.become(QUEUED)
        else:
            if self.log.committed or self._marker >= 0:
                self._note_or_take_back(outcome)
            self.become(QUEUED)

    def _remove(self, verdict: Verdict, now: float) -> None:
        try:
            if self._spoiled:
                self._directory.remove(self.name)
            else:
                self._retired = self._directory.retire(self.name)
        except OSError:
            self.write(_outcome(verdict, now))  # so that the next run knows that it was sent
            raise

    def _note_or_take_back(self, *lines: tuple[str, str], shared: bool = False) -> None:
        """Write lines that make the commit marker void, or take the marker out where nothing can be written.

        Where some recipients have the message (``shared``) the marker stays then, and a person decides.
        """
        try:
            self.write(*lines)
        except OSError:
            if shared:
                self.become(FAILED)
                raise
            if self._marker >= 0:
                os.ftruncate(self.fd, self._marker)

    def empty(self) -> None:
        """Empty the file, where it is a spare one now; before that name is on the disk, nothing of it may go."""
        if self._retired and os.fstat(self.fd).st_nlink == 1:
            with contextlib.suppress(OSError):  # one that is not empty is not used
                os.ftruncate(self.fd, 0)

    def release(self) -> None:
        """Give up the lock."""
        fd, self.fd = self.fd, -1
        if fd >= 0:
            os.close(fd)


def _outcome(verdict: Verdict, now: float) -> tuple[str, str]:
    # Who is left stands in the line that makes the commit marker void: neither is ever there without the other.
    word = f"partly {','.join(map(str, verdict.left))}" if verdict.left else verdict.outcome.value
    return "Outcome", " ".join((moment(now), word, verdict.reason)).rstrip()


def _read(fd: int, at: int, size: int) -> bytes:
    """Read exactly so many octets.

    Raises:
        QueueFileInvalid: There are not so many.
    """
    parts = []
    while size:
        part = os.pread(fd, size, at)
        if not part:
            raise QueueFileInvalid("it was cut")
        parts.append(part)
        at += len(part)
        size -= len(part)
    return b"".join(parts)
