"""``python -m bench.profile``: where the microseconds of one message go, room by room, and what else it costs.

A message of 1 KiB goes to the sink of our own, over a connection that is open, as DATA and as BDAT, with both clients.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import re
import socket
import subprocess
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench import letters
from bench.copies import copied, possible
from bench.counting import watched, watched_async
from bench.letters import large
from bench.ours import arguments, body, checked, compose, opened_once, prepared
from bench.sampling import Sampler
from bench.servers import sink
from bench.tools import CACHE, CLIENT, ROOT, gather, python
from postwright import SMTP, AsyncSMTP

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.counting import Watch
    from bench.tools import Tools

PATHS = {"DATA": False, "BDAT": True}
TOP = 16


class Costs:
    """Processor time of some messages, in microseconds each: of the process, and of the system for it."""

    def __init__(self, messages: int, before: os.times_result, after: os.times_result) -> None:
        self.user = (after.user - before.user) / messages * 1e6
        self.system = (after.system - before.system) / messages * 1e6

    @property
    def whole(self) -> float:
        """Both together."""
        return self.user + self.system


def bare(port: int, count: int, *, chunking: bool) -> Costs:
    """Send messages with a bare loop over a socket, which checks nothing: the least that Python can do."""
    body = letters.raw()
    head = f"MAIL FROM:<{letters.SENDER}> SIZE={len(body)}\r\nRCPT TO:<{letters.RECIPIENT}>\r\n".encode()
    groups = [head + b"BDAT %d LAST\r\n" % len(body) + body] if chunking else [head + b"DATA\r\n", body + b".\r\n"]
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line.recv(65536)
        line.sendall(b"EHLO client.example\r\n")
        line.recv(65536)
        before = os.times()
        for _ in range(count):
            for group in groups:
                line.sendall(group)
                line.recv(65536)
        return Costs(count, before, os.times())


def sync_messages(port: int, count: int, *, chunking: bool) -> Costs:
    """Send messages with SMTP, one by one."""
    client = SMTP(**arguments(port))
    prepared(client, chunking=chunking)
    data = letters.raw()
    client.connect()
    before = os.times()
    for _ in range(count):
        client.send_message(data)
    costs = Costs(count, before, os.times())
    client.disconnect()
    return costs


def batches(port: int, count: int, *, chunking: bool) -> Costs:
    """Send messages with SMTP.send_many."""
    client = SMTP(**arguments(port))
    prepared(client, chunking=chunking)
    client.connect()
    before = os.times()
    for result in client.send_many(itertools.islice(itertools.cycle(letters.many()), count)):
        checked(result)
    costs = Costs(count, before, os.times())
    client.disconnect()
    return costs


def async_messages(port: int, count: int, *, chunking: bool) -> Costs:
    """Send messages with AsyncSMTP, one by one."""

    async def everything() -> Costs:
        client = AsyncSMTP(**arguments(port))
        prepared(client, chunking=chunking)
        data = letters.raw()
        await client.connect()
        before = os.times()
        for _ in range(count):
            await client.send_message(data)
        costs = Costs(count, before, os.times())
        await client.disconnect()
        return costs

    return asyncio.run(everything())


def connections(port: int, count: int, *, authority: str) -> Costs:
    """Open verified TLS connections with SMTP, each with a client of its own."""
    before = os.times()
    for _ in range(count):
        opened_once(port, "implicit", authority)
    return Costs(count, before, os.times())


def composing(count: int, kind: str) -> Costs:
    """Compose messages from properties, without sending them."""
    before = os.times()
    compose(kind, count)
    return Costs(count, before, os.times())


def megabytes(port: int, count: int, kind: str, *, chunking: bool, tls: str = "", authority: str = "") -> Costs:
    """Send a file of so many megabytes as the body of a message."""
    path = large(CACHE / f"{kind}-{count}.body", kind, count)
    before = os.times()
    body(port, str(path), chunking=chunking, tls=tls, authority=authority)
    return Costs(count, before, os.times())


def table(title: str, costs: Costs, sampler: Sampler, top: int) -> list[str]:
    """Return what a profile says, in Markdown."""
    looks = max(1, sampler.looks)
    out = [
        f"### {title}: {costs.whole:.0f} us",
        "",
        f"In the system: {costs.system:.0f} us.",
        "",
        "| room | us | share |",
        "|---|---|---|",
    ]
    for room, count in sampler.rooms.most_common():
        out.append(f"| {room} | {count / looks * costs.whole:.1f} | {count / looks:.0%} |")
    out += ["", "| function | us, alone | us, with what it calls |", "|---|---|---|"]
    for name, count in sampler.own.most_common(top):
        out.append(
            f"| `{name}` | {count / looks * costs.whole:.1f} | {sampler.under[name] / looks * costs.whole:.1f} |"
        )
    return [*out, ""]


def profiled(title: str, work: Callable[[int], Costs], count: int, top: int = TOP) -> list[str]:
    """Run some work without the profiler for its costs, and with it for the shares."""
    work(max(2, count // 10))
    costs = work(count)
    with Sampler() as sampler:
        work(count)
    return table(title, costs, sampler, top)


def watched_message(port: int, *, chunking: bool) -> Watch:
    """Return what one message makes SMTP do."""
    client = SMTP(**arguments(port))
    prepared(client, chunking=chunking)
    client.connect()
    with watched(client) as watch:
        client.send_message(letters.raw())
    client.disconnect()
    return watch


def watched_message_async(port: int, *, chunking: bool) -> Watch:
    """Return what one message makes AsyncSMTP do."""

    async def everything() -> Watch:
        client = AsyncSMTP(**arguments(port))
        prepared(client, chunking=chunking)
        await client.connect()
        with watched_async(client) as watch:
            await client.send_message(letters.raw())
        await client.disconnect()
        return watch

    return asyncio.run(everything())


def traced(tools: Tools, port: int, *, chunking: bool) -> str:
    """Return the system calls of one message as strace counts them: the difference of two runs."""
    if not tools.strace:
        return "strace is not there"
    few, many = (_strace(tools, port, count, chunking=chunking) for count in (200, 1200))
    calls = {name: (many[name] - few.get(name, 0)) / 1000 for name in many}
    return ", ".join(f"{name} {each:.2f}" for name, each in sorted(calls.items(), key=lambda c: -c[1]) if each > 0.01)


def _strace(tools: Tools, port: int, count: int, *, chunking: bool) -> dict[str, int]:
    order = f'{{"work": "single", "port": {port}, "count": {count}, "chunking": {str(chunking).lower()}}}'
    with tempfile.NamedTemporaryFile("r") as log:
        words = [tools.strace, "-f", "-c", "-o", log.name, sys.executable, "-m", "bench.ours", order]
        subprocess.run(words, cwd=ROOT, check=True, capture_output=True, timeout=120)
        rows = re.findall(r"^ *[\d.]+ +[\d.]+ +\d+ +(\d+) +(?:\d+ +)?(\w+)$", log.read(), re.MULTILINE)
    return {name: int(calls) for calls, name in rows if name != "total"}


def counts(tools: Tools, port: int) -> list[str]:
    """Return effects, calls and copies in Markdown."""
    out = ["## Counts for one message", "", "| | effects | calls to the system |", "|---|---|---|"]
    for name, chunking in PATHS.items():
        for kind, watch in (("SMTP", watched_message), ("AsyncSMTP", watched_message_async)):
            seen = watch(port, chunking=chunking)
            effects = ", ".join(f"{effect} {count}" for effect, count in sorted(seen.effects.items()))
            calls = ", ".join(f"{call} {count}" for call, count in sorted(seen.calls.items()))
            out.append(f"| {name}, {kind} | {effects} | {calls} |")
    for name, chunking in PATHS.items():
        out += ["", f"strace, {name}, SMTP: {traced(tools, port, chunking=chunking)}"]
    out += [
        "",
        "## Octets copied for each octet of a body of 10 MB",
        "",
        "| | send_message(bytes) | a file |",
        "|---|---|---|",
    ]
    data = letters.raw(size=10_000_000)
    for name, chunking in PATHS.items() if possible() else ():
        memory, file = (copied(port, data, chunking=chunking, file=file) for file in (False, True))
        out.append(f"| {name} | {memory:.2f} | {file:.2f} |")
    return [*out, ""]


def floors(tools: Tools, port: int, tls: int, count: int) -> list[str]:
    """Return the profiles of all paths in Markdown."""
    out = ["## Processor time of one message, in microseconds", ""]
    for name, chunking in PATHS.items():
        least = bare(port, count, chunking=chunking)
        out += [
            f"A bare loop over a socket, {name}: {least.whole:.0f} us, {least.system:.0f} of them in the system.",
            "",
        ]
    for name, chunking in PATHS.items():
        out += profiled(f"{name}, SMTP", lambda n, c=chunking: sync_messages(port, n, chunking=c), count)  # type: ignore[misc]
        out += profiled(f"{name}, SMTP.send_many", lambda n, c=chunking: batches(port, n, chunking=c), 2 * count)  # type: ignore[misc]
        out += profiled(f"{name}, AsyncSMTP", lambda n, c=chunking: async_messages(port, n, chunking=c), count)  # type: ignore[misc]
    for kind in ("text", "html"):
        out += profiled(f"composing, {kind}", partial(composing, kind=kind), count)
    if tls:
        out += profiled(
            "A connection with verified TLS, SMTP",
            lambda n: connections(tls, n, authority=tools.authority),
            max(50, count // 20),
        )
    return out


def bodies(tools: Tools, port: int, tls: int, size: int) -> list[str]:
    """Return the profiles of large bodies in Markdown; the unit is a megabyte."""
    out = ["## Processor time of one megabyte of a file, in microseconds", ""]
    for kind in ("base64", "text"):
        for name, chunking in PATHS.items():
            out += profiled(f"{name}, {kind}", partial(_file, port, kind, chunking), size, top=8)
    secure = partial(megabytes, tls, kind="base64", chunking=True, tls="implicit", authority=tools.authority)
    return out + (profiled("BDAT, base64, TLS", secure, size, top=8) if tls else [])


def _file(port: int, kind: str, chunking: bool, count: int) -> Costs:
    return megabytes(port, count, kind, chunking=chunking)


def main() -> None:
    """Print the profile, or write it."""
    parser = argparse.ArgumentParser(prog="python -m bench.profile", description=__doc__)
    parser.add_argument("--count", type=int, default=8000, help="messages for each profile (8000)")
    parser.add_argument("--output", default="", help="the file to write instead of printing it")
    options = parser.parse_args()
    tools = gather()
    os.sched_setaffinity(0, {CLIENT})
    with sink(tools) as place:
        out = [
            "---",
            "orphan: true",
            "---",
            "",
            "# Where the time of a message goes",
            "",
            f"`python -m bench.profile` wrote this page, with Python {python()}.",
            "",
        ]
        out += floors(tools, place.port, place.tls, options.count)
        out += bodies(tools, place.port, place.tls, max(100, options.count // 20)) + counts(tools, place.port)
    text = "\n".join(out)
    if options.output:
        Path(options.output).write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
