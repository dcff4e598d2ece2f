"""The report: lines for the terminal, a table in Markdown, a chart in SVG."""

from __future__ import annotations

import datetime as dt
import math
import os
import platform
import ssl
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import postwright
from bench.tools import python, source

if TYPE_CHECKING:
    from bench.goals import Figure
    from bench.tools import Tools

WIDTH, LEFT, RIGHT, STEP = 1040, 500, 120, 26
_HALO = 'paint-order="stroke" stroke="white" stroke-width="4"'
COLOURS = {"ambition": "#2e7d32", "must": "#558b2f", "short": "#c62828", "short of the ambition": "#ef6c00"}


def amount(value: float | None, unit: str) -> str:
    """Return a figure with its unit."""
    if value is None:
        return "-"
    return f"{value:g} x" if unit == "x" else f"{value:g} {unit}"


def line(figure: Figure) -> str:
    """Return one figure for the terminal."""
    goal = figure.goal
    shown = f"{figure.shown} {goal.unit}" if figure.values else "-"
    why = f"  ({figure.reason})" if figure.reason else f"  ({figure.spread})"
    sign = "at most" if goal.less else "at least"
    wanted = f"{sign} {goal.must:g}, aim {goal.ambition:g}" if goal.must is not None else f"aim {goal.ambition:g}"
    return f"{goal.row:>2}  {goal.work[:56]:56}  {goal.over[:26]:26} {shown:>16}  {wanted:24} {figure.verdict}{why}"


