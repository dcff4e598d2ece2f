"""Line ends: every CR, LF and CRLF of what the user gives becomes one CRLF, whatever the chunks it comes in.

A lone CR or LF inside a message is how mail is smuggled past a server (it sees one message, the next one two), so no
byte of a user reaches the wire without passing here. What this module must never do: keep more than one bit of the
data between two chunks, or give another result for another split.
"""

from __future__ import annotations

from io import IncrementalNewlineDecoder

from postwright.errors import InvalidValue

LIMIT = 998
"""The longest line in octets, its CRLF not counted (RFC 5322 section 2.1.1, RFC 5321 section 4.5.3.1.6)."""

CHUNK = 122 * 1024
"""The octets of a body that are best worked on at once.

Less than 128 KiB, above which glibc maps and unmaps each buffer, a page fault for every 4 KiB; few enough for the
processor's second cache; and no multiple of 4 KiB, or a buffer and its copy behind it would lie at the same place in
their pages, which makes copying ten times slower.
"""

_CRLF_AT_MOST = (None, "\r\n")


class LineEnds:
    """Make the line ends of a stream canonical, CRLF, and take note of what a transport wants to know of it.

    Args:
        strict: Raise as soon as a line is longer than ``limit``.
        limit: The longest line in octets, its CRLF not counted.
        nul: Let NUL pass; only BINARYMIME (RFC 3030) may carry it.

    Attributes:
        eight_bit: Whether an octet above 127 was seen (RFC 6152 calls that 8-bit data); once it is True nobody looks.
        overlong: The length of the longest line among those over ``limit``; 0 while there is none.
    """

    __slots__ = ("_column", "_cr", "_limit", "_nul", "_strict", "eight_bit", "overlong")

    def __init__(self, *, strict: bool = False, limit: int = LIMIT, nul: bool = False) -> None:
        self.eight_bit = False
        self.overlong = 0
        self._strict = strict
        self._limit = limit
        self._nul = nul
        self._cr = False
        self._column = 0

    def feed(self, data: bytes) -> bytes:
        """Return the next chunk with its line ends made CRLF; a chunk that is canonical comes back as it is."""
        if not data:
            return b""
        return self._chunk(data) if len(data) <= CHUNK else self._chunks(data)

    def _chunks(self, data: bytes) -> bytes:
        changed: list[bytes] = []
        at = done = 0
        while at < len(data):
            end = min(at + CHUNK, len(data))
            if end < len(data) and data[end - 1] == 13:
                end -= 1  # a CRLF that is cut would be written in another way, to the same effect
            chunk = data[at:end]
            out = self._chunk(chunk)
            if out is not chunk:
                changed += (data[done:at], out)
                done = end
            at = end
        return b"".join([*changed, data[done:]]) if changed else data

    def _chunk(self, data: bytes) -> bytes:
        if not self.eight_bit and not data.isascii():
            self.eight_bit = True
        if not self._nul and b"\0" in data:
            raise InvalidValue("the message has a NUL octet, which only BINARYMIME can carry")
        if self._cr and data[:1] == b"\n":  # the CRLF was written when its CR came
            data = data[1:]
            if not data:
                self._cr = False
                return b""
        self._cr = data[-1] == 13
        if self._is_ruled(data):
            return data
        data = canonical(data)
        self._measure(data)
        return data

    def finish(self) -> bytes:
        """Return what is still to come at the end of the stream, which is nothing: no byte is ever held back."""
        self._cr = False
        return b""

    def _is_ruled(self, data: bytes) -> bool:
        """Whether the data is canonical with lines of one length, as base64 is: proven in one pass instead of three.

        CRs and LFs stand at the same distance all along, and there are no others.
        """
        first = data.find(b"\n")
        width = data.find(b"\n", first + 1) - first
        if first < 1 or not 1 < width <= self._limit + 2 or self._column + first - 1 > self._limit:
            return False
        if data[first + 2 * width : first + 2 * width + 1] not in (b"\n", b""):  # other text shows itself here
            return False
        ends = data[first::width]
        count = len(ends)
        if ends != b"\n" * count or data[first - 1 :: width][:count] != b"\r" * count:
            return False
        rest = bytearray(data)  # with the line ends in their places blotted out there may be no other
        blank = bytes(count)
        rest[first::width] = blank
        rest[first - 1 : first + (count - 1) * width : width] = blank
        if b"\r" in rest or b"\n" in rest:
            return False
        self._column = len(data) - (first + (count - 1) * width + 1)
        return True

    def _measure(self, data: bytes) -> None:
        """Look for overlong lines by leaps of the limit, so that ordinary text costs one look in a thousand octets."""
        start = 0
        if self._column:  # the line that an earlier chunk began
            end = data.find(b"\n")
            if end < 0:
                self._column += len(data)
                self._judge(self._column)
                return
            self._judge(self._column + end - 1)
            start = end + 1
        while (start := _overlong(data, start, self._limit)) >= 0:
            end = data.find(b"\n", start)
            if end < 0:
                break
            self._judge(end - 1 - start)
            start = end + 1
        self._column = len(data) - (data.rfind(b"\n") + 1)
        self._judge(self._column)

    def _judge(self, length: int) -> None:
        if length > self._limit:
            self.overlong = max(self.overlong, length)
            if self._strict:
                raise InvalidValue(f"a line of the message is longer than {self._limit} octets")


def whole(data: bytes) -> bytes:
    """Return a complete message with each CR, LF and CRLF made one CRLF.

    A small one that is canonical already, as most are, comes back as it is after the fewest looks.

    Raises:
        InvalidValue: It has a NUL, or a line that is longer than mail may have.
    """
    if len(data) <= CHUNK and 0 not in data and data[-2:] == b"\r\n":
        decoder = IncrementalNewlineDecoder(None, False)
        decoder.decode(str(data, "latin-1"))
        if decoder.newlines == "\r\n" and _overlong(data, 0, LIMIT) < 0:
            return data
    return LineEnds(strict=True).feed(data)


def canonical(data: bytes) -> bytes:
    """Return complete data with each CR, LF and CRLF made one CRLF; data that is canonical comes back as it is."""
    if b"\r" not in data:
        return data.replace(b"\n", b"\r\n")
    if _only_crlf(data):
        return data + b"\n" if data.endswith(b"\r") else data
    return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").replace(b"\n", b"\r\n")


def _only_crlf(data: bytes) -> bool:
    """Whether every line end is CRLF; a CR that the data ends with may be half of one.

    The decoder that text files use notes the kinds of line ends it meets, in one pass over the octets.
    """
    decoder = IncrementalNewlineDecoder(None, translate=False)
    view = memoryview(data)
    for at in range(0, len(data), CHUNK):
        decoder.decode(str(view[at : at + CHUNK], "latin-1"))
        if decoder.newlines not in _CRLF_AT_MOST:
            return False
    return True


def fits(data: bytes, limit: int = LIMIT) -> bool:
    """Whether no line of canonical data is longer than it may be."""
    return len(data) <= limit or (_overlong(data, 0, limit) < 0 and len(data) - (data.rfind(b"\n") + 1) <= limit)


def _overlong(data: bytes, start: int, limit: int) -> int:
    """Return where the next line begins that does not end within the limit; -1 when there is none.

    It goes by leaps of the limit, so that ordinary text costs one look in a thousand octets. A last line without its
    end counts only when it is longer than the limit by more than the two octets of a line end.
    """
    leap = limit + 2
    last = len(data) - leap
    rfind = data.rfind
    while start <= last:
        end = rfind(b"\n", start, start + leap)
        if end < 0:
            return start
        start = end + 1
    return -1
