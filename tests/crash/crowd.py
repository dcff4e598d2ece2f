"""Eight processors, some with two connections, and four queuers on one directory; some of them are killed.

``python -m tests.crash.crowd --messages 100000 --seed 3`` does it for so many messages, and prints what it saw: run it
in as many pieces as you like, with a seed for each.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.crash.queues import Spooler, files, judge
from tests.crash.sink import Sink
from tests.crash.spooler import message

if TYPE_CHECKING:
    from collections.abc import Sequence


class Crowd:
    """Rounds of processes on one directory."""

    def __init__(self, spooler: Spooler, sink: Sink, queue: Path, seed: int = 7, **job: Any) -> None:
        self._spooler = spooler
        self._sink = sink
        self._job = {"dir": str(queue), "port": sink.port, **job}
        self._chance = random.Random(seed)
        self._next = 0
        self.expected: dict[str, bytes] = {}
        self.must: set[str] = set()

    def round(self, count: int, *, deadly: bool) -> None:
        """Let four queue so many messages each, and eight process, and some die."""
        jobs: list[dict[str, Any]] = []
        for _ in range(4):
            rows = [(self._next + n, "one", self._chance.choice([100, 3000, 120_000])) for n in range(count)]
            self._next += count
            self.expected.update({f"<{row[0]}@example.org>": message(*row) for row in rows})
            jobs.append({**self._job, "messages": rows})
        jobs += [
            {**self._job, "process": 4, "chunking": number % 2 == 0, "connections": 1 + number % 3 // 2}
            for number in range(8)
        ]
        if deadly:
            for job in jobs:
                job["kill"] = self._chance.choice([0, self._chance.randrange(20, 800)])
        for answer in self._spooler.do_all(jobs):
            self.must |= {f"<{number}@example.org>" for number, *_ in answer["queued"]}

    def finish(self) -> None:
        self._spooler.do_all([{**self._job, "process": 1} for _ in range(8)])
        self._spooler.do(**{**self._job, "process": 1})


def main(argv: Sequence[str] | None = None) -> None:
    """Run one piece."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--peaceful", action="store_true", help="nobody is killed")
    args = parser.parse_args(argv)
    total: Counter[str] = Counter()
    rounds, size = -(-args.messages // 2400), 12
    with Spooler() as spooler, Sink() as sink:
        for turn in range(rounds):  # of fifty rounds each: a judge must read all that is held
            sink.forget()
            with tempfile.TemporaryDirectory() as place:
                crowd = Crowd(spooler, sink, Path(place), seed=args.seed * 100_000 + turn)
                for _ in range(50):
                    crowd.round(size, deadly=not args.peaceful)
                crowd.finish()
                judge(Path(place), sink, crowd.expected, crowd.must, f"seed {args.seed}, turn {turn}")
                total["queued"] += len(crowd.must)
                total["sent"] += len(sink.taken)
                total["held, since nobody knows"] += len(files(Path(place)))
    print(", ".join(f"{count} {name}" for name, count in total.items()), "- lost 0, twice 0", flush=True)


if __name__ == "__main__":
    main()
