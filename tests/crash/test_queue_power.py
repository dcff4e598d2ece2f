"""A loss of power at every moment: whatever the disk holds then, the next run puts right.

The calls of the real library are recorded with strace. From them every state is built that the disk may be in, and in
each the real library runs again; a server that counts is the judge. With any one sync left out this must find a loss.
"""

from __future__ import annotations

import random
import re
import shutil
import tempfile
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from postwright.spool.record import read_head, read_log
from tests.crash.power import Disk, record
from tests.crash.queues import Spooler, judge
from tests.crash.sink import Sink
from tests.crash.spooler import message

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.crash.power import Event

pytestmark = [
    pytest.mark.timeout(1800),
    pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not there: tests/interop/install.sh has it"),
]

ONE, TWO = (1, "one", 300), (2, "one", 400)
REFUSED, LATER, LARGE, CUT = (3, "refuse", 300), (4, "later", 300), (5, "one", 150_000), (6, "cut", 300)


@dataclass(frozen=True)
class Workload:
    """What is in the queue at first, and what is done then."""

    before: tuple[tuple[int, str, int], ...] = ()
    messages: tuple[tuple[int, str, int], ...] = ()
    job: dict[str, Any] = field(default_factory=dict)
    left: str = ""
    """What a process left in ``.sending`` files: "taken", "marked" or "sent"."""


WORKLOADS = {
    "queue one": Workload(messages=(ONE,)),
    "queue three": Workload(messages=(ONE, TWO, REFUSED)),
    "queue a stream": Workload(messages=(ONE, LARGE)),
    "queue a batch": Workload(messages=tuple((n, "one", 300) for n in range(1, 8)), job={"batch": True}),
    "many": Workload(
        tuple((n, ("one", "refuse", "later", "cut", "one")[n % 5], 200) for n in range(1, 16)),
        ((20, "one", 150_000), (21, "one", 300), (22, "refuse", 300)),
        {"process": True, "retry": True, "keep": True},
    ),
    "send with DATA": Workload((ONE, TWO), job={"process": True}),
    "send with BDAT": Workload((ONE, TWO), job={"process": True, "chunking": True}),
    "overlap with BDAT": Workload(
        tuple((n, ("one", "one", "refuse", "cut", "one", "later")[n % 6], 200) for n in range(1, 8)),
        job={"process": True, "chunking": True, "retry": True},
    ),
    "overlap with DATA": Workload(
        tuple((n, ("one", "one", "refuse", "one", "later")[n % 5], 200) for n in range(1, 6)),
        job={"process": True, "retry": True, "keep": True},
    ),
    "two connections": Workload(
        tuple((n, ("one", "one", "cut")[n % 3], 200) for n in range(1, 7)),
        job={"process": True, "chunking": True, "connections": 2},
    ),
    "send a large one": Workload((LARGE, ONE), job={"process": True}),
    "keep": Workload((ONE, TWO), job={"process": True, "keep": True}),
    "refused": Workload((ONE, REFUSED, TWO), job={"process": True}),
    "later": Workload((LATER, ONE), job={"process": True, "retry": True}),
    "cut off": Workload((ONE, CUT, TWO), job={"process": True}),
    "settle what was taken": Workload((ONE, TWO), job={"process": True}, left="taken"),
    "settle what was marked": Workload((ONE, TWO), job={"process": True}, left="marked"),
    "a person decides": Workload((ONE, TWO), job={"care": True}, left="marked"),
    "queue and send": Workload(messages=(ONE, REFUSED, LATER), job={"process": True, "retry": True}),
    "queue, send and keep": Workload(messages=(CUT, ONE), job={"process": True, "keep": True}),
    "spare files": Workload(
        (ONE, TWO, CUT), job={"process": True, "spares": True, "later": [(7, "one", 300), (8, "one", 200)]}
    ),
}


