"""How the binary formats of certificate stores are read: a length before each value, and never beyond the end.

Whatever is wrong with the data is a ``ValueError``; the time taken is bounded by the length of the data.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SEQUENCE, OCTETS, INTEGER, OID = 0x30, 0x04, 0x02, 0x06

_DEEPEST = 32  # no store nests deeper than half of this


def from_base64(text: bytes) -> bytes:
    """Return the bytes that base64 stands for, which may be broken into lines."""
    try:
        return base64.b64decode(b"".join(text.split()), validate=True)
    except binascii.Error:
        raise ValueError("there is something else where base64 belongs") from None


class Cursor:
    """A place in bytes that only moves forward: Java's and SSH's formats.

    Args:
        data: The bytes to read, from their beginning.
    """

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, count: int) -> bytes:
        """Return the next bytes."""
        if count > len(self.data) - self.at:
            raise ValueError(f"it ends at byte {len(self.data)}, in the middle of a value")
        self.at += count
        return self.data[self.at - count : self.at]

    def number(self, size: int) -> int:
        """Return a big-endian number of that many bytes."""
        return int.from_bytes(self.take(size), "big")

    def string(self, size: int = 4) -> bytes:
        """Return a value that follows its length; ``size`` is the size of the length."""
        return self.take(self.number(size))

    def mpint(self) -> int:
        """Return a positive number as SSH writes it (RFC 4251 section 5)."""
        return int.from_bytes(self.string(), "big")


class Node(NamedTuple):
    """One value of DER or BER."""

    tag: int
    content: bytes
    whole: bytes
    """The value with its tag and its length."""


def node(data: bytes, at: int = 0, depth: int = 0) -> Node:
    """Return the value that begins at ``at``; indefinite lengths, which some stores have, are understood."""
    head = data[at : at + 2]
    if len(head) < 2 or head[0] & 0x1F == 0x1F:
        raise ValueError(f"there is no value at byte {at}")
    start, length = at + 2, head[1]
    if length == 0x80:
        return _indefinite(data, at, depth)
    if length > 0x80:
        size = length & 0x7F
        length = int.from_bytes(data[start : start + size], "big")
        start += size
    if length > len(data) - start:
        raise ValueError(f"the value at byte {at} is cut short")
    return Node(head[0], data[start : start + length], data[at : start + length])


def _indefinite(data: bytes, at: int, depth: int) -> Node:
    inside = at + 2
    if depth > _DEEPEST or not data[at] & 0x20:
        raise ValueError(f"the value at byte {at} has no end")
    while data[inside : inside + 2] != b"\0\0":
        inside += len(node(data, inside, depth + 1).whole)
    return Node(data[at], data[at + 2 : inside], data[at : inside + 2])


def nodes(content: bytes) -> list[Node]:
    """Return the values that follow one another in the content of a SEQUENCE, SET or tagged value."""
    found, at = [], 0
    while at < len(content):
        found.append(node(content, at))
        at += len(found[-1].whole)
    return found


def expect(value: Node, tag: int) -> list[Node]:
    """Return what is inside a value, which must have that tag."""
    if value.tag != tag:
        raise ValueError(f"a value of kind {value.tag:#x} stands where {tag:#x} belongs")
    return nodes(value.content)


def octets(value: Node) -> bytes:
    """Return the content of an OCTET STRING, which BER may cut into pieces."""
    if value.tag == OCTETS | 0x20:
        return b"".join(octets(part) if part.tag != OCTETS else part.content for part in nodes(value.content))
    if value.tag != OCTETS:
        raise ValueError("bytes are missing where bytes belong")
    return value.content


def walk(data: bytes, depth: int = 0) -> Iterator[Node]:
    """Yield every value in ``data``, also those inside of OCTET STRINGs; what can't be read is passed over."""
    try:
        found = nodes(data)
    except ValueError:
        return
    for value in found:
        yield value
        if depth < _DEEPEST and (value.tag & 0x20 or (value.tag == OCTETS and value.content[:1] == b"\x30")):
            yield from walk(value.content, depth + 1)
