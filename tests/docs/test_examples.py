"""Every example of the documentation runs, against real servers, and prints what the page says it prints."""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import shlex
import socket
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from postwright.drive import dialing
from tests.docs import proxies
from tests.docs.pages import ROOT, blocks, pages, same
from tests.docs.world import PASSWORD, World

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.docs.pages import Block

KINDS = {"", "console", "python", "text", "{toctree}"}
PROXY_SETTINGS = {"smtp_proxy", "all_proxy", "socks_proxy", "no_proxy"}
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
    monkeypatch.setenv("CERT_PASSWORD", PASSWORD)
    monkeypatch.setenv("PROXY_PASSWORD", proxies.PASSWORD)
    for name in PROXY_SETTINGS:
        monkeypatch.setenv(name, "")  # whatever is set on this host; examples may export them
    monkeypatch.setattr(socket, "getaddrinfo", world.getaddrinfo)
    monkeypatch.setattr(dialing, "_dotted_quad", lambda _: None)  # addresses of the examples lead to their servers too
    monkeypatch.setattr(socket, "gethostname", lambda: "client.example.org")
    # TLS contexts are kept by their settings, and the system's authorities, which changed just now, are none of them.
    contexts = importlib.import_module("postwright.tls.platform_context")._contexts._kept
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
        if (exported := re.fullmatch(r"export (\w+)=(\S+)", command)) and exported[1] in PROXY_SETTINGS:
            os.environ[exported[1]] = exported[2]  # until the end of the page
        before, _, ours = command.rpartition("| ")
        if re.match(r"([A-Z_]+=\S+ )?postwright ", ours):
            given = subprocess.run(["bash", "-c", before], capture_output=True, text=True, check=True).stdout
            code, printed = run_program(shlex.split(ours, comments=True), given)
            assert not shown or same(shown, printed), f"{where} prints:\n{printed}"
            assert shown or not code, f"{where} exits with {code}:\n{printed}"


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


def run_program(words: list[str], given: str) -> tuple[int, str]:
    """Run the program in this process, where names are redirected; return its exit code and all that it prints."""
    from postwright.cli import main

    at = words.index("postwright")
    printed = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        for setting in words[:at]:
            patch.setenv(*setting.split("=", 1))
        patch.setenv("COLUMNS", "100")
        patch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(given.encode())))
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            code = main(words[at + 1 :])
    return code, printed.getvalue()


@pytest.mark.parametrize("path", pages(), ids=name_of)
def test_no_block_escapes_the_tests(path: Path) -> None:
    odd = {block.kind for block in blocks(path)} - KINDS
    assert not odd, f"blocks of a kind that nobody checks: {odd}"


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md"])
def test_links_of_pages_that_sphinx_never_sees_lead_somewhere(name: str) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", (ROOT / name).read_text(encoding="utf-8"))
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_three_dots_stand_for_anything_within_a_line() -> None:
    assert same("sent as ...\nbye", "sent as 1234\nbye\n")
    assert not same("sent as ...", "sent as 1234\nbye")
    assert not same("sent", "not sent")
