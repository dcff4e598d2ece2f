"""The report: lines for the terminal, a table in Markdown, a chart in SVG."""

from __future__ import annotations

import datetime as dt
import math
import os
import platform
import ssl
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import postwright

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
    own = {"postwright": postwright.__version__, "Python": platform.python_version(), "OpenSSL": ssl.OPENSSL_VERSION}
    return "\n".join(f"| {name} | {version} |" for name, version in {**own, **tools.versions}.items())


def write(
    folder: Path, figures: list[Figure], tools: Tools, compared: dict[str, float], took: float, load: float
) -> None:
    """Write the table and the chart."""
    folder.mkdir(parents=True, exist_ok=True)
    verdicts = [figure.verdict for figure in figures]
    summary = ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(verdicts))
    missing = "".join(f"\nMissing: {name}: {why}\n" for name, why in tools.missing.items())
    trips = ", ".join(f"{name}: {count:.0f}" for name, count in compared.items())
    text = f"""---
orphan: true
---

# Benchmarks

`make bench` wrote this page on {dt.datetime.now(dt.UTC):%Y-%m-%d}, in {took / 60:.0f} minutes.
Of {len(figures)} figures: {summary}.

![What was measured, as a share of the goal](chart.svg)

{_table(figures)}

Read it like this: in each turn every program did the same work, one after the other (A B A B ...), the client on one
processor and the server on another; a ratio is that of two speeds in one turn, and what is shown is the median of the
turns, with the least and the most of them. "Goal" is owed, "ambition" is aimed at; what falls short is marked. Only
ratios mean something: the machine is shared, and the server is on it too.

- smtp-source and smtp-sink are Postfix's own load generator and sink, in C. The sink has PIPELINING and no CHUNKING.
- With CHUNKING, and for large bodies, TLS and round trips, the server is `bench/sink.c`: it counts messages and octets,
  and a program whose messages did not all arrive has no figure.
- A round trip is made by `bench/delay.c`, which plays TCP's own handshake too. It is measured with NOOP in the same
  minute; of several tries the least counts, as what disturbs one can only add to it.
- Composing is from properties to bytes, in memory, without sending; `EmailMessage` is built and turned into bytes with
  `as_bytes()`.
- Round trips of one message with others: {trips or "not measured"}.
- `python -m bench.profile` shows where the time of one message goes.

| | |
|---|---|
| machine | {_machine()} |
| load before and after | {load:.1f}, {os.getloadavg()[0]:.1f} |
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
