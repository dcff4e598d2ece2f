"""The house: imports only go down, the world is touched in few rooms, and no room grows too large."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

SRC = Path(__file__).parents[2] / "src" / "postwright"
FLOORS = [
    {"enums", "lazy", "record"},
    {"words"},
    {"errors", "events", "flow"},
    {"options", "wire"},
    {"message", "sasl", "tls", "proxy", "spool"},
    {"session", "drive"},
    {"component", "tokens"},
    {"cli"},
    {"__main__"},
]
"""The rooms, lowest first; those of the ground floor, which only hold words, stand on three steps."""

DOOR = "__init__"
"""postwright/__init__.py is the front door: it leads to every floor, and only its version may be asked for inside."""

WORLD = {"socket", "selectors", "select", "asyncio", "threading", "time"}
ALLOWED = [(WORLD, {"drive", "cli"}), ({"ssl", "OpenSSL"}, {"tls", "cli"})]
MAX_LINES, MAX_FUNCTION = 350, 45
EXCEPTIONS: dict[str, str] = {}
"""Modules or functions ("room/module.py:name") that are larger, each with the reason. Aim for none."""

MODULES = sorted(SRC.rglob("*.py"))
WRITERS = {"write_text", "write_bytes", "touch", "mkdir", "makedirs", "rename", "replace", "unlink", "symlink"}


def name_of(path: Path) -> str:
    return str(path.relative_to(SRC))


def room_of(path: Path) -> str:
    return path.relative_to(SRC).parts[0].removesuffix(".py")


def floor_of(room: str) -> int:
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imports(tree: ast.AST) -> Iterator[str]:
    """Yield the full name of everything that is imported, also inside functions and for type checkers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports hide the floor"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_only_go_down(path: Path) -> None:
    room = room_of(path)
    for name in imports(ast.parse(path.read_text())):
        top, _, rest = name.partition(".")
        other = rest.partition(".")[0]
        if top != "postwright" or other in {"", "__version__", room} or room == DOOR:
            continue
        assert floor_of(other) < floor_of(room), f"{room} is not above {other}: {name}"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_the_world_is_touched_in_few_rooms(path: Path) -> None:
    tops = {name.partition(".")[0] for name in imports(ast.parse(path.read_text()))}
    for modules, rooms in ALLOWED:
        assert room_of(path) in rooms or not tops & modules, f"{sorted(tops & modules)} belong to {sorted(rooms)}"


def writes(tree: ast.AST) -> Iterator[str]:
    """Yield the calls that change something on a disk."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        text, function = ast.unparse(node), node.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        of_os = isinstance(function, ast.Attribute) and ast.unparse(function.value) in {"os", "shutil"}
        first = 0 if isinstance(function, ast.Attribute) else 1  # path.open(mode), open(path, mode)
        words = [*node.args[first:2], *(keyword.value for keyword in node.keywords)]
        modes = [word.value for word in words if isinstance(word, ast.Constant) and isinstance(word.value, str)]
        opens = name == "open" and any(re.fullmatch("[rbt]*[wax+][rbt+]*", mode) for mode in modes)
        creates = of_os and re.search("O_(CREAT|WRONLY|RDWR|APPEND|TRUNC)", text)
        if opens or creates or (name in WRITERS and (of_os or name.startswith("write_"))):
            yield text


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_are_written_by_the_spool_alone(path: Path) -> None:
    # The key log of TLS is no mail: it is made there so that nobody else may read it.
    if room_of(path) not in {"spool", "cli"} and name_of(path) != "tls/files.py":
        assert not list(writes(ast.parse(path.read_text())))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_rooms_stay_small(path: Path) -> None:
    text, found = path.read_text(), {}
    found[name_of(path)] = (len(text.splitlines()), MAX_LINES)
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found[f"{name_of(path)}:{node.name}"] = ((node.end_lineno or 0) - node.lineno + 1, MAX_FUNCTION)
    too_large = {name for name, (lines, limit) in found.items() if lines > limit}
    excused = {name for name in EXCEPTIONS if name.partition(":")[0] == name_of(path)}
    assert too_large == excused, f"{too_large ^ excused}: cut it, or explain it in EXCEPTIONS; drop what is not needed"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_left_for_later(path: Path) -> None:
    marks = re.findall(r"\b(?:TODO|FIXME|XXX|HACK|NotImplementedError)\b", path.read_text())
    assert not marks
