"""The library with one sync, lock or check left out: the suite must notice each.

``python -m tests.crash.mutants`` tries all of them, or those whose names are given; it ends with 1 if one lives.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.crash.queues import UNMEASURED

ROOT = Path(__file__).parents[2]
SPOOL = "src/postwright/spool/"


class Mutant(NamedTuple):
    """A change of one place of the source, and the tests of which one must fail then."""

    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def _power(*workloads: str) -> tuple[str, ...]:
    return tuple(f"tests/crash/test_queue_power.py::test_nothing_is_lost[{name}]" for name in workloads)


FILES = ("tests/unit/spool/test_directory.py", "tests/unit/spool/test_claim.py")
SPARES = ("tests/unit/spool/test_spares.py",)
DIALOGUES = ("tests/dialogues/test_queue.py",)
CROWD = ("tests/crash/test_queue_crowd.py::test_each_message_goes_out_once[peaceful]",)
QUEUED = _power("queue one", "queue a batch")
SENT = _power("keep", "overlap with BDAT", "cut off", "queue, send and keep")

MUTANTS = {
    "no sync at all": Mutant("directory.py", "        os.fsync(fd)\n", "        pass\n", QUEUED),
    "the directory is never synced": Mutant("directory.py", "        sync(self.fd)\n", "", QUEUED),
    "a new file is not synced": Mutant("writer.py", "        sync(fresh.fd)\n", "", QUEUED[:1]),
    "the name of a new file is not synced": Mutant(
        "writer.py", "        directory.sync()\n        fresh.keep()\n", "        fresh.keep()\n", QUEUED[:1]
    ),
    "a file of a batch is not synced": Mutant("writer.py", "            sync(self.fd)\n", "            pass\n", QUEUED[1:]),
    "the names of a batch are not synced": Mutant(
        "writer.py", "            directory.sync()\n        except OSError as error:\n            for", "            pass\n        except OSError as error:\n            for", QUEUED[1:]
    ),
    "a batch is not waited for": Mutant(
        "writer.py", "beside(_Fresh.sync, whole)", "[None] * len(whole)", QUEUED[1:]
    ),
    "a stream is not synced": Mutant(
        "writer.py", "            sync(self._fresh.fd)\n", "", _power("queue a stream")
    ),
    "the name of a stream is not synced": Mutant(
        "writer.py", "            self._directory.sync()\n", "", _power("queue a stream")
    ),
    "what was taken is not synced": Mutant(
        "run.py", "            if taken or bad:\n                self.directory.sync()\n", "", SENT
    ),
    "what was settled is not synced": Mutant("run.py", "                self.directory.sync()\n            for", "                pass\n            for", SENT),
    "a spare file is emptied before its name is on the disk": Mutant(
        "run.py", "            if claims:\n                self.directory.sync()\n            for claim in claims:\n                claim.empty()\n", "            for claim in claims:\n                claim.empty()\n            if claims:\n                self.directory.sync()\n", _power("spare files")
    ),
    "what a dead process left is settled without a sync": Mutant(
        "run.py", "        if touched:\n            self.directory.sync()\n", "", _power("settle what was marked")
    ),
    "markers are not waited for": Mutant(
        "run.py", "self._beside(lambda index: claims[index].sync(), marked)", "[None] * len(marked)", SENT
    ),
    "a marker is not synced": Mutant("claim.py", "            sync(self.fd)\n", "            pass\n", SENT),
    "the log is not synced": Mutant("claim.py", "                sync(fd)\n", "                pass\n", _power("cut off", "later")),
    "a person's decision is not synced": Mutant(
        "care.py", "            directory.sync()\n            return claim.name\n", "            return claim.name\n", _power("a person decides")
    ),
    "a person's removal is not synced": Mutant(
        "care.py", "            directory.remove(name)\n            directory.sync()\n", "            directory.remove(name)\n", _power("a person decides")
    ),
    "a new file is not locked": Mutant(
        "directory.py",
        "            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n            facts",
        "            facts",
        FILES,
    ),
    "a new file that was cleared away is used": Mutant(
        "directory.py", "            if not facts.st_nlink:", "            if False:", FILES
    ),
    "a spare file that is not empty is used": Mutant("directory.py", " and not facts.st_size\n", "\n", SPARES),
    "a spare file with a second name is used": Mutant("directory.py", "facts.st_nlink == 1 and", "True and", SPARES),
    "a spare file that is no file is used": Mutant("directory.py", "ours = stat.S_ISREG(facts.st_mode) and", "ours =", SPARES),
    "a spare file of another user is used": Mutant(
        "directory.py", " and facts.st_uid == os.geteuid()\n    return ours", "\n    return ours", SPARES
    ),
    "a file that has a second name is emptied": Mutant(
        "claim.py", " and os.fstat(self.fd).st_nlink == 1", "", SPARES
    ),
    "a file is kept after a sync that failed": Mutant("claim.py", "            if self._spoiled:\n                self._directory.remove", "            if False:\n                self._directory.remove", SPARES),
    "a file that is taken is not locked": Mutant(
        "directory.py", "                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)\n", "                pass\n", FILES
    ),
    "a file that was moved is taken": Mutant(
        "directory.py", "            if not self.has(name, facts):\n", "            if False:\n", FILES
    ),
    "what is no file is taken": Mutant(
        "directory.py", "        if not stat.S_ISREG(facts.st_mode):\n", "        if False:\n", FILES
    ),
    "a file of another user is taken": Mutant(
        "directory.py", "        if facts.st_uid != os.geteuid():\n", "        if False:\n", FILES
    ),
    "a file with a second name is taken": Mutant(
        "directory.py", "        if facts.st_nlink > 1:\n", "        if False:\n", FILES
    ),
    "a file that others can read stays so": Mutant(
        "directory.py", "        if facts.st_mode & 0o077:\n", "        if False:\n", FILES
    ),
    "symbolic links are followed": Mutant("directory.py", "os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK", "os.O_CLOEXEC | os.O_NONBLOCK", FILES),
    "a name in use is written over": Mutant(
        "directory.py", '            raise FileExistsError(errno.EEXIST, f"there is a {new} already")\n', "            os.rename(old, new, src_dir_fd=self.fd, dst_dir_fd=self.fd)\n", FILES
    ),
    "the message is not checked": Mutant("claim.py", "        if digest.hexdigest() != self._head.digest:\n", "        if False:\n", ("tests/unit/spool/test_record.py",)),
    "what was torn stays": Mutant("claim.py", "                os.ftruncate(fd, self._end)  # what was torn\n", "                pass\n", FILES),
    "a failed sync is tried again": Mutant("claim.py", "            self._spoiled = True\n            raise\n", "            raise\n", FILES),
    "a failed sync of a marker is forgotten": Mutant("claim.py", "            self._spoiled = True\n            return error\n", "            return error\n", FILES),
    "an open marker is taken for none": Mutant("run.py", '    if claim.log.committed or claim.log.outcome == "unknown":\n', "    if False:\n", _power("settle what was marked")),
}  # fmt: skip


def mutated(mutant: Mutant) -> str:
    """Return the changed source.

    Raises:
        AssertionError: The place is not there, or not once: the table must be brought up to date.
    """
    text = (ROOT / SPOOL / mutant.file).read_text()
    assert text.count(mutant.old) == 1, f"{mutant.file} has {text.count(mutant.old)} of {mutant.old!r}"
    return text.replace(mutant.old, mutant.new)


def lives(name: str) -> str:
    """Try one mutant; return "" if a test failed, as it must, else what the tests said."""
    mutant = MUTANTS[name]
    with tempfile.TemporaryDirectory() as place:
        for part in ("src", "tests", "pyproject.toml"):
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy)(source, Path(place, part))
        Path(place, SPOOL, mutant.file).write_text(mutated(mutant))
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *mutant.tests],
            cwd=place,
            env={**UNMEASURED, "PYTHONPATH": f"{place}/src"},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
    failed = done.returncode == 1 and "failed" in done.stdout.splitlines()[-1]
    return "" if failed else done.stdout[-2000:] + done.stderr[-2000:]


def main(names: list[str]) -> int:
    """Try the mutants with these names, or all."""
    living = 0
    for name in names or MUTANTS:
        start = time.monotonic()
        said = lives(name)
        living += bool(said)
        print(f"{'LIVES' if said else 'found'}  {name}  ({time.monotonic() - start:.0f} s)", said, flush=True)
    print(f"{len(names or MUTANTS)} mutants, {living} live")
    return 1 if living else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
