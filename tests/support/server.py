"""Servers on loopback: one that plays transcripts, one that does whatever a test's function does to its line.

Each runs in one thread, which ends with the ``with`` block; no socket is left.
"""

from __future__ import annotations

import select
import socket
import struct
import threading
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Self

from postwright.drive.transcripts import Deed, Station, TranscriptMismatch
from tests.support.certificates import ServerTLS
from tests.support.polite import PolitePeer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from postwright.drive.transcripts import Peer


class Gone(Exception):
    """The client or the test has left."""


class Server(ABC):
    """A listening socket and a thread that serves one connection after the other."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._awake, self._waker = socket.socketpair()
        self._thread = threading.Thread(target=self._serve, name="test-server", daemon=True)
        self.stopping = threading.Event()
        self.failure: BaseException | None = None
        self.connections = 0
        self.idle = threading.Event()
        """Set while no connection is open."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.stop()
        if kind is None and self.failure is not None:
            raise self.failure

    def stop(self) -> None:
        """End the thread, whatever it waits for."""
        self.stopping.set()
        self._waker.close()
        if self._thread.ident is not None:
            self._thread.join(5)
        assert not self._thread.is_alive(), "the server's thread hangs"
        self._listener.close()
        self._awake.close()

    def wait(self, sock: socket.socket, timeout: float | None = None, *, write: bool = False) -> bool:
        """Wait until a socket is ready; say whether it is.

        Raises:
            Gone: The test is over.
        """
        reads = [self._awake] if write else [self._awake, sock]
        ready, writable, _ = select.select(reads, [sock] if write else [], [], timeout)
        if self._awake in ready:
            raise Gone
        return bool(ready or writable)

    def _serve(self) -> None:
        try:
            while self.wait(self._listener):
                line, _ = self._listener.accept()
                line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.idle.clear()
                with line:
                    self.connections += 1
                    try:
                        self.attend(line)
                    except (ConnectionError, BlockingIOError):
                        pass
                    except Gone:
                        if self.stopping.is_set():
                            return
                self.idle.set()
        except Gone:
            return

    @abstractmethod
    def attend(self, line: socket.socket) -> None:
        """Serve one connection."""


