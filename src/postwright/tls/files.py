"""Files for TLS libraries: a name for bytes that must not lie on a disk, and the log of keys."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from postwright.errors import FileUnreadable

if TYPE_CHECKING:
    from collections.abc import Iterator

MEMORY = hasattr(os, "memfd_create") and os.path.isdir("/proc/self/fd")
"""Whether a file can live in memory alone."""


@contextlib.contextmanager
def named(data: bytes) -> Iterator[str]:
    """Give bytes a file name for a while: in memory where that can be, else in a file that only this user may read."""
    if MEMORY:
        descriptor = os.memfd_create("postwright")
        try:
            with open(descriptor, "r+b", closefd=False, buffering=0) as file:
                file.write(data)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    import tempfile  # noqa: PLC0415 - only where there is no memory file

    with tempfile.TemporaryDirectory() as folder:
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as temporary:
            temporary.write(data)
        yield temporary.name


def open_key_log(path: str) -> int:
    """Open the log of keys to append to it: it opens the traffic, so nobody else may read it.

    Raises:
        FileUnreadable: It can't be opened.
    """
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_APPEND | os.O_WRONLY | getattr(os, "O_CLOEXEC", 0), 0o600)
        if hasattr(os, "fchmod"):  # it may be there already, open to all
            os.fchmod(descriptor, 0o600)
    except OSError as error:
        raise FileUnreadable(f"SSLKeyLogFile {path}: {error.strerror}") from error
    return descriptor


def append_key_log(path: str, line: bytes) -> None:
    """Write one line to the log of keys; it is opened each time, so that it can be moved away meanwhile."""
    descriptor = open_key_log(path)
    try:
        os.write(descriptor, line + b"\n")
    finally:
        os.close(descriptor)


def close(descriptor: int) -> None:
    """Close a descriptor."""
    os.close(descriptor)
