"""Importing is cheap: who sends synchronously never pays for TLS, asyncio or the email package before using them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SRC = Path(__file__).parents[2] / "src"
HEAVY = {"ssl", "OpenSSL", "cryptography", "asyncio", "dns", "rich", "argparse", "idna", "email"}
LATER = {"socket", "selectors", "threading", "inspect", "dataclasses", "ipaddress", "logging", "datetime", "hashlib"}
"""What is needed once a client is made, or not at all: the dialogue stays unloaded with it."""
ROOMS = {"component", "enums", "errors", "events", "lazy", "options", "record", "words"}
"""The rooms that a class needs; its methods load the others."""


def python(statement: str) -> subprocess.CompletedProcess[str]:
    """Run a statement in a fresh interpreter, without site-packages, whose .pth files would load what they like."""
    code = f"import sys; sys.path.insert(0, {str(SRC)!r}); {statement}; print(*sys.modules)"
    return subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(
    "statement", ["import postwright", "from postwright import SMTP", "from postwright import SMTPError"]
)
def test_nothing_heavy_is_loaded(statement: str) -> None:
    loaded = {name.partition(".")[0] for name in python(statement).stdout.split()}
    assert "postwright" in loaded
    assert not loaded & HEAVY


def test_the_class_alone_loads_no_dialogue() -> None:
    loaded = python("from postwright import SMTP").stdout.split()
    assert not LATER & {name.partition(".")[0] for name in loaded}
    ours = [name.split(".") for name in loaded if name.startswith("postwright.")]
    assert {name[1] for name in ours} == ROOMS
    assert len(ours) <= 42  # each module costs a quarter of a millisecond


def test_the_package_alone_loads_no_room() -> None:
    loaded = {name for name in python("import postwright").stdout.split() if name.startswith("postwright")}
    assert loaded == {"postwright"}
