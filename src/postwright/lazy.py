"""What is loaded and made when it is first used: the import of a class needs little of what its methods need.

Type checkers see the real thing, see how ``room`` and ``pattern`` are used; what is used often costs nothing more.
"""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any


class Room:
    """A module that is loaded when something of it is first used.

    Args:
        name: Its full name.
    """

    def __init__(self, name: str) -> None:
        self.__name__ = name

    def __getattr__(self, name: str) -> Any:
        __import__(self.__name__)  # the importlib package would be another module to load
        value = getattr(sys.modules[self.__name__], name)
        setattr(self, name, value)  # the next time it is an attribute like any other
        return value


class Compiled:
    """The methods of a regular expression."""

    __slots__ = ("_flags", "_text", "findall", "finditer", "fullmatch", "match", "search", "split", "sub")


class Lazy(Compiled):
    """A regular expression that is compiled when one of its methods is first used."""

    __slots__ = ()

    def __init__(self, text: str | bytes, flags: int) -> None:
        self._text = text
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        compiled = re.compile(self._text, self._flags)
        for method in Compiled.__slots__[2:]:
            setattr(self, method, getattr(compiled, method))
        # A class with __getattr__ is asked for each attribute in a slow way, also for those that are there.
        self.__class__ = Compiled  # type: ignore[assignment]  # the same slots
        return getattr(compiled, name)


if TYPE_CHECKING:
    pattern = re.compile
else:

    def pattern(text: str | bytes, flags: int = 0) -> Lazy:
        """Return a regular expression that is compiled when it is first used."""
        return Lazy(text, flags)
