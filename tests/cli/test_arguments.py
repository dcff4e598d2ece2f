"""Help, the version, and words that are no arguments."""

import re

import pytest

import postwright
from postwright.cli.arguments import parser
from tests.cli.conftest import Program


def test_the_version(run: Program, process: Program) -> None:
    assert run("--version").out == f"postwright {postwright.__version__}\n"
    assert process("--version").out == f"postwright {postwright.__version__}\n"


def test_without_a_command_there_is_help(run: Program) -> None:
    done = run()
    assert done.code == 64
    assert done.out == ""
    for command in ("send", "verify", "expand", "demo"):
        assert re.search(rf"^    {command} ", done.err, re.MULTILINE)


@pytest.mark.parametrize("command", ["send", "verify", "expand", "demo"])
def test_help(run: Program, command: str) -> None:
    done = run(command, "--help")
    assert done.code == 0
    assert f"usage: postwright {command}" in done.out
    assert done.err == ""


def test_the_help_fits_a_terminal(run: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    options = run("send", "--help").out.split("\nwho:")[1].split("\nexamples:")[0]
    login = options.split("\nlogin:\n")[1].split("\n\n")[0]
    assert max(map(len, options.replace(login, "").splitlines())) <= 80


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["send", "--subjet", "x"], "unknown option --subjet: did you mean --subject?"),
        (["send", "--passwrd", "x"], "a password is not taken from the command line"),
        (["send", "--recipient=x"], "unknown option --recipient"),
        (["send", "-Z"], "unknown option -Z"),
        (["send", "a", "b"], "blanks need quotes"),
        (["--to", "x"], "postwright send --to"),
        (["sned"], "sned"),
        (["send", "--tls", "on"], "implicit"),
        (["send", "--tls", "none", "--starttls"], "not allowed with"),
        (["send", "--to"], "expected one argument"),
        (["send", "--password-env", "A", "--password-file", "B"], "not allowed with"),
        (["send", "--keep-going", "--strict-recipients"], "not allowed with"),
        (["send", "--dsn", "never,success"], "never"),
        (["send", "--header", "no colon"], "'Name: value'"),
        (["send", "--attach", "-"], "standard input has no name"),
        (["send", "-f", "a@example.org", "-t", "b@example.org", "--text", "x", "-s", "mx", "--tim", "5"], "--tim"),
        (["verify", "-s", "mx"], "ADDRESS"),
    ],
)
def test_wrong_words(run: Program, words: list[str], told: str) -> None:
    done = run(*words)
    assert done.code == 64
    assert told in done.words
    assert done.out == ""


def test_no_option_is_known_by_its_first_letters() -> None:
    commands = next(action for action in parser()._actions if action.dest == "command").choices
    assert commands
    for command in dict(commands).values():
        assert command.allow_abbrev is False
