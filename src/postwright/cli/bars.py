"""The bar that shows how far something is, made by rich, where that is installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


def sending(*, transient: bool) -> Progress:
    """Return a bar on standard error whose tasks have a field ``told``: what stands beside it.

    Args:
        transient: Whether it goes away in the end.

    Raises:
        ImportError: rich is not installed.
    """
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        TextColumn("sending"),
        BarColumn(),
        TextColumn("{task.fields[told]}"),
        TimeElapsedColumn(),
        console=Console(file=sys.stderr),
        transient=transient,
    )
