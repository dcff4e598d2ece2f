"""Complete bytes of a message: they stay as they are, so that signatures over them hold (DKIM, S/MIME, PGP).

Only line ends become CRLF, and Bcc fields go. Nearly all messages are proven to need neither by a few looks over all
octets at once; what is not needed for sending (the fields one by one, the body apart) is made when somebody asks.
"""

from __future__ import annotations

import re

from postwright.errors import InvalidHeader
from postwright.lazy import pattern
from postwright.message.blocks import HIDDEN, header_text, unfold
from postwright.message.draft import Whole
from postwright.wire.lines import whole
from postwright.words import printable

_LINE = pattern(rb"(?:([!-9;-~]+)[ \t]*:|[ \t])[^\n]*\n")
_FIELD = rb"[!-9;-~]++[ \t]*+:[^\n]*+\n(?:[ \t][^\n]*+\n)*+"
_BLOCK = pattern(rb"(?:%b)++" % _FIELD)
# The same with the empty line behind it, and the Message-ID where it stands as nearly all have it.
_HEAD = pattern(rb"(?:Message-ID: (<[!-=?-~]++>)\r\n(?![ \t])|%b)++\r\n" % _FIELD)
# The fields that sending needs to know, each found by the line end before it; a first letter in both cases is looked at
# before anything else of a name is.
_TELLING = pattern(
    r"\n([Ff](?i:rom)|[Ss](?i:ender)|[Tt][Oo]|[Bb]?[Cc][Cc]|[Mm](?i:essage-ID)|[Rr](?i:esent-[!-9;-~]++))"
    r"[ \t]*+:[ \t]*+([^\r\n]*+(?:\r\n[ \t][^\r\n]*+)*+)",
    re.ASCII,
)


class Finished(Whole):
    """A message that came as complete bytes, with all line ends CRLF.

    Args:
        data: The whole message, as it is sent.
        cut: Where in it the body begins.
        message_id: The Message-ID with its brackets, where it is known without a further look.
        told: The values, without folds, of the fields that say who sends and receives, and of Message-ID, by their
            names in lower case; None to look for them when somebody asks.
        hidden_fields: Bcc and Resent-Bcc fields that were taken out; they are in ``told`` too.
    """

    __slots__ = ("_told",)

    def __init__(
        self,
        data: bytes,
        cut: int,
        message_id: str = "",
        told: dict[str, list[str]] | None = None,
        hidden_fields: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.data = data  # as the class above does, whose __init__ would be one call more for each message
        self.hidden_fields = hidden_fields
        self._cut = cut
        self._message_id = message_id
        self._headers = self._body = self._fields = None
        self._told = told

    @property
    def message_id(self) -> str:
        """The Message-ID with its brackets; "" where the message has none."""
        if not self._message_id:
            found = self.told.get("message-id")
            self._message_id = found[0] if found else ""
        return self._message_id

    @property
    def told(self) -> dict[str, list[str]]:
        """The values of the fields that say who sends and receives, by their names in lower case."""
        if self._told is None:
            self._told = _telling(self.data[: self._cut])
        return self._told


def from_bytes(data: bytes) -> Finished:
    """Return complete bytes of a message (header fields, an empty line, a body) as a draft.

    Raises:
        InvalidHeader: A line of the header is no field.
        InvalidValue: There is a NUL, or a line longer than mail may have.
    """
    data = whole(data)
    head = _HEAD.match(data)
    if head is None:
        return _unusual(data)
    cut, identifier = head.end(), head[1]
    fields = data[:cut].lower()
    if b"bcc" in fields or (identifier and fields.count(b"message-id") > 1):
        return _unusual(data)
    return Finished(data, cut, identifier.decode() if identifier else "")


def _unusual(data: bytes) -> Finished:
    """Read a message that is not as nearly all are.

    Raises:
        InvalidHeader: A line of the header is no field.
    """
    end = data.find(b"\r\n\r\n") + 2
    if data[:2] == b"\r\n" or not data:
        raise InvalidHeader("the message has no header: it starts with an empty line")
    if end < 2:
        end = len(data) + (0 if data.endswith(b"\r\n") else 2)
        data = data[: end - 2] + b"\r\n\r\n"
    head = data[:end]
    if not _BLOCK.fullmatch(head):
        _fields(head)  # says which line is none
    if b"bcc" in head.lower():
        told = _telling(head)
        if "bcc" in told or "resent-bcc" in told:
            return _without_bcc(data, end, told)
    return Finished(data, end + 2)


def _telling(head: bytes) -> dict[str, list[str]]:
    """Return the values of the fields of a block that say who sends and receives, and of Message-ID."""
    told: dict[str, list[str]] = {}
    for name, value in _TELLING.findall("\n" + header_text(head)):
        text = (unfold(value) if "\r" in value else value).strip(" \t")
        key = name.lower()
        if key in told:
            told[key].append(text)
        else:
            told[key] = [text]
    return told


def _without_bcc(data: bytes, end: int, told: dict[str, list[str]]) -> Finished:
    """Return a message without its Bcc fields."""
    fields = _fields(data[:end])
    hidden = tuple((name, _value(raw)) for name, raw in fields if name.lower() in HIDDEN)
    head = b"".join(raw for name, raw in fields if name.lower() not in HIDDEN)
    return Finished(head + data[end:], len(head) + 2, told=told, hidden_fields=hidden)


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    """Return the fields of a block, each with its name and as it is written.

    Raises:
        InvalidHeader: A line is no field.
    """
    found: list[tuple[str, bytes]] = []
    at = 0
    while at < len(head):
        match = _LINE.match(head, at)
        if not match or (match[1] is None and not found):
            line = printable(head[at : head.find(b"\r\n", at)][:100].decode("utf-8", "surrogateescape"))
            raise InvalidHeader(f'a line of the message\'s header is not "Name: value": "{line}"')
        if match[1] is None:
            found[-1] = (found[-1][0], found[-1][1] + match[0])
        else:
            found.append((match[1].decode(), match[0]))
        at = match.end()
    return found


def _value(raw: bytes) -> str:
    return header_text(raw.partition(b":")[2].replace(b"\r\n", b"").strip(b" \t"))
