"""The reader of replies: bytes in, replies out, one strict grammar, hard limits.

It owns the bytes that arrived and were not yet understood. It never waits, and it never guesses: what is not a reply
in the sense of RFC 5321 section 4.2 is an error, and so is more than a reply may hold, so that a hostile server can
neither fill the memory nor have two answers taken for one.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from postwright.errors import MalformedReply, ReplyTooLong, SMTPError
from postwright.lazy import pattern
from postwright.words import Reply, printable

if TYPE_CHECKING:
    from postwright.wire.veil import Veil

MAX_REPLY = 128 * 1024
"""Octets of one whole reply; EXPN of a long list is the largest honest one."""

MAX_LINES = 2000
"""Lines of one reply."""

MAX_UNREAD = 1024 * 1024 + 65536
"""Octets that may wait: the replies to a group of two thousand commands come all at once."""

_SHOWN = 120  # characters of what is no reply
_SHORT = 512  # octets, the most that RFC 5321 section 4.5.3.1.5 lets a line have
_USUAL = 2048
_LINES = pattern(rb"([2-5][0-5][0-9])-[^\r\n\0]{0,500}\r\n(?:\1-[^\r\n\0]{0,500}\r\n)*\1(?: [^\r\n\0]{0,500})?\r\n")
_ONE_LINE = pattern(rb"[2-5][0-5][0-9](?: [^\r\n\0]{0,500})?")
_known: dict[bytes, Reply] = {}  # most servers say the same few things all the time
_MOST_KNOWN = 1024

_FIRST = frozenset(b"2345")
_SECOND = frozenset(b"012345")
_DIGITS = frozenset(b"0123456789")


class ReplyReader:
    """Turns the server's bytes into replies.

    Args:
        max_line: The longest line taken, in octets without its line end (the MaxLineLength setting; RFC 5321 section
            4.5.3.1.5 lets a server use 512).
    """

    __slots__ = ("_code", "_data", "_fault", "_lines", "_octets", "_scanned", "max_line", "veil")

    def __init__(self, max_line: int = 2048) -> None:
        self.max_line = max_line
        self.veil: Veil | None = None
        """What is hidden in replies and in error texts."""
        self._data = bytearray()
        self._scanned = 0  # no line end before this index
        self._lines: list[str] = []
        self._code = 0
        self._octets = 0
        self._fault: SMTPError | None = None

    @property
    def empty(self) -> bool:
        """Whether nothing is left over, neither a reply nor a part of one."""
        return not self._data and not self._lines and self._fault is None

    @property
    def leftover(self) -> str:
        """The bytes that are not understood yet, as they may be shown."""
        return shown(bytes(self._data[: self.max_line]), self.veil)

    def feed(self, data: bytes) -> None:
        """Take bytes that arrived.

        Raises:
            ReplyTooLong: There is more unread than any replies may hold: the server talks without being asked.
        """
        self._data += data
        if len(self._data) > MAX_UNREAD:
            raise ReplyTooLong(f"over {MAX_UNREAD} octets wait unread")

    def next(self) -> Reply | None:
        """Return the next whole reply, or None while it is not complete.

        Raises:
            MalformedReply: The bytes are not a reply.
            ReplyTooLong: A line or the reply is too long.
        """
        if self._fault is not None:
            raise self._fault
        if self._data[3:4] == b"-" and not self._lines and self.max_line >= _SHORT:
            known = _several_lines(bytes(self._data)) if len(self._data) <= _USUAL else None
            if known is not None:
                self._data.clear()
                self._scanned = 0
                return known if self.veil is None else self.veil.over(known)
        try:
            return self._next()
        except MalformedReply as error:
            if self.veil is not None:
                error.__traceback__ = None  # its frames hold the line
            raise

    def _next(self) -> Reply | None:
        data = self._data
        while (end := data.find(b"\n", self._scanned)) >= 0:
            if end > self.max_line + 1:
                raise ReplyTooLong(f"a line of over {self.max_line} octets (the MaxLineLength setting)")
            line = bytes(data[: end - 1] if end and data[end - 1] == 13 else data[:end])
            del data[: end + 1]
            self._scanned = 0
            if not self._lines and (known := _known.get(line) or _learned(line)) is not None:
                return known if self.veil is None else self.veil.over(known)
            reply = self._line(line)
            if reply is not None:
                return reply
        self._scanned = len(data)
        if len(data) > self.max_line + 1:
            raise ReplyTooLong(f"a line of over {self.max_line} octets (the MaxLineLength setting)")
        return None

    def several(self, more: bytes = b"") -> list[Reply]:
        """Return all replies that are complete; short one-line replies, the usual case, are taken all at once.

        Args:
            more: Bytes that arrived, as for ``feed``.

        Raises:
            MalformedReply: The next bytes are not a reply.
            ReplyTooLong: A line or the reply is too long, or there is too much unread.
        """
        data = self._data
        replies: list[Reply] = []
        if not self._lines and self._fault is None and self.max_line >= _SHORT:
            if data:
                more = bytes(data) + more
                data.clear()
                self._scanned = 0
            lines = more.split(b"\r\n")
            more = lines.pop()
            for line in lines:
                known = _known.get(line) or _learned(line)
                if known is None:
                    more = b"\r\n".join((*lines[len(replies) :], more))
                    break
                replies.append(known)
            if self.veil is not None:
                replies = list(map(self.veil.over, replies))
        if more:
            self.feed(more)
        elif not data and self._fault is None:
            return replies
        if self._fault is not None:
            raise self._fault
        try:
            while (reply := self.next()) is not None:
                replies.append(reply)
        except SMTPError as fault:
            if not replies:
                raise
            self._fault = fault  # what was said before it counts
        return replies

    def _line(self, line: bytes) -> Reply | None:
        """Take one line; return the reply that it ends, if it ends one."""
        # RFC 5321 section 4.2: Reply-code = %x32-35 %x30-35 %x30-39, then "-" for a line that is not the last,
        # " " for the last one; a last line may also be the bare code.
        if len(line) < 3 or line[0] not in _FIRST or line[1] not in _SECOND or line[2] not in _DIGITS:
            raise self._malformed("it does not start with a reply code", line)
        mark = line[3:4]
        if mark not in {b" ", b"-", b""}:
            raise self._malformed("its code has more than three digits or no blank after it", line)
        if b"\0" in line or b"\r" in line:
            raise self._malformed("it holds a NUL or a bare CR", line)
        code = int(line[:3])
        if self._lines and code != self._code:
            raise self._malformed(f"its code differs from the {self._code} of the line before", line)
        self._code = code
        self._octets += len(line) + 2
        self._lines.append(line[4:].decode("utf-8", "surrogateescape"))
        if self._octets > MAX_REPLY or len(self._lines) > MAX_LINES:
            raise ReplyTooLong(f"a reply of over {MAX_REPLY} octets or {MAX_LINES} lines")
        if mark == b"-":
            return None
        reply = Reply(code, tuple(self._lines))
        self._lines = []
        self._octets = 0
        return reply if self.veil is None else self.veil.over(reply)

    def _malformed(self, why: str, line: bytes) -> MalformedReply:
        return MalformedReply(f"{why}: {shown(line, self.veil)}{_hint(line)}")


@lru_cache(maxsize=64)
def _several_lines(data: bytes) -> Reply | None:
    """Return the reply of several lines that this is from end to end, as a server's answer to EHLO mostly is."""
    if not _LINES.fullmatch(data):
        return None
    lines = data.split(b"\r\n")[:-1]
    return Reply(int(data[:3]), tuple([line[4:].decode("utf-8", "surrogateescape") for line in lines]))


def _learned(line: bytes) -> Reply | None:
    """Return the reply that a line is, where it fits the grammar and is short; it is known from now on."""
    if not _ONE_LINE.fullmatch(line):
        return None
    if len(_known) >= _MOST_KNOWN:
        _known.clear()
    reply = _known[line] = Reply(int(line[:3]), (line[4:].decode("utf-8", "surrogateescape"),))
    return reply


def shown(data: bytes, veil: Veil | None = None) -> str:
    """Return bytes of a server as text that is safe to print, in quotes and cut to a sensible length."""
    text = data.decode("utf-8", "surrogateescape")
    if veil is not None:
        text = veil.text(text)
    return f"'{printable(text[:_SHOWN])}'" + ("..." if len(text) > _SHOWN else "")


def _hint(line: bytes) -> str:
    if line[:2] == b"\x15\x03":  # a TLS alert record
        return ". This is TLS: the port wants implicit TLS, set ssl_start_mode=1"
    if line[:5] == b"HTTP/":
        return ". This is a web server, not a mail server"
    return ""
