"""The same work, done by the standard library and by aiosmtplib. It runs in an environment of its own."""

from __future__ import annotations

import asyncio
import json
import smtplib
import socket
import ssl
import sys
import time
from email.message import EmailMessage
from email.policy import SMTP as CRLF
from typing import Any

from bench.blocks import written
from bench.letters import HTML, PLAIN, RECIPIENT, SENDER, TEXT, many


def letter(number: int, kind: str = "text", attachment: bytes = b"") -> EmailMessage:
    """Compose a message."""
    message = EmailMessage(policy=CRLF)
    message["From"], message["To"] = f"Sender <{SENDER}>", f"User <{RECIPIENT}>"
    message["Subject"], message["Date"] = f"message {number}", "Thu, 01 Jan 2026 00:00:00 +0000"
    message["Message-ID"] = f"<{number}.1@example.com>"
    message.set_content(TEXT if kind != "html" else PLAIN)
    if kind == "html":
        message.add_alternative(HTML, subtype="html")
    if kind == "attachment":
        message.add_attachment(attachment, maintype="application", subtype="octet-stream", filename="report.bin")
    return message


def compose(kind: str, count: int) -> float:
    """Compose messages, and turn them into bytes."""
    attachment = bytes(range(256)) * 4096
    began = time.perf_counter()
    for number in range(count):
        letter(number, kind, attachment).as_bytes()
    return time.perf_counter() - began


def sendmail(port: int, count: int) -> float:
    """Send finished messages over one connection."""
    letters = many()
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, "client.example") as client:
        for number in range(count):
            client.sendmail(SENDER, [RECIPIENT], letters[number % len(letters)])
    return time.perf_counter() - began


def composed(port: int, count: int) -> float:
    """Compose messages, and send them over one connection."""
    began = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, "client.example") as client:
        for number in range(count):
            client.send_message(letter(number))
    return time.perf_counter() - began


def aiosmtplib_tasks(port: int, count: int, connections: int) -> float:
    """Send finished messages with aiosmtplib, over so many connections in so many tasks."""
    import aiosmtplib  # type: ignore[import-not-found]  # noqa: PLC0415

    letters, left = many(), iter(range(count))

    async def task() -> None:
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=port, start_tls=False, use_tls=False) as client:
            for number in left:
                await client.sendmail(SENDER, [RECIPIENT], letters[number % len(letters)])

    async def everything() -> None:
        await asyncio.gather(*(task() for _ in range(connections)))

    began = time.perf_counter()
    asyncio.run(everything())
    return time.perf_counter() - began


def new_contexts(port: int, count: int, authority: str) -> float:
    """Open verified TLS connections, each with a new default context."""
    began = time.perf_counter()
    for _ in range(count):
        context = ssl.create_default_context()
        context.load_verify_locations(authority)
        with smtplib.SMTP_SSL("127.0.0.1", port, "client.example", context=context):
            pass
    return time.perf_counter() - began


def one(port: int, tls: str = "", authority: str = "") -> float:
    """Connect and send one message; the time to its last reply."""
    context = ssl.create_default_context(cafile=authority) if tls else None
    data = many()[0]
    began = time.perf_counter()
    if tls == "implicit":
        client: smtplib.SMTP = smtplib.SMTP_SSL("127.0.0.1", port, "client.example", context=context)
    else:
        client = smtplib.SMTP("127.0.0.1", port, "client.example")
    if tls == "starttls":
        client.starttls(context=context)
    client.sendmail(SENDER, [RECIPIENT], data)
    took = time.perf_counter() - began
    client.close()
    return took


def blocks(port: int, count: int, authority: str, size: int) -> float:
    """Write blocks to a blocking SSLSocket."""
    context = ssl.create_default_context(cafile=authority)
    with socket.create_connection(("127.0.0.1", port)) as line:
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with context.wrap_socket(line, server_hostname="127.0.0.1") as secure:
            return written(secure.sendall, lambda: secure.recv(65536), size, count)


WORKS = (compose, sendmail, composed, aiosmtplib_tasks, new_contexts, one, blocks)

if __name__ == "__main__":
    order: dict[str, Any] = json.loads(sys.argv[1])
    name = order.pop("work")
    work = next(work for work in WORKS if work.__name__ == name)
    print(json.dumps({"seconds": work(**order)}))
