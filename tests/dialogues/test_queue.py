"""The queue in dialogues: what a run says to the server, and what it leaves in the directory."""

from __future__ import annotations

import errno
import io
import os
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from postwright import Outcome, errors
from postwright.errors import QueueIncomplete, QueueUnusable
from postwright.spool.directory import sync
from postwright.spool.record import note, read_head, read_log
from postwright.spool.run import Run
from tests.support.clients import failure
from tests.support.scripts import DATA, MAIL, TAKEN, hello

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postwright.spool.claim import Claim
    from tests.support.clients import Client, World

FINE = MAIL + DATA + "S: 250 taken\n"
LEAVE = "C: QUIT\nS: 221 bye\nS: <close>\n"


def three(client: Client, path: Path) -> list[str]:
    """Queue three messages, and return the names of their files."""
    return [client.queue(path, priority=number) for number in range(3)]


def ends(path: Path) -> list[str]:
    return sorted(name.rpartition(".")[2] for name in os.listdir(path))


def log_of(path: Path, suffix: str) -> Any:
    (found,) = path.glob(f"*{suffix}")
    data = found.read_bytes()
    head = read_head(data)
    assert head is not None
    return read_log(data[head.end :])


def make_due(path: Path) -> None:
    """Let the only message that waits be sent at once."""
    (found,) = path.glob("*.queued")
    with found.open("ab") as file:
        file.write(note("Not-Before", "2026-01-01T00:00:00.000000Z"))


def incomplete(client: Client, path: Path, **how: Any) -> QueueIncomplete:
    try:
        client.process_queue(path, **how)
    except QueueIncomplete as error:
        return error
    raise AssertionError("everything was sent")


def test_all_goes_out_over_one_line_and_the_queue_is_empty(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE * 3 + LEAVE)
    client.queue(tmp_path)
    assert ends(tmp_path) == ["queued"]
    client.queue_many(tmp_path, [b"From: a@example.org\nTo: b@example.net\n\nHello\n"] * 2)
    report = client.process_queue(tmp_path)
    assert [entry.state for entry in report.entries] == ["sent"] * 3
    assert [entry.outcome for entry in report.sent] == [Outcome.SENT] * 3
    assert report.sent[0].result.recipients[0].address == "b@example.net"
    assert (report.left, report.stopped) == (0, None)
    assert ends(tmp_path) == []
    assert world.heard.count(b"Hello\r\n") == 3
    assert not client.connected


def test_an_open_line_is_used_and_stays_open(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE)
    client.queue(tmp_path)
    client.connect()
    client.process_queue(tmp_path)
    assert client.connected


def test_an_empty_queue_needs_no_server(world: World, tmp_path: Path) -> None:
    client = world.client(1)
    assert client.process_queue(tmp_path).entries == ()
    client.mail_server = ""
    client.queue(tmp_path)
    assert isinstance(failure(client, "process_queue", tmp_path), errors.MailServerMissing)
    assert ends(tmp_path) == ["queued"]
    world._clients.clear()


def test_the_first_priority_goes_first(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE * 3 + LEAVE)
    for priority in (9, 0, 5):
        client.message_text = f"priority {priority}\n"
        client.queue(tmp_path, priority=priority)
    client.process_queue(tmp_path)
    places = [world.heard.index(f"priority {priority}".encode()) for priority in (0, 5, 9)]
    assert places == sorted(places)


def test_all_that_the_message_needs_is_in_the_file(world: World, tmp_path: Path) -> None:
    mail = (
        "C: MAIL FROM:<bounces@example.org> SIZE=%d BODY=8BITMIME RET=HDRS ENVID=abc\nS: 250 ok\n"
        "C: RCPT TO:<b@example.net> NOTIFY=SUCCESS\nS: 250 ok\nC: RCPT TO:<h@example.net>\nS: 250 ok\n"
    )
    client = world.client(1)
    client.return_path = "bounces@example.org"
    client.bcc = "h@example.net"
    client.message_recipients[0].options = "NOTIFY=SUCCESS"
    client.settings.envelope_id, client.settings.dsn_return = "abc", "HDRS"
    client.message = "Größe\n".encode()
    content = client.queue("*")
    assert "Bcc: <h@example.net>" in content
    world._clients.clear()
    head = read_head(content.encode())
    assert head is not None
    (tmp_path / "mine.queued").write_bytes(content.encode())
    other = world.play(hello("SIZE", "8BITMIME", "DSN") + mail % head.letter.size + DATA + TAKEN, from_="", send_to="")
    other.process_queue(tmp_path)
    assert "Größe\r\n".encode() in world.heard
    assert b"Bcc" not in world.heard


