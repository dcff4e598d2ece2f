"""The directory: only ordinary files of ours are touched, nothing half is visible, and a rerun clears up."""

from __future__ import annotations

import fcntl
import os
import stat
import threading
import time
from typing import TYPE_CHECKING

import pytest

from postwright import SMTP, errors
from postwright.errors import QueueFileInvalid, QueueIncomplete, QueueUnusable
from postwright.spool.directory import FRESH, QUEUED, Directory, Taken, check_name
from postwright.spool.run import Run
from tests.crash.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


def client(port: int = 1, **values: str) -> SMTP:
    made = SMTP(mail_server="127.0.0.1", mail_port=port, ssl_start_mode=3, timeout=5)
    made.from_, made.send_to, made.message_text = "a@example.org", "b@example.org", "Hello\n"
    for name, value in values.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    "name", ["../x.queued", "a/b.queued", ".queued", "..queued", "-x.queued", "a\nb.queued", "é.queued", "x.sent", "x"]
)
def test_only_names_of_the_pattern_count(tmp_path: Path, name: str) -> None:
    with pytest.raises(QueueFileInvalid):
        check_name(name, QUEUED)
    if "/" not in name:
        (tmp_path / name).write_bytes(b"")
    directory = Directory(tmp_path)
    assert directory.names(QUEUED) == []
    directory.close()


def test_a_queue_is_nobody_else_s_business(tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        name = client().queue(tmp_path)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def run_with(tmp_path: Path, sink: Sink) -> QueueIncomplete:
    with pytest.raises(QueueIncomplete) as caught:
        client(sink.port).process_queue(tmp_path)
    return caught.value


def test_what_is_no_ordinary_file_is_told_and_left_alone(tmp_path: Path, sink: Sink) -> None:
    queue, elsewhere = tmp_path / "queue", tmp_path / "elsewhere"
    queue.mkdir()
    elsewhere.mkdir()
    name = client().queue(elsewhere)
    secret = (elsewhere / name).read_bytes()
    os.symlink(elsewhere / name, queue / "a.queued")
    os.link(elsewhere / name, queue / "b.queued")
    os.mkfifo(queue / "c.queued")
    (queue / "d.queued").mkdir()
    os.symlink("nowhere", queue / "e.sending")
    good = client().queue(queue)
    before = sorted(set(os.listdir(queue)) - {good})
    error = run_with(queue, sink)
    assert [(entry.name, entry.state) for entry in error.report.failed] == [
        ("e.sending", "refused"),
        *((f"{letter}.queued", "refused") for letter in "abcd"),
    ]
    assert len(error.report.sent) == 1
    assert sorted(os.listdir(queue)) == before
    assert (elsewhere / name).read_bytes() == secret


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_a_file_of_another_user_is_left_alone(tmp_path: Path, sink: Sink) -> None:
    name = client().queue(tmp_path)
    os.chown(tmp_path / name, 65534, -1)
    error = run_with(tmp_path, sink)
    assert "another user" in str(error)
    assert os.listdir(tmp_path) == [name]


def test_one_poisoned_file_does_not_stop_the_run(tmp_path: Path, sink: Sink) -> None:
    (tmp_path / "0-empty.queued").write_bytes(b"")
    (tmp_path / "0-noise.queued").write_bytes(os.urandom(5000))
    good = client().queue(tmp_path)
    cut = client().queue(tmp_path)
    (tmp_path / "0-cut.queued").write_bytes((tmp_path / cut).read_bytes()[:-9])
    changed = (tmp_path / cut).read_bytes().replace(b"Hello", b"Hallo")
    (tmp_path / cut).write_bytes(changed)
    error = run_with(tmp_path, sink)
    assert [entry.name for entry in error.report.sent] == [good]
    assert {entry.name for entry in error.report.failed} == {"0-empty.queued", "0-noise.queued", "0-cut.queued", cut}
    assert {path.suffix for path in tmp_path.iterdir()} == {".failed"}
    assert b"Outcome: " in (tmp_path / "0-noise.failed").read_bytes()


def test_a_file_that_somebody_holds_is_left_to_them(tmp_path: Path, sink: Sink) -> None:
    names = [client().queue(tmp_path) for _ in range(2)]
    os.rename(tmp_path / names[0], tmp_path / names[0].replace("queued", "sending"))
    fds = [os.open(path, os.O_RDWR) for path in tmp_path.iterdir()]
    try:
        for fd in fds:
            fcntl.flock(fd, fcntl.LOCK_EX)
        report = client(sink.port).process_queue(tmp_path)
        assert (report.entries, report.left) == ((), 0)
        assert len(os.listdir(tmp_path)) == 2
    finally:
        for fd in fds:
            os.close(fd)
    assert len(client(sink.port).process_queue(tmp_path).sent) == 2


def test_a_name_that_is_in_use_is_not_written_over(tmp_path: Path, sink: Sink) -> None:
    name = client(subject="refuse").queue(tmp_path)
    stem = name.removesuffix(".queued")
    (tmp_path / f"{stem}.failed").write_bytes(b"mine")
    run_with(tmp_path, sink)
    assert sorted(os.listdir(tmp_path)) == [f"{stem}.failed", f"{stem}~1.failed"]
    assert (tmp_path / f"{stem}.failed").read_bytes() == b"mine"


def test_a_person_s_decision_counts(tmp_path: Path, sink: Sink) -> None:
    """A message of which nobody knows is sent again when a person gives it back its name."""
    name = client(subject="cut").queue(tmp_path)
    failed = name.replace("queued", "failed")
    assert run_with(tmp_path, sink).report.unknown
    assert os.listdir(tmp_path) == [failed]
    assert client(sink.port).process_queue(tmp_path).entries == ()
    os.rename(tmp_path / failed, tmp_path / name)
    assert run_with(tmp_path, sink).report.unknown
    assert list(sink.taken.values()) == [2]
    assert b"Requeued: " in (tmp_path / failed).read_bytes()


def test_unfinished_files_are_cleared_away_but_not_those_in_the_making(tmp_path: Path) -> None:
    (tmp_path / ".5-dead~0.new").write_bytes(b"half")
    directory = Directory(tmp_path)
    fd = directory.create(".5-alive~0.new")
    try:
        directory.clear()
        assert os.listdir(tmp_path) == [".5-alive~0.new"]
        with pytest.raises(Taken):
            directory.open(".5-alive~0.new", FRESH)
    finally:
        os.close(fd)
        directory.close()


def test_threads_share_a_directory(tmp_path: Path, sink: Sink) -> None:
    names = client().queue_many(tmp_path, [b"From: a@b.c\nTo: d@e.f\nMessage-ID: <%d@x>\n\nx\n" % n for n in range(60)])
    assert all(isinstance(name, str) for name in names)
    sent: list[int] = []

    def work() -> None:
        sent.append(len(client(sink.port).process_queue(tmp_path).sent))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sent) == len(sink.taken) == 60
    assert set(sink.taken.values()) == {1}


