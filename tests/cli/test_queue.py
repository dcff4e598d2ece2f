"""``postwright queue`` and ``postwright-sendmail``."""

from __future__ import annotations

import io
import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from postwright.cli import sendmail
from postwright.spool.record import Letter, read_head
from tests.cli.conftest import PROGRAM, environment
from tests.cli.terminal import terminal
from tests.cli.test_terminal import WITHOUT_RICH
from tests.crash.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Program

WITH_RICH = "import sys; from postwright.cli import main; sys.exit(main())"
ADD = ("-f", "me@example.org", "-t", "you@example.org", "-S", "one", "--text", "Hi")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made


@pytest.fixture
def to(sink: Sink) -> list[str]:
    return ["-s", f"127.0.0.1:{sink.port}", "--tls", "none"]


def letter(path: Path) -> Letter:
    head = read_head(path.read_bytes())
    assert head is not None
    return head.letter


def test_add_list_run(run: Program, sink: Sink, to: list[str], tmp_path: Path) -> None:
    added = run("queue", "add", str(tmp_path), *ADD, "--bcc", "boss@example.org")
    assert added.code == 0, added.err
    name = added.out.strip()
    assert os.listdir(tmp_path) == [name]
    listed = run("queue", "list", str(tmp_path))
    assert listed.out.splitlines()[0].split() == ["STATE", "OUTCOME", "SIZE", "NAME", "TO"]
    assert listed.out.splitlines()[1].endswith(f"{name}  you@example.org, boss@example.org")
    assert run("queue", "list", str(tmp_path), "--json").json["messages"][0]["from"] == "me@example.org"
    done = run("queue", "run", str(tmp_path), *to)
    assert (done.code, done.out) == (0, f"sent {name}: 250 2.0.0 taken\n")
    assert os.listdir(tmp_path) == []
    assert len(sink.taken) == 1
    assert run("queue", "list", str(tmp_path)).out == ""


def test_a_finished_message_keeps_its_envelope(run: Program, tmp_path: Path) -> None:
    raw = tmp_path / "message.eml"
    raw.write_bytes(b"From: a@example.org\nTo: b@example.org\n\nx\n")
    (tmp_path / "queue").mkdir()
    words = [
        "--raw",
        str(raw),
        "-f",
        "bounces@example.org",
        "-t",
        "c@example.org",
        "--dsn",
        "failure",
        "--priority",
        "2",
    ]
    name = run("queue", "add", str(tmp_path / "queue"), *words).out.strip()
    found = letter(tmp_path / "queue" / name)
    assert (found.sender, found.recipients) == ("bounces@example.org", (("To", "c@example.org", "NOTIFY=FAILURE"),))
    assert found.priority == 2


def test_failures_are_told_and_can_be_retried(run: Program, sink: Sink, to: list[str], tmp_path: Path) -> None:
    name = run("queue", "add", str(tmp_path), *ADD, "-S", "refuse").out.strip()
    done = run("queue", "run", str(tmp_path), *to, "--json")
    assert done.code == done.json["exit"] == 69
    assert [entry["state"] for entry in done.json["entries"]] == ["failed"]
    failed = name.replace("queued", "failed")
    shown = run("queue", "show", str(tmp_path), failed)
    assert "554 5.7.1 not this one" in shown.out
    assert "failed: 1\n" in run("queue", "stats", str(tmp_path)).out
    assert run("queue", "retry", str(tmp_path), failed, "nothing.failed").code == 66
    assert os.listdir(tmp_path) == [name]
    assert run("queue", "remove", str(tmp_path), name).code == 0
    assert os.listdir(tmp_path) == []
    assert not sink.taken


def test_a_message_of_which_nobody_knows_is_a_person_s_to_decide(
    run: Program, sink: Sink, to: list[str], tmp_path: Path
) -> None:
    name = run("queue", "add", str(tmp_path), *ADD, "-S", "cut").out.strip()
    done = run("queue", "run", str(tmp_path), *to, "--retry")
    assert done.code == 76
    assert "you decide" in done.words
    assert run("queue", "stats", str(tmp_path), "--json").json["unknown"] == 1
    assert run("queue", "run", str(tmp_path), *to, "--retry").code == 0
    assert run("queue", "retry", str(tmp_path), name.replace("queued", "failed")).out.strip() == name
    run("queue", "run", str(tmp_path), *to)
    assert list(sink.taken.values()) == [2]


