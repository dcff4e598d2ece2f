"""Where the password comes from, and that it is never shown."""

import base64
import sys
from collections.abc import Iterator
from pathlib import Path

import keyring
import keyring.backend
import keyring.errors
import pytest

from tests.cli.conftest import Program
from tests.cli.server import Server

SECRET = "hunter two"
HIDDEN = base64.b64encode(f"\0me@example.org\0{SECRET}".encode()).decode()


@pytest.fixture
def start(tls_server: Server, ca_file: str) -> list[str]:
    mail = ["-t", "you@example.org", "--text", "x"]
    return ["send", "-s", tls_server.address, "--starttls", "--ca-file", ca_file, "-u", "me@example.org", *mail]


@pytest.fixture
def secret_file(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_bytes(f"{SECRET}\r\nsecond line\n".encode())
    path.chmod(0o600)
    return path


def logged_in(server: Server) -> bool:
    return server.said("AUTH") == [f"AUTH PLAIN {HIDDEN}"] and len(server.mails) == 1


def test_from_the_usual_variable(
    run: Program, tls_server: Server, start: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", SECRET)
    assert run(*start).code == 0
    assert logged_in(tls_server)


def test_from_another_variable(
    run: Program, tls_server: Server, start: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "not this")
    monkeypatch.setenv("MINE", SECRET)
    assert run(*start, "--password-env", "MINE").code == 0
    assert logged_in(tls_server)
    done = run(*start, "--password-env", "NOT_THERE")
    assert done.code == 78
    assert "NOT_THERE" in done.words


def test_from_a_command(run: Program, tls_server: Server, start: list[str], secret_file: Path) -> None:
    assert run(*start, "--password-command", f"cat '{secret_file}' | head -1").code == 0
    assert logged_in(tls_server)


def test_a_command_leaves_standard_input_to_the_text(
    process: Program, tls_server: Server, start: list[str], secret_file: Path
) -> None:
    arguments = [word for word in start if word not in {"--text", "x"}]
    done = process(*arguments, "--password-command", f"cat - '{secret_file}'", stdin=b"the text")
    assert (done.code, done.err) == (0, "")
    assert logged_in(tls_server)
    assert tls_server.mails[0].message.get_content().strip() == "the text"


@pytest.mark.parametrize(("command", "words"), [("echo oops; exit 3", "status 3"), ("true", "printed nothing")])
def test_a_command_that_fails(run: Program, tls_server: Server, start: list[str], command: str, words: str) -> None:
    done = run(*start, "--password-command", command)
    assert done.code == 78
    assert words in done.words
    assert "oops" not in done.words
    assert tls_server.connections == 0


def test_from_a_file(run: Program, tls_server: Server, start: list[str], secret_file: Path) -> None:
    done = run(*start, "--password-file", str(secret_file))
    assert (done.code, done.err) == (0, "")
    assert logged_in(tls_server)
    secret_file.chmod(0o644)
    assert "chmod 600" in run(*start, "--password-file", str(secret_file)).words
    assert run(*start, "--password-file", "/nowhere").code == 66


@pytest.mark.parametrize(("data", "words"), [(b"", "is empty"), (b"\nx\n", "is empty"), (b"\xff\n", "not UTF-8")])
def test_a_file_without_a_password(
    run: Program, tls_server: Server, start: list[str], secret_file: Path, data: bytes, words: str
) -> None:
    secret_file.write_bytes(data)
    done = run(*start, "--password-file", str(secret_file))
    assert done.code == 78
    assert words in done.words
    assert tls_server.connections == 0


class Memory(keyring.backend.KeyringBackend):
    priority = 1

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # keyring's
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password


@pytest.fixture
def memory() -> Iterator[Memory]:
    before = keyring.get_keyring()
    made = Memory()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


def test_from_the_keyring(run: Program, tls_server: Server, start: list[str], memory: Memory) -> None:
    done = run(*start, "--password-keyring")
    assert done.code == 78
    assert "keyring set postwright:127.0.0.1 me@example.org" in done.words
    keyring.set_password("postwright:127.0.0.1", "me@example.org", SECRET)
    assert run(*start, "--password-keyring").code == 0
    assert logged_in(tls_server)


def test_a_keyring_that_is_locked(
    run: Program, start: list[str], memory: Memory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(*_: str) -> None:
        raise keyring.errors.KeyringLocked("it is locked")

    monkeypatch.setattr(memory, "get_password", locked)
    done = run(*start, "--password-keyring")
    assert done.code == 78
    assert "it is locked" in done.words


def test_the_keyring_is_an_extra(run: Program, start: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    done = run(*start, "--password-keyring")
    assert done.code == 78
    assert "pip install 'postwright[keyring]'" in done.words


def test_without_any_password_and_terminal(
    run: Program, process: Program, tls_server: Server, start: list[str]
) -> None:
    # A process in a session of its own has no terminal.
    code = "import os, sys; os.setsid(); from postwright.cli import main; sys.exit(main())"
    done = process(*start, code=code)
    assert done.code == 64
    assert "--password-command" in done.words
    assert tls_server.connections == 0


def test_a_password_without_a_user(run: Program, server: Server, plain: list[str]) -> None:
    done = run(*plain, "--text", "x", "--password-env", "X")
    assert done.code == 64
    assert "--user" in done.words


@pytest.mark.parametrize(
    "words",
    [
        ["--password", SECRET],
        [f"--password={SECRET}"],
        ["--pass", SECRET],
        ["-ap", SECRET],
        ["--auth-password", SECRET],
        ["--pasword", SECRET],
        [f"--secret={SECRET}"],
        [f"-w{SECRET}"],
        ["--json", "--password", SECRET],
    ],
)
def test_no_password_on_the_command_line_and_none_repeated(run: Program, start: list[str], words: list[str]) -> None:
    done = run(*start, *words)
    assert done.code == 64
    assert "hunter" not in done.out + done.err


def test_the_help_says_why(run: Program) -> None:
    assert "never taken from the command line" in " ".join(run("send", "--help").out.split())


def test_nothing_shows_the_password(
    run: Program, tls_server: Server, start: list[str], secret_file: Path, tmp_path: Path
) -> None:
    transcript = tmp_path / "trail"
    for more in (["-v"], ["--json", "-v"], ["--transcript", str(transcript)], ["--auth", "login", "-v"], ["--dry-run"]):
        done = run(*start, "--password-file", str(secret_file), *more)
        assert done.code == 0
        shown = done.out + done.err + (transcript.read_text() if transcript.exists() else "")
        for form in (SECRET, HIDDEN, base64.b64encode(SECRET.encode()).decode()):
            assert form not in shown
    assert "AUTH PLAIN ***" in transcript.read_text()
    secret_file.write_text("wrong one")
    done = run(*start, "--password-file", str(secret_file), "-v", "--json")
    assert done.code == 77
    assert "wrong one" not in done.out + done.err
    assert base64.b64encode(b"\0me@example.org\0wrong one").decode() not in done.out + done.err
