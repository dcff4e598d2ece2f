"""The dialogue, line by line, on standard error or in a file; secrets are masked where it is made."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.cli.screen import in_colour, write
from postwright.enums import Direction

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self, TextIO

    from postwright.component.smtp import SMTP
    from postwright.events import PITrail

ARROWS = {Direction.CLIENT: "->", Direction.SERVER: "<-", Direction.INFO: "**"}
_COLOURS = {Direction.CLIENT: "36", Direction.SERVER: "32", Direction.INFO: "2"}
_REFUSAL = "31"


class Trail:
    """Writes the trail of one client while it is open.

    Args:
        smtp: The client.
        path: The file; "-" is standard error, None is nowhere.
    """

    def __init__(self, smtp: SMTP, path: str | None) -> None:
        self._file: TextIO | None = None
        self._start = time.monotonic()
        self._failed = ""
        if path is None:
            return
        if path != "-":
            try:
                self._file = open(path, "w", encoding="utf-8", errors="backslashreplace", buffering=1)  # noqa: SIM115
            except OSError as error:
                raise Problem(
                    f"{path} can't be written: {error.strerror}. Nothing was sent.", Exit.CANT_CREATE
                ) from None
        smtp.on_pi_trail = self._line

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is not None:
            try:
                self._file.close()
            except OSError as problem:
                self._failed = self._failed or str(problem.strerror)
        if self._failed:
            write(sys.stderr, f"postwright: the transcript is not complete: {self._failed}\n")

    def _line(self, event: PITrail) -> None:
        text = f"{time.monotonic() - self._start:7.3f} {ARROWS[event.direction]} {event.message}"
        if self._file is None:
            write(sys.stderr, (_painted(event, text) if in_colour(sys.stderr) else text) + "\n")
            return
        try:
            self._file.write(text + "\n")
        except OSError as problem:  # a full disk must not end a mail on its way
            self._failed = str(problem.strerror)


def _painted(event: PITrail, text: str) -> str:
    refusal = event.direction is Direction.SERVER and event.message[:1] in {"4", "5"}
    return f"\x1b[{_REFUSAL if refusal else _COLOURS[event.direction]}m{text}\x1b[0m"