def test_deferred_messages_wait_and_retry_ends_the_wait(run: Program, to: list[str], tmp_path: Path) -> None:
    name = run("queue", "add", str(tmp_path), *ADD, "-S", "later").out.strip()
    assert "deferred" in run("queue", "run", str(tmp_path), *to, "--retry").out
    row = run("queue", "list", str(tmp_path), "--json").json["messages"][0]
    assert (row["state"], row["attempts"]) == ("queued", 1)
    assert row["not_before"]
    assert run("queue", "run", str(tmp_path), *to, "--retry").out == ""
    run("queue", "retry", str(tmp_path), name)
    assert "deferred" in run("queue", "run", str(tmp_path), *to, "--retry").out


def test_a_person_sees_how_far_it_is(run: Program, sink: Sink, to: list[str], tmp_path: Path) -> None:
    for code in (WITH_RICH, WITHOUT_RICH):
        for subject in ("one", "refuse", "one"):
            run("queue", "add", str(tmp_path), *ADD, "-S", subject)
        with terminal("queue", "run", str(tmp_path), *to, code=code) as screen:
            assert screen.end() == 69
        assert ("━" in screen.shown) is (code == WITH_RICH)
        assert "2 sent, 1 failed, 0 to go" in screen.shown
        assert screen.shown.count("sent 5-") == 2
        assert "not this one" in " ".join(screen.shown.split())
    assert len(sink.taken) == 4


@pytest.mark.parametrize("option", ["--quiet", "--json", "-v"])
def test_no_progress_where_it_is_not_wished(
    run: Program, sink: Sink, to: list[str], tmp_path: Path, option: str
) -> None:
    run("queue", "add", str(tmp_path), *ADD)
    with terminal("queue", "run", str(tmp_path), *to, option) as screen:
        assert screen.end() == 0
    assert "to go" not in screen.shown
    assert len(sink.taken) == 1


def test_several_connections(run: Program, sink: Sink, to: list[str], tmp_path: Path) -> None:
    for _ in range(12):
        run("queue", "add", str(tmp_path), *ADD)
    done = run("queue", "run", str(tmp_path), *to, "--connections", "3", "--json")
    assert (done.code, done.json["sent"], done.json["left"]) == (0, 12, 0)
    assert set(sink.taken.values()) == {1}
    assert run("queue", "run", str(tmp_path), *to, "--connections", "0").code == 64


def test_a_server_that_is_not_there(run: Program, tmp_path: Path) -> None:
    run("queue", "add", str(tmp_path), *ADD)
    done = run("queue", "run", str(tmp_path), "-s", "127.0.0.1:1", "--tls", "none")
    assert done.code == 75
    assert "1 message stays in the queue" in done.words
    assert run("queue", "run", str(tmp_path / "nothing"), "-s", "127.0.0.1:1").code != 0


def test_a_daemon_sends_what_comes_and_ends_in_order(sink: Sink, to: list[str], tmp_path: Path, run: Program) -> None:
    command = [*PROGRAM, "queue", "run", str(tmp_path), *to, "--watch", "0.05"]
    with subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        run("queue", "add", str(tmp_path), *ADD)
        assert daemon.stdout.readline().startswith(b"sent ")
        run("queue", "add", str(tmp_path), *ADD)
        assert daemon.stdout.readline().startswith(b"sent ")
        daemon.send_signal(signal.SIGTERM)
        start = time.monotonic()
        assert daemon.wait(20) == 0
        assert time.monotonic() - start < 10
    assert len(sink.taken) == 2