def test_a_refused_message_does_not_stop_the_rest(world: World, tmp_path: Path) -> None:
    refused = MAIL + DATA + "S: 554 5.7.1 no spam\nC: RSET\nS: 250 ok\n"
    client = world.play(hello() + FINE + refused + FINE + LEAVE)
    told = client.listen("on_error")
    names = three(client, tmp_path)
    error = incomplete(client, tmp_path)
    assert [entry.state for entry in error.report.entries] == ["sent", "failed", "sent"]
    (entry,) = error.report.failed
    assert entry.name == names[1]
    assert entry.outcome is error.outcome is Outcome.NOT_SENT
    assert isinstance(entry.error, errors.MessageRefused)
    assert error.__cause__ is entry.error
    assert (error.code, error.is_transient) == (161, False)
    assert "2 sent, 1 failed" in str(error)
    assert [event.error_code for event in told] == [161]
    assert names[1] in told[0].description
    log = log_of(tmp_path, ".failed")
    assert [name for name, _ in log.entries] == ["Commit", "Outcome"]
    assert log.outcome == "not_sent"
    assert "no spam" in log.entries[1][1]
    assert os.listdir(tmp_path) == [names[1].replace(".queued", ".failed")]


def test_nobody_knows_means_held(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + MAIL + DATA + "S: <close>\n", hello() + FINE * 2 + LEAVE)
    three(client, tmp_path)
    error = incomplete(client, tmp_path)
    assert error.outcome is Outcome.UNKNOWN
    assert [entry.state for entry in error.report.unknown] == ["failed"]
    assert len(error.report.sent) == 2
    assert ends(tmp_path) == ["failed"]
    assert log_of(tmp_path, ".failed").outcome == "unknown"
    assert client.process_queue(tmp_path).entries == ()


@pytest.mark.parametrize("greeting", ["S: 554 go away\n", "S: 421 not now\nS: <close>"])
def test_a_server_that_can_not_be_used_leaves_all_in_the_queue(world: World, tmp_path: Path, greeting: str) -> None:
    client = world.play(greeting)
    told = client.listen("on_error")
    names = three(client, tmp_path)
    error = incomplete(client, tmp_path)
    assert error.report.left == 3
    assert error.report.entries == ()
    assert isinstance(error.report.stopped, errors.Refused)
    assert error.__cause__ is error.report.stopped
    assert len(told) == 1
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert b"From: " not in world.heard


def test_a_refused_login_leaves_all_in_the_queue(world: World, tmp_path: Path) -> None:
    client = world.play(
        hello("AUTH PLAIN") + "C: AUTH PLAIN AHVzZXIAd3Jvbmc=\nS: 535 no\nC: QUIT\nS: 221 bye\nS: <close>\n",
        user="user",
        password="wrong",
    )
    client.settings.allow_cleartext_auth = True
    three(client, tmp_path)
    error = incomplete(client, tmp_path)
    assert isinstance(error.report.stopped, errors.LoginRefused)
    assert ends(tmp_path) == ["queued"] * 3


def test_a_server_that_leaves_ends_the_run(world: World, tmp_path: Path) -> None:
    away = hello() + "C: MAIL FROM:<a@example.org>\nS: 421 closing\nS: <close>\n"
    client = world.play(hello() + FINE + "C: MAIL FROM:<a@example.org>\nS: 421 closing\nS: <close>\n", away)
    three(client, tmp_path)
    error = incomplete(client, tmp_path)
    assert [entry.state for entry in error.report.entries] == ["sent"]
    assert error.report.left == 2
    assert isinstance(error.report.stopped, errors.ServiceClosing)
    assert ends(tmp_path) == ["queued"] * 2


