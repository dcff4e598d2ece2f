"""Where one of Java's serialized objects ends (Java Object Serialization Specification, chapter 6).

A keystore of type JCEKS keeps secret keys in this form, which has no length in front. Nothing in it is looked at, and
no class of that name is made: it is only passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.tls.octets import Cursor

_MAGIC = b"\xac\xed\x00\x05"
_NULL, _REFERENCE, _CLASS, _OBJECT, _STRING, _ARRAY, _BLOCK, _END = 0x70, 0x71, 0x72, 0x73, 0x74, 0x75, 0x77, 0x78
_FIRST_HANDLE = 0x7E0000
_OWN_WRITER, _EXTERNAL = 0x01, 0x04  # flags of a class: it writes more behind its fields; it writes nothing but its own
_SIZES = {"B": 1, "C": 2, "D": 8, "F": 4, "I": 4, "J": 8, "S": 2, "Z": 1}
_DEEPEST = 16


class _Class(NamedTuple):
    """What must be known of a class to pass over its objects."""

    name: str
    flags: int
    fields: str
    """The type of each field, as one letter."""
    parent: _Class | None

    @property
    def lineage(self) -> Iterator[_Class]:
        """The classes whose fields an object has, in the order in which they are written."""
        if self.parent is not None:
            yield from self.parent.lineage
        yield self


def skip(cursor: Cursor) -> None:
    """Move behind a stream that holds one object.

    Raises:
        ValueError: It is none, or of a form that no keystore has.
    """
    if cursor.take(4) != _MAGIC:
        raise ValueError("something else stands where a serialized object belongs")
    _Stream(cursor).content(0)


class _Stream:
    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._handles: list[_Class | None] = []
        """What later parts may refer to: a class, or anything else, which need not be known again."""

    def content(self, depth: int) -> int:
        """Pass over an object, a string or the like; return the tag it began with."""
        if depth > _DEEPEST:
            raise ValueError("serialized objects are nested too deep")
        tag = self._cursor.number(1)
        if tag == _REFERENCE:
            self._cursor.take(4)
        elif tag == _STRING:
            self._handles.append(None)
            self._cursor.string(2)
        elif tag == _BLOCK:
            self._cursor.string(1)
        elif tag == _ARRAY:
            self._array(depth)
        elif tag == _OBJECT:
            self._object(depth)
        elif tag not in {_NULL, _END}:
            raise ValueError(f"a serialized object has a part of the kind {tag:#x}")
        return tag

    def _array(self, depth: int) -> None:
        name = self._named(depth).name
        self._handles.append(None)
        count = self._cursor.number(4)
        if size := _SIZES.get(name[1:]):
            self._cursor.take(size * count)
        else:
            self._all(name[1:2], count, depth)

    def _object(self, depth: int) -> None:
        made = self._named(depth)
        self._handles.append(None)
        for each in made.lineage:
            if each.flags & _EXTERNAL:
                raise ValueError("a serialized object has a form of its own")
            for kind in each.fields:
                self._all(kind, 1, depth)
            if each.flags & _OWN_WRITER:
                self._annotations(depth)

    def _all(self, kind: str, count: int, depth: int) -> None:
        for _ in range(count):
            if kind in _SIZES:
                self._cursor.take(_SIZES[kind])
            else:
                self.content(depth + 1)

    def _annotations(self, depth: int) -> None:
        while self.content(depth + 1) != _END:
            pass

    def _named(self, depth: int) -> _Class:
        found = self._class(depth)
        if found is None:
            raise ValueError("a serialized object has no class")
        return found

    def _class(self, depth: int) -> _Class | None:
        tag = self._cursor.number(1)
        if tag == _NULL:
            return None
        if tag == _REFERENCE:
            number = self._cursor.number(4) - _FIRST_HANDLE
            if not 0 <= number < len(self._handles):
                raise ValueError("a serialized object refers to nothing")
            return self._handles[number]
        if tag != _CLASS:
            raise ValueError(f"a class of a serialized object is of the kind {tag:#x}")
        name = self._cursor.string(2).decode("utf-8", "replace")
        self._cursor.take(8)  # the class's version
        place = len(self._handles)
        self._handles.append(None)
        flags = self._cursor.number(1)
        fields = "".join(self._field(depth) for _ in range(self._cursor.number(2)))
        self._annotations(depth)
        found = _Class(name, flags, fields, self._class(depth + 1))
        self._handles[place] = found
        return found

    def _field(self, depth: int) -> str:
        kind = chr(self._cursor.number(1))
        self._cursor.string(2)
        if kind not in _SIZES:
            self.content(depth + 1)  # the name of its class
        return kind
