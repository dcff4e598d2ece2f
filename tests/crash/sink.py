"""The judge: a server that takes mail and remembers every message that it took, by Message-ID, with its octets."""

from __future__ import annotations

import re
import select
import socket
import threading
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

_ID = re.compile(rb"^Message-ID: *(<[^>]*>)", re.IGNORECASE | re.MULTILINE)
_END = b"\r\n.\r\n"


class Sink:
    """Takes mail over any number of connections.

    What it answers to the end of a message is in its Subject: "refuse" gets a 554, "later" a 451, and for "cut" it takes
    the message and hangs up.

    Attributes:
        taken: How often each Message-ID was taken.
        octets: All texts that each Message-ID came with.
    """

    def __init__(
        self, extensions: tuple[str, ...] = ("PIPELINING", "8BITMIME", "CHUNKING", "SIZE", "DSN"), port: int = 0
    ) -> None:
        self.taken: Counter[str] = Counter()
        self.octets: defaultdict[str, set[bytes]] = defaultdict(set)
        self._extensions = extensions
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=200)
        self._awake, self._waker = socket.socketpair()
        self._threads: list[threading.Thread] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        self._threads.append(threading.Thread(target=self._listen))
        self._threads[0].start()
        return self

    def __exit__(self, *_: object) -> None:
        self._waker.close()
        for thread in self._threads:
            thread.join(10)
        self._listener.close()
        self._awake.close()

    def forget(self) -> None:
        self.taken.clear()
        self.octets.clear()

    def _listen(self) -> None:
        while True:
            ready, _, _ = select.select([self._awake, self._listener], [], [])
            if self._awake in ready:
                return
            line, _ = self._listener.accept()
            self._threads = [t for t in self._threads if t.is_alive()]
            self._threads.append(threading.Thread(target=self._serve, args=(line,)))
            self._threads[-1].start()

    def _serve(self, line: socket.socket) -> None:
        with line:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self._converse(Octets(line, self._awake))
            except (EOFError, OSError):
                return

    def _converse(self, octets: Octets) -> None:
        octets.say("220 sink.example")
        chunks = b""
        for words in octets.lines():
            verb = words[0].upper()
            if verb == "EHLO":
                rows = ("sink.example", *self._extensions)
                octets.say(*(f"250{'-' if row != rows[-1] else ' '}{row}" for row in rows))
            elif verb == "DATA":
                octets.say("354 go on")
                octets.say(self._judge(octets.until(_END)[:-3].replace(b"\r\n..", b"\r\n.")))
            elif verb == "BDAT":
                chunks += octets.take(int(words[1]))
                last = words[-1].upper() == "LAST"
                octets.say(self._judge(chunks) if last else "250 more")
                chunks = b"" if last else chunks
            elif verb == "QUIT":
                octets.say("221 bye")
                return
            else:
                octets.say("250 fine")

    def _judge(self, message: bytes) -> str:
        head = message.partition(b"\r\n\r\n")[0]
        if b"Subject: refuse" in head:
            return "554 5.7.1 not this one"
        if b"Subject: later" in head:
            return "451 4.7.1 not now"
        match = _ID.search(head)
        name = match[1].decode() if match else "?"
        with self._lock:
            self.taken[name] += 1
            self.octets[name].add(message)
        if b"Subject: cut" in head:
            raise EOFError
        return "250 2.0.0 taken"


class Octets:
    def __init__(self, line: socket.socket, awake: socket.socket) -> None:
        self._line = line
        self._awake = awake
        self._buffer = bytearray()

    def say(self, *lines: str) -> None:
        self._line.sendall("".join(f"{line}\r\n" for line in lines).encode())

    def lines(self) -> Iterator[list[str]]:
        while True:
            yield self.until(b"\r\n").decode().split()

    def until(self, end: bytes) -> bytes:
        while (at := self._buffer.find(end)) < 0:
            self._receive()
        return self.take(at + len(end))

    def take(self, count: int) -> bytes:
        while len(self._buffer) < count:
            self._receive()
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _receive(self) -> None:
        ready, _, _ = select.select([self._line, self._awake], [], [])
        data = b"" if self._awake in ready else self._line.recv(262144)
        if not data:
            raise EOFError
        self._buffer += data