def reset(line: socket.socket) -> None:
    """Close a connection with RST."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.close()


class ScriptedServer(Server):
    """Plays one peer, or transcript, for each connection; further connections find a polite server.

    Args:
        *peers: Transcripts, or peers that play one.
        mode: How the server's words leave: "whole", "line" or "byte".
        tls: The server's TLS settings; None takes the test authority's.
    """

    def __init__(self, *peers: str | Peer, mode: str = "whole", tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.peers: list[Peer] = [PolitePeer(peer) if isinstance(peer, str) else peer for peer in peers]
        self._waiting = deque(self.peers)
        self._mode = mode
        self._tls = tls

    def __exit__(self, kind: type[BaseException] | None, *error: object) -> None:
        super().__exit__(kind, *error)
        if kind is None:
            self.check()

    def check(self) -> None:
        """Make sure that every transcript was played to its end."""
        left = [line for peer in self.peers for line in peer.left]
        if left:
            raise TranscriptMismatch(f"the client never said: {left}")

    def attend(self, line: socket.socket) -> None:
        if self._waiting:
            peer = self._waiting.popleft()
        else:
            peer = PolitePeer()
            self.peers.append(peer)
        station = Station(peer, self._mode, lambda: ServerTLS(self._tls))
        silent = False
        while True:
            for piece in () if silent else station.pieces():
                if piece is Deed.CLOSE:
                    return
                if piece is Deed.RESET:
                    reset(line)
                    return
                if piece is Deed.SILENCE:
                    silent = True
                elif isinstance(piece, bytes):
                    line.sendall(piece)
            self.wait(line)
            data = line.recv(65536)
            if not data:
                return
            if not silent:
                station.take(data)

    def _serve(self) -> None:
        try:
            super()._serve()
        except TranscriptMismatch as error:
            self.failure = error
            self._listener.close()  # nobody may wait for this server any more


class Wire:
    """The server's end of one connection, in the hands of a test's function."""

    def __init__(self, server: Server, line: socket.socket) -> None:
        self._server = server
        self._line = line
        self._inbox = bytearray()
        self.heard = bytearray()

    def say(self, *lines: str) -> None:
        """Send lines, each with its line end, in one packet."""
        self.send(b"".join(line.encode() + b"\r\n" for line in lines))

    def send(self, data: bytes) -> None:
        """Send bytes; a client that does not read keeps this waiting."""
        view = memoryview(data)
        self._line.setblocking(False)
        try:
            while view:
                self._server.wait(self._line, write=True)
                view = view[self._line.send(view) :]
        finally:
            self._line.setblocking(True)

    def line(self) -> str:
        """Return the client's next line, without its end."""
        while b"\n" not in self._inbox:
            self.receive()
        end = self._inbox.index(b"\n") + 1
        found = bytes(self._inbox[:end])
        del self._inbox[:end]
        return found.decode("utf-8", "replace").rstrip("\r\n")

    def expect(self, start: str) -> str:
        """Return the client's next line, which must begin like this."""
        found = self.line()
        assert found.startswith(start), f"{found!r} instead of {start!r}"
        return found

    def body(self) -> bytes:
        """Return what the client sends up to the line with a single dot."""
        while b"\r\n.\r\n" not in self._inbox:
            self.receive()
        end = self._inbox.index(b"\r\n.\r\n") + 5
        found = bytes(self._inbox[:end])
        del self._inbox[:end]
        return found

    def receive(self) -> bytes:
        """Wait for bytes of the client and keep them.

        Raises:
            Gone: The client, or the test, has left.
        """
        self._server.wait(self._line)
        data = self._line.recv(65536)
        if not data:
            raise Gone
        self._inbox += data
        self.heard += data
        return data

    def until_gone(self) -> None:
        """Read until the client leaves."""
        try:
            while True:
                self.receive()
        except Gone:
            if self._server.stopping.is_set():
                raise

    def delay(self, seconds: float) -> None:
        """Do nothing for a while.

        Raises:
            Gone: The test is over.
        """
        if self._server.stopping.wait(seconds):
            raise Gone

    def silence(self) -> None:
        """Do nothing until the test is over, or the client has left."""
        self.until_gone()
        raise Gone

    def reset(self) -> None:
        """Break the connection with RST."""
        reset(self._line)

    def half_close(self) -> None:
        """Say no more, but go on listening."""
        self._line.shutdown(socket.SHUT_WR)

    def shrink(self) -> None:
        """Take as little as possible before the client must wait."""
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)

    def hello(self, *extensions: str) -> None:
        """Greet, and answer EHLO."""
        self.say("220 hostile.example")
        self.expect("EHLO ")
        lines = ["hostile.example", *extensions]
        self.say(*(f"250{' ' if i == len(lines) - 1 else '-'}{line}" for i, line in enumerate(lines)))

    def to_body(self) -> None:
        """Play everything up to the 354: no extensions, one recipient."""
        self.hello()
        for answer in ("250 ok", "250 ok", "354 go"):
            self.line()
            self.say(answer)

    def quit(self) -> None:
        """Wait for QUIT and answer it."""
        self.expect("QUIT")
        self.say("221 bye")

    def secure(self) -> SecureWire:
        """Do the server's part of a handshake, and return the line inside it."""
        return SecureWire(self)


class SecureWire:
    """A wire through TLS; what it sends beside TLS goes through the wire itself."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._tls = ServerTLS()
        self.heard = b""
        while not self._tls.handshake():
            self._flush()
            self._tls.feed(wire.receive())
        self._flush()

    def _flush(self) -> None:
        if records := self._tls.outgoing():
            self._wire.send(records)

    def send(self, data: bytes) -> None:
        """Send bytes through TLS."""
        self._wire.send(self._tls.encrypt(data))

    def until(self, end: bytes) -> None:
        """Read up to what ends like this."""
        while not self.heard.endswith(end):
            self.heard += self._tls.decrypt() or b""
            if not self.heard.endswith(end):
                self._tls.feed(self._wire.receive())

    def converse(self, *pairs: tuple[str, str]) -> None:
        """Wait for lines that begin like this, and answer them."""
        for start, answer in pairs:
            self.heard = b""
            self.until(b"\n")
            assert self.heard.decode().startswith(start), self.heard
            self.send(answer.encode() + b"\r\n")

    def farewell(self) -> None:
        """Say that TLS ends (close_notify)."""
        self._wire.send(self._tls.farewell())


class HostileServer(Server):
    """Hands the first connection to a function; further connections find a polite server.

    Args:
        attack: Gets the wire; when it returns, the connection is closed.
    """

    def __init__(self, attack: Callable[[Wire], None]) -> None:
        super().__init__()
        self._attack = attack
        self.wire: Wire | None = None

    def attend(self, line: socket.socket) -> None:
        if self.wire is not None:
            self._polite(line)
            return
        self.wire = Wire(self, line)
        try:
            self._attack(self.wire)
        except AssertionError as error:
            self.failure = error

    def _polite(self, line: socket.socket) -> None:
        peer = PolitePeer()
        while True:
            while (act := peer.act()) is not None:
                if not isinstance(act, bytes):
                    return
                line.sendall(act)
            self.wait(line)
            data = line.recv(65536)
            if not data:
                return
            peer.take(data)
