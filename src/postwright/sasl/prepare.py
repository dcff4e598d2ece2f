"""SASLprep (RFC 4013): user names and passwords in one form, however they were typed."""

from __future__ import annotations

import stringprep
from typing import TYPE_CHECKING
from unicodedata import ucd_3_2_0

from postwright.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable

# RFC 4013 section 2.3, with the number of each table of RFC 3454
_PROHIBITED: tuple[Callable[[str], bool], ...] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def saslprep(text: str, what: str) -> str:
    """Return the text prepared by SASLprep.

    Characters that Unicode 3.2 did not have are let through, as RFC 3454 section 7 has it for what a user types:
    a password may hold an emoji.

    Args:
        text: What to prepare.
        what: What it is, for the error.

    Raises:
        InvalidValue: The text holds characters that are prohibited, or mixes directions as section 2.4 forbids.
    """
    if text.isascii() and text.isprintable():
        return text
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char for char in text if not stringprep.in_table_b1(char)
    )
    normal = ucd_3_2_0.normalize("NFKC", mapped)
    for char in normal:
        if any(within(char) for within in _PROHIBITED):
            raise InvalidValue(f"the {what} holds a character that SASLprep (RFC 4013) does not allow")
    if any(map(stringprep.in_table_d1, normal)) and (
        any(map(stringprep.in_table_d2, normal))
        or not (stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1]))
    ):
        raise InvalidValue(f"the {what} mixes directions of writing in a way that SASLprep (RFC 4013) does not allow")
    return normal
