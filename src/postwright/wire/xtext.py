"""xtext: how DSN parameters carry characters that a command may not hold (RFC 3461 section 4)."""

from __future__ import annotations

import re

from postwright.lazy import pattern

_UNSAFE = pattern(rb"[^!-*,-<>-~]")


def encode(text: str) -> str:
    """Return the text as xtext: every octet outside "!" to "~", "+" and "=" becomes +XX."""
    return _UNSAFE.sub(lambda match: b"+%02X" % match.group()[0], text.encode("utf-8")).decode("ascii")


def unitext(text: str) -> str:
    """Return an address for ORCPT=utf-8; where SMTPUTF8 is in use (RFC 6533 section 3, utf-8-addr-unitext)."""
    return "".join(c if ord(c) > 127 or (c not in "\\+=" and "!" <= c <= "~") else f"\\x{{{ord(c):02X}}}" for c in text)


def decode(text: str) -> str:
    """Return the text that an xtext stands for.

    Raises:
        ValueError: The text is no xtext.
    """
    raw = text.encode("ascii")
    return re.sub(rb"\+([0-9A-F]{2})", lambda match: bytes([int(match.group(1), 16)]), raw).decode("utf-8")
