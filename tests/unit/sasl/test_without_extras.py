"""Where postwright is installed alone, each login that needs more names the extra, and all others work."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.polite import PolitePeer
from tests.support.scripts import hello
from tests.support.server import ScriptedServer

SRC = Path(__file__).parents[3] / "src"

PROGRAM = """
import asyncio, importlib.util, json, sys
assert not any(map(importlib.util.find_spec, ("spnego", "gssapi", "krb5", "authlib", "requests", "cryptography", "OpenSSL")))
from postwright import SMTP, AsyncSMTP, SMTPError

kind, port, mechanism, source = sys.argv[1:]
smtp = (SMTP if kind == "SMTP" else AsyncSMTP)(mail_server="127.0.0.1", mail_port=int(port), ssl_start_mode=3, user="alice")
smtp.auth_mechanism = int(mechanism)
smtp.settings.allow_cleartext_auth, smtp.settings.hello = True, "client.example"
smtp.password = "sesame"
if source:
    from postwright.tokens import RefreshToken
    smtp.password = RefreshToken("google", "id", "secret", "token")
try:
    if kind == "SMTP":
        smtp.connect()
    else:
        asyncio.run(smtp.connect())
    print(json.dumps(smtp.last_reply))
except SMTPError as error:
    print(json.dumps(f"{type(error).__name__}: {error.detail}"))
"""


@pytest.fixture
def alone(tmp_path: Path) -> str:
    """A path with postwright and idna, and nothing else."""
    found = importlib.util.find_spec("idna")
    assert found is not None
    assert found.submodule_search_locations
    (tmp_path / "idna").symlink_to(found.submodule_search_locations[0])
    return f"{SRC}:{tmp_path}"


def run(alone: str, kind: str, mechanism: int, offer: str, talk: str, source: str = "") -> str:
    with ScriptedServer(PolitePeer(hello(f"AUTH {offer}") + talk)) as server:
        command = [sys.executable, "-S", "-c", PROGRAM, kind, str(server.port), str(mechanism), source]
        environment = {"PYTHONPATH": alone}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said: str = json.loads(done.stdout)
        return said


@pytest.mark.parametrize("kind", ["SMTP", "AsyncSMTP"])
@pytest.mark.parametrize(("mechanism", "offer", "extra"), [(2, "NTLM", "ntlm"), (6, "GSSAPI", "kerberos")])
def test_the_error_names_the_extra(alone: str, kind: str, mechanism: int, offer: str, extra: str) -> None:
    said = run(alone, kind, mechanism, f"{offer} PLAIN", "C: QUIT\nS: 221 bye")
    assert said.startswith(f"NotAvailable: {offer}: it needs ")
    assert said.endswith(f"pip install 'postwright[{extra}]'")


@pytest.mark.parametrize("kind", ["SMTP", "AsyncSMTP"])
def test_a_source_of_tokens_names_the_extra(alone: str, kind: str) -> None:
    said = run(alone, kind, 7, "XOAUTH2", "C: QUIT\nS: 221 bye", "tokens")
    assert said == "NotAvailable: tokens need Authlib: pip install 'postwright[oauth]'"


@pytest.mark.parametrize("kind", ["SMTP", "AsyncSMTP"])
@pytest.mark.parametrize(
    ("mechanism", "offer"),
    [
        (0, "NTLM GSSAPI PLAIN"),
        (5, "DIGEST-MD5"),
        (101, "SCRAM-SHA-1"),
    ],
)
def test_the_others_need_nothing(alone: str, kind: str, mechanism: int, offer: str) -> None:
    name = offer.rsplit(maxsplit=1)[-1]
    begins = "" if name in {"CRAM-MD5", "DIGEST-MD5"} else "*"
    said = run(alone, kind, mechanism, offer, f"C: AUTH {name}{begins}\nS: 454 not now\nC: QUIT\nS: 221 bye")
    assert said.startswith(f"LoginRefused: {name} as alice: 454 not now")
