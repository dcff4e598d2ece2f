"""``postwright demo``: one mail from end to end, to a server inside this process."""

from __future__ import annotations

import hashlib
import math
import os
import sys
import tempfile
from typing import TYPE_CHECKING

from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.component.smtp import SMTP
from postwright.enums import SSLStartMode

if TYPE_CHECKING:
    from postwright.cli.demo_server import DemoServer

SUBJECT = "Grüße aus Zürich, with the measurements"
TEXT = """\
Dear Ada,

here are the measurements of March, naïve and café included, for €5.

Zoë
"""
FILE = "Messwerte März.csv"
ROWS = 280_000


def demo(svg: str | None = None) -> Exit:
    """Send a mail, and show everything.

    Args:
        svg: Where to write the screen as a picture; None for nowhere.

    Raises:
        Problem: What it needs is not installed, or the picture can't be written.
    """
    try:
        from postwright.cli.demo_screen import DemoScreen
        from postwright.cli.demo_server import DemoServer
    except ImportError as error:
        raise Problem(f"the demo needs more ({error}): pip install 'postwright[demo]'", Exit.UNAVAILABLE) from None
    if sys.stdout is not None and hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    screen = DemoScreen(record=svg is not None)
    with tempfile.TemporaryDirectory(prefix="postwright-demo-") as directory, DemoServer() as server:
        path = os.path.join(directory, FILE)
        size, digest = write_measurements(path)
        screen.begin(server.port, FILE, size)
        with client_of(server, path) as smtp:
            screen.follow(smtp)
            result = smtp.send()
        screen.recipients(result)
        good = screen.arrival(server.arrived, size, digest)
    screen.end(good=good)
    if svg is not None:
        try:
            screen.save(svg)
        except OSError as error:
            raise Problem(f"{svg} can't be written: {error.strerror}", Exit.CANT_CREATE) from None
    return Exit.OK if good else Exit.INTERNAL


def client_of(server: DemoServer, path: str) -> SMTP:
    """Return the client with the whole mail in its properties, as a program would do it."""
    from postwright.cli.demo_server import GONE, NAME, USER

    smtp = SMTP(
        mail_server="127.0.0.1",
        mail_port=server.port,
        ssl_start_mode=SSLStartMode.EXPLICIT,
        user=USER,
        password=server.password,
        from_="Zoë Müller <zoe@example.com>",
        send_to="Ada Lovelace <ada@example.org>",
        cc="grace@example.org",
        bcc=f"archive@example.org, {GONE}",
        subject=SUBJECT,
        message_text=TEXT,
    )
    smtp.add_attachment(path)
    smtp.settings.ssl_server_ca_certs = server.authority
    smtp.settings.tls_server_name = NAME
    smtp.settings.hello = "laptop.example.com"
    return smtp


def write_measurements(path: str) -> tuple[int, str]:
    """Write a file of some megabytes, the same every time; return its size and SHA-256."""
    digest = hashlib.sha256()
    size = 0
    with open(path, "wb") as file:
        for first in range(0, ROWS, 1000):
            rows = (f"{n};{20 + 5 * math.sin(n / 700):.6f};°C\n" for n in range(first, first + 1000))
            data = "".join(rows).encode()
            file.write(data)
            digest.update(data)
            size += len(data)
    return size, digest.hexdigest()
