"""Commands as values that print themselves, and the one place where text becomes a command line.

Whatever is sent as a command, also by ``send_command()``, passes ``encode()``: no control character gets through, so
no argument can start a second command (CVE-2015-9096, CVE-2025-7962), and nothing is narrowed from Unicode to a line
end (U+560A).
"""

from __future__ import annotations

from typing import NamedTuple

from postwright.errors import ForbiddenCharacter, InvalidValue
from postwright.lazy import pattern
from postwright.words import printable

MASK = "********"
"""What stands in the trail in place of a secret."""

_CONTROL = pattern(r"[\x00-\x1f\x7f]")


class Command(NamedTuple):
    """One command line: the octets that are sent, and the text that may be shown."""

    data: bytes
    shown: str


def encode(text: str, *, utf8: bool = False) -> bytes:
    """Return the line's octets, CRLF included.

    Args:
        text: The line without its end.
        utf8: Whether octets above 127 may be sent (RFC 6531: once SMTPUTF8 was offered).

    Raises:
        ForbiddenCharacter: The text holds a control character.
        InvalidValue: The text is not ASCII and may not be anything else.
    """
    if text.isascii() and text.isprintable():
        return f"{text}\r\n".encode()
    if _CONTROL.search(text):
        raise ForbiddenCharacter(f"a command may not hold a line end or another control character: '{printable(text)}'")
    try:
        return text.encode("utf-8" if utf8 else "ascii") + b"\r\n"
    except UnicodeEncodeError:
        raise InvalidValue(f"a command may only hold ASCII text here: '{printable(text)}'") from None


def group(texts: list[str]) -> bytes:
    """Return the octets of several ASCII lines, as ``encode`` returns those of one."""
    whole = "".join(texts)
    if whole.isascii() and whole.isprintable():
        return ("\r\n".join(texts) + "\r\n").encode()
    return b"".join([encode(text) for text in texts])


def command(text: str, *, utf8: bool = False) -> Command:
    """Return a command that may be shown as it is."""
    return Command(encode(text, utf8=utf8), text)


def secret(text: str, shown: str) -> Command:
    """Return a command that is shown in other words than it is sent."""
    return Command(encode(text), shown)


def masked(text: str, *, after_challenge: bool) -> Command:
    """Return a user's own command; what can hold a secret is masked: AUTH's argument, any answer to a 334."""
    verb, _, rest = text.partition(" ")
    if after_challenge:
        return Command(encode(text, utf8=True), MASK)
    if verb.upper() == "AUTH" and " " in rest.strip():
        return Command(encode(text, utf8=True), f"{verb} {rest.split()[0]} {MASK}")
    return Command(encode(text, utf8=True), text)


def path_command(verb: str, path: str, parameters: tuple[tuple[str, str], ...] = (), *, utf8: bool = False) -> Command:
    """Return MAIL FROM:<path> or RCPT TO:<path> with ESMTP parameters (RFC 5321 section 4.1.2).

    Args:
        verb: "MAIL FROM", "RCPT TO", or one of the old "SEND FROM", "SOML FROM", "SAML FROM" (RFC 821).
        path: The address without brackets; "" is the null reverse-path.
        parameters: Keywords and values; an empty value stands for a keyword alone.
        utf8: Whether the path may hold UTF-8 (RFC 6531).
    """
    tail = "".join(f" {key}={value}" if value else f" {key}" for key, value in parameters)
    return command(f"{verb}:<{path}>{tail}", utf8=utf8)
