"""Octets copied per octet sent: a process of its own is watched by glibc's mtrace, which notes each large buffer.

A copy needs a buffer to go to, so the octets of all new buffers, divided by the octets of the message, are how often
each octet was copied at the most (reading a file counts as one, looking through data with ``translate`` too). Buffers that grow where they stand are not counted again.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
LIBRARY = "libc_malloc_debug.so.0"

PROGRAM = """
import ctypes, json, sys
order = json.loads(sys.argv[1])
sys.path[:0] = order["path"]
from postwright import SMTP
client = SMTP(mail_server="127.0.0.1", mail_port=order["port"], ssl_start_mode=3, from_="a@example.com",
              send_to="b@example.net", message_text="hello")
client.settings.use_chunking = order["chunking"]
client.connect()
client.send()
message = None if order["file"] else b"Subject: large\\r\\nFrom: a@example.com\\r\\nTo: b@example.net\\r\\n\\r\\n" + open(order["data"], "rb").read()
if order["file"]:
    client.attached_file = order["data"]
find = ctypes.CDLL(None).dlvsym  # the names are hidden from a search without their version
find.restype, find.argtypes = ctypes.c_void_p, [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_char_p]
places = [next(filter(None, (find(None, name, v) for v in (b"GLIBC_2.2.5", b"GLIBC_2.17")))) for name in (b"mtrace", b"muntrace")]
begin, end = map(ctypes.CFUNCTYPE(None), places)
begin()
for _ in range(order["count"]):
    client.send_message(message) if message else client.send()
end()
client.disconnect()
"""


def possible() -> bool:
    """Whether this system has the means: glibc 2.34 or later, on x86-64 or AArch64."""
    try:
        ctypes.CDLL(LIBRARY)
    except OSError:
        return False
    return platform.machine() in {"x86_64", "aarch64"}


def copied(
    port: int,
    data: bytes,
    *,
    chunking: bool,
    file: bool = False,
    least: int = 40_000,
    most: int = 1 << 62,
    count: int = 1,
) -> float:
    """Return how many octets were copied for each octet of a body that was sent.

    Args:
        port: A server on loopback.
        data: The body.
        chunking: Whether BDAT is used where it is offered.
        file: Send it from a file; else with send_message, from memory.
        least: The smallest buffer that counts.
        most: The largest one.
        count: How many times to send it.
    """
    paths = [str(ROOT / "src"), *(path for path in sys.path if path.endswith("-packages"))]
    with tempfile.TemporaryDirectory() as folder:
        body, log = Path(folder, "body"), Path(folder, "log")
        body.write_bytes(data)
        order = {"port": port, "chunking": chunking, "file": file, "data": str(body), "path": paths, "count": count}
        # without site-packages' own start: a coverage measurement in there would count, too
        words = [sys.executable, "-I", "-S", "-c", PROGRAM, json.dumps(order)]
        world = {**os.environ, "LD_PRELOAD": LIBRARY, "MALLOC_TRACE": str(log)}
        done = subprocess.run(words, env=world, capture_output=True, text=True, check=False, timeout=120)
        if done.returncode:
            raise RuntimeError(done.stderr[-500:])
        return sum(size for size in buffers(log) if least <= size <= most) / (len(data) * count)


def buffers(log: Path) -> Iterator[int]:
    """Yield the sizes of new buffers, and of those that moved when they grew, from mtrace's log."""
    old = ""
    with log.open(encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            signs = [index for index, word in enumerate(words) if word in {"+", "<", ">"}]
            if not signs:
                continue
            at = signs[-1]
            if words[at] == "<":
                old = words[at + 1]
            elif words[at] == "+" or words[at + 1] != old:
                yield int(words[at + 2], 16)
