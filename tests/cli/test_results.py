"""How it ends: exit codes, the paragraph of an error, refused recipients, JSON, output that nobody reads."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from postwright import errors
from postwright.cli.exits import Exit, exit_for
from postwright.enums import Outcome
from postwright.errors.base import REGISTER
from postwright.events import PITrail
from postwright.words import Reply
from tests.cli.conftest import PROGRAM, Program, environment
from tests.cli.server import DROP, Server

NAMES = {"outcome", "exit", "message_id", "queue_id", "reply", "recipients", "error"}
OTHERS = ["-t", "gone@example.org", "--cc", "c@example.org"]
GONE = {"RCPT TO:<gone": "550 5.1.1 No such mailbox"}


def test_json_of_a_mail_that_was_sent(run: Program, server: Server, plain: list[str]) -> None:
    done = run(*plain, "--text", "x", "--json")
    assert done.code == 0
    assert done.err == ""
    assert done.json == {
        "outcome": "sent",
        "exit": 0,
        "message_id": server.mails[0].message["Message-ID"],
        "queue_id": "TEST0001",
        "reply": {"code": 250, "enhanced": "2.0.0", "text": "Ok: queued as TEST0001"},
        "recipients": [
            {
                "address": "you@example.org",
                "type": "to",
                "accepted": True,
                "reply": {"code": 250, "enhanced": "2.1.5", "text": "Ok"},
            }
        ],
        "error": None,
    }


def test_a_refused_recipient_stops_the_mail(run: Program, server: Server, plain: list[str]) -> None:
    server.replies.update(GONE)
    done = run(*plain, *OTHERS, "--text", "x")
    assert done.code == 67
    assert "<gone@example.org>: 550 5.1.1 No such mailbox." in done.words
    assert "Nothing was sent." in done.words
    assert "--keep-going" in done.words
    assert server.mails == []
    told = run(*plain, *OTHERS, "--text", "x", "--json").json
    assert set(told) == NAMES
    assert (told["outcome"], told["exit"], told["queue_id"]) == ("not_sent", 67, None)
    assert told["error"]["type"] == "RecipientsRefused"
    assert told["error"]["transient"] is False
    assert [r["accepted"] for r in told["recipients"]][:2] == [True, False]


def test_keep_going_sends_to_the_others(run: Program, server: Server, plain: list[str]) -> None:
    server.replies.update(GONE)
    done = run(*plain, *OTHERS, "--text", "x", "--keep-going")
    assert done.code == 1
    assert "sent to 2 recipients" in done.out
    assert "not to everybody. The server refused <gone@example.org> (To): 550 5.1.1 No such mailbox" in done.words
    assert len(server.mails[0].recipients) == 2
    told = run(*plain, *OTHERS, "--text", "x", "--keep-going", "--json").json
    assert (told["outcome"], told["exit"], told["error"]) == ("sent", 1, None)
    assert [r["accepted"] for r in told["recipients"]] == [True, False, True]


def test_nobody_is_left(run: Program, server: Server, plain: list[str]) -> None:
    server.replies["RCPT"] = "550 5.1.1 No such mailbox"
    done = run(*plain, *OTHERS, "--text", "x", "--keep-going")
    assert done.code == 67
    assert "--keep-going" not in done.words


def test_a_refused_bcc_stops_the_mail_only_when_that_is_wished(run: Program, server: Server, plain: list[str]) -> None:
    server.replies.update(GONE)
    bcc = ["--bcc", "gone@example.org", "--text", "x"]
    assert run(*plain, *bcc).code == 1
    assert len(server.mails) == 1
    assert run(*plain, *bcc, "--strict-recipients").code == 67
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("command", "reply", "code"),
    [
        ("greeting", "554 5.3.2 No service", 69),
        ("greeting", "421 4.3.2 Too busy", 75),
        ("EHLO", "450 4.3.2 Later", 75),
        ("MAIL", "550 5.7.1 Not you", 69),
        ("MAIL", "452 4.3.1 No space", 75),
        ("RCPT", "450 4.2.1 Greylisted", 75),
        ("DATA", "554 5.6.0 No", 69),
        (".", "554 5.7.1 Spam", 69),
        (".", "451 4.3.0 Later", 75),
        ("RCPT", "nonsense", 76),
        ("RCPT", DROP, 74),
    ],
)
def test_exit_codes(run: Program, server: Server, plain: list[str], command: str, reply: str, code: int) -> None:
    server.replies[command] = reply
    done = run(*plain, "--text", "x")
    assert done.code == code
    assert "Nothing was sent." in done.words
    assert "Traceback" not in done.err
    if reply[0].isdigit():
        assert reply in done.words
    if reply[0] == "4":
        assert "Try again later." in done.words
    assert server.mails == []


def test_the_login_is_refused(run: Program, tls_server: Server, ca_file: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "wrong")
    start = ["send", "-s", tls_server.address, "--starttls", "--ca-file", ca_file, "-u", "other"]
    mail = ["-f", "a@example.org", "-t", "b@example.org", "--text", "x"]
    done = run(*start, *mail)
    assert done.code == 77
    assert "535 5.7.8 Bad credentials. Nothing was sent. Check the user and the password." in done.words
    tls_server.replies["AUTH"] = "454 4.7.0 Later"
    assert run(*start, *mail).code == 75


def test_nobody_knows_whether_it_was_sent(run: Program, server: Server, plain: list[str]) -> None:
    server.replies["."] = DROP
    done = run(*plain, "--text", "x", "-H", "Message-ID: <lost@example.org>")
    assert done.code == 76
    assert "may or may not have taken the mail (Message-ID <lost@example.org>)" in done.words
    assert "twice" in done.words
    told = run(*plain, "--text", "x", "--json").json
    assert told["outcome"] == "unknown"
    assert told["exit"] == 76
    assert told["message_id"].startswith("<")


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["-t", "not an address"], 65),
        (["-H", "Bad Name: x"], 65),
        (["-S", "two\nlines"], 65),
        (["--attach", "/nowhere/file"], 66),
        (["--text", "@/nowhere/file"], 66),
        (["--raw", "/nowhere/file"], 66),
        (["--transcript", "/nowhere/file"], 73),
        (["--config", "Nothing=1"], 78),
        (["--colour"], 64),
        (["stray"], 64),
    ],
)
@pytest.mark.parametrize("as_json", [False, True])
def test_what_is_wrong_before_the_server_is_asked(
    run: Program, server: Server, plain: list[str], words: list[str], code: int, as_json: bool
) -> None:
    text = [] if "--raw" in words or "--text" in words else ["--text", "x"]
    done = run(*plain, *text, *words, *(["--json"] if as_json else []))
    assert done.code == code
    assert done.err.startswith("postwright: ")
    assert server.connections == 0
    if as_json:
        assert set(done.json) == NAMES
        assert (done.json["outcome"], done.json["exit"]) == ("not_sent", code)
        assert done.json["error"]["message"]


def test_quiet(run: Program, server: Server, plain: list[str]) -> None:
    done = run(*plain, "--text", "x", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
    server.replies["MAIL"] = "550 no"
    assert "550 no" in run(*plain, "--text", "x", "-q").words


@pytest.mark.parametrize("option", [["-v"], ["--transcript"], ["--transcript", "-"]])
def test_the_dialogue_on_standard_error(run: Program, server: Server, plain: list[str], option: list[str]) -> None:
    done = run(*plain, "--text", "secret text", *option)
    assert done.code == 0
    lines = [line[8:] for line in done.err.splitlines()]
    assert "<- 220 test ESMTP" in lines
    assert "-> RCPT TO:<you@example.org>" in lines
    assert lines.index("-> DATA") < lines.index("<- 250 2.0.0 Ok: queued as TEST0001")
    assert "secret text" not in done.err


def test_the_dialogue_in_a_file(run: Program, server: Server, plain: list[str], tmp_path: Path) -> None:
    path = tmp_path / "trail"
    done = run(*plain, "--text", "x", "--transcript", str(path))
    assert done.err == ""
    assert "-> QUIT" in path.read_text()


def test_a_full_disk_does_not_stop_a_mail(run: Program, server: Server, plain: list[str]) -> None:
    done = run(*plain, "--text", "x", "--transcript", "/dev/full")
    assert done.code == 0
    assert "the transcript is not complete: No space left on device" in done.words
    assert len(server.mails) == 1


def test_what_a_server_says_can_t_move_the_cursor(run: Program, server: Server, plain: list[str]) -> None:
    server.replies["MAIL"] = "550 \x1b[2J\x07bell"
    done = run(*plain, "--text", "x", "-v")
    assert "\x1b" not in done.err
    assert "\x07" not in done.err


def test_a_reader_that_goes_away_does_not_stop_a_mail(server: Server, plain: list[str]) -> None:
    with subprocess.Popen(
        [*PROGRAM, *plain, "--text", "x"], env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        assert program.stderr is not None
        program.stdout.close()
        assert program.wait(20) == 0
        assert program.stderr.read() == b""
    assert len(server.mails) == 1


def test_a_full_disk_under_the_answer_does_not_make_a_sent_mail_a_failure(server: Server, plain: list[str]) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*PROGRAM, *plain, "--text", "x"], env=environment(), stdout=full, stderr=subprocess.PIPE, check=False
        )
    assert done.returncode == 0
    assert done.stderr == b"postwright: standard output can't be written: No space left on device\n"
    assert len(server.mails) == 1


@pytest.mark.parametrize(
    ("command", "code", "outcome"), [("RCPT", 70, "not_sent"), (".", 76, "unknown"), ("QUIT", 0, "sent")]
)
def test_a_bug_while_sending_says_what_became_of_the_mail(
    run: Program,
    server: Server,
    plain: list[str],
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    code: int,
    outcome: str,
) -> None:
    def broken(_: object, event: PITrail) -> None:
        if event.message.startswith(command):
            raise ZeroDivisionError

    if command == ".":  # after the last octet, before the answer to it
        monkeypatch.setattr("postwright.session.transaction.Transaction.conclude", lambda _: 1 // 0)
    monkeypatch.setattr("postwright.cli.trail.Trail._line", broken)
    told = run(*plain, "--text", "x", "-v", "--json")
    assert told.code == code
    assert told.json["outcome"] == outcome
    assert "this is a bug: ZeroDivisionError" in told.words


def test_a_bug_is_no_traceback(run: Program, plain: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("of course")

    monkeypatch.setattr("postwright.cli.sending.send", broken)
    done = run(*plain, "--text", "x")
    assert done.code == 70
    assert "this is a bug: ZeroDivisionError: of course" in done.words
    assert "Traceback" not in done.err
    monkeypatch.setenv("POSTWRIGHT_DEBUG", "1")
    with pytest.raises(ZeroDivisionError):
        run(*plain, "--text", "x")


# The table


KINDS = {kind.__name__: kind for kinds in REGISTER.values() for kind in kinds}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_who_retries_by_exit_code_never_sends_twice(kind: type[errors.SMTPError]) -> None:
    assert exit_for(kind(outcome=Outcome.UNKNOWN)) is Exit.PROTOCOL
    later = Reply(451, ("4.3.0 later",))
    assert exit_for(kind(outcome=Outcome.UNKNOWN, reply=later)) is Exit.PROTOCOL
    assert exit_for(kind(outcome=Outcome.SENT)) is Exit.OK
    assert exit_for(kind()) not in {Exit.OK, Exit.PARTLY}


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.NetworkError(code=11001), 68),
        (errors.NetworkError(code=11004), 68),
        (errors.NetworkError(code=11002), 75),
        (errors.NetworkError(code=10061), 75),
        (errors.NetworkError(code=10013), 74),
        (errors.InactivityTimeout(), 75),
        (errors.CertificateRejected(), 77),
        (errors.HandshakeFailed(), 76),
        (errors.Interrupted(), 130),
        (errors.MailServerMissing(), 64),
        (errors.TextNotEncodable(), 65),
        (errors.UnknownSetting(), 78),
        (errors.ReplyTooLong(), 76),
        (errors.ConnectionDropped(), 74),
    ],
)
def test_the_table(error: errors.SMTPError, code: int) -> None:
    assert exit_for(error) == code


def test_the_help_has_every_code(run: Program) -> None:
    told = run("--help").out
    for code in Exit:
        assert f"{int(code):>3}  {code.meaning}" in told
