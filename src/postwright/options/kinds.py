"""Kinds of values: what each takes, how it is read from text and how it is shown.

A kind never says which option it serves; it gets the option's name for its error messages, and it never puts a secret
into one.
"""

from __future__ import annotations

import operator
import re
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from postwright import errors

if TYPE_CHECKING:
    from enum import IntEnum

T = TypeVar("T")
S = TypeVar("S")
E = TypeVar("E", bound="IntEnum")

CONTROLS: Final = frozenset([*map(chr, range(32)), "\x7f"])
"""NUL, CR, LF, the other C0 controls and DEL: a line that holds one could start a new command or header."""

_LONGEST_QUOTE = 60


class Kind(ABC, Generic[T, S]):
    """What an option takes and gives: T is what reading gives, S what may be assigned.

    Attributes:
        python: The Python type, in words for the documentation.
        allowed: What is allowed, in words for errors and documentation.
        secret: Whether values must not be shown.
    """

    python: str = "str"
    allowed: str = "a text"
    secret: bool = False

    @abstractmethod
    def check(self, name: str, value: object) -> T:
        """Return the value as it is kept, or raise what is wrong with it."""

    def parse(self, name: str, text: str) -> T:
        """Return the value that a configuration string means."""
        return self.check(name, text)

    def show(self, value: T) -> str:
        """Return the value as a configuration string."""
        return str(value)

    def refuse(self, name: str, value: object) -> errors.InvalidValue:
        """Return the error for a value that is not allowed."""
        return errors.InvalidValue(f"{name} is {self.quote(value)}; allowed is {self.allowed}")

    def quote(self, value: object) -> str:
        """Return the value for an error message or a repr; secrets are not in it."""
        if self.secret:
            return "(hidden)"
        if isinstance(value, int | float | str | None):
            text = repr(value)
            return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."
        return f"of type {type(value).__name__}"


class Boolean(Kind[bool, bool]):
    """True or False."""

    python = "bool"
    allowed = "True or False"

    def check(self, name: str, value: object) -> bool:
        """Take booleans, and the numbers 0 and 1."""
        if isinstance(value, int) and value in (0, 1):
            return bool(value)
        raise self.refuse(name, value)

    def parse(self, name: str, text: str) -> bool:
        """Take True, False, 1, 0, Yes and No in any case."""
        word = text.strip().casefold()
        if word in ("true", "1", "yes"):
            return True
        if word in ("false", "0", "no"):
            return False
        raise errors.InvalidValue(f"{name} is {self.quote(text)}; allowed is True, False, 1, 0, Yes or No")


