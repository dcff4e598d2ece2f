"""Contexts that are made once and kept: making one costs as much as sending a dozen messages."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.tls.trust import Trust

T = TypeVar("T")
_MOST = 64


class Contexts(Generic[T]):
    """A provider's contexts by what they were made from; the oldest gives way."""

    def __init__(self) -> None:
        self._kept: dict[object, T] = {}

    def get(self, trust: Trust, build: Callable[[], T], *more: object) -> T:
        """Return the context for these settings; a changed file of authorities makes a new one."""
        stamps = [_stamp(path) for path in (trust.ca_file, trust.ca_dir) if path]
        for path in trust.ca_paths.split(";"):
            stamps.append(stamp := _stamp(path) if path else 0)
            if stamp:  # the first file that exists is taken
                break
        key = (trust.context_key, more, *stamps)
        kept = self._kept.get(key)
        if kept is None:
            kept = build()
            while len(self._kept) >= _MOST:
                self._kept.pop(next(iter(self._kept), None), None)  # another thread may have been quicker
            self._kept[key] = kept
        return kept


def _stamp(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def first_bundle(paths: str) -> str:
    """Return the first file of SSLCACertFilePaths that exists; "" for none."""
    return next((path for path in paths.split(";") if path and os.path.exists(path)), "")