def test_a_line_that_breaks_before_the_end_is_replaced_once(world: World, tmp_path: Path) -> None:
    broken = "C: MAIL FROM:<a@example.org>\nS: <close>\n"
    client = world.play(hello() + broken, hello() + FINE + broken, hello() + broken, hello() + FINE + LEAVE)
    three(client, tmp_path)
    error = incomplete(client, tmp_path)
    assert [entry.state for entry in error.report.entries] == ["sent", "failed", "sent"]
    assert isinstance(error.report.failed[0].error, errors.ConnectionDropped)


def test_later_means_later(world: World, tmp_path: Path) -> None:
    later = MAIL + DATA + "S: 451 4.7.1 greylisted\nC: RSET\nS: 250 ok\n"
    client = world.play(hello() + later + FINE + LEAVE)
    client.queue(tmp_path, priority=0)
    client.queue(tmp_path)
    report = client.process_queue(tmp_path, retry=True)
    assert [entry.state for entry in report.entries] == ["deferred", "sent"]
    log = log_of(tmp_path, ".queued")
    wait = datetime.fromisoformat(log.not_before) - datetime.now(UTC)
    assert timedelta(seconds=200) < wait < timedelta(seconds=400)
    assert client.process_queue(tmp_path).entries == ()
    assert ends(tmp_path) == ["queued"]


def test_who_was_refused_for_now_gets_it_later_and_nobody_twice(world: World, tmp_path: Path) -> None:
    start = hello() + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n"
    first = "".join(
        f"C: RCPT TO:<{name}@example.net>\nS: {reply}\n"
        for name, reply in (("b", "250 ok"), ("c", "450 4.2.1 later"), ("d", "550 5.1.1 nobody"), ("e", "451 later"))
    )
    second = "C: RCPT TO:<c@example.net>\nS: 450 4.2.1 later\nC: RCPT TO:<e@example.net>\nS: 250 ok\n"
    third = "C: RCPT TO:<c@example.net>\nS: 250 ok\n"
    client = world.play(*(start + rcpts + DATA + "S: 250 taken\n" + LEAVE for rcpts in (first, second, third)))
    client.send_to = ""
    client.settings.allow_empty_to = True
    client.bcc = "b@example.net, c@example.net, d@example.net, e@example.net"
    client.queue(tmp_path)
    for refused, left in ((["c", "d", "e"], (2, 4)), (["c"], (2,))):
        (entry,) = client.process_queue(tmp_path, retry=True).entries
        assert (entry.state, entry.outcome) == ("deferred", Outcome.SENT)
        assert [each.address for each in entry.result.refused] == [f"{name}@example.net" for name in refused]
        assert log_of(tmp_path, ".queued").left == left
        make_due(tmp_path)
    (entry,) = client.process_queue(tmp_path, retry=True).entries
    assert entry.state == "sent"
    assert ends(tmp_path) == []


def test_without_retry_it_is_sent(world: World, tmp_path: Path) -> None:
    rcpts = "C: RCPT TO:<b@example.net>\nS: 250 ok\nC: RCPT TO:<c@example.net>\nS: 450 later\n"
    client = world.play(hello() + "C: MAIL FROM:<a@example.org>\nS: 250 ok\n" + rcpts + DATA + "S: 250 ok\n" + LEAVE)
    client.send_to, client.bcc = "b@example.net", "c@example.net"
    client.queue(tmp_path)
    (entry,) = client.process_queue(tmp_path).entries
    assert [each.address for each in entry.result.refused] == ["c@example.net"]
    assert ends(tmp_path) == []


def test_not_for_ever(world: World, tmp_path: Path) -> None:
    later = MAIL + DATA + "S: 451 4.7.1 greylisted\nC: RSET\nS: 250 ok\n"
    client = world.play(hello() + later + LEAVE)
    client.queue(tmp_path)
    error = incomplete(client, tmp_path, retry=True, max_age=0)
    assert [entry.state for entry in error.report.entries] == ["failed"]


def test_not_before_its_time(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE + LEAVE)
    client.queue(tmp_path, not_before=datetime.now(UTC) + timedelta(hours=1))
    past = client.queue(tmp_path, not_before=datetime.now(UTC) - timedelta(hours=1))
    assert [entry.name for entry in client.process_queue(tmp_path).entries] == [past]
    assert ends(tmp_path) == ["queued"]


