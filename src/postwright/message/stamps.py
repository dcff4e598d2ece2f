"""Dates, message identifiers and boundaries, made from a clock and random bytes that the caller hands in."""

from __future__ import annotations

import itertools
from functools import lru_cache
from math import floor
from typing import TYPE_CHECKING, Any

from postwright.errors import InvalidAddress, InvalidValue
from postwright.message.domains import ascii_domain

if TYPE_CHECKING:
    from collections.abc import Callable

_DAYS = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")  # 1 January 1970 was a Thursday
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_ALGORITHMS = {"MD5": "md5", "SHA1": "sha1", "SHA256": "sha256"}
_count = itertools.count().__next__


def date_header(now: float, utc_offset_seconds: int) -> str:
    """Return a moment as RFC 5322 section 3.3 writes it, in English whatever the locale.

    Args:
        now: Seconds since 1970, UTC.
        utc_offset_seconds: How far local time is ahead of UTC; it is told in whole minutes.
    """
    return _date(floor(now), int(utc_offset_seconds / 60))


@lru_cache(maxsize=4)
def _date(second: int, offset: int) -> str:
    days, rest = divmod(second + offset * 60, 86400)
    year, month, day = _civil(days)
    hour, minute = divmod(abs(offset), 60)
    return (
        f"{_DAYS[days % 7]}, {day:02d} {_MONTHS[month - 1]} {year:04d} "
        f"{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d} {'-' if offset < 0 else '+'}{hour:02d}{minute:02d}"
    )


def _civil(days: int) -> tuple[int, int, int]:
    """Return year, month and day of a count of days since 1970.

    Years begin in March here, so that the leap day is their last one; 719468 days lie between 1 March 0000 and 1970.
    """
    era, day = divmod(days + 719468, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    return year + era * 400 + (month >= 10), month + 3 if month < 10 else month - 9, day - (153 * month + 2) // 5 + 1


def message_id(algorithm: str, randomness: bytes, now: float, domain: str) -> str:
    """Return a new message identifier with its angle brackets (RFC 5322 section 3.6.4).

    Args:
        algorithm: "MD5", "SHA1" or "SHA256", in any case.
        randomness: Fresh random bytes; 16 are plenty.
        now: Seconds since 1970.
        domain: A name of this host or of the sender, or an address literal; it is never looked up.

    Raises:
        InvalidValue: There is no such algorithm.
    """
    # Not for security: the identifier must be unique, and must not tell the random bytes or the process's clock.
    text = b"%b %d %d" % (randomness, _count(), now * 1e6)
    digest = _hash(algorithm)(text, usedforsecurity=False)
    return f"<{digest.hexdigest()}@{_right_side(domain)}>"


@lru_cache(maxsize=8)
def _hash(algorithm: str) -> Callable[..., Any]:
    import hashlib  # noqa: PLC0415 (loading OpenSSL's hashes takes longer than composing a hundred messages)

    name = _ALGORITHMS.get(algorithm.upper().replace("-", ""))
    if name is None:
        raise InvalidValue(f"MessageIdAlgorithm is one of {', '.join(_ALGORITHMS)}, not {algorithm!r}")
    make: Callable[..., Any] = getattr(hashlib, name)
    return make


@lru_cache(maxsize=64)
def _right_side(domain: str) -> str:
    try:
        return ascii_domain(domain.rstrip("."))
    except InvalidAddress:
        return "localhost"


def boundary(randomness: bytes) -> str:
    """Return a boundary for multipart bodies (RFC 2046 section 5.1.1).

    "=_" can't occur in quoted-printable nor in base64 (RFC 2045 section 6.7 recommends it).
    """
    return f"=_{randomness.hex()}"
