"""Content transfer encodings (RFC 2045 section 6): base64 and quoted-printable in lines that end with CRLF."""

from __future__ import annotations

import binascii
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

from postwright.lazy import pattern

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = 57
"""The octets that make one line of 76 characters (RFC 2045 section 6.8)."""

BLOCK = ROW * 750
"""The octets that are encoded at memory speed."""

_OVERFLOW = pattern(rb"(?m)^(.{74,75})(=20|=09)$")
_b64 = binascii.b2a_base64
_LITERAL = bytes(sorted({*b"\t\n", *range(32, 127)} - {*b"="}))


class Base64Lines:
    """Base64 in lines of 76 characters with CRLF (RFC 2045 section 6.8), chunk by chunk, at memory speed."""

    __slots__ = ("_rest",)

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """Return whole lines for the data so far."""
        if self._rest:
            data = self._rest + data
        whole = len(data) // ROW * ROW
        self._rest = data[whole:]
        return base64_lines(memoryview(data)[:whole])

    def finish(self) -> bytes:
        """Return the last line, which is shorter."""
        rest, self._rest = self._rest, b""
        return base64_lines(rest)


def base64_lines(data: bytes | memoryview) -> bytes:
    """Return complete data in base64, in lines of 76 characters, each with its CRLF.

    One precompiled Struct cuts up to 750 lines at once: no bytecode per line. That makes it several times faster than
    any way to do it line by line.
    """
    lines: list[bytes] = []
    if len(data) > BLOCK:
        data = memoryview(data)
        whole = len(data) // BLOCK * BLOCK
        for at in range(0, whole, BLOCK):
            lines += _cutter(BLOCK // ROW)(_b64(data[at : at + BLOCK], newline=False))
        data = data[whole:]
    tail = _b64(data, newline=False)
    full = len(tail) // 76
    lines += _cutter(full)(tail)
    lines += (tail[full * 76 :], b"") if len(tail) % 76 else (b"",)
    return b"\r\n".join(lines)


@lru_cache(maxsize=64)
def _cutter(lines: int) -> Callable[[bytes], tuple[bytes, ...]]:
    """Return what cuts so many lines of 76 characters."""
    return struct.Struct("76s" * lines).unpack_from


def quoted_printable(data: bytes) -> bytes:
    """Return text whose lines end with LF in quoted-printable, its lines ended by CRLF.

    Lines are at most 76 characters, trailing white space is encoded, so is a dot that stands alone on a line.
    """
    # Given LF, binascii writes LF for both kinds of line breaks, so that one replacement makes all of them CRLF.
    encoded = binascii.b2a_qp(data, istext=True)
    if data.endswith((b" ", b"\t")) or b" \n" in data or b"\t\n" in data:
        # It makes such a last character three, and does not look whether the line has room for them.
        encoded = _OVERFLOW.sub(rb"\1=\n\2", encoded)
    return encoded.replace(b"\n", b"\r\n")


def least_quoted(data: bytes) -> int:
    """Return how many octets ``quoted_printable`` makes of text at the least: three of each that must be encoded."""
    return len(data) + 2 * len(data.translate(None, _LITERAL))


def base64_size(octets: int) -> int:
    """Return how many octets base64 makes of so many, line ends included."""
    characters = (octets + 2) // 3 * 4
    return characters + (characters + 75) // 76 * 2
