"""``openssl s_server``, and a provider that talks to it over a socket, without any mail."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from postwright import tls
from postwright.tls.trust import Trust
from tests.interop.servers import missing

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postwright.enums import SSLProvider
    from postwright.tls.faults import Verdict
    from postwright.tls.provider import Provider
    from postwright.tls.resumption import Memory
    from tests.interop.servers import Authority

WAIT = 10.0


class SServer:
    """One ``openssl s_server``; it says what it saw, and turns lines around."""

    def __init__(self, port: int, output: Path) -> None:
        self.port, self.output = port, output

    def said(self, pattern: str) -> str:
        """Wait for something in what it says."""
        deadline = time.monotonic() + WAIT
        while True:
            if found := re.search(pattern, self.output.read_text(errors="replace")):
                return found[1] if found.groups() else found[0]
            assert time.monotonic() < deadline, self.output.read_text(errors="replace")
            time.sleep(0.02)


@contextmanager
def serving(folder: Path, certificate: Path, key: Path, chain: Path, *options: str) -> Iterator[SServer]:
    """Run a server with a certificate until the block ends; what it says is kept in a folder."""
    if not shutil.which("openssl"):
        missing("openssl is not installed")
    output = folder / "s_server.txt"
    words = ["-cert", str(certificate), "-key", str(key), "-cert_chain", str(chain), *options]
    with output.open("wb") as file:
        process = subprocess.Popen(
            ["openssl", "s_server", "-accept", "127.0.0.1:0", "-rev", *words],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        yield SServer(int(SServer(0, output).said(r"ACCEPT \S*?:(\d+)")), output)
    finally:
        process.kill()
        process.communicate()


def connect(provider: SSLProvider, ca: Authority, memory: Memory | None = None, **values: Any) -> Provider:
    """A provider that trusts the root alone; its verdict is asked for."""
    given: dict[str, Any] = {"server_name": "localhost", "ca_file": str(ca.root), "provider": provider, "asked": True}
    return tls.provider(Trust(**(given | values)), memory)


def judged(client: Provider, port: int) -> Verdict:
    """The verdict on a server; the handshake ends with it."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as line:
        while not client.handshake() and not client.certificates():
            line.sendall(client.outgoing())
            client.feed(line.recv(65536))
        verdict = client.judge()
        line.sendall(client.refuse())
        return verdict


def talk(client: Provider, port: int) -> bytes:
    """Do a handshake over a socket, say something, and return the answer."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as line:
        judged = False
        while not client.handshake():
            if client.certificates() and not judged:
                assert client.judge().accept, client.judge()
                client.accept()
                judged = True
            line.sendall(client.outgoing())
            client.feed(line.recv(65536))
        if not judged:
            assert client.judge().accept, client.judge()
            client.accept()
        line.sendall(client.outgoing() + client.encrypt(b"abc\n"))
        while (answer := client.decrypt()) is None:
            client.feed(line.recv(65536))
        line.sendall(client.farewell())
        return answer
