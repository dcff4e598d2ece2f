"""The messages of the measurements: the same for every client. Only the standard library is used here."""

from __future__ import annotations

import base64
import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

SENDER, RECIPIENT = "sender@example.com", "user@example.net"
_LINE = b"The quick brown fox jumps over the lazy dog, and does it once more today\r\n"
_WORDS = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "is",
    "that",
    "for",
    "it",
    "was",
    "on",
    "are",
    "as",
    "with",
    "his",
    "they",
    "at",
    "be",
    "this",
    "from",
    "have",
    "or",
    "by",
    "one",
    "had",
    "not",
    "but",
    "what",
]

HTML = "<html><body><p>" + "Zürich grüßt, 1234 Bücher für 5 €. " * 20 + "</p></body></html>\n"
PLAIN = "Zürich grüßt, 1234 Bücher für 5 €.\n" * 20
TEXT = _LINE.decode().replace("\r\n", "\n") * 10


def raw(number: int = 0, size: int = 1024) -> bytes:
    """Return a finished message of so many octets."""
    head = (
        f"From: Sender <{SENDER}>\r\nTo: User <{RECIPIENT}>\r\nSubject: message {number:06}\r\n"
        f"Date: Thu, 01 Jan 2026 00:00:00 +0000\r\nMessage-ID: <{number:06}.1@example.com>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: text/plain; charset="utf-8"\r\nContent-Transfer-Encoding: 7bit\r\n\r\n'
    ).encode()
    body = (_LINE * (size // len(_LINE) + 1))[: size - len(head) - 2].rstrip(b"\r\n")
    return head + body.ljust(size - len(head) - 2, b".") + b"\r\n"


def many(size: int = 1024) -> list[bytes]:
    """Return some different messages, to be sent in turn."""
    return [raw(number, size) for number in range(64)]


def large(path: Path, kind: str, megabytes: int) -> Path:
    """Write a large body, once: base64 in lines of 76, or text in lines of many lengths, some of them with a dot first."""
    if path.exists() and path.stat().st_size >= megabytes * 1_000_000:
        return path
    chance = random.Random(7)
    if kind == "base64":
        block = base64.encodebytes(chance.randbytes(57 * 4000)).replace(b"\n", b"\r\n")
    else:
        lines = (" ".join(chance.choices(_WORDS, k=chance.randint(0, 16))) + chance.choice(".,;") for _ in range(8000))
        block = "".join(("." if chance.random() < 0.01 else "") + line + "\r\n" for line in lines).encode()
    with path.open("wb") as file:
        while file.tell() < megabytes * 1_000_000:
            file.write(block)
    return path
