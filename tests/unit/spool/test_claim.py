"""Claims and names in the moments that tests from outside seldom hit."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from postwright import SMTP
from postwright.enums import Outcome
from postwright.spool import claim as claims
from postwright.spool.claim import Claim, Verdict
from postwright.spool.directory import QUEUED, Directory, Taken
from postwright.spool.record import note, read_head, read_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

NOW = 1_772_532_000.0


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Directory]:
    made = Directory(tmp_path)
    yield made
    made.close()


def queued(path: Path) -> str:
    return SMTP(from_="a@example.org", send_to="b@example.org", message_text="x\n").queue(path)


def before_the_lock(monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object]) -> None:
    """Let something happen between the opening of a file and its lock, once."""
    flock, deeds = fcntl.flock, [deed]

    def late(fd: int, how: int) -> None:
        while deeds:
            deeds.pop()()
        flock(fd, how)

    monkeypatch.setattr(fcntl, "flock", late)


def test_a_new_file_that_was_cleared_away_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before_the_lock(monkeypatch, lambda: next(tmp_path.iterdir()).unlink())
    name = queued(tmp_path)
    assert os.listdir(tmp_path) == [name]


def test_a_name_that_leads_to_another_file_meanwhile_is_left(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = queued(tmp_path)
    shutil.copy(tmp_path / name, tmp_path / "other")

    before_the_lock(monkeypatch, lambda: (tmp_path / "other").rename(tmp_path / name))
    with pytest.raises(Taken):
        directory.open(name, QUEUED)
    os.close(directory.open(name, QUEUED))


def test_a_file_that_others_can_read_is_for_its_owner_alone_from_then_on(directory: Directory, tmp_path: Path) -> None:
    name = queued(tmp_path)
    (tmp_path / name).chmod(0o644)
    os.close(directory.open(name, QUEUED))
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600


def log_of(path: Path) -> list[str]:
    data = path.read_bytes()
    head = read_head(data)
    assert head is not None
    return [name for name, _ in read_log(data[head.end :]).entries]


def test_a_line_is_never_written_behind_half_of_another(directory: Directory, tmp_path: Path) -> None:
    name = queued(tmp_path)
    with (tmp_path / name).open("ab") as file:
        file.write(note("Commit", "2026-03-03T10:00:00.000000Z mail.example.org:25")[:30])
    claim = Claim(directory, name.removesuffix(QUEUED), QUEUED)
    assert claim.mark("now mail.example.org:25")
    claim.release()
    assert log_of(tmp_path / name) == ["Commit"]


def test_a_marker_is_written_once(directory: Directory, tmp_path: Path) -> None:
    name = queued(tmp_path)
    claim = Claim(directory, name.removesuffix(QUEUED), QUEUED)
    assert claim.mark("now mail.example.org:25")
    assert not claim.mark("now mail.example.org:25")
    claim.release()
    assert log_of(tmp_path / name) == ["Commit"]


@pytest.mark.parametrize("first", ["marker", "line"])
def test_a_sync_that_failed_is_never_tried_again_on_the_same_descriptor(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: str
) -> None:
    synced: list[int] = []

    def failing(fd: int) -> None:
        synced.append(fd)
        if len(synced) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    name = queued(tmp_path)
    claim = Claim(directory, name.removesuffix(QUEUED), QUEUED)
    monkeypatch.setattr(claims, "sync", failing)
    if first == "marker":
        claim.mark("now mail.example.org:25")
        fault = claim.sync()
        assert fault is not None
        assert fault.errno == errno.EIO
    else:
        with pytest.raises(OSError, match="Input/output"):
            claim.write(("Requeued", "2026-03-03T10:00:00.000000Z"))
    claim.settle(Verdict("failed", Outcome.NOT_SENT, "the disk failed"), now=NOW)
    assert len(synced) == 2
    assert synced[1] != synced[0]
    claim.release()
    (left,) = tmp_path.iterdir()
    assert left.suffix == ".failed"
    assert log_of(left)[-1] == "Outcome"


def test_of_a_message_that_some_have_the_marker_stays_where_nothing_can_be_written(
    directory: Directory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(fd: int, data: bytes) -> None:
        del fd, data
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    name = queued(tmp_path)
    claim = Claim(directory, name.removesuffix(QUEUED), QUEUED)
    claim.mark("now mail.example.org:25")
    monkeypatch.setattr(claims, "write", full)
    with pytest.raises(OSError, match="No space"):
        claim.settle(Verdict("deferred", Outcome.SENT, "250 ok", NOW + 300, (2,)), now=NOW)
    claim.release()
    (left,) = tmp_path.iterdir()
    assert left.suffix == ".failed"
    assert log_of(left) == ["Commit"]  # a person decides: the first recipient has it
