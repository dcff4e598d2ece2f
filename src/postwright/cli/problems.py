"""What goes wrong before postwright itself is asked: arguments, files, passwords."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postwright.cli.exits import Exit


class Problem(Exception):  # noqa: N818 - the program's own word; it never leaves this package
    """The program can't go on; nothing was sent.

    Args:
        text: What is wrong, and what to do.
        exit_code: How the program ends.
    """

    def __init__(self, text: str, exit_code: Exit) -> None:
        super().__init__(text)
        self.text = text
        self.exit_code = exit_code