STATES: dict[str, int] = {}
"""How many states were looked at, of each workload."""


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory in memory where there is one: the disk itself plays no part here."""
    root = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    yield Path(root)
    shutil.rmtree(root)


def identifier(data: bytes) -> str:
    head = read_head(data)
    assert head is not None
    return head.letter.message_id


def marked(data: bytes) -> bool:
    head = read_head(data)
    assert head is not None
    return any(name == "Commit" for name, _ in read_log(data[head.end :]).entries)


def fill(place: Path, files: dict[str, bytes]) -> Path:
    queue = place / "queue"
    shutil.rmtree(queue, ignore_errors=True)
    queue.mkdir()
    for name, data in files.items():
        (queue / name).write_bytes(data)
        (queue / name).chmod(0o600)
    return queue


def contents(queue: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in queue.iterdir()}


class Spoken:
    """What was said over one connection, cut into messages."""

    def __init__(self) -> None:
        self._said = b""
        self._chunks = b""

    def messages(self, data: bytes) -> Iterator[bytes]:
        """Take more octets; yield the messages that are whole now."""
        self._said += data
        while match := re.search(rb"BDAT (\d+)( LAST)?\r\n|\r\n\.\r\n", self._said):
            if not match[1]:
                yield self._said[: match.start()]
                self._said = self._said[match.end() :]
                continue
            end = match.end() + int(match[1])
            if len(self._said) < end:
                return
            self._chunks += self._said[match.end() : end]
            self._said = self._said[end:]
            if match[2]:
                yield self._chunks
                self._chunks = b""


def identified(text: bytes) -> str:
    """Return the Message-ID of a message."""
    (name,) = re.findall(rb"Message-ID: (<\d+@example.org>)", text)
    return str(name.decode())


class Exploration:
    """One recording, and all that may become of it.

    Raises:
        AssertionError: Something was lost, torn, sent twice or stuck, or a report was not true.
    """

    def __init__(self, spooler: Spooler, sink: Sink, place: Path, work: Workload, **extra: Any) -> None:
        self._spooler = spooler
        self._sink = sink
        self._place = place
        sink.forget()
        queue = fill(place, {})
        spooler.do(dir=str(queue), messages=work.before)
        if work.left:
            leave(queue, work.left)
        start = contents(queue)
        job = {**work.job, **extra, "dir": str(queue), "port": sink.port, "messages": work.messages}
        self._first = [f"<{n}@example.org>" for n, *_ in (*work.before, *work.messages)]
        rows = (*work.before, *work.messages, *work.job.get("later", ()))
        self.expected = {f"<{n}@example.org>": message(n, s, z) for n, s, z in rows}
        self.events = record(job, place / "log", start)
        self._disk = Disk(start)
        self._queued = {identifier(data) for data in start.values()}
        if work.job.get("care"):
            self._queued = {identifier(start[min(start)])}  # the other one is removed
        self._maybe = {identifier(data) for data in start.values() if marked(data)}
        self._taken: Counter[str] = Counter()
        self._lines: defaultdict[int, Spoken] = defaultdict(Spoken)
        self._stems = {name.rpartition(".")[0]: identifier(data) for name, data in start.items()}
        self._firm: dict[str, tuple[str, bytes] | None] = {}
        """Messages whose fate was told: the name and the octets that their files must have from then on."""
        self._seen: set[Any] = set()

    def explore(self, limit: int) -> int:
        """Look at all moments; return how many states there were."""
        chance = random.Random(1)
        count = self._look(limit, chance, "the beginning")
        for index, event in enumerate(self.events):
            self._follow(event)
            count += self._look(limit, chance, f"call {index}: {event.kind} {event.name} {event.data[:60]!r}")
        return count

    def _follow(self, event: Event) -> None:
        self._disk.apply(event)
        if event.kind == "note":
            kind, _, rest = event.name.partition("/")
            if kind == "queued":
                self._queued.add(f"<{rest.partition('/')[0]}@example.org>")
            elif kind == "settled":
                self._tell(self._stems[rest.rpartition(".")[0]])
            elif kind == "processed":
                for name in self._first:
                    self._tell(name)
        elif event.kind == "sent":
            for text in self._lines[event.at].messages(event.data):
                if re.search(b"Subject: (one|cut)", text):
                    self._taken[identified(text)] += 1
        elif event.kind == "write" and event.data.startswith(b"Commit: "):
            self._maybe.add(identifier(self._disk.inodes[event.inode].now()))
        elif event.kind == "rename" and event.other.endswith(".queued"):
            self._stems[event.other.rpartition(".")[0]] = identifier(self._disk.inodes[event.inode].now())

    def _tell(self, name: str) -> None:
        """Note that a message's fate was told: its file must be from now on as it is."""
        self._firm[name] = self._left().get(name)
        self._maybe.discard(name)

    def _left(self) -> dict[str, tuple[str, bytes]]:
        files = self._disk.whole().items()
        return {identifier(data): (name, data) for name, data in files if not name.startswith(".")}

    def _look(self, limit: int, chance: random.Random, where: str) -> int:
        count = 0
        for state in self._disk.states(limit, chance):
            key = (frozenset(state.items()), frozenset(self._taken.items()), len(self._queued), len(self._firm))
            if key in self._seen:
                continue
            self._seen.add(key)
            count += 1
            self._check(state, where)
        return count

    def _check(self, state: dict[str, bytes], where: str) -> None:
        whole = {name: data for name, data in state.items() if not name.startswith(".")}
        for name, told in self._firm.items():
            found = [(n, d) for n, d in whole.items() if f"Message-Id: {name}\n".encode() in d]
            assert found == ([] if told is None else [told]), f"{name} is not as it was told at {where}"
        self._sink.forget()
        self._sink.taken.update(self._taken)
        for name in self._taken:
            self._sink.octets[name].add(self.expected[name])
        queue = fill(self._place, state)
        self._spooler.do(dir=str(queue), port=self._sink.port, process=True)
        judge(queue, self._sink, self.expected, self._queued, where)
        for path in queue.glob("*.failed"):
            name = identifier(path.read_bytes())
            refused = re.search(rb"Subject: (refuse|later|cut)", self.expected[name])
            settled = name in self._firm or refused or name in self._maybe
            assert settled, f"{name} is held for nothing at {where}"


