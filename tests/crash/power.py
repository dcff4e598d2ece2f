"""What a disk may hold after a loss of power, from the calls that a program made, as strace recorded them.

The model is harsher than any file system: until a file is synced, each write to it may be there, or half of it, or
its length with zeros, or nothing; until the directory is synced, each change of a name may be there or not, in any
combination. A sync of a file says nothing about its name, nor the other way round. A sync of the directory covers what
was changed before it began, by whatever thread.
"""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.crash.queues import PROGRAM, UNMEASURED

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

CALLS = (
    "openat,close,write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,unlink,unlinkat,ftruncate,sendto,sendmsg,access,"
    "faccessat,faccessat2"
)
_LINE = re.compile(r"(\d+) +(\w+)\((.*)\) += (-?\d+)")
_PART = re.compile(r'iov_base="((?:\\x[0-9a-f]{2})*)"(?!\.)')
_BEGUN = re.compile(r"(\d+) +(\w+)\((.*) <unfinished \.\.\.>")
_ENDED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_WORD = re.compile(r' *(?:"((?:\\x[0-9a-f]{2})*)"(\.\.\.)?|([^,]+))')


@dataclass(frozen=True)
class Event:
    """One thing that happened: a change of the disk, octets that left, or a note of the program."""

    kind: str
    name: str = ""
    other: str = ""
    inode: int = 0
    at: int = 0
    data: bytes = b""


def numbered(start: dict[str, bytes]) -> dict[str, int]:
    """Return the inodes of the files that are there when a recording begins."""
    return {name: -1 - index for index, name in enumerate(sorted(start))}


