"""The pages of the documentation as the tests see them: their blocks of code, and the output that they promise."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
OUTPUT = "<!-- output -->"
_FENCE = re.compile(r"^(`{3,})(.*)$")


class Block(NamedTuple):
    """One fenced block."""

    kind: str
    """What stands behind the opening fence."""
    text: str
    line: int
    """The number of the line before the block's first one."""
    output: str | None
    """The output that the page shows right behind the block; None for none."""


def pages() -> list[Path]:
    """Return every page that a reader gets: the README and all of docs/, but what Sphinx built."""
    found = [path for path in (ROOT / "docs").rglob("*.md") if "_build" not in path.parts]
    return [ROOT / "README.md", *sorted(found)]


def blocks(path: Path) -> list[Block]:
    """Return a page's blocks; a text block right behind the output mark belongs to the block before it."""
    found: list[Block] = []
    lines = path.read_text(encoding="utf-8").splitlines()
    marked = False
    at = 0
    while at < len(lines):
        match = _FENCE.match(lines[at])
        if not match:
            marked = lines[at] == OUTPUT or (marked and not lines[at].strip())
            at += 1
            continue
        end = lines.index(match[1], at + 1)
        text = "\n".join(lines[at + 1 : end])
        if marked:
            found[-1] = found[-1]._replace(output=text)
        else:
            found.append(Block(match[2].strip(), text, at + 1, None))
        marked = False
        at = end + 1
    return found


def same(shown: str, real: str) -> bool:
    """Whether real output is what a page shows; three dots on the page stand for anything within a line."""
    wanted, got = shown.strip().splitlines(), real.strip().splitlines()
    return len(wanted) == len(got) and all(
        re.fullmatch(".*".join(map(re.escape, line.rstrip().split("..."))), have.rstrip())
        for line, have in zip(wanted, got, strict=True)
    )
