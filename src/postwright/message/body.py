"""A message's body: sources, one after the other, behind one interface, in sections that have events of their own."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from postwright.message.sources import Encoded, Memory, Source
from postwright.message.streams import FileSource
from postwright.wire.lines import CHUNK

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterable

_AT_HAND = (Memory, Encoded)

__all__ = ["Body", "Encoded", "FileSource", "Memory", "Source"]


class Body:
    """All of a message behind its headers: sources, in sections that begin and end with a transfer event each.

    Attributes:
        sections: ("text" or "file", the sources of it), in the order in which they are sent.
        sources: The sources of all sections.
    """

    __slots__ = ("_at", "sections", "sources")

    def __init__(self, sections: Iterable[tuple[str, tuple[Source, ...]]]) -> None:
        self.sections = tuple(sections)
        one = len(self.sections) == 1
        self.sources: tuple[Source, ...] = self.sections[0][1] if one else sum([part for _, part in self.sections], ())
        self._at = 0

    @property
    def size(self) -> int | None:
        """The octets of all, exactly or nearly; None while a part of it is unknown."""
        total = 0
        for source in self.sources:
            if source.size is None:
                return None
            total += source.size
        return total

    @property
    def eight_bit(self) -> bool | None:
        """Whether any part has octets above 127; None while that is unknown."""
        known: bool | None = False
        for source in self.sources:
            if source.eight_bit:
                return True
            known = None if source.eight_bit is None else known
        return known

    @property
    def blocking(self) -> bool:
        """Whether any part touches a disk."""
        return any(source.blocking for source in self.sources)

    @property
    def at_hand(self) -> bool:
        """Whether all of it is in memory, so that nothing is opened or closed."""
        sources = self.sources
        return isinstance(sources[0], _AT_HAND) if len(sources) == 1 else all(isinstance(s, _AT_HAND) for s in sources)

    @property
    def awaits(self) -> bool:
        """Whether any part is an asynchronous stream."""
        return any(source.awaits for source in self.sources)

    @property
    def repeatable(self) -> bool:
        """Whether the body can be sent once more."""
        return all(source.repeatable for source in self.sources)

    @property
    def whole(self) -> bytes | None:
        """The complete data where it is small and in memory: it can go out in one write with what is around it."""
        if len(self.sources) != 1:
            return None if self.sources else b""
        source = self.sources[0]
        return source.data if isinstance(source, Memory) and source.size <= CHUNK else None

    def open(self) -> None:
        """Open all parts, so that a file which can't be read is known before the mail begins.

        Raises:
            AttachedFileUnreadable: The AttachedFile can't be opened.
            FileUnreadable: Another file or stream can't be.
        """
        self._at = 0
        for source in self.sources:
            try:
                source.open()
            except BaseException:
                for opened in self.sources:
                    if not opened.awaits:
                        opened.close()
                raise

    def survey(self) -> None:
        """Look through all files to learn ``eight_bit`` (see ``FileSource.survey``).

        Raises:
            InvalidValue: A part has NUL or overlong lines, or can be read only once.
        """
        for source in self.sources:
            if isinstance(source, FileSource):
                source.survey()

    def read(self) -> bytes | Awaitable[bytes]:
        """Return the next chunk of all parts, one after the other; b"" at the end."""
        return self._read_later() if self.awaits else self._read_now()

    def _read_now(self) -> bytes:
        while self._at < len(self.sources):
            data = self.sources[self._at].read()
            assert isinstance(data, bytes)
            if data:
                return data
            self._at += 1
        return b""

    async def _read_later(self) -> bytes:
        while self._at < len(self.sources):
            answer = self.sources[self._at].read()
            data = answer if isinstance(answer, bytes) else await answer
            if data:
                return data
            self._at += 1
        return b""

    def close(self) -> Awaitable[None] | None:
        """Close all parts; one that can't be closed changes nothing of what became of the mail."""
        if self.awaits:
            return self._close_later()
        for source in self.sources:
            with suppress(Exception):
                source.close()
        return None

    async def _close_later(self) -> None:
        for source in self.sources:
            with suppress(Exception):
                closing = source.close()
                if closing is not None:
                    await closing