def test_a_run_that_is_closed_while_a_thread_is_at_it_leaves_nothing(tmp_path: Path) -> None:
    """As when a task is cancelled: the thread that takes messages gives them back."""
    name = client().queue(tmp_path)
    run = Run(str(tmp_path), keep=False, clock=time.time)
    run.work(run.begin)

    def take() -> None:
        taken, _ = run.take(1)
        assert [path.suffix for path in tmp_path.iterdir()] == [".sending"]
        run.close()  # whoever waited is gone
        assert len(taken) == 1

    run.work(take)
    assert os.listdir(tmp_path) == [name]


@pytest.mark.parametrize("path", ["nothing", "file", "nul\0"])
def test_there_must_be_a_directory(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    for method in ("queue", "process_queue"):
        with pytest.raises(QueueUnusable) as caught:
            getattr(client(), method)(str(tmp_path / path))
        assert isinstance(caught.value, OSError)
        assert caught.value.code == 302


def test_the_report_travels(tmp_path: Path, sink: Sink) -> None:
    import pickle

    client(subject="refuse").queue(tmp_path)
    error = run_with(tmp_path, sink)
    copy = pickle.loads(pickle.dumps(error))
    assert isinstance(copy, QueueIncomplete)
    assert str(copy) == str(error)
    assert isinstance(copy.report.failed[0].error, errors.MessageRefused)


@pytest.mark.parametrize("priority", [-1, 10])
def test_a_priority_is_a_digit(tmp_path: Path, priority: int) -> None:
    with pytest.raises(errors.InvalidValue):
        client().queue(tmp_path, priority=priority)
