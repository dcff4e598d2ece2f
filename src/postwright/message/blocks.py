"""Header blocks that others wrote: taken apart, checked, and written again as they are where they can stay so."""

from __future__ import annotations

import re
from typing import NamedTuple

from postwright.errors import ForbiddenCharacter, InvalidHeader
from postwright.lazy import pattern
from postwright.message import headers
from postwright.message.addresses import parse_mailbox_list
from postwright.message.encoded_words import decode
from postwright.words import printable

HIDDEN = frozenset({"bcc", "resent-bcc"})
"""Fields that are never sent, whoever supplied them (RFC 5322 section 3.6.3)."""

MIME = frozenset({"mime-version", "content-type", "content-transfer-encoding"})

ADDRESSES = frozenset(
    [
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "bcc",
        "resent-from",
        "resent-sender",
        "resent-reply-to",
        "resent-to",
        "resent-cc",
        "resent-bcc",
        "return-receipt-to",
        "disposition-notification-to",
        "errors-to",
    ]
)
"""Fields of mailboxes: their names are encoded, their addresses must not be."""

ONCE = MIME | frozenset(
    [
        "date",
        "from",
        "sender",
        "reply-to",
        "to",
        "cc",
        "message-id",
        "in-reply-to",
        "references",
        "subject",
        "importance",
        "priority",
        "sensitivity",
        "return-receipt-to",
        "disposition-notification-to",
    ]
)
"""Fields that a message has once only (RFC 5322 section 3.6)."""

STRUCTURED = frozenset(
    [
        "date",
        "message-id",
        "in-reply-to",
        "references",
        "received",
        "return-path",
        "resent-date",
        "resent-message-id",
        "mime-version",
        "content-type",
        "content-transfer-encoding",
        "content-disposition",
        "content-id",
        "dkim-signature",
    ]
)
_FIELD = pattern(r"([!-9;-~]+):[ \t]*(.*)\Z", re.DOTALL)
_END = pattern(r"\r\n|\n")
_CONTROL_BUT_FOLD = pattern(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)|(?<!\r)\n|\r\n(?![ \t])")


class Field(NamedTuple):
    """One field: its name, and its value with the folds (CRLF and white space) that it came with."""

    name: str
    value: str

    @property
    def key(self) -> str:
        """The name for comparing: names match in any case."""
        return self.name.lower()

    @property
    def text(self) -> str:
        """The value without folds (RFC 5322 section 2.2.3)."""
        return unfold(self.value)


def unfold(value: str) -> str:
    """Return a value without its folds: the line ends go, the white space behind them stays."""
    return value.replace("\r\n", "") if "\r" in value else value


def header_text(data: bytes) -> str:
    """Return header bytes as text: UTF-8 (RFC 6532), or else Latin-1, which any octets are."""
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")


def parse(text: str) -> list[Field]:
    """Take apart header lines that are separated by CRLF or LF; folded ones belong to the field before them.

    Raises:
        InvalidHeader: A line is no field, no continuation of one, or empty; the error names it.
        ForbiddenCharacter: A line has a control character.
    """
    found: list[Field] = []
    lines = _END.split(text)
    while lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if "\r" in line:
            raise ForbiddenCharacter(f"line {number} of the headers has a CR without its LF")
        if line[:1] in (" ", "\t") and found and line.strip(" \t"):
            found[-1] = Field(found[-1].name, f"{found[-1].value}\r\n{line}")
            continue
        match = _FIELD.match(line)
        if not match:
            shown = printable(line if len(line) <= 100 else line[:100] + "...")
            raise InvalidHeader(f'line {number} of the headers is not "Name: value": "{shown}"')
        found.append(Field(match[1], match[2].rstrip(" \t")))
    return found


def write(field: Field, *, width: int = headers.DEFAULT_WIDTH, charset: str = "", utf8: bool = False) -> bytes:
    """Write a field as it came, where it is ASCII and its lines are not too long; otherwise by our own rules.

    Raises:
        InvalidHeader: It can't be written.
        InvalidAddress: It is a field of mailboxes that has something else, and must be encoded.
        ForbiddenCharacter: It has a control character.
    """
    name, value = field
    headers.check_name(name)
    match = _CONTROL_BUT_FOLD.search(value)
    if match:
        raise ForbiddenCharacter(f"{name} has {printable(match.group())} at character {match.start() + 1}")
    if value.isascii():
        line = f"{name}: {value}"
        if max(map(len, line.split("\r\n"))) <= headers.LONGEST_LINE:
            return f"{line}\r\n".encode()
        return headers.structured(name, field.text, width=width)
    if field.key in ADDRESSES:
        return headers.mailboxes(name, parse_mailbox_list(field.text), width=width, charset=charset, utf8=utf8)
    if field.key in STRUCTURED:
        return headers.structured(name, field.text, width=width)  # refuses it, with the reason
    return headers.unstructured(name, decode(field.text), width=width, charset=charset)


def refuse_twins(fields: list[Field]) -> None:
    """Refuse a second field of a kind that a message has once: readers differ in which one they believe.

    Raises:
        InvalidHeader: There is one.
    """
    seen: set[str] = set()
    for field in fields:
        if field.key in seen:
            raise InvalidHeader(f"{field.name} is there twice")
        if field.key in ONCE:
            seen.add(field.key)