def test_a_daemon_in_the_background_does_not_hear_the_keyboard(
    sink: Sink, to: list[str], tmp_path: Path, run: Program
) -> None:
    command = [*PROGRAM, "queue", "run", str(tmp_path), *to, "--watch", "0.05"]
    background = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    with subprocess.Popen([*background, *command], env=environment(), stdout=subprocess.PIPE) as daemon:
        assert daemon.stdout is not None
        for _ in range(2):
            run("queue", "add", str(tmp_path), *ADD)
            assert daemon.stdout.readline().startswith(b"sent ")
            daemon.send_signal(signal.SIGINT)
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(20) == 0
    assert len(sink.taken) == 2


# sendmail


@pytest.fixture
def mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Letter | int]:
    """Call it with a message on standard input; return what was queued, or the exit code."""
    monkeypatch.setenv("POSTWRIGHT_QUEUE", str(tmp_path))
    monkeypatch.setattr(socket, "gethostname", lambda: "host.example.org")

    def call(*words: str, stdin: bytes) -> Letter | int:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = sendmail.main(words)
        found = list(tmp_path.iterdir())
        if code:
            assert not found
            return code
        (path,) = found
        made = letter(path)
        vars(sys.modules[__name__])["text"] = path.read_bytes()[-made.size - 1 : -1]
        path.unlink()
        return made

    return call


text = b""


def test_as_php_and_git_call_it(mail: Callable[..., Letter]) -> None:
    made = mail("-t", "-i", stdin=b"To: a@example.org\nBcc: b@example.org\nFrom: c@example.org\nSubject: x\n\n.\nend\n")
    assert [address for _, address, _ in made.recipients] == ["a@example.org", "b@example.org"]
    assert b"Bcc" not in text
    assert text.endswith(b"\r\n\r\n.\r\nend\r\n")
    assert b"Message-ID: <" in text
    made = mail("-i", "-f", "me@example.org", "x@example.org", "y@example.org", stdin=b"To: z@example.org\n\nhi\n")
    assert made.sender == "me@example.org"
    assert [address for _, address, _ in made.recipients] == ["x@example.org", "y@example.org"]
    assert b"From: me@example.org\r\n" in text


def test_as_cron_calls_it(mail: Callable[..., Letter]) -> None:
    words = ["-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"]
    made = mail(*words, stdin=b'From: "(Cron Daemon)" <root>\nTo: root\nSubject: Cron\n\nout\n')
    assert made.sender == "root@host.example.org"
    assert made.recipients == (("To", "root@host.example.org", ""),)
    assert b"<root@host.example.org>\r\nTo: root@host.example.org\r\n" in text


def test_a_dot_ends_the_message_and_a_body_alone_will_do(mail: Callable[..., Letter]) -> None:
    mail("-F", "Jürgen Groß", "-f", "j@example.org", "a@example.org", stdin=b"just a line\n.\nnot this\n")
    assert text.endswith(b"\r\n\r\njust a line\r\n")
    assert b"From: =?utf-8?" in text


def test_reports_that_are_asked_for(mail: Callable[..., Letter]) -> None:
    made = mail("-N", "success,failure", "-R", "hdrs", "-V", "id1", "-bm", "a@example.org", stdin=b"Subject: x\n\n")
    assert made.recipients[0][2] == "NOTIFY=SUCCESS,FAILURE"
    assert (made.dsn_return, made.envelope_id) == ("HDRS", "id1")


def test_the_queue_is_listed_as_mailq_does(
    mail: Callable[..., Letter], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"Subject: x\n\nhi\n")))
    assert sendmail.main(["-n", f"-oQ{tmp_path / 'other'}", "-f", "me@example.org", "a@example.org"]) == 0
    assert sendmail.main(["-bp"]) == 0
    assert capsys.readouterr().out == ""
    assert sendmail.main(["-bp", "-oQ", str(tmp_path / "other")]) == 0
    assert capsys.readouterr().out.endswith("a@example.org\n")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ([], 64),
        (["-q"], 64),
        (["-bs"], 64),
        (["-f"], 64),
        (["-O", "Timeout=3", "a@example.org"], 64),
        (["a b@example.org"], 65),
        (["-O", "QueueDirectory=/nonexistent", "a@example.org"], 75),
    ],
)
def test_exit_codes(mail: Callable[..., int], words: list[str], code: int) -> None:
    assert mail(*words, stdin=b"Subject: x\n\n") == code
