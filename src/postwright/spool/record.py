"""The format of a queue file: lines that a person can read, the message, and what happened to it since.

A file has three parts, each where the one before it says:

- the head: lines "Name: value", UTF-8, ended by an empty line; the last of them is the SHA-256 of the message and of
  all lines before it, so that a file which was cut or changed is never sent;
- the message, exactly as many octets as the head's Size says, and a line feed;
- the log: lines that were appended since, each with a check value of its own, so that a torn one does not count.

This module only turns bytes into values and back. What it must never do: take something that it does not know.
"""

from __future__ import annotations

import re
from binascii import crc32
from datetime import UTC, datetime
from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING, Any, NamedTuple

from postwright.errors import QueueFileInvalid
from postwright.words import printable

if TYPE_CHECKING:
    import hashlib

TITLE = "Postwright-Queue"
VERSION = "1"
_START = f"{TITLE}: ".encode()
MAX_HEAD = 16 * 1024 * 1024
"""Octets of a head; that is room for some hundred thousand recipients."""

MAX_LOG = 1024 * 1024
"""Octets of a log; each attempt needs a few hundred."""

PRIORITIES = range(10)
KINDS = ("To", "Cc", "Bcc")
_LONGEST = 16_000  # characters of a line of the log
_PLAIN = re.compile("[^\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029\\ud800-\\udfff]*")
_ASCII = bytes(range(0x20, 0x7F))
_RECIPIENT = re.compile(r"<([^\t]+)>(?:\t([^\t]+))?")
_SENDER = re.compile(r"<([^\t]*)>")
_NUMBER = re.compile(r"[0-9]{1,15}", re.ASCII)
_PLACES = re.compile(r"[1-9][0-9]{0,6}(?:,[1-9][0-9]{0,6})*", re.ASCII)
_SHA = re.compile(r"[0-9a-f]{64}", re.ASCII)
_MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"
_WRITTEN = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)


class Letter(NamedTuple):
    """What the head of a queue file says.

    Attributes:
        id: The file's name at first, without its extension.
        created: When it was queued, as ``moment`` writes it.
        priority: 0 to 9; 0 goes first.
        not_before: It is not sent before that moment; "" for at once.
        message_id: The Message-ID, for people.
        sender: The reverse-path without brackets; "" is the null one.
        recipients: (To, Cc or Bcc; address without brackets; ESMTP parameters) in their order.
        dsn_return: RET of RFC 3461, "" for none.
        envelope_id: ENVID of RFC 3461, "" for none.
        body: BODY of MAIL (RFC 6152), "" for what the message needs.
        eight_bit: Whether the body has octets above 127.
        header_size: Octets of the message's header block, with the empty line that ends it.
        size: Octets of the whole message.
    """

    id: str
    created: str
    priority: int
    not_before: str
    message_id: str
    sender: str
    recipients: tuple[tuple[str, str, str], ...]
    dsn_return: str = ""
    envelope_id: str = ""
    body: str = ""
    eight_bit: bool = False
    header_size: int = 0
    size: int = 0

    def sized(self, size: int, *, eight_bit: bool) -> Letter:
        """Return the same with what is known once the message was read."""
        return self._replace(eight_bit=eight_bit, size=size)


class Head(NamedTuple):
    """A head as it was read: the letter, and what its check value covers."""

    letter: Letter
    covered: bytes
    digest: str
    length: int

    @property
    def end(self) -> int:
        """Where the log begins: behind head and message and the line feed that ends them."""
        return self.length + self.letter.size + 1


def moment(seconds: float) -> str:
    """Return a moment as queue files have it: "2026-03-03T10:00:00.000000Z"."""
    second = floor(seconds)
    microsecond = round((seconds - second) * 1_000_000)
    if microsecond == 1_000_000:
        second, microsecond = second + 1, 0
    return f"{_second(second)}.{microsecond:06d}Z"


@lru_cache(maxsize=4)
def _second(second: int) -> str:
    """Return a moment without its fraction, which all messages of one second have in common."""
    return datetime.fromtimestamp(second, UTC).isoformat()[:19]


def seconds(text: str) -> float:
    """Return a moment as seconds since 1970.

    Raises:
        QueueFileInvalid: It is none.
    """
    try:
        if _WRITTEN.fullmatch(text):
            return datetime.fromisoformat(text).timestamp()
        return datetime.strptime(text, _MOMENT).replace(tzinfo=UTC).timestamp()  # a person may have left out digits
    except ValueError:
        raise QueueFileInvalid(f"'{printable(text)}' is no moment such as 2026-03-03T10:00:00.000000Z") from None


