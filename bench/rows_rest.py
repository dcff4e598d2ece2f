"""Rows 11 to 17: round trips, connections, the import, the queue, the component, blocks through TLS."""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
import sys
import tempfile
import time
from typing import TYPE_CHECKING, Any

from bench.letters import raw
from bench.memory import Server, client
from bench.rows_small import ratios
from bench.running import Program, curl, finished, in_turns, msmtp, ours, peer
from bench.servers import delayed, pinned, sink
from bench.tools import CACHE, CLIENT, ROOT, Failed
from postwright.session.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.rows_small import Measured
    from bench.running import Mode
    from bench.servers import Place
    from bench.tools import Tools
    from postwright import SMTP

_GET_FLAGS, _SET_FLAGS, _TOP_OF_HIERARCHY = 0x80086601, 0x40086602, 0x20000
"""FS_IOC_GETFLAGS, FS_IOC_SETFLAGS and FS_TOPDIR_FL of linux/fs.h."""


def one_message(tools: Tools, mode: Mode) -> Measured:
    """Row 11: the round trips of one message."""
    ways: dict[str, dict[str, Any]] = {}
    with sink(tools) as real, delayed(tools, real, mode.round_trip) as place:
        for tls in ("", "implicit", "starttls") if real.tls else ("",):
            port = place.tls if tls == "implicit" else place.port
            common = {"port": port, "tls": tls, "authority": tools.authority}
            ways[tls or "plain"] = {**common, "chunking": True}
            ways[f"{tls or 'plain'} data"] = {**common, "chunking": False}
        ways["kept"] = {"port": place.port, "chunking": True, "kept": True}
        return {key: _trips(tools, place, "one", min(5, mode.turns), **way) for key, way in ways.items()}


def _trips(tools: Tools, place: Place, work: str, turns: int, **order: Any) -> list[float] | str:
    """Return the time of some work as round trips of the line, which are measured beside it."""
    try:
        return [ours(tools, work, **order)["seconds"] / place.round_trip() for _ in range(turns)]
    except Failed as error:
        return str(error)


def others(tools: Tools, mode: Mode) -> dict[str, float]:
    """Return the round trips of one message with other programs, for comparison: to the last reply, or to the end."""
    found: dict[str, float] = {}
    with sink(tools) as real, delayed(tools, real, mode.round_trip) as place:
        file = CACHE / "small.eml"
        file.write_bytes(raw())
        secure: dict[str, Any] = {"port": place.tls, "tls": "implicit", "authority": tools.authority}
        ways: dict[str, Callable[[], float]] = {
            "smtplib": lambda: float(peer(tools, "one", port=place.port)["seconds"]),
            "smtplib, TLS": lambda: float(peer(tools, "one", **secure)["seconds"]),
            "curl, with QUIT": lambda: curl(tools, f"smtp://127.0.0.1:{place.port}", str(file)),
            "curl, TLS, with QUIT": lambda: curl(tools, f"smtps://localhost:{place.tls}", str(file)),
            "msmtp, with its start and QUIT": lambda: msmtp(tools, place.port, str(file)),
        }
        for name, way in ways.items():
            try:
                found[name] = way() / mode.round_trip
            except Failed as error:
                print(f"{name}: {error}")
    return found


def hundred(tools: Tools, mode: Mode) -> Measured:
    """Row 12: the round trips of 100 messages, from the connection to the last reply."""
    turns = 1 if mode.quick else 3
    with sink(tools) as real, delayed(tools, real, mode.round_trip) as place:
        return {
            key: _trips(tools, place, "last_reply", turns, port=place.port, count=100, chunking=key == "chunking")
            for key in ("data", "chunking")
        }


def verified(tools: Tools, mode: Mode) -> Measured:
    """Row 13: connections with verified TLS."""
    with sink(tools) as place:
        if not place.tls:
            raise Failed("the sink has no TLS")
        order: dict[str, Any] = {"port": place.tls, "authority": tools.authority}
        programs = [
            Program("postwright", lambda count: float(ours(tools, "connections", count=count, **order)["seconds"])),
            Program("smtplib", lambda count: float(peer(tools, "new_contexts", count=count, **order)["seconds"])),
        ]
        speeds = in_turns(mode, programs, trial=10)
    return {"connections": ratios(speeds, "postwright", "smtplib")}


