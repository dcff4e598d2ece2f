"""Whether a hash may be used here: in FIPS mode OpenSSL refuses MD5, and the mechanisms built on it with it."""

from __future__ import annotations

import hashlib


def md5_missing() -> str:
    """Say why MD5 can't be used; "" when it can."""
    try:
        hashlib.md5()  # noqa: S324 - the mechanism is what the server offers; the stronger ones rank above it
    except ValueError:
        return "MD5 is switched off in this process (FIPS mode)"
    return ""