def head(letter: Letter, message: hashlib._Hash) -> bytes:
    """Return the head of a file.

    Its length depends on nothing that shows only while the message is written.

    Args:
        letter: What it says.
        message: The SHA-256 of the message; the head's lines are added to it.
    """
    lines = _lines(letter)
    covered = "".join(lines).encode("utf-8", "surrogatepass")
    if covered.translate(None, _ASCII) != b"\n" * (len(lines) + _JOINED):  # more than ASCII, or what no line may have
        _check(letter)
    message.update(covered)
    return b"%bSHA-256: %b\n\n" % (covered, message.hexdigest().encode())


_JOINED = 5
"""How many more lines there are than pieces: the first piece is four lines, the last one three."""


def _lines(letter: Letter) -> list[str]:
    """Return the lines, in pieces: what is next to each other in every head is one of them."""
    lines = [f"{TITLE}: {VERSION}\nId: {letter.id}\nCreated: {letter.created}\nPriority: {letter.priority}\n"]
    if letter.not_before:
        lines.append(f"Not-Before: {letter.not_before}\n")
    if letter.message_id:
        lines.append(f"Message-Id: {printable(letter.message_id)}\n")
    lines.append(f"From: <{letter.sender}>\n")
    for kind, address, options in letter.recipients:
        # The one tab of a head: an address may have blanks and brackets, between quotes, but no tab.
        lines.append(f"{kind}: <{address}>\t{options}\n" if options else f"{kind}: <{address}>\n")
    if letter.dsn_return:
        lines.append(f"Return: {letter.dsn_return}\n")
    if letter.envelope_id:
        lines.append(f"Envelope-Id: {letter.envelope_id}\n")
    if letter.body:
        lines.append(f"Body: {letter.body}\n")
    content = "8bit" if letter.eight_bit else "7bit"
    lines.append(f"Content: {content}\nHeader-Size: {letter.header_size:015d}\nSize: {letter.size:015d}\n")
    return lines


def _check(letter: Letter) -> None:
    """Make sure that no value has what a line may not have.

    Raises:
        QueueFileInvalid: One has.
    """
    values = [value for value in letter._replace(message_id="") if isinstance(value, str)]  # that one is made printable
    for _, address, options in letter.recipients:
        values += [address, options]
    for value in values:
        if not _PLAIN.fullmatch(value):
            raise QueueFileInvalid(f"'{printable(value)}' can't stand in a queue file")


def read_head(data: bytes) -> Head | None:
    """Return the head that a file begins with; None when these octets are not all of it.

    Raises:
        QueueFileInvalid: It is no queue file, or one of a version that is not known here.
    """
    if not data.startswith(_START[: len(data)]) or not data:
        raise QueueFileInvalid("it does not begin as a queue file does")
    end = data.find(b"\n\n", 0, MAX_HEAD)
    if end < 0:
        if len(data) >= MAX_HEAD:
            raise QueueFileInvalid("its head has no end")
        return None
    last = data.rfind(b"\n", 0, end) + 1
    covered = data[:last]
    name, _, digest = data[last:end].decode("ascii", "replace").partition(": ")
    if name != "SHA-256" or not _SHA.fullmatch(digest):
        raise QueueFileInvalid("its head does not end with a SHA-256 line")
    try:
        lines = covered.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        raise QueueFileInvalid("its head is not UTF-8") from None
    if covered.translate(None, _ASCII + b"\n"):
        _check_lines(lines)
    return Head(_letter(lines), covered, digest, end + 2)


def _check_lines(lines: list[str]) -> None:
    """Make sure that no line has what it may not have.

    Raises:
        QueueFileInvalid: One has.
    """
    for line in lines:
        recipient = _RECIPIENT.fullmatch(line.partition(": ")[2])
        for part in recipient.groups("") if recipient else (line,):
            if not _PLAIN.fullmatch(part):
                raise QueueFileInvalid(f"'{printable(part[:200])}' can't stand in a queue file")