def blocks(tools: Tools, mode: Mode) -> Measured:
    """Row 17: blocks of a body through TLS, by each provider; a unit is a block."""
    found: Measured = {}
    with sink(tools) as place:
        if not place.tls:
            raise Failed("the sink has no TLS")
        for size in (16, 32, 64, 256):
            order: dict[str, Any] = {"port": place.tls, "authority": tools.authority, "size": size * 1024}

            def by(provider: int, order: dict[str, Any] = order) -> Callable[[int], float]:
                return lambda n: float(ours(tools, "blocks", count=n, provider=provider, **order)["seconds"])

            def plainly(count: int, order: dict[str, Any] = order) -> float:
                return float(peer(tools, "blocks", count=count, **order)["seconds"])

            programs = [Program("PLATFORM", by(1)), Program("INTERNAL", by(2)), Program("SSLSocket", plainly)]
            speeds = in_turns(mode, programs, fixed=max(64, round(160_000 * mode.seconds) // size))
            for name in ("PLATFORM", "INTERNAL"):
                found[f"{name} {size}"] = ratios(speeds, name, "SSLSocket")
    return found


def importing(tools: Tools, mode: Mode) -> Measured:
    """Row 14: the import, in a fresh interpreter each time."""

    def took(statement: str) -> float:
        code = (
            f"import sys, time; sys.path.insert(0, {str(ROOT / 'src')!r}); began = time.perf_counter();"
            f"{statement}; print(time.perf_counter() - began)"
        )
        return float(finished(pinned(tools, CLIENT, sys.executable, "-I", "-S", "-c", code)).stdout)

    mine, theirs = "from postwright import SMTP", "import smtplib"
    turns = range(max(7, mode.turns * 2))
    took(mine)
    return {"import": [took(mine) / took(theirs) for _ in turns]}


def queue(tools: Tools, mode: Mode) -> Measured:
    """Row 15: durable enqueueing, where nothing was ever deleted, and where as much was deleted as was queued.

    Each turn has new directories. All of the first kind stay to the end, and lie far from what was deleted.
    """
    count = 128 * round(10 * mode.seconds)
    with tempfile.TemporaryDirectory(dir=CACHE) as root:
        _spread(root)

        def ratio(*, together: bool, used: bool) -> float:
            folder = tempfile.mkdtemp(dir=root)
            took = ours(tools, "enqueue", folder=folder, count=count, together=together, used=used)["seconds"]
            return float(took["bare"] / took["ours"])

        return {  # deletions come last
            f"{key} {state}": [ratio(together=key == "batch", used=state == "used") for _ in range(mode.turns)]
            for state in ("new", "used")
            for key in ("one", "batch")
        }


def _spread(folder: str) -> None:
    """Let the file system put each new directory in there into a place of its own, where it knows how (ext4)."""
    fd = os.open(folder, os.O_RDONLY)
    with contextlib.suppress(OSError):
        (flags,) = struct.unpack("l", fcntl.ioctl(fd, _GET_FLAGS, bytes(8)))
        fcntl.ioctl(fd, _SET_FLAGS, struct.pack("l", flags | _TOP_OF_HIERARCHY))
    os.close(fd)


def component(_: Tools, mode: Mode) -> Measured:
    """Row 16: send_message over one transaction of the session, both with a server in memory."""
    costs: list[float] = []
    count = round(1000 * mode.seconds)
    for _turn in range(mode.turns):
        server = Server("PIPELINING", "CHUNKING", "8BITMIME", "SIZE")
        sender = client(server)
        sender.connect()
        whole, bare = _whole(sender, count), _bare(sender, count)
        if server.messages != 2 * count:
            raise Failed("the server in memory did not get all messages")
        costs.append((whole - bare) / count * 1e6)
    return {"cost": costs}


def _whole(sender: SMTP, count: int) -> float:
    data = raw()
    began = time.process_time()
    for _ in range(count):
        sender.send_message(data)
    return time.process_time() - began


def _bare(sender: SMTP, count: int) -> float:
    envelope, draft = sender._adopted(sender._plan(), raw(), None, None)
    driver: Any = sender._driver
    began = time.process_time()
    for _ in range(count):
        draft.body.open()
        driver.run(Transaction(sender._session, envelope, draft).run())
    return time.process_time() - began
