"""The program under test: in this process, or as a process of its own; and the server it talks to."""

import io
import json
import os
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from postwright.cli import main
from tests.cli.server import Server

ROOT = Path(__file__).parents[2]
PROGRAM = [sys.executable, "-m", "postwright"]


@dataclass
class Run:
    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        assert self.out.count("\n") == 1
        value = json.loads(self.out)
        assert isinstance(value, dict)
        return value

    @property
    def words(self) -> str:
        """What was said to standard error, without the line ends of wide paragraphs."""
        return " ".join(self.err.split())


Program = Callable[..., Run]


@pytest.fixture(autouse=True)
def _no_password_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PASSWORD", "PROXY_PASSWORD", "CERT_PASSWORD"):
        monkeypatch.delenv(f"POSTWRIGHT_{name}", raising=False)
    monkeypatch.setenv("NO_COLOR", "1")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Program:
    """Run the program inside this process."""

    def call(*words: str, stdin: bytes = b"") -> Run:
        capfd.readouterr()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main(words)
        out, err = capfd.readouterr()
        return Run(code, out, err)

    return call


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT / "src"), **more}


@pytest.fixture
def process() -> Program:
    """Run the program as a process of its own."""

    def call(*words: str, stdin: bytes = b"", env: dict[str, str] | None = None, code: str = "") -> Run:
        start = [sys.executable, "-c", code] if code else PROGRAM
        done = subprocess.run(
            [*start, *words], input=stdin, capture_output=True, timeout=30, env=environment(**(env or {})), check=False
        )
        return Run(done.returncode, done.stdout.decode(), done.stderr.decode())

    return call


@pytest.fixture
def server() -> Iterator[Server]:
    """A server without TLS."""
    made = Server()
    yield made
    made.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture(scope="session")
def certificate(authority: trustme.CA) -> trustme.LeafCert:
    return authority.issue_cert("127.0.0.1", "mail.example.org")


@pytest.fixture(scope="session")
def context(certificate: trustme.LeafCert) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    certificate.configure_cert(made)
    return made


@pytest.fixture
def tls_server(context: ssl.SSLContext) -> Iterator[Server]:
    """A server with STARTTLS and two users."""
    made = Server(context=context, users={"me@example.org": "hunter two", "other": "swordfish"})
    yield made
    made.close()


@pytest.fixture
def implicit_server(context: ssl.SSLContext) -> Iterator[Server]:
    """A server with TLS from the first byte."""
    made = Server(context=context, implicit=True, users={"me@example.org": "hunter two"})
    yield made
    made.close()


@pytest.fixture
def plain(server: Server) -> list[str]:
    """The arguments of a small mail to the server without TLS, but its text."""
    return ["send", "-s", server.address, "--tls", "none", "-f", "me@example.org", "-t", "you@example.org"]
