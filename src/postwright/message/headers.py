"""Header fields as they are sent: folded, in ASCII, and such that they parse back to exactly what was asked for.

Every function returns complete fields that end with CRLF. Lines break at single spaces only, never inside a quoted
string or a word. Control characters are refused, whatever the field: one CR LF would start a header of somebody
else's choice (CWE-93).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from postwright.errors import ForbiddenCharacter, InvalidAddress, InvalidHeader
from postwright.lazy import pattern
from postwright.message.addresses import addr_spec, needs_utf8
from postwright.message.encoded_words import encode
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from postwright.words import Address

LONGEST_LINE = 998
"""RFC 5322 section 2.1.1, CRLF not counted."""

ENCODED_LINE = 76
"""RFC 2047 section 2: the longest line that has an encoded word."""

DEFAULT_WIDTH = 80
_NARROWEST = 40
_SHORTEST = 34  # room for an encoded word with a character of four octets and a long name of a character set

_NAME = pattern(r"[!-9;-~]+")
_EASY_NAME = pattern(r"[A-Za-z0-9!#$%&'*+/^_`{|}~-]++(?: [A-Za-z0-9!#$%&'*+/^_`{|}~-]++)*+")
_CONTROL = pattern("[\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_WORD = pattern(r"[!-~]+")
_ATOMS = pattern(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_QUOTABLE = pattern(r"[!-~]++(?: [!-~]++)*+")
_TO_ESCAPE = pattern(r'(["\\])')
_MARKS = pattern(r'"(?:[^"\\]|\\.)*+"?|\\.|[()]| +')
_TOKEN = pattern(r"[A-Za-z0-9!#$%&'*+.^_`{|}~-]+")
_PLAIN_PARAMETER = pattern(r"[!#-\[\]-~]+(?: [!#-\[\]-~]+)*")
_PERCENT = [
    chr(n) if chr(n).isascii() and (chr(n).isalnum() or chr(n) in "!#$&+-.^_`{|}~") else f"%{n:02X}" for n in range(256)
]


@lru_cache(maxsize=64)
def check_name(name: str) -> str:
    """Return a field's name if it can be one (RFC 5322 section 3.6.8).

    Raises:
        InvalidHeader: It has other characters than a name may have.
    """
    if not _NAME.fullmatch(name):
        raise InvalidHeader(f"{printable(name)!r} is no name of a header field")
    return name


def check_text(name: str, text: str) -> None:
    """Refuse control characters in a field's value, half characters, and Unicode's own line ends.

    Raises:
        ForbiddenCharacter: There is one.
    """
    match = _CONTROL.search(text)
    if match:
        raise ForbiddenCharacter(f"{printable(name)} has {printable(match.group())} at character {match.start() + 1}")


class _Lines:
    """One field while it is written; words go on the line as long as it has room."""

    __slots__ = ("_bare", "_done", "_line", "limit")

    def __init__(self, name: str, width: int) -> None:
        self.limit = max(_NARROWEST, min(width, LONGEST_LINE))
        self._line = f"{name}:"
        self._done: list[str] = []
        self._bare = True

    @property
    def room(self) -> int:
        """The characters that another word may have on this line."""
        return self.limit - len(self._line) - 1

    def add(self, words: Iterable[str]) -> None:
        """Put words on the line, a space before each; the field's first one stays beside the name if that is allowed.

        Some readers take a field whose first line is empty for an empty one, above all Message-ID.
        """
        for word in words:
            length = len(self._line) + 1 + len(word)
            if length > self.limit and (not self._bare or length > LONGEST_LINE):
                self.break_line()
                if len(word) >= LONGEST_LINE:
                    raise InvalidHeader(f"a word of {len(word)} characters is longer than a line may be")
            self._line += " " + word
            self._bare = False

    def break_line(self) -> None:
        self._done.append(self._line)
        self._line = ""
        self._bare = False

    def add_encoded(self, text: str, charset: str) -> None:
        """Put text on the line as encoded words."""
        self.limit = min(self.limit, ENCODED_LINE)
        first = self.limit - 1
        if self._bare:
            # An empty first line is legal, but the standard library's parser then takes the fold for a part of the
            # value: that is left to names so long that the line has no room for the shortest encoded word.
            if len(self._line) + 1 + _SHORTEST <= ENCODED_LINE:
                first = max(self.room, _SHORTEST)
            else:
                self.break_line()
        elif self.room >= _NARROWEST:
            first = self.room
        self.add(encode(text, charset, first, self.limit - 1))

    def finish(self) -> bytes:
        return "\r\n".join([*self._done, self._line, ""]).encode()


def unstructured(name: str, value: str, width: int = DEFAULT_WIDTH, charset: str = "") -> bytes:
    """Write a field of free text, such as Subject (RFC 5322 section 3.6.5).

    Only the words that need it are encoded: those with characters beyond ASCII, those that look encoded already, and
    the places with more than one space, where folding or a careless reader would change the text.

    Raises:
        InvalidHeader: The name is no field name.
        ForbiddenCharacter: The value has a control character.
    """
    check_name(name)
    line = f"{name}: {value}\r\n"
    if len(line) - 2 <= width <= LONGEST_LINE and value.isascii() and "=?" not in value and _QUOTABLE.fullmatch(value):
        return line.encode()
    check_text(name, value)
    lines = _Lines(name, width)
    if not value:
        return lines.finish()
    words = value.split(" ")
    longest = LONGEST_LINE - len(name) - 2
    odd = [n for n, word in enumerate(words) if not _WORD.fullmatch(word) or "=?" in word or len(word) > longest]
    if not odd:
        lines.add(words)
        return lines.finish()
    first, last = odd[0], odd[-1] + 1
    # Spaces at the edge of an encoded run belong to it, with the word beside them.
    if first and not words[first]:
        first -= 1
    if last < len(words) and not words[last - 1]:
        last += 1
    lines.limit = min(lines.limit, ENCODED_LINE)
    lines.add(words[:first])
    lines.add_encoded(" ".join(words[first:last]), charset)
    lines.add(words[last:])
    return lines.finish()


def mailboxes(
    name: str,
    addresses: Sequence[Address],
    width: int = DEFAULT_WIDTH,
    charset: str = "",
    utf8: bool = False,
) -> bytes:
    """Write a field of mailboxes, such as To (RFC 5322 section 3.6.3); display names become what they need to be.

    Args:
        name: The field's name.
        addresses: The mailboxes.
        width: Where to fold.
        charset: The character set of encoded words.
        utf8: Let local parts that are not ASCII stand as they are (RFC 6532), for SMTPUTF8.

    Raises:
        InvalidAddress: An address is not valid, or needs ``utf8``.
        InvalidHeader: The name is no field name.
        ForbiddenCharacter: A display name has a control character.
    """
    check_name(name)
    if len(addresses) <= 2:
        written = [address.written or _written(address) for address in addresses]
        line = f"{name}: {', '.join(written)}\r\n"
        if len(line) - 2 <= width <= LONGEST_LINE and line.isascii() and "" not in written:
            return line.encode()
    lines = _Lines(name, width)
    left = len(addresses)
    for address in addresses:
        left -= 1
        spec = addr_spec(address)
        if not utf8 and needs_utf8(address):
            raise InvalidAddress(f"{spec} can be sent to servers with SMTPUTF8 only")
        if address.name:
            _add_display_name(lines, name, address.name, charset)
            spec = f"<{spec}>"
        lines.add((f"{spec}," if left else spec,))
    return lines.finish()


def _written(address: Address) -> str:
    """Return a mailbox as it stands in a field, "" where it needs quotes or encoding."""
    spec = address.spec or addr_spec(address)
    if not address.name:
        address.written = spec
    elif _EASY_NAME.fullmatch(address.name):
        address.written = f"{address.name} <{spec}>"
    return address.written or ""


def _add_display_name(lines: _Lines, field: str, name: str, charset: str) -> None:
    if "=?" not in name and len(name) < LONGEST_LINE // 2:
        if _ATOMS.fullmatch(name):
            lines.add(name.split(" "))
            return
        if _QUOTABLE.fullmatch(name):
            lines.add(('"' + _TO_ESCAPE.sub(r"\\\1", name) + '"',))
            return
    check_text(field, name)
    lines.add_encoded(name, charset)


def structured(name: str, value: str, width: int = DEFAULT_WIDTH) -> bytes:
    """Write a field whose value is ASCII and means something by its form, such as Date or References.

    It is folded at single spaces outside of quotes and comments; nothing is encoded.

    Raises:
        InvalidHeader: The name is no field name, or the value is not ASCII, or can't be folded.
        ForbiddenCharacter: The value has a control character.
    """
    check_name(name)
    line = f"{name}: {value}"
    if len(line) <= width <= LONGEST_LINE and line.isascii() and line.isprintable() and value.strip(" ") == value:
        return f"{line}\r\n".encode()
    check_text(name, value)
    value = value.strip(" \t")
    if not value.isascii():
        raise InvalidHeader(f"{name} can't have characters beyond ASCII")
    if len(name) + 2 + len(value) <= min(width, LONGEST_LINE):
        return f"{name}: {value}\r\n".encode()
    lines = _Lines(name, width)
    lines.add(_split_outside_quotes(value))
    return lines.finish()


def _split_outside_quotes(value: str) -> list[str]:
    """Cut at single spaces that stand in no quoted string and no comment, so that folding there changes nothing."""
    pieces = []
    start = depth = 0
    for match in _MARKS.finditer(value):
        mark = match.group()
        if mark == "(":
            depth += 1
        elif mark == ")":
            depth -= 1
        elif mark == " " and depth <= 0 and match.start() > start:
            pieces.append(value[start : match.start()])
            start = match.end()
    pieces.append(value[start:])
    return pieces


def parameters(name: str, value: str, values: Iterable[tuple[str, str]], *, width: int = DEFAULT_WIDTH) -> bytes:
    """Write a field with parameters, such as Content-Type (RFC 2045 section 5.1), each on a line of its own if needed.

    What is not ASCII goes by RFC 2231, in several parts where it is long; ASCII stands between quotes.

    Raises:
        InvalidHeader: A name is no name.
        ForbiddenCharacter: A value has a control character.
    """
    check_name(name)
    lines = _Lines(name, width)
    parts = [value]
    for attribute, text in values:
        if not _TOKEN.fullmatch(attribute):
            raise InvalidHeader(f"{printable(attribute)!r} is no name of a parameter")
        check_text(name, text)
        parts += _parameter(attribute, text, lines.limit - 2)
    lines.add(f"{part};" for part in parts[:-1])
    lines.add(parts[-1:])
    return lines.finish()


def _parameter(attribute: str, text: str, room: int) -> list[str]:
    # Quotes and backslashes could be escaped, but many readers of file names don't know that.
    if "=?" not in text and len(text) < LONGEST_LINE // 2 and (_PLAIN_PARAMETER.fullmatch(text) or not text):
        return [f'{attribute}="{text}"']
    characters = ["".join(map(_PERCENT.__getitem__, c.encode())) for c in text]
    whole = f"{attribute}*=utf-8''{''.join(characters)}"
    if len(whole) <= room:
        return [whole]
    parts = []
    part = f"{attribute}*0*=utf-8''"
    for c in characters:
        # A character is never cut: some readers decode each part by itself.
        if len(part) + len(c) > room:
            parts.append(part)
            part = f"{attribute}*{len(parts)}*="
        part += c
    return [*parts, part]
