"""The veil over what a server says: a secret that it repeats is shown to nobody.

It stands where replies are made, so that no trail, no error and no ``last_reply`` can have what it hides.
"""

from __future__ import annotations

import base64
import re
import sys
from typing import TYPE_CHECKING

from postwright.lazy import pattern
from postwright.wire.commands import MASK
from postwright.words import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

SHORTEST = 4
"""Characters, blanks not counted, of a text that is hidden; a shorter one is found everywhere."""

_STATUS = pattern(r"[245]\.\d{1,3}\.\d{1,3}(?:\s|\Z)", re.ASCII)  # it stands before each line (RFC 2034 section 4)
_WORD = pattern(r"[A-Za-z0-9+/_.~-]{16,}", re.ASCII)  # of a proof or a token, in hexadecimal or base64


class Veil:
    """What is hidden: secrets and all that was sent to prove them, plain, in base64, and in pieces over several lines.

    Args:
        known: What the server said before it was told anything: that is no secret, even if a password is the same.
        masked: Whether challenges are hidden too, as the proof in them lets passwords be guessed at.
    """

    __slots__ = ("_forms", "_known", "_least", "_masked", "challenge")

    def __init__(self, known: tuple[str, ...], *, masked: bool) -> None:
        self._known = "".join("".join(known).split())
        self._masked = masked
        self._forms: dict[str, None] = {}
        self._least = sys.maxsize  # characters of the shortest of them
        self.challenge = ""
        """The text of the last 334, which is in no reply."""

    def hide(self, secret: str) -> None:
        """Hide a secret from now on, in base64 wherever in a longer text it stands."""
        data = secret.encode("utf-8", "surrogateescape")
        self._add(secret)
        self._add(data.hex())
        for before in range(3):  # octets that share a group of three with its first one
            encoded = base64.b64encode(bytes(before) + data).decode("ascii")
            core = encoded[-(-before * 8 // 6) : (before + len(data)) * 8 // 6]
            self._add(core)
            self._add(core.translate({43: 45, 47: 95}))  # the alphabet for addresses (RFC 4648 section 5)

    def hide_sent(self, response: bytes, public: str) -> None:
        """Hide a response of a login, and each long word in it that is not part of what is public."""
        self._add(base64.b64encode(response).decode("ascii").rstrip("="))
        for word in _WORD.findall(response.decode("latin-1")):
            if word not in public:
                self._add(word)

    def hide_line(self, word: str) -> None:
        """Hide what a user says by hand in a login, in base64, with each field of it (NUL is between them)."""
        self._add(word)
        try:
            said = base64.b64decode(word, validate=True)
        except ValueError:
            return
        self.hide_sent(said, "")
        for field in said.split(b"\0"):
            self.hide(field.decode("utf-8", "surrogateescape"))

    def _add(self, form: str) -> None:
        form = "".join(form.split())
        if len(form) >= SHORTEST and form not in self._known:
            self._forms[form] = None
            self._least = min(self._least, len(form))

    def over(self, reply: Reply) -> Reply:
        """Return the reply as it may be shown; the text of a 334 is in ``challenge`` from then on."""
        if reply.code == 334:
            self.challenge = reply.lines[-1]
            return Reply(334, (MASK,) * len(reply.lines)) if self._masked else reply
        lines = self._over(reply.lines)
        return reply if lines is reply.lines else Reply(reply.code, lines)

    def text(self, text: str) -> str:
        """Return a text as it may be shown."""
        return self._over((text,))[0]

    def _is_in(self, text: str) -> bool:
        if len(text) >= self._least:
            for form in self._forms:
                if form in text:
                    return True
        return False

    def _over(self, lines: tuple[str, ...]) -> tuple[str, ...]:
        if len(lines) == 1 and not self._is_in("".join(lines[0].split())):
            return lines  # nearly every reply
        # A secret may be cut in two by the end of a line, or have blanks in it: it is looked for in the text of all lines
        # without blanks.
        starts = [match.end() if (match := _STATUS.match(line)) else 0 for line in lines]
        squeezed = "".join("".join(line[start:].split()) for line, start in zip(lines, starts, strict=True))
        found = [form for form in self._forms if form in squeezed]
        if not found:
            return lines
        hidden = iter(_marked(squeezed, found))
        return tuple(_masked(line, start, hidden) for line, start in zip(lines, starts, strict=True))


def _marked(text: str, forms: list[str]) -> bytearray:
    """Return for each character whether it belongs to one of the forms."""
    marks = bytearray(len(text))
    for form in forms:
        end, at = 0, text.find(form)
        while at >= 0:
            begin, end = max(at, end), at + len(form)
            marks[begin:end] = b"\1" * (end - begin)
            at = text.find(form, at + 1)
    return marks


def _masked(line: str, start: int, hidden: Iterator[int]) -> str:
    """Return a line with a mask for each run of hidden characters, the blanks in it included."""
    parts, blanks, masking = [line[:start]], "", False
    for char in line[start:]:
        if char.isspace():
            blanks += char
        elif next(hidden):
            if not masking:
                parts += (blanks, MASK)
            blanks, masking = "", True
        else:
            parts += (blanks, char)
            blanks, masking = "", False
    return "".join((*parts, blanks))
