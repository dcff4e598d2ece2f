"""``python -m bench``: every row of the table, side by side in one run."""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench import rows_large, rows_rest, rows_small
from bench.goals import ROWS, Figure, goals_of
from bench.report import Run, line, write
from bench.running import FULL, QUICK
from bench.tools import ROOT, Failed, gather, source

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.rows_small import Measured
    from bench.running import Mode
    from bench.tools import Tools

MEASURE: dict[int, Callable[[Tools, Mode], Measured]] = {
    1: rows_small.one_connection,
    2: rows_small.chunks,
    3: rows_small.fifty,
    4: rows_small.two_processes,
    5: rows_small.composing,
    6: rows_small.composing_and_sending,
    7: rows_large.data,
    8: rows_large.chunks,
    9: rows_large.secured,
    10: rows_large.memory,
    11: rows_rest.one_message,
    12: rows_rest.hundred,
    13: rows_rest.verified,
    14: rows_rest.importing,
    15: rows_rest.queue,
    16: rows_rest.component,
    17: rows_rest.blocks,
}


def measured(tools: Tools, mode: Mode, row: int) -> list[Figure]:
    """Measure one row."""
    try:
        found = MEASURE[row](tools, mode)
    except Exception as error:  # noqa: BLE001 - one row that can't be measured does not stop the others
        why = str(error) if isinstance(error, Failed) else f"{type(error).__name__}: {error}"
        return [Figure(goal, reason=why) for goal in goals_of(row)]
    figures = []
    for goal in goals_of(row):
        values = found.get(goal.key, "it was not measured")
        if isinstance(values, str):
            figures.append(Figure(goal, reason=values))
        else:
            figures.append(Figure(goal, tuple(values)))
    return figures


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="two minutes; prints the ratios and writes nothing")
    parser.add_argument(
        "--rows", default="", help="only these rows, for example 1,5,16; writes nothing unless --output says where"
    )
    parser.add_argument("--output", default="", help="the folder of the report (docs/benchmarks)")
    return parser.parse_args()


def main() -> None:
    """Measure, print as it goes, and write the report."""
    options = arguments()
    began, load, before = time.monotonic(), os.getloadavg()[0], source()
    rows = [int(word) for word in options.rows.split(",")] if options.rows else list(ROWS)
    if unknown := [row for row in rows if row not in MEASURE]:
        raise SystemExit(f"there is no row {unknown[0]}")
    tools = gather()
    mode = QUICK if options.quick else FULL
    figures: list[Figure] = []
    for row in rows:
        for figure in measured(tools, mode, row):
            figures.append(figure)
            print(line(figure), flush=True)
    compared = rows_rest.others(tools, mode) if 11 in rows and not options.quick else {}
    for name, trips in compared.items():
        print(f"11  for comparison: {name}: {trips:.0f} round trips")
    took = time.monotonic() - began
    print(f"{took:.0f} s")
    if source() != before:
        print("THE SOURCE CHANGED while this ran: the figures are of different versions, measure again")
    complete = not (options.quick or options.rows)
    if options.output or complete:
        folder = Path(options.output) if options.output else ROOT / "docs/benchmarks"
        write(folder, figures, tools, Run(compared, took, load, before))
        print(f"written: {folder}/index.md, {folder}/chart.svg")


if __name__ == "__main__":
    main()
