"""Spare files: what held a message that was sent is emptied, and used again for a new one.

Where many files were deleted a short while ago, a new one is slow to make: ext4 leaves the inodes of deleted files alone
for a minute, and looks past each of them every time. A queue that is worked off deletes as many files as it makes.

This module only says where a spare file may be. All processes guess: a wrong guess costs one call.
"""

from __future__ import annotations

import os

SPARE = ".spare"
COUNT = 1024
"""Spare files that a directory has at most."""

FEW = 64
"""Files that a process deletes before it keeps any: few do no harm, and a small queue stays tidy."""

_PATIENT, _RARE = 16, 8
"""After so many wrong guesses in a row, there is a guess only for one in so many new files."""


class Spares:
    """Where this process looks for spare files, and where it puts them.

    Threads may use it at the same time: the worst that comes of it is a guess more.
    """

    def __init__(self) -> None:
        self._there = self._free = os.getpid() % COUNT
        self._gone = self._missed = self._wanted = 0

    def one_goes(self) -> bool:
        """Note that a file goes; say whether it shall be kept, as so many go."""
        self._gone += 1
        return self._gone > FEW

    def likely(self) -> str | None:
        """Return the name of a file that may be there; None where it is not worth a call to find out."""
        self._wanted += 1
        if self._missed > _PATIENT and self._wanted % _RARE:
            return None
        return f".{self._there}{SPARE}"

    def found(self, *, there: bool) -> None:
        """Learn from the last guess: those that are there stand in rows, as they were put."""
        self._missed = 0 if there else self._missed + 1
        self._there = (self._there - 1 if there else 5 * self._there + 337) % COUNT  # this way all have their turn

    def free(self) -> str:
        """Return the name for one more spare file; who has it already is replaced."""
        self._missed = 0
        self._there = self._free = (self._free + 1) % COUNT
        return f".{self._free}{SPARE}"


spares = Spares()
