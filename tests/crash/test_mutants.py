"""Each sync, lock and check of the spool is needed: without it a test fails."""

from __future__ import annotations

import ast
import re

import pytest

from tests.crash.mutants import MUTANTS, ROOT, SPOOL, lives, mutated

QUICK = ("the directory is never synced", "a file that is taken is not locked", "a marker is not synced")
_GUARDS = re.compile(r"\b(?:f?sync|flock)\(|\.has\(")


@pytest.mark.parametrize("name", MUTANTS)
def test_the_table_is_up_to_date(name: str) -> None:
    ast.parse(mutated(MUTANTS[name]))


def test_every_sync_lock_and_check_of_the_name_is_in_the_table() -> None:
    for path in sorted((ROOT / SPOOL).glob("*.py")):
        text = path.read_text()
        code = [
            n
            for n in ast.walk(ast.parse(text))
            if isinstance(n, ast.Call) and _GUARDS.search(ast.unparse(n.func) + "(")
        ]
        for call in code:
            line = text.splitlines()[call.lineno - 1]
            assert any(
                line.strip() in m.old or m.old.strip() in line for m in MUTANTS.values() if m.file == path.name
            ), f"{path.name}: {line}"


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("name", MUTANTS)
def test_it_is_noticed(name: str, request: pytest.FixtureRequest) -> None:
    if name not in QUICK and not request.config.getoption("--long"):
        pytest.skip("the long form runs with --long")
    assert not lives(name)