def _table(figures: list[Figure]) -> str:
    out = [
        "| # | Work | Against | Goal | Ambition | Measured | Spread | Verdict |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for figure in figures:
        goal = figure.goal
        shown = f"{figure.shown} {goal.unit}" if figure.values else "-"
        verdict = figure.verdict if figure.values else f"{figure.verdict}: {_plain(figure.reason)}"
        cells = (
            str(goal.row),
            goal.work,
            goal.over,
            amount(goal.must, goal.unit),
            amount(goal.ambition, goal.unit),
            f"**{shown}**",
            figure.spread,
            f"**{verdict}**" if verdict.startswith("short") else verdict,
        )
        out.append(f"| {' | '.join(cells)} |")
    return "\n".join(out)


def _plain(reason: str) -> str:
    words = reason.rpartition("not yet: ")[2].splitlines()
    return words[-1].replace("|", "/") if words else ""


def _machine() -> str:
    name = platform.processor() or platform.machine()
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
        name = next(row.partition(":")[2].strip() for row in text.splitlines() if row.startswith("model name"))
    except (OSError, StopIteration):
        pass
    return f"{name}, {len(os.sched_getaffinity(0))} processors, {platform.system()} {platform.release()}"


def _versions(tools: Tools) -> str:
    own = {"postwright": postwright.__version__, "Python": python(), "OpenSSL": ssl.OPENSSL_VERSION}
    return "\n".join(f"| {name} | {version} |" for name, version in {**own, **tools.versions}.items())


EXPLAINED = """\
Read it like this: in each turn every program did the same work, one after the other (A B A B ...), the client on one
processor and the server on another (row 4 on all of them); a ratio is that of two speeds in one turn, and what is shown
is the median of the turns, with the least and the most of them; of round trips it is the least. "Goal" is owed,
"ambition" is aimed at; what falls short is marked. Only ratios mean something: the machine is shared, and the server is
on it too. Where the spread is wide, so is the doubt: a median here may be another one in the next run.

What is not quite equal: the time of smtp-source, a whole process, includes its start, and that of all others does not.
In rows 1 to 4 all programs are given the envelope; row 6 sends what was composed in one batch. Where postwright sends, it has
opened one connection before the time begins, so that modules are loaded, as those of the others are, and TLS contexts
are made; curl begins anew each time, its start not counted, but its TLS set-up is. smtp-sink can't be asked
what it took, so rows 1, 3, 6 and the first half of 4 rely on the replies alone.

- smtp-source and smtp-sink are Postfix's own load generator and sink, in C. The sink has PIPELINING and no CHUNKING.
- With CHUNKING, and for large bodies, TLS and round trips, the server is `bench/sink.c`. In rows 2, 4, 7, 8 and 9 it is
  asked after each turn how many messages of postwright (and curl) arrived; where that is not all, there is no figure.
- A round trip is made by `bench/delay.c`, which plays TCP's own handshake too. It is measured with NOOP in the same
  minute; of several tries the least counts, as what disturbs one can only add to it.
- Row 17 compares processor time: what passes by the clock there is the time of the server, which has as much to do.
- In row 15 one process does both, in turns of one message or one batch, each in a directory of its own on the same disk,
  with all that is loaded once loaded. Both are given messages of 4 KiB: the head that a queue file has before its message
  (half a KiB), the lock, the check value and, one by one, composing are the queue's own cost. The bare loop opens its
  directory once, the queue for each message or batch. A queue that is worked off makes files and deletes them, which slows
  every new one down (ext4): there 3,072 messages were in both and went before, and what was queued goes again after each 128,
  by postwright's own steps in one case, deleted in the other; that takes no part in the time. In a new directory nothing
  is ever deleted.
- Python is the system's own where that is new enough, as nearly all of the other programs are, and as most people have it:
  distributions optimise it by profiles. One that was built without, as pyenv does by default, takes a third more time.
- Composing is from properties to bytes, in memory, without sending; `EmailMessage` is built and turned into bytes with
  `as_bytes()`."""


@dataclass(frozen=True)
class Run:
    """What is to be said of a run as a whole.

    Args:
        compared: Round trips of other programs.
        seconds: How long it took.
        load: How busy the machine was before it.
        source: The digest of postwright's source before it.
    """

    compared: dict[str, float]
    seconds: float
    load: float
    source: str


def write(folder: Path, figures: list[Figure], tools: Tools, run: Run) -> None:
    """Write the table and the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    verdicts = [figure.verdict for figure in figures]
    summary = ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(verdicts))
    missing = "".join(f"\nMissing: {name}: {why}\n" for name, why in tools.missing.items())
    trips = ", ".join(f"{name}: {count:.0f}" for name, count in run.compared.items())
    changed = "" if source() == run.source else "\n**The source changed while this ran: measure again.**\n"
    text = f"""---
orphan: true
---

# Benchmarks

`make bench` wrote this page on {dt.datetime.now(dt.UTC):%Y-%m-%d}, in {run.seconds / 60:.0f} minutes.
Of {len(figures)} figures: {summary}.
{changed}
![What was measured, as a share of the goal](chart.svg)

{_table(figures)}

{EXPLAINED}
- Round trips of one message with others: {trips or "not measured"}.
- `python -m bench.profile` shows where the time of one message goes.

| | |
|---|---|
| machine | {_machine()} |
| load before and after | {run.load:.1f}, {os.getloadavg()[0]:.1f} |
| digest of the source | {run.source} |
{_versions(tools)}
{missing}"""
    (folder / "index.md").write_text(text, encoding="utf-8")
    (folder / "chart.svg").write_text(chart(figures), encoding="utf-8")


def share(figure: Figure) -> float:
    """Return how far the goal is reached, 1 for just so, more for better."""
    goal = figure.goal
    wanted = goal.must if goal.must is not None else goal.ambition
    value = max(float(figure.shown), 1e-3)
    return wanted / value if goal.less else value / wanted


def _place(value: float) -> float:
    """Return where a share stands, on a scale of powers of ten from a hundredth to ten."""
    bounded = min(10.0, max(0.01, value))
    return LEFT + (math.log10(bounded) + 2) / 3 * (WIDTH - LEFT - RIGHT)


def chart(figures: list[Figure]) -> str:
    """Return a chart: a bar for each figure, as a share of its goal."""
    height = 70 + STEP * len(figures)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
        '<text x="16" y="24" font-size="15">What was measured, as a share of the goal (the line at 1); further right is better</text>',
    ]
    for mark in (0.01, 0.1, 1, 10):
        at, colour = _place(mark), "#333" if mark == 1 else "#ccc"
        out.append(f'<line x1="{at:.0f}" x2="{at:.0f}" y1="48" y2="{height - 14}" stroke="{colour}"/>')
        out.append(f'<text x="{at:.0f}" y="42" text-anchor="middle" fill="#555">{mark:g}</text>')
    for index, figure in enumerate(figures):
        out += _bar(figure, 56 + STEP * index)
    return "\n".join([*out, "</svg>"]) + "\n"


def _bar(figure: Figure, top: int) -> list[str]:
    goal = figure.goal
    text = f"{goal.row}. {goal.work}" + (f" / {goal.over}" if goal.unit == "x" else "")
    text = text if len(text) <= 82 else f"{text[:80]}..."
    out = [f'<text x="{LEFT - 8}" y="{top + 13}" text-anchor="end" font-size="11">{escape(text)}</text>']
    if not figure.values:
        return [*out, f'<text x="{LEFT + 8}" y="{top + 13}" fill="#888">{figure.verdict}</text>']
    right = _place(share(figure))
    colour = COLOURS[figure.verdict]
    out.append(f'<rect x="{LEFT}" y="{top}" width="{max(2, right - LEFT):.0f}" height="18" fill="{colour}"/>')
    out.append(f'<text x="{max(right, LEFT) + 6:.0f}" y="{top + 13}" {_HALO}>{figure.shown} {goal.unit}</text>')
    return out
