"""Files and standard input."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.cli.screen import is_terminal

if TYPE_CHECKING:
    from typing import BinaryIO


def read_file(path: str) -> bytes:
    """Return a file's content; "-" is standard input.

    Raises:
        Problem: It can't be read.
    """
    try:
        if path == "-":
            return standard_input().read()
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise Problem(f"{path} can't be read: {error.strerror}. Nothing was sent.", Exit.NO_INPUT) from None


def read_text(path: str) -> str:
    """Return a file's content as text.

    Raises:
        Problem: It can't be read, or is not UTF-8.
    """
    data = read_file(path)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        name = "standard input" if path == "-" else path
        raise Problem(
            f"{name} is not UTF-8 (octet {error.start + 1}): convert it with iconv, or send it with --attach. "
            "Nothing was sent.",
            Exit.DATA,
        ) from None


def standard_input() -> BinaryIO:
    """Return standard input as bytes.

    Raises:
        Problem: It is closed.
    """
    if sys.stdin is None or sys.stdin.closed:
        raise Problem("standard input is closed. Nothing was sent.", Exit.NO_INPUT)
    return sys.stdin.buffer


def input_waits() -> bool:
    """Whether standard input is there and no terminal, so that a text may come from it."""
    return sys.stdin is not None and not sys.stdin.closed and not is_terminal(sys.stdin)
