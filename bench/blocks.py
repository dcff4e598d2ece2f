"""A large body in blocks through TLS: the processor time that writing them takes, whatever encrypts them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.letters import RECIPIENT, SENDER

if TYPE_CHECKING:
    from collections.abc import Callable

_LINE = b"x" * 62 + b"\r\n"


def written(send: Callable[[bytes], object], receive: Callable[[], bytes], size: int, count: int) -> float:
    """Send one message whose body is so many blocks; return the seconds of processor time that the blocks took.

    The time that passes would be that of the slower one of two, and the server has as much to do.

    Args:
        send: Sends plaintext.
        receive: Waits for plaintext.
        size: Octets of a block, a multiple of 64.
        count: How many.
    """

    def reply() -> None:
        heard = b""
        while not heard.endswith(b"\n") or heard.splitlines()[-1][3:4] == b"-":
            heard += receive()

    reply()
    for line in ("EHLO client.example", f"MAIL FROM:<{SENDER}>", f"RCPT TO:<{RECIPIENT}>", "DATA"):
        send(line.encode() + b"\r\n")
        reply()
    # One line less: with sizes that are powers of two the buffers of a process may happen to lie so that each copy of 32
    # KiB takes twice as long (one end of it seems to overwrite the other, by the last twelve bits of their addresses).
    block = _LINE * (size // len(_LINE) - 1)
    began = time.process_time()
    for _ in range(count):
        send(block)
    took = time.process_time() - began
    send(b".\r\n")
    reply()
    return took
