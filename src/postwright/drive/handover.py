"""What drivers do at a socket: one call for all buffers of a Write and the count of what the system took, and one read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.drive.dialing import explained

if TYPE_CHECKING:
    import socket

    from postwright.flow import Converse, Octets, Write


READ = 65536
"""Octets of one read."""


def hand_over(sock: socket.socket, effect: Write) -> bool:
    """Give a non-blocking socket as much of a Write as it takes now; return whether that was all that was left.

    Raises:
        OSError: The connection broke.
    """
    data, before = effect.data, effect.written
    # A signal's handler may raise before the count is noted (KeyboardInterrupt): then all of it may be out.
    effect.written += sum(map(len, data)) if isinstance(data, list) else len(data)
    try:
        count = sock.sendmsg(data) if isinstance(data, list) else sock.send(data)
    except OSError as error:
        effect.written = before
        if isinstance(error, BlockingIOError | InterruptedError):
            return False
        raise
    effect.written = before + count
    if not isinstance(data, list):
        left = len(data) - count
        if left:
            effect.data = memoryview(data)[count:]
        return not left
    effect.data = _behind(data, count)
    return not effect.data


def some(sock: socket.socket, out: bytes, effect: Converse) -> Octets:
    """Give a non-blocking socket what was returned in a Converse; return what it did not take, also where it is broken."""
    size = effect.written = len(out)  # as above
    try:
        count = sock.send(out)
    except OSError:  # the Write that comes next says what is wrong
        count = 0
    effect.written = count
    return b"" if count == size else memoryview(out)[count:]


def arrived(sock: socket.socket) -> bytes | None:
    """Return what has arrived at a non-blocking socket, b"" at the end of the connection, None for nothing yet.

    Raises:
        NetworkError: The connection broke.
    """
    try:
        return sock.recv(READ)
    except (BlockingIOError, InterruptedError):
        return None
    except OSError as error:
        raise explained(error, "reading") from error


def _behind(buffers: list[Octets], count: int) -> list[Octets]:
    """Return what is left of buffers behind so many octets."""
    for index, buffer in enumerate(buffers):
        if count < len(buffer):
            return [memoryview(buffer)[count:], *buffers[index + 1 :]]
        count -= len(buffer)
    return []
