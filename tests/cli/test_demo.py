"""The demonstration, end to end."""

import re
import socket
import threading
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from postwright.cli.demo import demo
from tests.cli.conftest import Program
from tests.cli.terminal import terminal

HELLO = "-> EHLO laptop.example.com"


def test_from_end_to_end(process: Program, tmp_path: Path) -> None:
    picture, home = tmp_path / "demo.svg", tmp_path / "tmp"
    home.mkdir()
    done = process("demo", "--svg", str(picture), env={"TMPDIR": str(home), "COLUMNS": "100"})
    assert (done.code, done.err) == (0, "")
    assert HELLO in done.out
    assert "-> AUTH PLAIN ***" in done.out
    assert "<- 550 5.1.1 No such mailbox here" in done.out
    assert re.search(r"the message ━+ 100 %  7\.9 MB", done.out)
    assert re.search(r"ada@example\.org +To +accepted +250 +2\.1\.5 ", done.out)
    assert re.search(r"left\.last\.year@example\.org +Bcc +refused +550 +5\.1\.1 ", done.out)
    assert re.search(r"Subject +Grüße aus Zürich", done.out)
    assert re.search(r"Bcc +in no header", done.out)
    assert re.search(r"SHA-256 +[0-9a-f]{64} +as on disk", done.out)
    assert "equal to the last octet" in done.out

    assert list(home.iterdir()) == []
    (port,) = set(re.findall(r"127\.0\.0\.1 port (\d+)", done.out))
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(port)), 1)

    text = "".join(ET.fromstring(picture.read_text("utf-8")).itertext()).replace("\N{NO-BREAK SPACE}", " ")
    assert HELLO in text
    assert "equal to the last octet" in text
    for mark in (socket.gethostname(), str(home), "http"):
        assert mark not in text


def test_the_bar_moves_and_then_stands(tmp_path: Path) -> None:
    with terminal("demo") as screen:
        assert screen.end() == 0
    assert screen.shown.count("the message") > 2
    assert HELLO in re.sub(r"\x1b\[[0-9;]*m", "", screen.shown)


def test_nothing_is_left_running(capfd: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    assert demo() == 0
    assert threading.active_count() == before


def test_a_mail_that_arrives_changed_is_a_failure(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("postwright.cli.demo_server.DemoServer.arrived", b"Subject: something else\r\n\r\nx\r\n")
    assert demo() == 70
    assert "is not what was sent" in capfd.readouterr().out


@pytest.mark.parametrize("missing", ["aiosmtpd", "trustme", "rich"])
def test_what_is_missing_is_named(process: Program, missing: str) -> None:
    code = f"import sys; sys.modules['{missing}'] = None; from postwright.cli import main; sys.exit(main())"
    done = process("demo", code=code)
    assert done.code == 69
    assert "pip install 'postwright[demo]'" in done.words
    assert "Traceback" not in done.err


def test_a_picture_that_can_t_be_written(process: Program) -> None:
    done = process("demo", "--svg", "/nowhere/demo.svg")
    assert done.code == 73
    assert "/nowhere/demo.svg" in done.words


def test_a_screen_without_our_characters(process: Program) -> None:
    done = process("demo", env={"PYTHONIOENCODING": "ascii"})
    assert done.code == 0
    assert "Gr\\xfc\\xdfe" in done.out
