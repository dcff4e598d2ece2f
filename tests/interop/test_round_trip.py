"""Random messages through real servers and back: what arrives is what was sent, octet for octet.

The quick form is part of every run; the long one (``--long``) takes five thousand each way, so ten thousand through each server. Everything hangs on
one seed, so that a failure can be played again.
"""

import random
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from postwright import SendResult
from tests.interop.both import Client
from tests.interop.servers import CapturingServer, new_token

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


def message(number: int, token: str, chance: random.Random, *, utf8: bool) -> bytes:
    head = (
        f"From: alice@example.test\r\nTo: x@capture.test\r\nSubject: {number}\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n"
        f"Message-ID: <{number}.{token}@example.test>\r\n"
    ).encode()
    more = chance.sample(HEADERS if utf8 else [field for field in HEADERS if field.isascii()], chance.randrange(3))
    return head + b"".join(more) + b"\r\n" + body(chance)


def as_sent(data: bytes) -> bytes:
    """RFC 5321 section 2.3.8: lines end with CRLF, the last one too."""
    lines = data.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def arrived(server: CapturingServer, token: str, count: int) -> dict[int, bytes]:
    """Return what was captured under the token, waited for, by its number; nothing comes twice."""
    found = server.captures(token, count, take=True)
    by_number = {each.number: each.raw for each in found}
    assert len(by_number) == len(found) == count
    return by_number


def round_trip(client: Client, server: CapturingServer, count: int) -> None:
    chance = random.Random(count)
    token = new_token()
    utf8 = server.name != "opensmtpd"  # it can't take headers beyond ASCII (RFC 6532)
    for start in range(0, count, 500):
        sent = {number: message(number, token, chance, utf8=utf8) for number in range(start, min(start + 500, count))}
        results = client.send_many(list(sent.values()))
        assert {type(result) for result in results} == {SendResult}
        back = arrived(server, token, len(sent))
        for number, data in sent.items():
            assert back[number] == as_sent(data), number


WAYS = ["postfix BDAT", "postfix DATA", "exim BDAT", "exim DATA", "opensmtpd DATA"]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[CapturingServer, bool]:
    """A server, and whether to use CHUNKING there."""
    name, verb = str(request.param).split()
    return request.getfixturevalue(name), verb == "BDAT"


def client_on(make: Make, way: tuple[CapturingServer, bool]) -> Client:
    server, chunking = way
    client = make(mail_server=server.host, mail_port=server.plain, ssl_start_mode=3)
    client.settings.use_chunking = chunking
    return client


def test_what_arrives_is_what_was_sent(client_factory: Make, way: tuple[CapturingServer, bool]) -> None:
    round_trip(client_on(client_factory, way), way[0], 40)


def large_round_trip(client: Client, server: CapturingServer, file: Path) -> None:
    token, chance = new_token(), random.Random(12)
    with file.open("wb") as out:
        while out.tell() < 12_000_000:
            out.write((body(chance) + b"\n") * 20)
    client.from_, client.send_to = "alice@example.test", "x@capture.test"
    client.message_id = f"<0.{token}@example.test>"
    client.other_headers = "MIME-Version: 1.0\r\nContent-Transfer-Encoding: 8bit\r\n"
    client.attached_file = str(file)
    client.send()
    back = arrived(server, token, 1)[0]
    assert back.partition(b"\r\n\r\n")[2] == as_sent(file.read_bytes())


def test_a_large_file_arrives_as_it_was_sent(
    client_factory: Make, way: tuple[CapturingServer, bool], tmp_path: Path
) -> None:
    """Twelve megabytes, in many writes and chunks, of which most are on their way before the first is answered."""
    large_round_trip(client_on(client_factory, way), way[0], tmp_path / "body")


@pytest.mark.parametrize("way", WAYS[:4], indirect=True)
def test_a_large_file_arrives_through_tls(
    client_factory: Make, way: tuple[CapturingServer, bool], tmp_path: Path
) -> None:
    client = client_on(client_factory, way)
    client.ssl_start_mode = 2
    client.settings.open_ssl_ca_file = str(way[0].ca.root)
    large_round_trip(client, way[0], tmp_path / "body")


@pytest.mark.slow
def test_thousands_arrive_as_they_were_sent(client_factory: Make, way: tuple[CapturingServer, bool]) -> None:
    round_trip(client_on(client_factory, way), way[0], 5_000)
