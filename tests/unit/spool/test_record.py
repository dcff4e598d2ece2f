"""The format of queue files: what is written is read back, and nothing else is taken for it."""

from __future__ import annotations

import hashlib
import os
import random
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from postwright.errors import QueueFileInvalid
from postwright.spool.claim import Claim
from postwright.spool.directory import QUEUED, Directory
from postwright.spool.record import MAX_HEAD, Head, Letter, Log, head, moment, note, read_head, read_log, seconds
from tests.support.growth import check_linear

if TYPE_CHECKING:
    from pathlib import Path

MESSAGE = b"Subject: x\r\n\r\nbody\r\n"
LETTER = Letter(
    id="5-20260303T100000.000000Z-0123456789abcdef",
    created="2026-03-03T10:00:00.000000Z",
    priority=5,
    not_before="2026-03-03T11:00:00.000000Z",
    message_id="<1@example.org>",
    sender="me@example.org",
    recipients=(
        ("To", "alice@example.org", "NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;a+2Bb@example.org"),
        ("Cc", '"a> b"@example.org', ""),
        ("Bcc", "jürgen@bücher.example", "X=>"),
    ),
    dsn_return="HDRS",
    envelope_id="abc",
    body="8BITMIME",
    eight_bit=True,
    header_size=14,
    size=len(MESSAGE),
)


def file_of(letter: Letter = LETTER, message: bytes = MESSAGE) -> bytes:
    return head(letter, hashlib.sha256(message)) + message + b"\n"


def test_a_head_is_read_as_it_was_written() -> None:
    data = file_of()
    found = read_head(data)
    assert found is not None
    assert found.letter == LETTER
    assert data[found.length :] == MESSAGE + b"\n"
    assert found.end == len(data)


def test_the_least_a_head_may_have() -> None:
    letter = LETTER._replace(not_before="", message_id="", sender="", dsn_return="", envelope_id="", body="")
    found = read_head(file_of(letter))
    assert found is not None
    assert found.letter == letter


def test_a_head_that_is_not_there_yet() -> None:
    data = file_of()
    found = read_head(data)
    assert found is not None
    assert all(read_head(data[:size]) is None for size in range(1, found.length))


@pytest.mark.parametrize("value", ["a\nb", "a\tb", "a\0b", "a\x7fb", "a\u2028b"])
def test_no_line_can_be_smuggled_in(value: str) -> None:
    for letter in (LETTER._replace(envelope_id=value), LETTER._replace(recipients=(("To", value, ""),))):
        with pytest.raises(QueueFileInvalid):
            head(letter, hashlib.sha256())


def test_the_length_does_not_depend_on_the_message() -> None:
    rough = LETTER._replace(size=0, header_size=0, eight_bit=False)
    assert len(head(rough, hashlib.sha256())) == len(head(LETTER, hashlib.sha256(MESSAGE)))


WRONG = {
    b"Postwright-Queue: 1": b"Postwright-Queue: 2",
    b"Priority: 5": b"Priority: 55",
    b"Created: 2026": b"Created: x026",
    b"Content: 8bit": b"Content: 9bit",
    b"From: <me": b"From: me",
    b"To: <alice": b"Tu: <alice",
    b"Header-Size: 000000000000014": b"Header-Size: 999999999999999",
    b"Return: HDRS": b"Return: HDRS\nReturn: HDRS",
    b"Body: 8BITMIME": b"Body: \xff",
    b"Id: 5": b"ID: 5",
    b"SHA-256: ": b"SHA-1: ",
    b"Envelope-Id: abc": b"Envelope-Id: a\x01c",
    b"Id: 5-": b"Id: 5\t-",
    b"b@example.org\n": b"b@example.org\t\n",
    b"X=>": "X=\u2028>".encode(),
}


@pytest.mark.parametrize("old", WRONG, ids=lambda old: old.decode().split(":")[0])
def test_what_makes_no_sense_is_refused(old: bytes) -> None:
    data = file_of()
    assert old in data
    with pytest.raises(QueueFileInvalid):
        read_head(data.replace(old, WRONG[old]))


def test_a_head_without_an_end_is_refused_in_linear_time() -> None:
    begun = file_of().partition(b"\n\n")[0]
    check_linear(lambda size: read_head(begun + b"x" * size))
    with pytest.raises(QueueFileInvalid, match="no end"):
        read_head(begun + b"x" * MAX_HEAD)


