"""The work of the measurements, done by postwright: ``python -m bench.ours '{"work": "many", "port": 25, ...}'``.

Each work prints one line of JSON with the seconds it took; where it is compared with another work, with those of both.
"""

from __future__ import annotations

import asyncio
import importlib
import inspect
import io
import itertools
import json
import resource
import socket
import sys
import time
from typing import TYPE_CHECKING, Any

from bench.blocks import written
from bench.letters import HTML, PLAIN, RECIPIENT, SENDER, TEXT, many
from bench.queue import enqueue
from postwright import SMTP, AsyncSMTP, tls
from postwright.errors import SMTPError
from postwright.tls.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright import SendResult
    from postwright.component.composed import Composed

TLS = {"": 3, "implicit": 1, "starttls": 2}


def arguments(port: int, tls: str = "") -> dict[str, Any]:
    """Return what a client of either class is made with."""
    return {"mail_server": "127.0.0.1", "mail_port": port, "ssl_start_mode": TLS[tls]}


def prepared(client: SMTP | AsyncSMTP, *, chunking: bool = True, authority: str = "") -> None:
    """Set what the works share."""
    client.settings.use_chunking = chunking
    if authority:
        client.settings.open_ssl_ca_file = authority


def opened_once(port: int, tls: str, authority: str) -> None:
    """Open a connection and close it; the first time, that also loads and makes all that is made once."""
    client = SMTP(**arguments(port, tls))
    prepared(client, authority=authority)
    client.connect()
    client.disconnect()


def warmed(port: int) -> None:
    """Load what is loaded once before the time begins, as the modules of others are."""
    opened_once(port, "", "")
    client = SMTP(**arguments(port))
    describe(client, 0)
    client.compose()
    for result in client.send_many([]):
        checked(result)
    importlib.import_module("postwright.component.pool_aio")


def letters(count: int) -> Iterator[bytes]:
    return itertools.islice(itertools.cycle(many()), count)


def parcels(count: int) -> Iterator[tuple[bytes, str, str]]:
    """The same, with the sender and the recipient named, as they are to all other clients."""
    return ((letter, SENDER, RECIPIENT) for letter in letters(count))


def checked(result: SendResult | SMTPError) -> None:
    if isinstance(result, SMTPError):
        raise result


def batch(port: int, count: int, *, chunking: bool = True) -> float:
    """Send finished messages over one connection, with send_many."""
    client = SMTP(**arguments(port))
    prepared(client, chunking=chunking)
    warmed(port)
    began = time.perf_counter()
    for result in client.send_many(parcels(count)):
        checked(result)
    return time.perf_counter() - began


def last_reply(port: int, count: int, *, chunking: bool = True) -> float:
    """Do the same, and return the time to the last result: QUIT comes after it."""
    client = SMTP(**arguments(port))
    prepared(client, chunking=chunking)
    warmed(port)
    began = took = time.perf_counter()
    for result in client.send_many(parcels(count)):
        checked(result)
        took = time.perf_counter()
    return took - began


def single(port: int, count: int, *, chunking: bool = True) -> float:
    """Send finished messages over one connection, one by one."""
    client = SMTP(**arguments(port))
    prepared(client, chunking=chunking)
    warmed(port)
    began = time.perf_counter()
    with client:
        client.connect()
        for letter in letters(count):
            client.send_message(letter)
    return time.perf_counter() - began


def tasks(port: int, count: int, connections: int, *, chunking: bool = True) -> float:
    """Send finished messages over many connections: with ``connections``, or with a client in each of many tasks."""
    left = parcels(count)

    async def lane() -> None:
        client = AsyncSMTP(**arguments(port))
        prepared(client, chunking=chunking)
        async for result in client.send_many(left):
            checked(result)

    async def everything() -> None:
        if "connections" in inspect.signature(AsyncSMTP.send_many).parameters:
            client = AsyncSMTP(**arguments(port))
            prepared(client, chunking=chunking)
            options: dict[str, Any] = {"connections": connections}
            async for result in client.send_many(left, **options):
                checked(result)
        else:
            await asyncio.gather(*(lane() for _ in range(connections)))

    warmed(port)
    began = time.perf_counter()
    asyncio.run(everything())
    return time.perf_counter() - began


def describe(client: SMTP, number: int, kind: str = "text", attachment: bytes = b"") -> None:
    """Set the properties of a message."""
    client.from_, client.send_to = f"Sender <{SENDER}>", f"User <{RECIPIENT}>"
    client.subject, client.message_date = f"message {number}", "Thu, 01 Jan 2026 00:00:00 +0000"
    client.message_text = TEXT if kind != "html" else PLAIN
    if kind == "html":
        client.message_html = HTML
    if kind == "attachment":
        client.attachments.clear()
        client.add_attachment(attachment, name="report.bin", content_type="application/octet-stream")


