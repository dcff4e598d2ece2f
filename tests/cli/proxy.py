"""A proxy for tests of the program: SOCKS4, SOCKS4A, SOCKS5 and HTTP CONNECT on one port; it remembers what it was told."""

import base64
import contextlib
import select
import socket
import threading
from dataclasses import dataclass, field
from typing import BinaryIO


@dataclass
class Asked:
    """One connection that was asked for."""

    kind: str
    target: str
    user: str = ""
    password: str = ""
    headers: list[str] = field(default_factory=list)


class Proxy:
    """Leads every connection to one port here, whatever it is asked for; ``user`` makes it want a login."""

    def __init__(self, there: int, user: str = "", password: str = "") -> None:
        self.there = there
        self.login = (user, password)
        self.asked: list[Asked] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _listen(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            self._threads.append(threading.Thread(target=self._serve, args=(sock,), daemon=True))
            self._threads[-1].start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(20)
        with sock, sock.makefile("rb") as file, contextlib.suppress(OSError, EOFError):
            first = file.read(1)
            talk = {b"\4": self._socks4, b"\5": self._socks5, b"C": self._connect}[first]
            if talk(sock, file):
                _relay(sock, self.there)

    def _socks4(self, sock: socket.socket, file: BinaryIO) -> bool:
        head = file.read(7)
        user = _until_nul(file)
        named = head[3:6] == b"\0\0\0"
        host = _until_nul(file) if named else socket.inet_ntoa(head[3:])
        port = int.from_bytes(head[1:3], "big")
        self.asked.append(Asked("socks4a" if named else "socks4", f"{host}:{port}", user))
        sock.sendall(b"\0\x5a" + bytes(6))
        return True

    def _socks5(self, sock: socket.socket, file: BinaryIO) -> bool:
        methods = file.read(file.read(1)[0])
        asked = Asked("socks5", "")
        if self.login[0]:
            if 2 not in methods:
                sock.sendall(b"\5\xff")
                return False
            sock.sendall(b"\5\2")
            file.read(1)
            asked.user, asked.password = (file.read(file.read(1)[0]).decode() for _ in range(2))
            good = (asked.user, asked.password) == self.login
            sock.sendall(b"\1\0" if good else b"\1\1")
            if not good:
                return False
        else:
            sock.sendall(b"\5\0")
        kind = file.read(4)[3]
        host = socket.inet_ntoa(file.read(4)) if kind == 1 else file.read(file.read(1)[0]).decode()
        asked.target = f"{host}:{int.from_bytes(file.read(2), 'big')}"
        self.asked.append(asked)
        sock.sendall(b"\5\0\0\1\x7f\0\0\1\0\0")
        return True

    def _connect(self, sock: socket.socket, file: BinaryIO) -> bool:
        text = b""
        while not text.endswith(b"\r\n\r\n"):
            text += file.read(1) or b"\r\n\r\n"
        request, *headers = text.decode().rstrip().split("\r\n")
        asked = Asked("http", request.split()[1], headers=headers)
        for header in headers:
            if header.startswith("Proxy-Authorization: Basic "):
                asked.user, _, asked.password = base64.b64decode(header.split()[2]).decode().partition(":")
        self.asked.append(asked)
        if (asked.user, asked.password) != self.login:
            sock.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return False
        sock.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        return True


def _until_nul(file: BinaryIO) -> str:
    text = b""
    while (octet := file.read(1)) not in {b"\0", b""}:
        text += octet
    return text.decode()


def _relay(near: socket.socket, there: int) -> None:
    with socket.create_connection(("127.0.0.1", there)) as far:
        ends = {near: far, far: near}
        while True:
            for ready in select.select(list(ends), [], [], 20)[0]:
                data = ready.recv(65536)
                if not data:
                    return
                ends[ready].sendall(data)
