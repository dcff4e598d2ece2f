"""What a person at a terminal sees: the question for the password, the progress, colours, Ctrl-C."""

from pathlib import Path

import pytest

from tests.cli.conftest import Program
from tests.cli.server import HANG, Server
from tests.cli.terminal import terminal

WITHOUT_RICH = "import sys; sys.modules['rich'] = None; from postwright.cli import main; sys.exit(main())"


def test_the_password_is_asked_for_and_not_shown(tls_server: Server, ca_file: str) -> None:
    start = ["send", "-s", tls_server.address, "--starttls", "--ca-file", ca_file, "-u", "me@example.org"]
    with terminal(*start, "-t", "you@example.org", "--text", "x") as screen:
        screen.wait_for(lambda: "Password for me@example.org at 127.0.0.1: " in screen.shown)
        assert tls_server.connections == 0
        screen.type("hunter two\n")
        assert screen.end() == 0
    assert "hunter" not in screen.shown
    assert "sent to 1 recipient" in screen.shown
    assert len(tls_server.mails) == 1


def test_a_text_is_not_waited_for_at_a_terminal(server: Server, plain: list[str]) -> None:
    with terminal(*plain) as screen:
        assert screen.end() == 64
    assert "there is no text" in screen.shown


def test_no_password_is_typed(tls_server: Server, plain: list[str]) -> None:
    with terminal(*plain, "--text", "x", "-u", "me") as screen:
        screen.wait_for(lambda: "Password for me" in screen.shown)
        screen.type("\x04")
        assert screen.end() == 64
    assert "no password was given" in screen.shown


@pytest.fixture
def large(tmp_path: Path) -> str:
    path = tmp_path / "large.bin"
    path.write_bytes(bytes(3_000_000))
    return str(path)


def test_the_bar(server: Server, plain: list[str], large: str) -> None:
    with terminal(*plain, "--text", "x", "--attach", large) as screen:
        assert screen.end() == 0
    assert "━━━━" in screen.shown
    assert "100 %  4.1 MB" in screen.shown
    assert "sent to 1 recipient" in screen.shown.split("━")[-1]


def test_the_line_without_rich(server: Server, plain: list[str], large: str) -> None:
    with terminal(*plain, "--text", "x", "--attach", large, code=WITHOUT_RICH) as screen:
        assert screen.end() == 0
    assert "━" not in screen.shown
    assert "\r\x1b[Ksending 100 %  4.1 MB\r\n" in screen.shown
    assert screen.shown.count("\x1b[Ksending") > 3


def test_small_mails_have_no_bar_unless_it_is_wished(server: Server, plain: list[str]) -> None:
    with terminal(*plain, "--text", "x") as screen:
        assert screen.end() == 0
    assert "sending" not in screen.shown
    with terminal(*plain, "--text", "x", "--progress") as screen:
        assert screen.end() == 0
    assert "sending" in screen.shown


@pytest.mark.parametrize("option", ["--no-progress", "--quiet", "--json", "-v"])
def test_no_bar(server: Server, plain: list[str], large: str, option: str) -> None:
    with terminal(*plain, "--text", "x", "--attach", large, option) as screen:
        assert screen.end() == 0
    assert "sending" not in screen.shown


def test_progress_without_a_terminal_is_a_few_lines(run: Program, server: Server, plain: list[str], large: str) -> None:
    done = run(*plain, "--text", "x", "--attach", large, "--progress")
    lines = done.err.splitlines()
    assert 5 <= len(lines) <= 12
    assert lines[-1] == "postwright: 100 %  4.1 MB"
    assert run(*plain, "--text", "x", "--attach", large).err == ""


def test_the_dialogue_in_colours(server: Server, plain: list[str]) -> None:
    server.replies["RCPT"] = "550 5.1.1 Nobody"
    with terminal(*plain, "--text", "x", "-v") as screen:
        assert screen.end() == 67
    assert "-> EHLO" in screen.shown
    assert "\x1b[31m" in screen.shown.split("550 5.1.1 Nobody")[0].splitlines()[-1]
    with terminal(*plain, "--text", "x", "-v", env={"TERM": "dumb"}) as screen:
        assert screen.end() == 67
    assert "\x1b[" not in screen.shown


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("greeting", "interrupted. Nothing was sent."),
        ("RCPT", "interrupted. Nothing was sent."),
        (".", "interrupted. The server may or may not have taken the mail (Message-ID <"),
        ("QUIT", "interrupted. The mail itself was sent."),
    ],
)
def test_ctrl_c_says_what_became_of_the_mail(server: Server, plain: list[str], where: str, words: str) -> None:
    server.replies[where] = HANG
    with terminal(*plain, "--text", "x") as screen:
        screen.wait_for(server.reached.is_set)
        screen.type("\x03")
        assert screen.end() == 130
    assert words in " ".join(screen.shown.split())
    assert "Traceback" not in screen.shown


def test_ctrl_c_at_the_question_for_the_password(server: Server, plain: list[str]) -> None:
    with terminal(*plain, "--text", "x", "-u", "me") as screen:
        screen.wait_for(lambda: "Password for me" in screen.shown)
        screen.type("\x03")
        assert screen.end() == 130
    assert "interrupted. Nothing was sent." in screen.shown
    assert server.connections == 0
