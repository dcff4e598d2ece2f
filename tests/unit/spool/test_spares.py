"""Spare files: what held a sent message is used again, and nothing is ever written into a file that somebody needs."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP
from postwright.enums import Outcome
from postwright.spool import spares as spares_module
from postwright.spool.claim import Claim, Verdict
from postwright.spool.directory import QUEUED, Directory
from postwright.spool.run import Run
from postwright.spool.spares import COUNT, SPARE, Spares
from tests.crash.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> Spares:
    """Every file that goes is kept, and the places begin at 0."""
    monkeypatch.setattr(spares_module, "FEW", 0)
    fresh = Spares()
    fresh._there = fresh._free = 0
    monkeypatch.setattr("postwright.spool.directory.spares", fresh)
    return fresh


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


def client(port: int = 1) -> SMTP:
    made = SMTP(mail_server="127.0.0.1", mail_port=port, ssl_start_mode=3, timeout=5)
    made.from_, made.send_to, made.message_text = "a@example.org", "b@example.org", "Hello\n"
    return made


def names(place: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in place.iterdir()}


def test_what_was_sent_is_used_again(tmp_path: Path, sink: Sink) -> None:
    sender = client(sink.port)
    queued = [sender.queue(tmp_path) for _ in range(3)]
    inodes = {(tmp_path / name).stat().st_ino for name in queued}
    sender.process_queue(tmp_path)
    assert names(tmp_path) == {f".{number}{SPARE}": 0 for number in (1, 2, 3)}
    for name in sender.queue_many(tmp_path, [b"From: a@b.example\r\nTo: c@d.example\r\n\r\nx\r\n"] * 3):
        assert isinstance(name, str)
        facts = (tmp_path / name).stat()
        assert facts.st_ino in inodes
        assert stat.S_IMODE(facts.st_mode) == 0o600
    assert not any(name.endswith(SPARE) for name in names(tmp_path))
    sender.process_queue(tmp_path)
    assert sum(sink.taken.values()) == 6


def test_where_few_go_none_is_kept(tmp_path: Path, sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spares_module, "FEW", 2)
    sender = client(sink.port)
    for _ in range(3):
        sender.queue(tmp_path)
    sender.process_queue(tmp_path)
    assert names(tmp_path) == {f".1{SPARE}": 0}


def test_there_is_a_limit(at_once: Spares) -> None:
    assert len({at_once.free() for _ in range(3 * COUNT)}) == COUNT


def test_all_places_have_their_turn(at_once: Spares) -> None:
    seen = set()
    for _ in range(9 * COUNT):
        if (name := at_once.likely()) is not None:
            seen.add(name)
            at_once.found(there=False)
    assert len(seen) == COUNT


def test_where_there_is_none_few_calls_are_spent_on_them(at_once: Spares) -> None:
    guesses = 0
    for _ in range(1000):
        if at_once.likely() is not None:
            guesses += 1
            at_once.found(there=False)
    assert guesses < 150
    at_once.found(there=True)
    assert all(at_once.likely() is not None for _ in range(8))


def plant(place: Path, kind: str) -> Any:
    """Put something into the place of a spare file; return what must not change of it."""
    spare, other = place / f".0{SPARE}", place / "other"
    if kind == "full":
        spare.write_bytes(b"somebody's\n" * 1000)
        return lambda: True
    other.write_bytes(b"")
    if kind == "link":
        os.link(other, spare)
    elif kind == "symlink":
        os.symlink(other, spare)
    elif kind == "fifo":
        os.mkfifo(spare)
    elif kind == "directory":
        spare.mkdir()
        (spare / "inside").write_bytes(b"")
    return lambda: other.read_bytes() == b""


@pytest.mark.parametrize("kind", ["full", "link", "symlink", "fifo", "directory"])
def test_what_is_no_spare_file_is_not_used(tmp_path: Path, kind: str) -> None:
    unharmed = plant(tmp_path, kind)
    name = client().queue(tmp_path)
    facts = (tmp_path / name).lstat()
    assert stat.S_ISREG(facts.st_mode)
    assert facts.st_nlink == 1
    assert b"Hello" in (tmp_path / name).read_bytes()
    assert b"somebody's" not in (tmp_path / name).read_bytes()
    assert unharmed()
    assert not (tmp_path / f".0{SPARE}").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_not_used(tmp_path: Path) -> None:
    spare = tmp_path / f".0{SPARE}"
    spare.write_bytes(b"")
    os.chown(spare, 12345, -1)
    with spare.open() as held:  # so that its inode is in use
        assert (tmp_path / client().queue(tmp_path)).stat().st_ino != os.fstat(held.fileno()).st_ino


def test_one_that_is_still_held_is_not_used(tmp_path: Path) -> None:
    """Who sent the message empties it behind the next sync, and nobody may have written into it by then."""
    spare = tmp_path / f".0{SPARE}"
    spare.write_bytes(b"")
    held = os.open(spare, os.O_RDWR)
    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    name = client().queue(tmp_path)
    assert (tmp_path / name).stat().st_ino != os.fstat(held).st_ino
    assert os.fstat(held).st_nlink == 0
    os.close(held)


def sent(place: Path) -> tuple[Directory, Claim]:
    directory = Directory(place)
    claim = Claim(directory, client().queue(place).removesuffix(QUEUED), QUEUED)
    claim.take(0.0)
    return directory, claim


def test_it_keeps_what_it_holds_until_its_name_is_on_the_disk(tmp_path: Path) -> None:
    directory, claim = sent(tmp_path)
    claim.settle(Verdict("sent", Outcome.SENT), now=0.0)
    assert names(tmp_path)[f".1{SPARE}"] > 0
    directory.sync()
    claim.empty()
    claim.release()
    directory.close()
    assert names(tmp_path) == {f".1{SPARE}": 0}


def test_a_file_with_a_second_name_is_not_emptied(tmp_path: Path) -> None:
    directory, claim = sent(tmp_path)
    claim.settle(Verdict("sent", Outcome.SENT), now=0.0)
    os.link(tmp_path / f".1{SPARE}", tmp_path / "second")
    claim.empty()
    claim.release()
    directory.close()
    assert b"Hello" in (tmp_path / "second").read_bytes()


def test_after_a_failed_sync_a_file_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, claim = sent(tmp_path)
    claim.mark("2026-03-03T10:00:00.000000Z mail.example.org:25")
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", broken)
        assert claim.sync() is not None
    claim.settle(Verdict("sent", Outcome.SENT), now=0.0)
    claim.release()
    directory.close()
    assert names(tmp_path) == {}


def broken(*_: object, **__: object) -> None:
    raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_where_there_is_no_room_for_its_name_it_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    directory, claim = sent(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", broken)
        claim.settle(Verdict("sent", Outcome.SENT), now=0.0)
    claim.empty()
    claim.release()
    directory.close()
    assert names(tmp_path) == {}


def test_no_run_takes_them_for_messages(tmp_path: Path) -> None:
    (tmp_path / f".5{SPARE}").write_bytes(b"")
    run = Run(str(tmp_path), keep=False, clock=lambda: 0.0)
    assert run.begin() == []
    assert run.left == 0
    run.close()
    assert names(tmp_path) == {f".5{SPARE}": 0}
