"""Java's serialized objects: each ends where the next thing begins, and what is none ends in an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from postwright.tls.javaobjects import skip
from postwright.tls.octets import Cursor

MAGIC = bytes.fromhex("aced0005")


def utf(text: str) -> bytes:
    return len(text).to_bytes(2, "big") + text.encode()


def described(name: str, fields: bytes = b"", count: int = 0, flags: int = 2, parent: bytes = b"p") -> bytes:
    """A class: what it is called, its version, flags, fields, nothing annotated, and the class above it."""
    return b"r" + utf(name) + bytes(8) + bytes([flags]) + count.to_bytes(2, "big") + fields + b"x" + parent


def text(value: str) -> bytes:
    return b"t" + utf(value)


BYTES = described("[B")
ABOVE = described("Above", b"I" + utf("number"), 1)
MANY = b"".join(kind + utf(kind.decode().lower()) for kind in (b"B", b"C", b"D", b"F", b"I", b"J", b"S", b"Z"))
OBJECTS = {
    "nothing": b"p",
    "a string": text("hush"),
    "an array of bytes": b"u" + BYTES + (3).to_bytes(4, "big") + b"abc",
    "an array of strings": b"u" + described("[Ljava.lang.String;") + (2).to_bytes(4, "big") + text("a") + text("b"),
    "an array of arrays": b"u" + described("[[B") + (1).to_bytes(4, "big") + b"u" + BYTES + bytes(4),
    "an empty object": b"s" + described("Empty"),
    "numbers of all sizes": b"s" + described("Many", MANY, 8) + bytes(1 + 2 + 8 + 4 + 4 + 8 + 2 + 1),
    "fields of the class above first": b"s"
    + described("Below", b"L" + utf("name") + text("LString;"), 1, parent=ABOVE)
    + bytes(4)
    + text("x"),
    "more than its fields": b"s" + described("Writer", flags=3) + b"w\x03abc" + text("more") + b"x",
    "a class for the second time": b"u"
    + described("[LA;")
    + (2).to_bytes(4, "big")
    + b"s"
    + described("A")
    + b"sq\x00\x7e\x00\x02",
    "an object for the second time": b"u"
    + described("[LA;")
    + (2).to_bytes(4, "big")
    + text("a")
    + b"q\x00\x7e\x00\x02",
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_the_end_is_found(kind: str) -> None:
    cursor = Cursor(MAGIC + OBJECTS[kind] + b"next")
    skip(cursor)
    assert cursor.take(4) == b"next"
    for cut in range(len(OBJECTS[kind]) + 4):
        with pytest.raises(ValueError, match="in the middle of a value"):
            skip(Cursor((MAGIC + OBJECTS[kind])[:cut]))


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"not even the magic", "something else stands"),
        (MAGIC + b"?", "a part of the kind 0x3f"),
        (MAGIC + b"sp", "has no class"),
        (MAGIC + b"st", "is of the kind 0x74"),
        (MAGIC + b"sq\x00\x7e\x00\x00", "refers to nothing"),
        (MAGIC + b"s" + described("Own", flags=4), "a form of its own"),
        (MAGIC + b"s" + b"".join(described("A")[:-1] for _ in range(40)), "nested too deep"),
        (MAGIC + (b"u" + described("[[A") + (1).to_bytes(4, "big")) * 40, "nested too deep"),
    ],
)
def test_what_no_keystore_has_is_an_error(data: bytes, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        skip(Cursor(data))


@given(some.binary(max_size=200))
def test_noise_ends(noise: bytes) -> None:
    for start in (MAGIC, MAGIC + b"s", MAGIC + b"u" + BYTES):
        try:
            skip(Cursor(start + noise))
        except ValueError:
            continue