@pytest.mark.parametrize(
    "second", [0.0, 1.5e-6, 1_772_532_000.0, 1_772_532_000.9999999, 1_772_531_999.999_999_5, -0.25]
)
def test_a_moment_is_what_datetime_says(second: float) -> None:
    chance = random.Random(second)
    for given in (second, *(second + chance.random() for _ in range(1000))):
        assert moment(given) == datetime.fromtimestamp(given, UTC).isoformat(timespec="microseconds")[:-6] + "Z"


def test_moments_go_both_ways() -> None:
    assert moment(seconds("2026-03-03T10:00:00.123456Z")) == "2026-03-03T10:00:00.123456Z"
    assert seconds("2026-03-03T10:00:00.5Z") == seconds("2026-03-03T10:00:00.500000Z")  # as a person may write it
    for wrong in ("yesterday", "2026-02-30T10:00:00.000000Z"):
        with pytest.raises(QueueFileInvalid):
            seconds(wrong)


def test_the_log_says_where_a_message_stands() -> None:
    assert read_log(b"") == Log()
    lines = note("Commit", "t mail:25")
    assert read_log(lines).committed
    lines += note("Outcome", "t not_sent [451] not now") + note("Not-Before", "2026-03-03T11:00:00.000000Z")
    log = read_log(lines)
    assert (log.committed, log.outcome, log.attempts, log.good) == (False, "not_sent", 1, len(lines))
    assert log.not_before == "2026-03-03T11:00:00.000000Z"
    log = read_log(lines + note("Commit", "t mail:25"))
    assert log.committed
    log = log.after("Outcome", "t unknown it broke").after("Requeued", "t")
    assert (log.committed, log.outcome, log.attempts, log.not_before) == (False, "", 0, "")


def test_torn_lines_do_not_count() -> None:
    whole = note("Outcome", "t not_sent no")
    marker = note("Commit", "t mail:25")
    for size in range(len(marker)):
        log = read_log(whole + marker[:size])
        assert not log.committed
        assert log.good == len(whole)
    assert read_log(whole + bytes(len(marker))).good == len(whole)
    assert read_log(b"\0" * 9 + b"\n" + marker).committed  # a hole in front of it makes no marker void


def test_a_reason_stays_on_its_line() -> None:
    line = note("Outcome", "t not_sent 550 no\r\nCommit: t ~00000000\n")
    assert line.count(b"\n") == 1
    assert read_log(line).outcome == "not_sent"


def test_a_long_log_is_read_in_linear_time() -> None:
    check_linear(lambda size: read_log(b"A" * size + b"\n" * size))
    check_linear(lambda size: read_log(note("Outcome", "t not_sent x") * (size // 40)))


def reading(directory: Directory) -> tuple[str, bytes]:
    """Open the file and check it, as a run does."""
    claim = Claim(directory, "m", QUEUED)
    try:
        if claim.fault:
            return claim.fault, b""
        header, body = claim.check()
        assert isinstance(body, bytes)
        return "", header + body
    except QueueFileInvalid as error:
        return error.detail, b""
    finally:
        claim.release()


def test_whatever_is_in_a_file_only_the_true_message_comes_out(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Octets flipped, cut out, doubled, and put in: it is the message as it was queued, or no message."""
    chance = random.Random(11)
    good = file_of() + note("Outcome", "t not_sent no")
    rounds = 1_000_000 if request.config.getoption("--long") else 3_000
    path = tmp_path / "m.queued"
    directory = Directory(tmp_path)
    faults = 0
    try:
        for _ in range(rounds):
            data = bytearray(good)
            for _ in range(chance.choice([1, 1, 2, 5])):
                at, size = chance.randrange(len(data)), chance.choice([1, 1, 1, 8, 60])
                way = chance.randrange(4)
                if way == 0:
                    data[at] ^= 1 << chance.randrange(8)
                elif way == 1:
                    del data[at : at + size]
                elif way == 2:
                    data[at:at] = data[at : at + size]
                else:
                    data[at:at] = chance.choice([b"\n", b"\n\n", b"\0", b"\xff", b": ", b"To: <x@y>\n", os.urandom(4)])
                data = data or bytearray(b"\n")
            path.write_bytes(data)
            fault, message = reading(directory)
            assert fault or message == MESSAGE
            faults += bool(fault)
    finally:
        directory.close()
    assert rounds * 0.5 < faults < rounds


def test_an_honest_file_comes_out(tmp_path: Path) -> None:
    (tmp_path / "m.queued").write_bytes(file_of())
    directory = Directory(tmp_path)
    try:
        assert reading(directory) == ("", MESSAGE)
    finally:
        directory.close()


def test_a_head_is_a_value() -> None:
    assert Head(LETTER, b"", "", 3).end == 3 + LETTER.size + 1
