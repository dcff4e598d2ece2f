"""Names of hosts: whether one is an address, and how it is written in ASCII (A-labels, RFC 5891)."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import ip_address


@lru_cache(maxsize=64)
def is_address(host: str) -> bool:
    """Whether a host is an IP address, without brackets."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def a_labels(name: str) -> str:
    """Return a name with each label that is not ASCII as an A-label.

    Raises:
        UnicodeError: A label has no A-label.
    """
    if name.isascii():
        return name
    import idna  # noqa: PLC0415 - only names that are not ASCII pay for it

    labels = name.split(".")
    return ".".join(label if label.isascii() else idna.encode(label, uts46=True).decode("ascii") for label in labels)
