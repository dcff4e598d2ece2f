"""What a server offers in its EHLO reply (RFC 5321 section 4.1.1.1)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.words import Reply


class Extensions:
    """The keywords of an EHLO reply and their parameters; names match in any case."""

    __slots__ = ("_rows",)

    def __init__(self, rows: dict[str, tuple[str, ...]] | None = None) -> None:
        self._rows = rows or {}

    @classmethod
    def of(cls, reply: Reply) -> Extensions:
        """Read the extensions from an EHLO reply; its first line is the server's own name."""
        return cls(_read(reply.lines[1:]))

    def __contains__(self, keyword: object) -> bool:
        return keyword in self._rows

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def parameters(self, keyword: str) -> tuple[str, ...]:
        """Return the parameters of an extension, or an empty tuple."""
        return self._rows.get(keyword, ())

    @property
    def size_limit(self) -> int | None:
        """The largest message the server takes, in octets; None where it sets no limit (RFC 1870)."""
        value = next(iter(self.parameters("SIZE")), "")
        if not (value.isascii() and value.isdigit() and len(value) <= 20):
            return None
        return int(value) or None

    @property
    def mechanisms(self) -> tuple[str, ...]:
        """The names of the SASL mechanisms offered, upper case, each once (RFC 4954)."""
        return tuple(dict.fromkeys(name.upper() for name in self.parameters("AUTH")))


@lru_cache(maxsize=64)
def _read(lines: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    """Return the keywords of some lines with their parameters: each server says the same on all connections."""
    rows: dict[str, tuple[str, ...]] = {}
    for line in lines:
        # Old servers write AUTH=LOGIN PLAIN beside or in place of AUTH LOGIN PLAIN.
        words = line.split()
        if line[:5].upper() == "AUTH=":
            words = ["AUTH", *line[5:].split()]
        if words:
            keyword = words[0].upper()
            rows[keyword] = (*rows.get(keyword, ()), *words[1:])
    return rows
