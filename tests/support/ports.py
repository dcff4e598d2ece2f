"""A port that nobody else gets."""

from __future__ import annotations

import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def held(host: str = "127.0.0.1") -> Iterator[int]:
    """Hold a port where nobody listens; a server that is given it may begin to.

    A port that was let go may belong to another process of the tests by the time that it is used.
    """
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do, which may share it by that
        holder.bind((host, 0))
        port: int = holder.getsockname()[1]
        yield port
