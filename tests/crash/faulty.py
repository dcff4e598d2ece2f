"""A server that fails at a given octet, in a given way, and knows for sure what it has received."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

FINAL_DOT = b"\r\n.\r\n"


class Fault(NamedTuple):
    """Where and how the line fails; ``after`` counts octets in one direction."""

    side: str  # "sent" by the server, or "received" by it
    after: int
    way: str  # "close", "reset", "stall", "garbage"


class Seen:
    """What the server knows after one connection."""

    def __init__(self) -> None:
        self.received = bytearray()
        self.sent = 0
        self.whole = False
        """Whether it had every octet of the message: only then can it have delivered it."""
        self.accepted = False
        """Whether it said 250 to the message, all of it."""


class Failed(Exception):
    pass


class Line:
    """One connection, with the fault built in."""

    def __init__(self, sock: socket.socket, fault: Fault | None, seen: Seen, patience: threading.Event) -> None:
        self._sock = sock
        self._fault = fault
        self._seen = seen
        self._patience = patience
        self._buffer = bytearray()

    def say(self, text: str) -> None:
        for octet in f"{text}\r\n".encode():
            if self._fault and self._fault.side == "sent" and self._seen.sent == self._fault.after:
                self._fail()
            self._sock.sendall(bytes([octet]))
            self._seen.sent += 1

    def say_at_once(self, text: str) -> None:
        data = f"{text}\r\n".encode()
        if self._fault and self._fault.side == "sent" and self._seen.sent + len(data) > self._fault.after:
            self.say(text)
            return
        self._sock.sendall(data)
        self._seen.sent += len(data)

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def line(self) -> bytes:
        return self.until(b"\r\n")

    def until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            self._receive()
        return self.take(at + len(end))

    def drop(self) -> bytes:
        """Forget what was received and not yet looked at."""
        return self.take(len(self._buffer))

    def _receive(self) -> None:
        limit = 65536
        if self._fault and self._fault.side == "received":
            limit = self._fault.after - len(self._seen.received)
            if limit <= 0:
                self._fail()
        data = self._sock.recv(limit)
        if not data:
            raise Failed
        self._seen.received += data
        self._buffer += data

    def _fail(self) -> None:
        assert self._fault is not None
        if self._fault.way == "reset":
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif self._fault.way == "garbage":
            self._sock.sendall(b"\x00\xff garbage \r\n")
        elif self._fault.way == "stall":
            self._patience.wait(30)
        raise Failed


def converse(line: Line, seen: Seen, extensions: tuple[str, ...]) -> None:
    """Speak SMTP as a server that takes everything."""
    line.say_at_once("220 faulty.example ESMTP")
    while True:
        words = line.line().decode().split()
        verb = words[0].upper()
        if verb == "EHLO":
            rows = ("faulty.example", *extensions)
            for index, row in enumerate(rows):
                line.say_at_once(f"250{' ' if index == len(rows) - 1 else '-'}{row}")
        elif verb == "DATA":
            line.say_at_once("354 go on")
            line.until(FINAL_DOT)
            seen.whole = True
            line.say_at_once("250 2.0.0 queued")
            seen.accepted = True
        elif verb == "BDAT":
            line.take(int(words[1]))
            seen.whole = words[-1].upper() == "LAST"
            line.say_at_once("250 2.0.0 taken")
            seen.accepted = seen.whole
        elif verb == "QUIT":
            line.say_at_once("221 bye")
            return
        else:
            line.say_at_once("250 2.1.0 ok")


@contextmanager
def faulty(fault: Fault | None, extensions: tuple[str, ...]) -> Iterator[tuple[int, Seen]]:
    """Serve one connection; give its port and what it saw."""
    seen, patience = Seen(), threading.Event()

    def serve(listener: socket.socket) -> None:
        sock, _ = listener.accept()
        with sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            converse(Line(sock, fault, seen, patience), seen, extensions)

    with serving(serve) as port:
        try:
            yield port, seen
        finally:
            patience.set()


@contextmanager
def serving(serve: Callable[..., None], *args: object) -> Iterator[int]:
    """Run a server in a thread and give its port.

    Args:
        serve: Gets a socket that listens, and is at its end when that is closed, or a line fails.
        *args: What else it gets.
    """

    def run() -> None:
        with suppress(Failed, OSError):
            serve(listener, *args)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(30)
            assert not thread.is_alive()