def test_sent_files_may_stay(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE + LEAVE)
    client.settings.keep_queue = True
    client.queue(tmp_path)
    client.process_queue(tmp_path)
    assert ends(tmp_path) == ["sent"]
    assert log_of(tmp_path, ".sent").entries[-1][1].endswith("sent 250 taken")


def test_a_handler_s_own_error_goes_through_and_the_rest_stays(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE + MAIL + DATA + "S: 554 no\nC: RSET\nS: 250 ok\n")

    def refuse(_: object) -> None:
        raise RuntimeError("mine")

    client.on_error = refuse
    three(client, tmp_path)
    with pytest.raises(RuntimeError, match="mine"):
        client.process_queue(tmp_path)
    assert ends(tmp_path) == ["failed", "queued"]
    client._drop()


def test_interrupted_between_messages(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE)
    three(client, tmp_path)
    count: list[Any] = []

    def count_and_interrupt(event: Any) -> None:
        count.append(event)
        if len([e for e in count if "taken" in e.message]) == 1 and "taken" in event.message:
            client.interrupt()

    client.on_pi_trail = count_and_interrupt
    error = incomplete(client, tmp_path)
    assert isinstance(error.report.stopped, errors.Interrupted)
    assert "sending" not in ends(tmp_path)
    assert "failed" not in ends(tmp_path)
    assert len(ends(tmp_path)) == 2
    client.on_pi_trail = None
    client._drop()


GROUP = "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: BDAT * LAST\nC: RSET\n"
SIMPLE = "S: 250 ok\nS: 250 ok\nS: 250 taken\nS: 250 ok\n"


def test_what_is_in_flight_when_the_line_breaks_is_held(world: World, tmp_path: Path) -> None:
    again = hello("PIPELINING", "CHUNKING") + GROUP + SIMPLE + LEAVE
    client = world.play(hello("PIPELINING", "CHUNKING") + GROUP * 4 + SIMPLE + "S: <close>\n", again)
    told: list[tuple[str, str]] = []
    for number in range(4):
        client.queue(tmp_path, priority=number)
    with pytest.raises(QueueIncomplete) as caught:
        client.process_queue(tmp_path, progress=lambda entry, left: told.append((entry.state, entry.outcome.value)))
    report = caught.value.report
    assert [(entry.state, entry.outcome.value) for entry in report.entries] == told
    assert told == [("sent", "sent"), *[("failed", "unknown")] * 3]
    assert ends(tmp_path) == ["failed"] * 3
    assert (report.left, report.stopped) == (0, None)
    client.queue(tmp_path)
    assert len(client.process_queue(tmp_path).sent) == 1


def test_a_reply_by_a_handler_s_error_is_not_forgotten(world: World, tmp_path: Path) -> None:
    """The server took the messages; that a handler raises later changes nothing about it."""
    two = "C: RCPT TO:<b@example.net>\nC: RCPT TO:<c@example.net>\n"
    group = f"C: MAIL FROM:<a@example.org>\n{two}C: BDAT * LAST\nC: RSET\n"
    partly = "S: 250 ok\nS: 250 ok\nS: 550 nobody\nS: 250 taken\nS: 250 ok\n"
    client = world.play(
        hello("PIPELINING", "CHUNKING") + group * 2 + partly * 2, send_to="b@example.net, c@example.net"
    )
    client.settings.stop_on_to_errors = False

    def refuse(_: object) -> None:
        raise RuntimeError("mine")

    client.on_error = refuse
    for _ in range(2):
        client.queue(tmp_path)
    with pytest.raises(RuntimeError, match="mine"):
        client.process_queue(tmp_path)
    assert ends(tmp_path) in ([], ["failed"])  # sent, or nobody knows; never queued again
    client.on_error = None
    client._drop()


def test_asked_to_stop(world: World, tmp_path: Path) -> None:
    client = world.play(hello() + FINE + LEAVE)
    three(client, tmp_path)
    answers = iter([False, True])
    report = client.process_queue(tmp_path, stop=lambda: next(answers))
    assert len(report.sent) == 1
    assert report.left == 2
    assert ends(tmp_path) == ["queued"] * 2