def _letter(lines: list[str]) -> Letter:
    values: dict[str, str] = {}
    recipients: list[tuple[str, str, str]] = []
    for line in lines:
        name, colon, value = line.partition(": ")
        if name in KINDS and (match := _RECIPIENT.fullmatch(value)):
            recipients.append((name, match[1], match[2] or ""))
        elif not colon or name in values or not value:
            raise QueueFileInvalid(f"'{printable(line[:200])}' is no line of a head, or is there twice")
        else:
            values[name] = value
    if values.pop(TITLE, "") != VERSION:
        raise QueueFileInvalid("another version of postwright wrote it")
    try:
        letter = _from_values(values, tuple(recipients))
    except KeyError as error:
        raise QueueFileInvalid(f"its head has no {error.args[0]}") from None
    if values:
        raise QueueFileInvalid(f"its head has a line that is not known: {printable(next(iter(values)))}")
    if not recipients or letter.header_size > letter.size or letter.priority not in PRIORITIES:
        raise QueueFileInvalid("its head makes no sense")
    return letter


def _from_values(values: dict[str, str], recipients: tuple[tuple[str, str, str], ...]) -> Letter:
    sender = _SENDER.fullmatch(values.pop("From"))
    content = values.pop("Content")
    if sender is None or content not in {"7bit", "8bit"}:
        raise QueueFileInvalid("its head makes no sense")
    not_before = values.pop("Not-Before", "")
    if not_before:
        seconds(not_before)
    return Letter(
        id=values.pop("Id"),
        created=_created(values.pop("Created")),
        priority=_number(values.pop("Priority")),
        not_before=not_before,
        message_id=values.pop("Message-Id", ""),
        sender=sender[1],
        recipients=recipients,
        dsn_return=values.pop("Return", ""),
        envelope_id=values.pop("Envelope-Id", ""),
        body=values.pop("Body", ""),
        eight_bit=content == "8bit",
        header_size=_number(values.pop("Header-Size")),
        size=_number(values.pop("Size")),
    )


def _created(text: str) -> str:
    """Return a moment as ``moment`` writes it."""
    there = seconds(text)
    return text if _WRITTEN.fullmatch(text) else moment(there)


def _number(text: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise QueueFileInvalid(f"'{printable(text[:200])}' is no number")
    return int(text)


def note(name: str, value: str) -> bytes:
    """Return one line of the log."""
    line = f"{name}: {printable(value)[:_LONGEST]}".encode()
    return b"%b ~%08x\n" % (line, crc32(line))


class Log(NamedTuple):
    """What happened to a message since it was queued.

    Attributes:
        entries: Names and values of all lines, in order.
        good: Octets up to the end of the last line that is whole.
        committed: Whether the end of the message may have gone to a server, and no outcome was noted.
        outcome: "sent", "not_sent", "unknown" or "partly" as it was noted last, or "".
        attempts: How often it was tried.
        not_before: When it may be tried again, "" for at once.
        left: The recipients for whom it is still to be sent, by their places in the head, from 1; () for all.
    """

    entries: tuple[tuple[str, str], ...] = ()
    good: int = 0
    committed: bool = False
    outcome: str = ""
    attempts: int = 0
    not_before: str = ""
    left: tuple[int, ...] = ()

    def after(self, name: str, value: str) -> Log:
        """Return the log with one more line."""
        return self._replace(entries=(*self.entries, (name, value)), **self._told(name, value))

    def _told(self, name: str, value: str) -> dict[str, Any]:
        """Return what a line changes."""
        if name == "Commit":
            return {"committed": True}
        if name == "Outcome":
            _, word, places, *_ = (*value.split(" "), "", "", "")
            left = tuple(map(int, places.split(","))) if word == "partly" and _PLACES.fullmatch(places) else self.left
            attempts = self.attempts + 1
            return {"committed": False, "outcome": word, "attempts": attempts, "not_before": "", "left": left}
        if name == "Requeued":  # by a person: whatever was before is settled
            return {"committed": False, "outcome": "", "attempts": 0, "not_before": ""}
        return {"not_before": value} if name == "Not-Before" else {}


def read_log(data: bytes) -> Log:
    """Return what a log says; lines that are torn do not count, wherever they stand."""
    log, entries, at, good = Log(), [], 0, 0
    for line in data.split(b"\n")[:-1]:
        at += len(line) + 1
        text, _, check = line.rpartition(b" ~")
        name, colon, value = text.partition(b": ")
        if colon and check == b"%08x" % crc32(text):
            entry = (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
            entries.append(entry)
            log, good = log._replace(**log._told(*entry)), at
    return log._replace(entries=tuple(entries), good=good)