def leave(queue: Path, how: str) -> None:
    """Make the files of a queue what a process that died leaves."""
    from postwright.spool.record import note

    for path in sorted(queue.iterdir()):
        lines = [note("Commit", "2026-03-03T10:00:00.000000Z mail.example.org:25")] if how == "marked" else []
        path.write_bytes(path.read_bytes() + b"".join(lines))
        path.rename(path.with_suffix(".sending"))


@pytest.mark.parametrize("name", WORKLOADS)
def test_nothing_is_lost(spooler: Spooler, sink: Sink, place: Path, name: str, request: pytest.FixtureRequest) -> None:
    limit = 800 if request.config.getoption("--long") else 6
    STATES[name] = count = Exploration(spooler, sink, place, WORKLOADS[name]).explore(limit)
    assert count >= 5
    print(f"{name}: {count} states")


def test_ten_thousand_states_are_looked_at(request: pytest.FixtureRequest) -> None:
    if not request.config.getoption("--long") or STATES.keys() != WORKLOADS.keys():
        pytest.skip("the long form runs with --long, after all workloads")
    assert sum(STATES.values()) >= 10_000


MUTANTS: dict[str, set[int]] = {
    "queue one": set(),
    "queue and send": {7, 10, 13},
    "queue, send and keep": set(),
    "settle what was marked": set(),
}
"""Workloads, and syncs that nothing depends on in them: those of the markers of messages which the server refuses, and
that of the name ".sending" where no message ends with an outcome that nobody may send again."""


@pytest.mark.parametrize("name", MUTANTS)
def test_every_sync_is_needed(
    spooler: Spooler, sink: Sink, place: Path, name: str, request: pytest.FixtureRequest
) -> None:
    if name == "queue and send" and not request.config.getoption("--long"):
        pytest.skip("the long form runs with --long")
    clean = Exploration(spooler, sink, place, WORKLOADS[name])
    syncs = sum(event.kind.startswith("sync") for event in clean.events)
    needless = set()
    for skip in range(1, syncs + 1):
        try:
            Exploration(spooler, sink, place, WORKLOADS[name], skip=skip).explore(64)
        except AssertionError as error:
            assert re.search(r"lost|torn|times|held|told|damaged|stuck", str(error)), error  # noqa: PT017
        else:
            needless.add(skip)
    assert syncs >= 2
    assert needless == MUTANTS[name]