def _whole(value: object) -> int | None:
    """Return the value if it is a whole number; a boolean is none, it would be a slip."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)  # type: ignore[arg-type]  # that is what is tried here
    except TypeError:
        return None


def _number(text: str) -> int | None:
    word = text.strip()
    try:
        return int(word, 16) if word[:2] in ("0x", "0X") else int(word)
    except ValueError:
        return None


class Integer(Kind[int, int]):
    """A whole number between bounds.

    Args:
        low: The smallest allowed.
        high: The largest allowed; None for no bound.
        unit: What is counted, for the documentation.
        error: What to raise for other values.
    """

    python = "int"

    def __init__(
        self,
        low: int = 0,
        high: int | None = None,
        unit: str = "",
        error: type[errors.UsageError] = errors.InvalidValue,
    ) -> None:
        self.low = low
        self.high = high
        self.unit = unit
        self.error = error
        of = f" of {unit}" if unit else ""
        self.allowed = (
            f"a whole number{of} from {low} on" if high is None else f"a whole number{of} from {low} to {high}"
        )

    def check(self, name: str, value: object) -> int:
        """Take whole numbers within the bounds."""
        number = _whole(value)
        if number is None or number < self.low or (self.high is not None and number > self.high):
            # Classes with a number of their own have the allowed range in their summary.
            raise self.refuse(name, value) if self.error is errors.InvalidValue else self.error(self.quote(value))
        return number

    def parse(self, name: str, text: str) -> int:
        """Take digits; 0x begins a hexadecimal number."""
        number = _number(text)
        return self.check(name, text if number is None else number)


class OptionalInteger(Kind["int | None", "int | None"]):
    """A whole number, or None for "as the system does it"; None is the empty string in configuration strings."""

    python = "int or None"

    def __init__(self, low: int = 0, high: int | None = None, unit: str = "") -> None:
        self.whole = Integer(low, high, unit)
        self.unit = unit
        self.allowed = f"{self.whole.allowed}, or None (empty) for unset"

    def check(self, name: str, value: object) -> int | None:
        """Take None and whole numbers within the bounds."""
        try:
            return None if value is None else self.whole.check(name, value)
        except errors.InvalidValue:
            raise self.refuse(name, value) from None

    def parse(self, name: str, text: str) -> int | None:
        """Take digits, or nothing."""
        number = _number(text)
        return self.check(name, (text if number is None else number) if text.strip() else None)

    def show(self, value: int | None) -> str:
        """Show None as the empty string."""
        return "" if value is None else str(value)


class Flags(Integer):
    """A sum of bits; ``hexadecimal`` says how it is shown."""

    def __init__(self, bits: int, allowed: str, *, hexadecimal: bool = False) -> None:
        super().__init__(0, None)
        self.bits = bits
        self.allowed = allowed
        self.hexadecimal = hexadecimal

    def check(self, name: str, value: object) -> int:
        """Take sums of the known bits."""
        number = super().check(name, value)
        if number & ~self.bits:
            raise self.refuse(name, value)
        return number

    def show(self, value: int) -> str:
        """Show the bits as the option is usually written."""
        return f"0x{value:x}" if self.hexadecimal else str(value)


class Enumeration(Kind[E, int]):
    """One member of an IntEnum; plain numbers are taken, members are given."""

    def __init__(self, members: type[E]) -> None:
        self.members = members
        self.python = members.__name__
        self.allowed = ", ".join(f"{int(m)} {m.name}" for m in members)

    def check(self, name: str, value: object) -> E:
        """Take the members and their numbers."""
        number = _whole(value)
        try:
            if number is not None:
                return self.members(number)
        except ValueError:
            pass
        raise self.refuse(name, value)

    def parse(self, name: str, text: str) -> E:
        """Take the number of a member."""
        number = _number(text)
        return self.check(name, text if number is None else number)

    def show(self, value: E) -> str:
        """Show the number."""
        return str(int(value))


class Text(Kind[str, str]):
    """A text; which control characters may stand in it differs.

    Args:
        allowed: What is allowed, in words.
        free: The control characters that may stand in it; None for all.
        secret: Whether it must not be shown.
        path: Whether it names files, whose names may hold undecodable bytes (PEP 383).
    """

    def __init__(self, allowed: str, free: str | None, *, secret: bool = False, path: bool = False) -> None:
        self.allowed = allowed
        self.secret = secret
        self.path = path
        self.free = free
        forbidden = "" if free is None else "".join(sorted(CONTROLS.difference(free)))
        self.forbidden = re.compile(f"[{re.escape(forbidden)}]") if forbidden else None

    def check(self, name: str, value: object) -> str:
        """Take texts without forbidden characters."""
        if not isinstance(value, str):
            raise errors.InvalidValue(f"{name} is of type {type(value).__name__}; allowed is {self.allowed}")
        if self.forbidden is not None and not value.isprintable() and (bad := self.forbidden.search(value)):
            raise errors.ForbiddenCharacter(
                f"{name} has U+{ord(bad[0]):04X} at {bad.start()}; allowed is {self.allowed}"
            )
        if not (self.path or value.isascii()):
            try:
                value.encode()
            except UnicodeEncodeError as error:
                raise errors.InvalidValue(f"{name} has half a character (a surrogate) at {error.start}") from None
        return str(value)


class Choice(Kind[str, str]):
    """One of a few words, in any case; the empty word is shown as such."""

    def __init__(self, *words: str) -> None:
        self.words = words
        self.allowed = ", ".join(repr(word) for word in words)

    def check(self, name: str, value: object) -> str:
        """Take the words, and give them as they are listed."""
        if isinstance(value, str):
            for word in self.words:
                if value.casefold() == word.casefold():
                    return word
            if not CONTROLS.isdisjoint(value):
                raise errors.ForbiddenCharacter(f"{name} is {self.quote(value)}; allowed is {self.allowed}")
        raise self.refuse(name, value)

    def parse(self, name: str, text: str) -> str:
        """Take the words, with blanks around them."""
        return self.check(name, text.strip(" \t"))


class Bytes(Kind[bytes, "bytes | bytearray | memoryview | str"]):
    """Bytes; a text is taken as UTF-8."""

    python = "bytes"
    allowed = "bytes, or a text that is taken as UTF-8"

    def check(self, name: str, value: object) -> bytes:
        """Take anything that is bytes, and texts."""
        if isinstance(value, bytes):
            return value
        if isinstance(value, bytearray | memoryview):
            return bytes(value)
        if isinstance(value, str):
            try:
                return value.encode()
            except UnicodeEncodeError:
                raise errors.InvalidValue(f"{name} has a character that UTF-8 can't carry") from None
        raise self.refuse(name, value)

    def show(self, value: bytes) -> str:
        """Show UTF-8 as text; other bytes stand as backslash escapes."""
        return value.decode(errors="backslashreplace")

    def quote(self, value: object) -> str:
        """Tell the length only: bytes may be keys."""
        return f"{len(value)} bytes" if isinstance(value, bytes) else super().quote(value)


class SecretBytes(Bytes):
    """Bytes that may be a private key."""

    secret = True

    def quote(self, value: object) -> str:
        """Show nothing."""
        return Kind.quote(self, value)


BOOLEAN = Boolean()
PORT = Integer(0, 65535)
SECONDS = Integer(0, 10**6, "seconds")
MILLISECONDS = Integer(0, 10**9, "milliseconds")
_LINE = "a text of one line, without control characters"
_LINES = "lines of text, with CR, LF and tab as the only control characters"
TEXT = Text("a text", None)
LINE = Text(_LINE, "")
LINES = Text(_LINES, "\r\n\t")
PATH = Text("a path, without control characters", "", path=True)
PATHS = Text("paths, separated by semicolons, without control characters", "", path=True)
SECRET = Text(_LINE, "", secret=True)
SECRET_LINES = Text(_LINES, "\r\n\t", secret=True)
BYTES = Bytes()
