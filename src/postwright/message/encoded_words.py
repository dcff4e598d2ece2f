"""Encoded words (RFC 2047): how text that is not plain ASCII stands in a header, both ways.

Each word is at most 75 characters long and holds whole characters, because readers decode each one by itself. The
quoted form keeps to the few characters that are safe in a phrase as well (RFC 2047 section 5, rule 3).
"""

from __future__ import annotations

import binascii
import codecs
import re
from functools import lru_cache

from postwright.errors import InvalidHeader, TextNotEncodable
from postwright.lazy import pattern

LONGEST = 75
"""RFC 2047 section 2: the longest encoded word."""

_SAFE = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
_QUOTED = [chr(n) if n in _SAFE else "_" if n == 32 else f"={n:02X}" for n in range(256)]
_WORD = pattern(r"=\?([A-Za-z0-9][A-Za-z0-9_.:+-]*)(?:\*[A-Za-z0-9-]*)?\?([bBqQ])\?([!->@-~]*)\?=")
_HEX = pattern(rb"=([0-9A-Fa-f]{2})")

# Codecs that are no character sets for mail although Python has them, or that no reader knows.
_NOT_FOR_MAIL = frozenset({"utf-7", "utf-8-sig", "unicode_escape", "raw_unicode_escape", "punycode", "idna"})
_SPECIAL_NAMES = {"ascii": "us-ascii", "mac-roman": "macintosh", "shift_jis": "shift_jis", "iso2022_jp": "iso-2022-jp"}


@lru_cache(maxsize=64)
def charset_name(charset: str) -> str:
    """Return the name that mail readers know a character set by; "utf-8" for one that can't be used in mail.

    Raises:
        TextNotEncodable: There is no such character set.
    """
    try:
        codec = codecs.lookup(charset)
        sample = "A z=?_\r\n".encode(charset)
    except (LookupError, UnicodeError, ValueError) as error:
        raise TextNotEncodable(f"there is no character set {charset!r}") from error
    # Those that do not contain ASCII as it is (UTF-16, EBCDIC) can't stand in a mail (RFC 2045, RFC 2781 section 6).
    if codec.name in _NOT_FOR_MAIL or sample != b"A z=?_\r\n":
        return "utf-8"
    name = codec.name
    known = _SPECIAL_NAMES.get(name) or re.sub(
        r"\Acp(?=\d{3}\Z)", "ibm", re.sub(r"\Acp(?=125\d\Z|874\Z)", "windows-", name.replace("iso8859", "iso-8859"))
    ).replace("_", "-")
    return known if _is_name_of(known, name) else name


def _is_name_of(known: str, codec: str) -> bool:
    try:
        return codecs.lookup(known).name == codec
    except LookupError:
        return False


def to_bytes(text: str, charset: str) -> tuple[bytes, str]:
    """Return the text in a character set, or in UTF-8 where that one lacks a character, and the name of the one used.

    Raises:
        InvalidHeader: The text has half a character (a lone surrogate).
    """
    if charset and charset != "utf-8":
        name = charset_name(charset)
        try:
            raw = text.encode(charset if name != "utf-8" else name)
            # Shift_JIS takes a yen sign for a backslash, ISO-2022-JP loses its way behind an ESC of the text.
            if raw.decode(name) == text:
                return raw, name
        except UnicodeError:
            pass
    try:
        return text.encode(), "utf-8"
    except UnicodeEncodeError as error:
        raise InvalidHeader("the text has half a character (a lone surrogate)") from error


def encode(text: str, charset: str = "", first: int = LONGEST, rest: int = LONGEST) -> list[str]:
    """Return the text as encoded words, to be joined by white space.

    Args:
        text: The text, any text.
        charset: The character set to use where it has all characters; UTF-8 is the other choice.
        first: The most characters that the first word may have.
        rest: The most characters that the others may have.
    """
    raw, name = to_bytes(text, charset)
    unsafe = len(raw.translate(None, _SAFE + b" "))
    letter = "q" if len(raw) + 2 * unsafe <= (len(raw) + 2) // 3 * 4 else "b"
    head = f"=?{name}?{letter}?"
    least = len(head) + 2 + 12  # room for one character of four octets in the quoted form
    first = max(least, min(first, LONGEST)) - len(head) - 2
    rest = max(least, min(rest, LONGEST)) - len(head) - 2
    if name != "utf-8":
        parts = _cut_text(text, charset, letter, first, rest)
    elif letter == "q":
        parts = _cut_quoted("".join(map(_QUOTED.__getitem__, raw)), first, rest)
    else:
        parts = _cut_base64(raw, first, rest)
    return [f"{head}{part}?=" for part in parts]


def _cut_quoted(text: str, room: int, rest: int) -> list[str]:
    """Cut the quoted form of UTF-8 at characters: a cut never stands before =80 to =BF, which continue one."""
    parts = []
    start = 0
    while len(text) - start > room:
        end = start + room
        if text[end - 1] == "=":
            end -= 1
        elif text[end - 2] == "=":
            end -= 2
        while text[end] == "=" and text[end + 1] in "89AB":
            end -= 3
        parts.append(text[start:end])
        start, room = end, rest
    parts.append(text[start:])
    return parts


def _cut_base64(raw: bytes, room: int, rest: int) -> list[str]:
    parts = []
    start = 0
    while start < len(raw):
        end = start + room // 4 * 3
        while end < len(raw) and raw[end] & 0xC0 == 0x80:
            end -= 1
        parts.append(binascii.b2a_base64(raw[start:end], newline=False).decode())
        start, room = end, rest
    return parts


def _cut_text(text: str, charset: str, letter: str, room: int, rest: int) -> list[str]:
    """Cut at characters where the character set may have several octets for one, or shift states.

    Each part is encoded by itself, so that one in ISO-2022-JP begins and ends in ASCII (RFC 1468).
    """
    parts = []
    start = 0
    while start < len(text):
        count = min(room, len(text) - start)
        while True:
            raw = text[start : start + count].encode(charset)
            if letter == "q":
                part = "".join(map(_QUOTED.__getitem__, raw))
            else:
                part = binascii.b2a_base64(raw, newline=False).decode()
            if len(part) <= room or count == 1:
                break
            count = max(1, min(count - 1, count * room // len(part)))
        parts.append(part)
        start, room = start + count, rest
    return parts


def decode(text: str) -> str:
    """Return a header's text with its encoded words decoded; what can't be decoded stays as it is (RFC 2047 6.2).

    White space between two encoded words is not part of the text.
    """
    if "=?" not in text:
        return text
    out: list[str] = []
    end = 0
    after_word = False
    for match in _WORD.finditer(text):
        between = text[end : match.start()]
        word = _decode_word(*match.groups())
        if word is None:
            continue
        if not after_word or between.strip(" \t\r\n"):
            out.append(between)
        out.append(word)
        after_word = True
        end = match.end()
    out.append(text[end:])
    return "".join(out)


def _decode_word(charset: str, letter: str, data: str) -> str | None:
    try:
        if letter in "bB":
            raw = binascii.a2b_base64(data + "=" * (-len(data) % 4), strict_mode=True)
        else:
            raw = _HEX.sub(lambda m: bytes.fromhex(m[1].decode()), data.replace("_", " ").encode())
        return raw.decode(charset)
    except (ValueError, LookupError):
        return None
