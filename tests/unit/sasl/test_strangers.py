"""A package that nobody here knows, as it lies on the path once it is installed, brings a login mechanism."""

from __future__ import annotations

import base64
import hmac
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.docs.pages import ROOT, blocks
from tests.support.polite import PolitePeer
from tests.support.scripts import hello
from tests.support.server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable

CHALLENGE = b"<0123456789abcdef@example>"
PROOF = hmac.new(b"sesame", CHALLENGE, "sha256").hexdigest()
RESPONSE = base64.b64encode(f"alice {PROOF}".encode()).decode()
LOGIN = f"C: AUTH X-CRAM-SHA256\nS: 334 {base64.b64encode(CHALLENGE).decode()}\nC: {RESPONSE}\nS: 235 welcome\n"
PLAIN = "C: AUTH PLAIN AGFsaWNlAHNlc2FtZQ==\nS: 235 welcome\n"
AGAIN = "C: EHLO client.example\nS: 250 hello\nC: QUIT\nS: 221 bye"

PROGRAM = """
import asyncio, json, sys
from postwright import SMTP, AsyncSMTP, SMTPError

kind, port, mechanism = sys.argv[1:]
trail = []
values = dict(mail_server="127.0.0.1", mail_port=int(port), ssl_start_mode=3, user="alice", password="sesame")
smtp = (SMTP if kind == "SMTP" else AsyncSMTP)(**values, on_pi_trail=lambda event: trail.append(event.message))
smtp.settings.allow_cleartext_auth, smtp.settings.hello, smtp.settings.sasl_mechanism = True, "client.example", mechanism
try:
    if kind == "SMTP":
        smtp.connect(), smtp.disconnect()
    else:
        async def main():
            await smtp.connect()
            await smtp.disconnect()
        asyncio.run(main())
except SMTPError as error:
    trail.append(f"{type(error).__name__}: {error.detail}")
print(json.dumps(trail))
"""


@pytest.fixture
def install(tmp_path: Path) -> Callable[..., Path]:
    """Put a package into a folder as pip does: its modules, and what it says of itself."""

    def installed(source: str, name: str = "X-CRAM-SHA256") -> Path:
        (tmp_path / "of_a_stranger.py").write_text(source)
        about = tmp_path / "of_a_stranger-1.0.dist-info"
        about.mkdir()
        (about / "METADATA").write_text("Metadata-Version: 2.1\nName: of-a-stranger\nVersion: 1.0\n")
        (about / "entry_points.txt").write_text(f"[postwright.sasl]\n{name} = of_a_stranger:MECHANISM\n")
        return tmp_path

    return installed


def documented() -> str:
    """The mechanism as the documentation has it."""
    return blocks(ROOT / "docs" / "howto" / "bring-a-login-mechanism.md")[0].text


def trail(kind: str, place: Path, talk: str, mechanism: str = "") -> list[str]:
    """Run the program where the package is installed, and return what it saw."""
    with ScriptedServer(PolitePeer(hello("AUTH PLAIN X-CRAM-SHA256") + talk)) as server:
        command = [sys.executable, "-c", PROGRAM, kind, str(server.port), mechanism]
        path = f"{place}:{ROOT / 'src'}"
        done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, check=True)
        assert done.stderr == ""
        seen: list[str] = json.loads(done.stdout)
        return seen


@pytest.mark.parametrize("kind", ["SMTP", "AsyncSMTP"])
@pytest.mark.parametrize("named", ["", "X-CRAM-SHA256"])
def test_it_logs_in_by_its_strength_and_by_its_name(install: Callable[..., Path], kind: str, named: str) -> None:
    seen = trail(kind, install(documented()), LOGIN + AGAIN, named)
    assert "235 welcome" in seen
    assert RESPONSE not in " ".join(seen)


@pytest.mark.parametrize("kind", ["SMTP", "AsyncSMTP"])
@pytest.mark.parametrize(
    ("source", "name", "why"),
    [
        ("import of_nobody", "X-CRAM-SHA256", "ModuleNotFoundError: No module named 'of_nobody'"),
        ("MECHANISM = 7", "X-CRAM-SHA256", "is no Mechanism of that name"),
        ("def oops(:", "x-cram-sha256", "SyntaxError"),
    ],
)
def test_a_broken_one_stops_nobody_who_does_without(
    install: Callable[..., Path], kind: str, source: str, name: str, why: str
) -> None:
    place = install(source, name)
    seen = trail(kind, place, PLAIN + AGAIN)
    assert "235 welcome" in seen
    assert any(line.startswith("X-CRAM-SHA256 is skipped") and why in line for line in seen)
    asked = trail(kind, place, "C: QUIT\nS: 221 bye", "X-CRAM-SHA256")
    assert asked[-1].startswith("NotAvailable: X-CRAM-SHA256: it can't be loaded")
    assert why in asked[-1]


@pytest.mark.parametrize("kind", ["SMTP", "AsyncSMTP"])
def test_without_the_package_the_error_says_so(tmp_path: Path, kind: str) -> None:
    seen = trail(kind, tmp_path, "C: QUIT\nS: 221 bye", "X-CRAM-SHA256")
    assert seen[-1] == "NotAvailable: X-CRAM-SHA256: no package that is installed brings it"


def test_the_documented_one_keeps_the_rules() -> None:
    from postwright.sasl import Credentials
    from postwright.sasl.conformance import conform

    namespace: dict[str, Any] = {}
    exec(documented(), namespace)
    conform(namespace["MECHANISM"], Credentials("alice", "sesame"))