def record(job: dict[str, Any], log: Path, start: dict[str, bytes]) -> list[Event]:
    """Do a job under strace; return what it did to its directory, what it sent, and its notes."""
    command = [
        "strace",
        "-f",
        "-v",
        "-qq",
        "-xx",
        "-s",
        "10000000",
        "-e",
        f"trace={CALLS}",
        "-e",
        "signal=none",
        "-o",
        str(log),
    ]
    done = subprocess.run(
        [*command, sys.executable, str(PROGRAM), "--once", json.dumps(job)],
        env=UNMEASURED,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return list(events(log.read_text(), job["dir"], numbered(start)))


def events(log: str, directory: str, names: dict[str, int]) -> Iterator[Event]:
    """Read a log of strace; ``names`` are those that are there already."""
    folders: set[int] = set()
    inodes: dict[int, int] = {}
    fresh = itertools.count(1)
    begun: dict[str, str] = {}
    for line in log.splitlines():
        whole = line
        if match := _BEGUN.match(line):
            begun[match[1]] = f"{match[1]} {match[2]}({match[3]}"
            if match[2] in {"fsync", "fdatasync"} and _number(match[3]) in folders:
                yield Event("sync begins", at=int(match[1]))
            continue
        if match := _ENDED.match(line):
            whole = begun.pop(match[1]) + match[2]
        match = _LINE.match(whole)
        if not match or (int(match[4]) < 0 and "access" not in match[2]):
            continue
        call, words, result = match[2], [_word(m) for m in _WORD.finditer(match[3])], int(match[4])
        thread = int(match[1])
        if call == "openat" and words[1] == directory:
            folders.add(result)
        elif call == "openat" and _number(words[0]) in folders:
            if words[1] not in names:
                names[words[1]] = next(fresh)
                yield Event("create", words[1], inode=names[words[1]])
            inodes[result] = names[words[1]]
        elif call == "close":
            folders.discard(_number(words[0]))
            inodes.pop(_number(words[0]), None)
        elif call in {"write", "pwrite64"} and _number(words[0]) in inodes:
            at = _number(words[3]) if call == "pwrite64" else -1
            yield Event("write", inode=inodes[_number(words[0])], at=at, data=words[1].encode("latin-1")[:result])
        elif call == "ftruncate" and _number(words[0]) in inodes:
            yield Event("cut", inode=inodes[_number(words[0])], at=_number(words[1]))
        elif call in {"fsync", "fdatasync"} and _number(words[0]) in inodes:
            yield Event("sync", inode=inodes[_number(words[0])])
        elif call in {"fsync", "fdatasync"} and _number(words[0]) in folders:
            yield Event("sync names", at=thread)
        elif call.startswith("rename") and _number(words[0]) in folders:
            names[words[3]] = names.pop(words[1])
            yield Event("rename", words[1], words[3], inode=names[words[3]])
        elif call == "unlinkat" and _number(words[0]) in folders:
            yield Event("remove", words[1], inode=names.pop(words[1]))
        elif call in {"sendto", "sendmsg"}:
            parts = _PART.findall(match[3]) if call == "sendmsg" else [words[1].encode("latin-1").hex()]
            data = b"".join(bytes.fromhex(part.replace("\\x", "")) for part in parts)
            yield Event("sent", at=_number(words[0]), data=data[:result])
        elif "access" in call:
            text = next(word for word in words if "/" in word)
            if text.startswith("/note/"):
                yield Event("note", text.removeprefix("/note/"))


def _word(match: re.Match[str]) -> str:
    """Return an argument; octets as characters of Latin-1."""
    if match[1] is None:
        return (match[3] or "").strip()
    assert not match[2], "strace cut a string"
    return bytes.fromhex(match[1].replace("\\x", "")).decode("latin-1")


def _number(word: str) -> int:
    return int(word) if re.fullmatch(r"-?\d+", word) else -1


@dataclass
class Inode:
    """A file: what is surely on the disk, and the changes since."""

    firm: bytes = b""
    pending: list[Event] = field(default_factory=list)

    def now(self) -> bytes:
        data = self.firm
        for event in self.pending:
            data = _done(data, event, "all")
        return data

    def variants(self) -> list[tuple[str, ...]]:
        ways = [
            ("all", "none", "half", "zeros") if event.kind == "write" else ("all", "none") for event in self.pending
        ]
        return list(itertools.islice(itertools.product(*ways), 64))

    def after(self, ways: tuple[str, ...]) -> bytes:
        data = self.firm
        for event, way in zip(self.pending, ways, strict=True):
            data = _done(data, event, way)
        return data


def _done(data: bytes, event: Event, way: str) -> bytes:
    if way == "none":
        return data
    if event.kind == "cut":
        return data[: event.at]
    at = len(data) if event.at < 0 else event.at
    new = (
        event.data[: len(event.data) // 2] if way == "half" else event.data if way == "all" else bytes(len(event.data))
    )
    return data[:at].ljust(at, b"\0") + new + data[at + len(new) :]


class Disk:
    """A directory and its files, at one moment of a recording.

    Args:
        start: What is there, and on the disk, when it begins.
    """

    def __init__(self, start: dict[str, bytes]) -> None:
        self.firm = numbered(start)
        self.inodes = {inode: Inode(start[name]) for name, inode in self.firm.items()}
        self.pending: list[Event] = []
        self._begun: dict[int, int] = {}

    def apply(self, event: Event) -> None:
        """Let one thing happen."""
        if event.kind == "create":
            self.inodes[event.inode] = Inode()
        if event.kind in {"write", "cut"}:
            self.inodes[event.inode].pending.append(event)
        elif event.kind == "sync":
            inode = self.inodes[event.inode]
            inode.firm, inode.pending = inode.now(), []
        elif event.kind in {"create", "rename", "remove"}:
            self.pending.append(event)
        elif event.kind == "sync begins":
            self._begun[event.at] = len(self.pending)
        elif event.kind == "sync names":
            covered = self._begun.pop(event.at, len(self.pending))
            self.firm, self.pending = self._names([True] * covered), self.pending[covered:]
            self._begun = {thread: max(0, count - covered) for thread, count in self._begun.items()}

    def _names(self, which: list[bool]) -> dict[str, int]:
        names = dict(self.firm)
        for event, there in zip(self.pending, which, strict=False):
            if not there:
                continue
            if event.kind == "rename":  # also of a name whose own making was lost
                names.pop(event.name, None)
                names[event.other] = event.inode
            elif event.kind == "create":
                names[event.name] = event.inode
            else:
                names.pop(event.name, None)
        return names

    def whole(self) -> dict[str, bytes]:
        """Return what is there if the power stays."""
        names = self._names([True] * len(self.pending))
        return {name: self.inodes[inode].now() for name, inode in names.items()}

    def states(self, limit: int, chance: random.Random) -> Iterator[dict[str, bytes]]:
        """Yield what may be there after a loss of power; of very many combinations, so many by chance."""
        orders = [list(which) for which in itertools.product([False, True], repeat=min(len(self.pending), 10))]
        orders = [[True] * (len(self.pending) - len(which)) + which for which in orders]
        dirty = {number: inode.variants() for number, inode in self.inodes.items() if inode.pending}
        total = len(orders)
        for variants in dirty.values():
            total *= len(variants)
        if total <= limit:
            picks = [(which, ways) for which in orders for ways in itertools.product(*dirty.values())]
        else:
            picks = [(chance.choice(orders), tuple(map(chance.choice, dirty.values()))) for _ in range(limit)]
        for which, ways in picks:
            content = dict(zip(dirty, ways, strict=True))
            yield {
                name: self.inodes[inode].after(content[inode]) if inode in content else self.inodes[inode].firm
                for name, inode in self._names(which).items()
            }
