"""Transparency: a dot that begins a line gets a second one, and the data ends with a dot alone (RFC 5321 4.5.2).

Works on canonical data (see ``lines``) in chunks of any cut: cuts between CR and LF, or between LF and dot, are where
mail libraries have lost or doubled dots.
"""

from __future__ import annotations

from postwright.errors import InvalidValue
from postwright.lazy import pattern

_LINE_DOT = pattern(rb"\n\.")
_STUFFED = pattern(rb"\r\n\.(?!\r\n)")


class Dots:
    """Stuff the dots of one message's data, chunk by chunk."""

    __slots__ = ("_at_line_start",)

    def __init__(self) -> None:
        # RFC 5321 4.1.1.4: the CRLF of the DATA command itself counts as the one before the first line.
        self._at_line_start = True

    def feed(self, data: bytes) -> bytes:
        """Return the next chunk as it goes over the wire."""
        if not data:
            return b""
        first = self._at_line_start and data[0] == 46
        self._at_line_start = data[-1] == 10
        if b"." not in data:  # as in all base64, and found out at memory speed
            return data
        # This pattern, without look-behind and without ^, is the only one that runs at memory speed.
        data = _LINE_DOT.sub(b"\n..", data)
        return b"." + data if first else data

    def finish(self) -> bytes:
        """Return what ends the data: the dot alone, after a CRLF where the data has none at its end."""
        return b".\r\n" if self._at_line_start else b"\r\n.\r\n"


def unstuff(data: bytes) -> bytes:
    """Return what a server stores for complete stuffed data, its end included (RFC 5321 section 4.5.2)."""
    whole = b"\r\n" + data
    if whole.find(b"\r\n.\r\n") != len(whole) - 5:
        raise InvalidValue("the data does not end with its first line of a single dot")
    return _STUFFED.sub(b"\r\n", whole[:-3])[2:]
