"""Every example of the documentation runs, against real servers, and prints what the page says it prints."""

from __future__ import annotations

import contextlib
import importlib
import io
import shlex
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from postwright.drive import clock
from tests.docs.pages import ROOT, Block, blocks, pages, same
from tests.docs.world import PASSWORD, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KINDS = {"", "console", "python", "text"}
CODE = {"console", "python"}
PAGES = [path for path in pages() if any(block.kind in CODE for block in blocks(path))]


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    made = World()
    made.start()
    yield made
    made.stop()


@pytest.fixture
def place(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A directory with the files of the examples, on a host that finds and trusts the examples' servers."""
    world.mailbox.taken.clear()
    world.furnish(tmp_path)
    authorities = tmp_path.parent / f"{tmp_path.name}.pem"
    world.public.cert_pem.write_to_path(str(authorities))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authorities))
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    monkeypatch.setattr(socket, "getaddrinfo", world.getaddrinfo)
    monkeypatch.setattr(clock, "host_name", lambda: "client.example.org")
    # TLS contexts are kept by their settings, and the system's authorities, which changed just now, are none of them.
    contexts = importlib.import_module("postwright.tls.platform")._contexts
    contexts.clear()
    yield tmp_path
    contexts.clear()


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.timeout(60)
@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_the_examples_of_a_page_run(path: Path, place: Path) -> None:
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for block in blocks(path):
        if block.kind == "python":
            printed = run_python(block, namespace, path)
            where = f"{name_of(path)}, the block at line {block.line}"
            assert block.output is None or same(block.output, printed), f"{where} prints:\n{printed}"
        elif block.kind == "console":
            run_console(block, path)


def run_python(block: Block, namespace: dict[str, Any], path: Path) -> str:
    """Run a block as if it stood at its place in a file, and return what it prints."""
    code = compile("\n" * block.line + block.text, str(path), "exec")
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(code, namespace)
    return printed.getvalue()


def run_console(block: Block, path: Path) -> None:
    """Run the commands of postwright in a block, and compare what follows each; other commands are only parsed."""
    for command, shown in commands(block.text):
        where = f"{name_of(path)}, the block at line {block.line}: {command}"
        checked = subprocess.run(["bash", "-n", "-c", command], capture_output=True, text=True, check=False)
        assert checked.returncode == 0, f"{where}: {checked.stderr}"
        words = shlex.split(command, comments=True)
        if "postwright" in words and "|" not in words and words[0] != "pip":
            printed = run_program(words)
            assert not shown or same(shown, printed), f"{where} prints:\n{printed}"


def commands(text: str) -> list[tuple[str, str]]:
    """Return the commands of a console block, each with the output that is shown below it."""
    found: list[tuple[str, str]] = []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("$ "):
            found.append((line[2:], ""))
        else:
            command, shown = found.pop()
            found.append((command, f"{shown}{line}\n"))
    return found


def run_program(words: list[str]) -> str:
    """Run the command line program in this process, where names are redirected, and return what it prints."""
    from postwright.cli import main

    given = io.StringIO()
    if "<" in words:
        at = words.index("<")
        with open(words[at + 1], encoding="utf-8") as file:
            given = io.StringIO(file.read())
        words = words[:at] + words[at + 2 :]
    at = words.index("postwright")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        for setting in words[:at]:
            patch.setenv(*setting.split("=", 1))
        patch.setattr("sys.stdin", given)
        patch.setenv("COLUMNS", "80")
        with contextlib.suppress(SystemExit):
            main(words[at + 1 :])
    return printed.getvalue()


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_no_block_escapes_the_tests(path: Path) -> None:
    odd = {block.kind for block in blocks(path)} - KINDS
    assert not odd, f"blocks of a kind that nobody checks: {odd}"


def test_three_dots_stand_for_anything_within_a_line() -> None:
    assert same("sent as ...\nbye", "sent as 1234\nbye\n")
    assert not same("sent as ...", "sent as 1234\nbye")
    assert not same("sent", "not sent")
