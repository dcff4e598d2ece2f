"""Where the program's words go: answers to standard output, everything else to standard error.

A reader that goes away (``postwright ... | head -1``) never ends the program: a mail on its way must not depend on who
reads along.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import textwrap
from typing import TYPE_CHECKING, Any

from postwright.words import printable

if TYPE_CHECKING:
    from typing import TextIO

_WIDEST = 100


class Screen:
    """Both output streams.

    Args:
        quiet: Whether only what went wrong is said.
        as_json: Whether the answer is one JSON object.
    """

    def __init__(self, *, quiet: bool = False, as_json: bool = False) -> None:
        self.quiet = quiet
        self.as_json = as_json

    def say(self, text: str) -> None:
        """Say something to standard output, unless it is quiet or kept for JSON."""
        if not self.quiet and not self.as_json:
            write(sys.stdout, clean(text) + "\n")

    def answer(self, value: dict[str, Any]) -> None:
        """Give the JSON object; does nothing where text is wanted."""
        if self.as_json:
            write(sys.stdout, json.dumps(value) + "\n")

    def complain(self, text: str) -> None:
        """Say what is wrong, to standard error, as one paragraph."""
        line = clean(f"postwright: {text}")
        if is_terminal(sys.stderr):
            width = min(_WIDEST, shutil.get_terminal_size().columns)
            line = textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        write(sys.stderr, line + "\n")


def clean(text: str) -> str:
    """Return the text safe for a terminal: line ends stay, other control characters are escaped."""
    return "\n".join(printable(line) for line in text.split("\n"))


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a person sees what is written there."""
    return stream is not None and not stream.closed and stream.isatty()


def in_colour(stream: TextIO | None) -> bool:
    """Whether colours are wanted there (no-color.org)."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def write(stream: TextIO | None, text: str) -> None:
    """Write now, what the encoding lacks escaped; a stream that takes no more is silenced, as what happened has happened."""
    if stream is None or stream.closed:
        return
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
        stream.flush()
    except OSError as error:
        silence(stream)
        if stream is sys.stdout and not isinstance(error, BrokenPipeError):
            write(sys.stderr, f"postwright: standard output can't be written: {error.strerror}\n")


def silence(stream: TextIO) -> None:
    """Send what follows nowhere: otherwise Python complains about the rest of its buffer at the end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, stream.fileno())
    finally:
        os.close(nowhere)


def finish() -> None:
    """Flush both streams at the end of the program."""
    for stream in (sys.stdout, sys.stderr):
        write(stream, "")