def compose(kind: str, count: int) -> float:
    """Compose messages from properties, and turn them into bytes; nothing is sent."""
    client = SMTP(**arguments(25))
    attachment = bytes(range(256)) * 4096
    describe(client, 0, kind, attachment)
    octets(client.compose())
    began = time.perf_counter()
    for number in range(count):
        describe(client, number, kind, attachment)
        octets(client.compose())
    return time.perf_counter() - began


def octets(message: Composed) -> bytes | bytearray:
    """Return a message as bytes, as it is sent: a small one whole, a large one read part by part."""
    draft = message._draft
    if (whole := draft.whole) is not None:
        return whole
    out = bytearray(draft.size or 0)  # large blocks that come and go cost the system more than what is in them
    at = 0
    part = draft.headers
    draft.body.open()
    while part:
        out[at : at + len(part)] = part
        at += len(part)
        part = draft.body._read_now()
    return out


def composed(port: int, count: int, *, chunking: bool = True) -> float:
    """Compose messages from properties, and send them over one connection."""
    client = SMTP(**arguments(port))
    prepared(client, chunking=chunking)

    def described() -> Iterator[Composed]:
        for number in range(count):
            describe(client, number)
            yield client.compose()

    warmed(port)
    began = time.perf_counter()
    for result in client.send_many(described()):
        checked(result)
    return time.perf_counter() - began


def body(port: int, path: str, *, chunking: bool, tls: str = "", authority: str = "", count: int = 1) -> float:
    """Send a file as the body of a message, connection and all."""
    opened_once(port, tls, authority)
    began = time.perf_counter()
    for _ in range(count):
        client = SMTP(**arguments(port, tls), from_=SENDER, send_to=RECIPIENT)
        prepared(client, chunking=chunking, authority=authority)
        client.attached_file = path
        client.send()
    return time.perf_counter() - began


class _Endless(io.RawIOBase):
    """So many octets of base64 lines."""

    def __init__(self, octets: int) -> None:
        self._left = octets
        self._block = (b"x" * 76 + b"\r\n") * 3360

    def readable(self) -> bool:
        return True

    def read(self, count: int = -1) -> bytes:
        part = self._block[: min(count, self._left)]
        self._left -= len(part)
        return part


def memory(port: int, octets: int, *, chunking: bool, tls: str = "", authority: str = "") -> float:
    """Return how many MB the process grows by while a body goes out; a small message has gone before it."""
    client = SMTP(**arguments(port, tls), from_=SENDER, send_to=RECIPIENT)
    prepared(client, chunking=chunking, authority=authority)
    with client:
        client.connect()
        client.send_message(many()[0])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        client.set_message_stream(_Endless(octets))
        client.send()
        return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def one(port: int, *, chunking: bool, tls: str = "", authority: str = "", kept: bool = False) -> float:
    """Connect and send one message; ``kept`` does it on a connection that is open already. The time to its last reply."""
    opened_once(port, tls, authority)
    client = SMTP(**arguments(port, tls))
    prepared(client, chunking=chunking, authority=authority)
    data = many()[0]
    if kept:
        client.connect()
    began = time.perf_counter()
    if not kept:
        client.connect()
    client.send_message(data)
    took = time.perf_counter() - began
    client.disconnect()
    return took


def connections(port: int, count: int, authority: str) -> float:
    """Open verified TLS connections, each with a client of its own."""
    opened_once(port, "implicit", authority)
    began = time.perf_counter()
    for _ in range(count):
        opened_once(port, "implicit", authority)
    return time.perf_counter() - began


def blocks(port: int, count: int, authority: str, size: int, provider: int) -> float:
    """Write blocks through one of the TLS providers to a blocking socket."""
    layer = tls.provider(Trust("127.0.0.1", ca_file=authority, provider=provider))
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while not layer.handshake():
            line.sendall(layer.outgoing())
            layer.feed(line.recv(65536))
        if not layer.judge().accept:
            raise SMTPError("the sink is not trusted")
        layer.accept()
        line.sendall(layer.outgoing())

        def receive() -> bytes:
            while (data := layer.decrypt()) is None:
                layer.feed(line.recv(65536))
            return data

        return written(lambda data: line.sendall(layer.encrypt(data)), receive, size, count)


WORKS = (
    *(batch, last_reply, single, tasks, compose, composed, body, memory, one, connections, enqueue),
    blocks,
)


def main() -> None:
    """Do the work that the command line asks for."""
    order: dict[str, Any] = json.loads(sys.argv[1])
    name = order.pop("work")
    work: Any = next(work for work in WORKS if work.__name__ == name)
    print(json.dumps({"seconds": work(**order)}))


if __name__ == "__main__":
    main()