@pytest.mark.parametrize(
    "script",
    [
        hello() + FINE + LEAVE,
        hello("PIPELINING") + "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\nC: DATA\n"
        "S: 250 ok\nS: 250 ok\nS: 354 go\nC: <body>\nC: RSET\nS: 250 taken\nS: 250 ok\n" + LEAVE,
        hello("CHUNKING") + MAIL + "C: BDAT * LAST\nS: 250 taken\n" + LEAVE,
        hello("PIPELINING", "CHUNKING") + "C: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.net>\n"
        "C: BDAT * LAST\nC: RSET\nS: 250 ok\nS: 250 ok\nS: 250 taken\nS: 250 ok\n" + LEAVE,
    ],
    ids=["DATA", "PIPELINING", "CHUNKING", "both"],
)
def test_the_marker_is_on_the_disk_before_the_end_goes_out(
    world: World, tmp_path: Path, script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = world.play(script)
    client.queue(tmp_path)
    moments: list[tuple[str, bool]] = []
    commit = Run.commit
    offered: list[int] = []

    def watched_commit(self: Run, claims: list[Claim], server: str) -> Any:
        answer = commit(self, claims, server)
        moments.append(("marked", b"Commit: " in next(tmp_path.glob("*.sending")).read_bytes()))
        offered.append(client._session.link.offered)
        return answer

    def watched_sync(fd: int) -> None:
        sync(fd)
        moments.append(("synced", b"Commit: " in os.pread(fd, 100_000, 0)))

    monkeypatch.setattr(Run, "commit", watched_commit)
    monkeypatch.setattr("postwright.spool.claim.sync", watched_sync)
    client.process_queue(tmp_path)
    assert moments == [("synced", True), ("marked", True)]
    heard = world.heard
    end = heard.index(b"BDAT" if b"BDAT" in heard else b"\r\n.\r\n")
    assert offered[0] <= end


@pytest.mark.parametrize(("number", "left"), [(errno.EIO, ["failed", "queued"]), (errno.ENOSPC, ["queued"] * 2)])
def test_a_marker_that_can_not_be_written_stops_the_message(
    world: World, tmp_path: Path, number: int, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    again = FINE if number == errno.EIO else FINE * 2
    client = world.play(hello() + MAIL + "C: DATA\nS: 354 go on\n", hello() + again + LEAVE)
    client.queue(tmp_path, priority=0)
    name = client.queue(tmp_path)
    faults = iter([OSError(number, os.strerror(number))])

    def faulty(fd: int) -> None:
        for fault in faults:
            raise fault
        sync(fd)

    monkeypatch.setattr("postwright.spool.claim.sync", faulty)
    error = incomplete(client, tmp_path)
    if number == errno.EIO:
        assert [entry.state for entry in error.report.entries] == ["failed", "sent"]
        assert log_of(tmp_path, ".failed").outcome == "not_sent"
        assert ends(tmp_path) == ["failed"]
    else:
        assert isinstance(error.report.stopped, QueueUnusable)
        assert ends(tmp_path) == left
        assert len(client.process_queue(tmp_path).sent) == 2
    assert name not in os.listdir(tmp_path)
    assert b"\r\n.\r\n" not in world.peers[0].heard


def test_streams_and_files_are_copied_into_the_queue(world: World, tmp_path: Path) -> None:
    queue = tmp_path / "queue"
    queue.mkdir()
    file = tmp_path / "file.bin"
    file.write_bytes(bytes(range(256)) * 400)
    client = world.play(hello() + FINE * 2 + LEAVE)
    client.set_message_stream(io.BytesIO(b"a line\n" * 20_000))
    client.queue(queue)
    client.set_message_stream(None)
    client.add_attachment(file)
    client.queue(queue)
    client.attachments.clear()
    file.unlink()
    client.process_queue(queue)
    assert world.heard.count(b"a line\r\n") == 20_000
    assert b"file.bin" in world.heard
    assert ends(queue) == []


def test_a_file_that_can_not_be_read_is_not_queued(world: World, tmp_path: Path) -> None:
    client = world.client(1)
    client.add_attachment(tmp_path / "nothing")
    assert isinstance(failure(client, "queue", tmp_path), errors.FileUnreadable)
    client.attachments.clear()
    client.set_message_stream(io.BytesIO(b"a\n" * 20_000 + b"\0"))
    assert isinstance(failure(client, "queue", tmp_path), errors.InvalidValue)
    client.set_message_stream(None)
    assert isinstance(failure(client, "queue", tmp_path / "nothing"), QueueUnusable)
    assert isinstance(failure(client, "process_queue", tmp_path / "nothing"), QueueUnusable)
    assert os.listdir(tmp_path) == []
    world._clients.clear()


def test_one_bad_message_does_not_stop_a_batch(world: World, tmp_path: Path) -> None:
    client = world.client(1)
    good = b"From: a@example.org\nTo: b@example.net\n\nx\n"
    large = good + b"a line\n" * 300_000
    names = client.queue_many(tmp_path, [good, b"no header", large, good])
    assert [isinstance(name, str) for name in names] == [True, False, True, True]
    head = read_head((tmp_path / names[2]).read_bytes())
    assert head is not None
    assert head.letter.size == len(large) + large.count(b"\n")
    assert sorted(os.listdir(tmp_path)) == sorted(name for name in names if isinstance(name, str))
    world._clients.clear()


def test_one_composed_message_may_be_queued_more_than_once(world: World, tmp_path: Path) -> None:
    client = world.client(1)
    (tmp_path / "file").write_bytes(bytes(range(256)) * 40)
    small = client.compose()
    client.message_text = "a line\n" * 50_000
    large = client.compose()
    client.add_attachment(tmp_path / "file")
    with_a_file = client.compose()
    for message, lines in ((small, 1), (large, 50_000), (with_a_file, 50_100)):
        names = client.queue_many(tmp_path, [message, message])
        for name in names:
            data = (tmp_path / name).read_bytes()
            head = read_head(data)
            assert head is not None
            assert head.end == len(data)
            assert data.count(b"\n", head.length) > lines
    world._clients.clear()


def test_a_batch_goes_on_where_the_file_of_a_message_can_not_be_read(world: World, tmp_path: Path) -> None:
    client = world.client(1)
    good = client.compose()
    client.add_attachment(tmp_path / "nothing")
    bad = client.compose()
    names = client.queue_many(tmp_path, [good, bad, good])
    assert [isinstance(name, str) for name in names] == [True, False, True]
    assert isinstance(names[1], errors.FileUnreadable)
    assert sorted(os.listdir(tmp_path)) == sorted([names[0], names[2]])
    assert isinstance(failure(client, "queue_many", tmp_path / "nothing", [bad]), QueueUnusable)
    world._clients.clear()


class Interrupting(io.BytesIO):
    """A stream that interrupts who reads it."""

    def __init__(self, client: Client) -> None:
        super().__init__(b"a line\r\n" * 200_000)
        self._client = client

    def read(self, size: int | None = -1) -> bytes:
        self._client.interrupt()
        return super().read(size)


def test_an_interrupted_batch_says_what_is_queued(world: World, tmp_path: Path) -> None:
    client = world.client(1)
    good = client.compose()
    client.set_message_stream(Interrupting(client))
    names = client.queue_many(tmp_path, [good, client.compose(), good])
    assert [type(name) for name in names] == [str, errors.Interrupted, errors.Interrupted]
    assert os.listdir(tmp_path) == [names[0]]
    world._clients.clear()


@pytest.mark.parametrize("count", [0, 1, 130])
def test_where_the_iterable_raises_what_it_gave_before_is_queued(world: World, tmp_path: Path, count: int) -> None:
    def messages() -> Iterator[bytes]:
        for number in range(count):
            yield b"From: a@example.org\nTo: b@example.net\nMessage-ID: <%d@example.org>\n\nx\n" % number
        raise RuntimeError("mine")

    client = world.play()
    with pytest.raises(RuntimeError, match="mine"):
        client.queue_many(tmp_path, messages())
    found = sorted(path.read_text().partition("Message-Id: <")[2].partition("@")[0] for path in tmp_path.iterdir())
    assert found == sorted(map(str, range(count)))
