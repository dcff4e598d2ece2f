"""The servers of a measurement, each a process on the servers' processor, ended when its ``with`` block ends."""

from __future__ import annotations

import contextlib
import os
import pwd
import socket
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.tools import SERVER, Failed, library_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.tools import Tools


def pinned(tools: Tools, cpu: int | None, *words: str) -> list[str]:
    """Return a command that runs on one processor; None for any."""
    return [tools.taskset, "-c", str(cpu), *words] if tools.taskset and cpu is not None else list(words)


@contextlib.contextmanager
def process(words: list[str], env: dict[str, str] | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a server until the block ends."""
    server = subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        text=True,
        env={**os.environ, **(env or {})},
    )
    try:
        yield server
    finally:
        server.kill()
        server.communicate()


@dataclass(frozen=True)
class Place:
    """Where a server listens; ``tls`` is 0 where it has no TLS."""

    port: int
    tls: int = 0
    counts: bool = False
    """Whether it can be asked what it took."""

    def taken(self) -> dict[str, int]:
        """Return the sink's counters."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as line, line.makefile("rb") as answers:
            answers.readline()
            line.sendall(b"COUNT\r\nQUIT\r\n")
            words = answers.readline().decode().split()[1:]
        return {name: int(number) for name, number in (word.split("=") for word in words)}

    def round_trip(self) -> float:
        """Return the seconds that a command and its reply take here, on the average."""
        with socket.create_connection(("127.0.0.1", self.port), 10) as line, line.makefile("rb") as answers:
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            answers.readline()
            began = time.perf_counter()
            for _ in range(10):
                line.sendall(b"NOOP\r\n")
                answers.readline()
            return (time.perf_counter() - began) / 10


def _ready(server: subprocess.Popen[str]) -> list[int]:
    assert server.stdout is not None
    words = server.stdout.readline().split()
    if words[:1] != ["ready"]:
        raise Failed(f"{server.args!r} did not start")
    return [int(word) for word in words[1:]]


@contextlib.contextmanager
def sink(tools: Tools, *options: str) -> Iterator[Place]:
    """Run the sink of our own."""
    if not tools.sink:
        raise Failed(f"no sink: {tools.missing.get('sink')}")
    tls = ["-c", tools.certificate, "-k", tools.key] if tools.certificate and "TLS" not in tools.missing else []
    with process(pinned(tools, SERVER, tools.sink, *tls, *options)) as server:
        port, tls_port = _ready(server)
        yield Place(port, tls_port, counts=True)


@contextlib.contextmanager
def delayed(tools: Tools, place: Place, round_trip: float) -> Iterator[Place]:
    """Run a line in front of a server on which a round trip takes so many seconds."""
    if not tools.delay:
        raise Failed(f"no delay: {tools.missing.get('delay')}")
    targets = [str(port) for port in (place.port, place.tls) if port]
    with process(pinned(tools, SERVER, tools.delay, str(round(round_trip * 1e6 / 2)), *targets)) as server:
        ports = _ready(server)
        yield Place(ports[0], ports[1] if len(ports) > 1 else 0)


def _nobody() -> str:
    for name in ("postwright-mail", "nobody", "daemon"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise Failed("smtp-sink will not run as root, and there is no other user")


@contextlib.contextmanager
def smtp_sink(tools: Tools) -> Iterator[Place]:
    """Run Postfix's smtp-sink, which has PIPELINING and no CHUNKING."""
    if not tools.smtp_sink:
        raise Failed(f"no smtp-sink: {tools.missing.get('smtp-sink')}")
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        port: int = chosen.getsockname()[1]
    user = ["-u", _nobody()] if os.geteuid() == 0 else []
    words = [tools.smtp_sink, *user, "-m", "1000", "-h", "sink.example", f"127.0.0.1:{port}", "1024"]
    with process(pinned(tools, SERVER, *words), library_path()) as server:
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as line:
                line.recv(100)
                break
            if server.poll() is not None:
                raise Failed("smtp-sink did not start")
            time.sleep(0.01)
        yield Place(port)
