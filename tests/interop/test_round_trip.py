"""Random messages through real servers and back: what arrives is what was sent, octet for octet.

The quick form is part of every run; the long one (``--long``) takes ten thousand through each server. Everything hangs on
one seed, so that a failure can be played again.
"""

import random
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from postwright import SendResult
from tests.interop.both import Client
from tests.interop.servers import TRACE, MailServer, new_token, with_crlf

Make = Callable[..., Client]

PIECES = [
    b".", b"..", b".\n", b"\n", b"\r\n", b"\r\n.\r\n", b"\n.\n", b"\r\n..\r\n", b" ", b"\t", b"  \r\n", b"From ", b"x" * 70, b"y" * 400, b"\xc3\xbc",
    b"\xff\x80", b"=", b"=\r\n", b"QUIT\r\n", b"DATA\r\n", b"\x1b", b"\x7f", b"\x0c", b"- -- ", b"a", b"z" * 998, b"<>&", b"\r\n\r\n",
]  # fmt: skip
HEADERS = [
    b"X-Folded: one\r\n two\r\n\tthree\r\n", b"X-Long: " + b"l" * 900 + b"\r\n", b"X-Dot:\r\n .\r\n", b"X-Empty: \r\n", b"X-Eight: \xc3\xbc\r\n",
    b"X-Trailing: blank \r\n", b"x-lower:no blank\r\n",
]  # fmt: skip


def body(chance: random.Random) -> bytes:
    """Return text with everything in it that a server, or we, might trip over; no line is longer than may be sent."""
    text = b"".join(chance.choices(PIECES, k=chance.randrange(60)))
    if chance.random() < 0.05:
        text *= 200
    return re.sub(rb"[^\n]{990,}", lambda long: re.sub(rb"(.{900})", rb"\1\n", long[0]), text)


def message(number: int, token: str, chance: random.Random) -> bytes:
    head = (
        f"From: alice@example.test\r\nTo: x@capture.test\r\nSubject: {number}\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n"
        f"Message-ID: <{number}.{token}@example.test>\r\n"
    ).encode()
    return head + b"".join(chance.sample(HEADERS, chance.randrange(3))) + b"\r\n" + body(chance)


def as_sent(data: bytes) -> bytes:
    """RFC 5321 section 2.3.8: lines end with CRLF, the last one too."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def arrived(folder: Path, token: str, count: int) -> dict[int, bytes]:
    """Return what was captured under the token, waited for, by its number; nothing comes twice."""
    found: dict[int, bytes] = {}
    seen: set[Path] = set()
    end = time.monotonic() + 30
    while len(found) < count:
        fresh = [path for path in folder.glob("*.eml") if path not in seen]
        for path in fresh:
            data = path.read_bytes()
            seen.add(path)
            name = re.search(rb"^Message-ID: <(\d+)\.%s@" % token.encode(), data, re.MULTILINE)
            if name:
                assert int(name[1]) not in found
                found[int(name[1])] = with_crlf(TRACE.sub(b"", data, count=1))
                path.unlink()
                path.with_suffix(".env").unlink()
                end = time.monotonic() + 30
        assert time.monotonic() < end, f"{count - len(found)} of {count} have not arrived"
        time.sleep(0.05)
    return found


def round_trip(client: Client, server: MailServer, count: int) -> None:
    chance = random.Random(count)
    token = new_token()
    for start in range(0, count, 500):
        sent = {number: message(number, token, chance) for number in range(start, min(start + 500, count))}
        results = client.send_many(list(sent.values()))
        assert {type(result) for result in results} == {SendResult}
        back = arrived(server.folder / "capture", token, len(sent))
        for number, data in sent.items():
            assert back[number] == as_sent(data), number


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> MailServer:
    found: MailServer = request.getfixturevalue(request.param)
    return found


def to(make: Make, server: MailServer, chunking: bool) -> Client:
    client = make(mail_server=server.host, mail_port=server.plain, ssl_start_mode=3)
    client.settings.use_chunking = chunking
    return client


@pytest.mark.parametrize("chunking", [True, False])
def test_what_arrives_is_what_was_sent(client_factory: Make, server: MailServer, chunking: bool) -> None:
    round_trip(to(client_factory, server, chunking), server, 40)


@pytest.mark.slow
@pytest.mark.parametrize("chunking", [True, False])
def test_ten_thousand_arrive_as_they_were_sent(client_factory: Make, server: MailServer, chunking: bool) -> None:
    round_trip(to(client_factory, server, chunking), server, 5_000)
