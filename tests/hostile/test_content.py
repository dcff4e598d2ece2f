"""What a message holds never ends it, never starts a second one, and never tells who was in Bcc."""

from __future__ import annotations

import io
from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from postwright.errors import InvalidValue, SMTPError, UsageError
from postwright.wire.dots import unstuff
from tests.support.clients import failure
from tests.support.scripts import DATA, MAIL, hello

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.support.clients import Client, World

SMUGGLED = [
    f"first{before}.{after}MAIL FROM:<evil@example.com>{before}second{before}"
    for before in ("\r\n", "\n", "\r")
    for after in ("\r\n", "\n", "\r")
]


def canonical(text: str) -> bytes:
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n").encode()


class Drip(io.RawIOBase):
    """A stream that gives a few octets at a time."""

    def __init__(self, data: bytes, count: int) -> None:
        super().__init__()
        self._data = data
        self._count = count

    def read(self, _: int = -1) -> bytes:
        part, self._data = self._data[: self._count], self._data[self._count :]
        return part


def put(client: Client, how: str, text: str) -> None:
    if how == "text":
        client.message_text = text
    elif how == "raw":
        client.message = text.encode()
    else:
        client.set_message_stream(Drip(text.encode(), int(how.rpartition(" ")[2])))


def sent_body(world: World) -> bytes:
    return unstuff(world.peers[0].bodies[0]).partition(b"\r\n\r\n")[2]


@pytest.mark.parametrize("how", ["text", "raw", "stream by 1", "stream by 2", "stream by 3", "stream by 7"])
@pytest.mark.parametrize("text", SMUGGLED, ids=ascii)
def test_no_line_end_ends_the_data(world: World, text: str, how: str) -> None:
    client = world.play(hello() + MAIL + DATA + "S: 250 taken")
    put(client, how, text)
    client.send()
    body = world.peers[0].bodies[0]
    assert body.count(b"\r\n.\r\n") == 1
    assert b"\n" not in body.replace(b"\r\n", b"")
    assert b"\r" not in body.replace(b"\r\n", b"")
    assert sent_body(world) == canonical(text)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
@pytest.mark.parametrize("text", [".\r\n", "..\r\n.\r\n", "a\r\n.\r\n..b\r\n", "\r\n.\r\n\r\n.", ".a", "a\r\n..", "."])
def test_dots_survive_every_chunk_edge(world: World, text: str, count: int) -> None:
    client = world.play(hello() + MAIL + DATA + "S: 250 taken")
    client.set_message_stream(Drip(text.encode(), count))
    client.send()
    assert sent_body(world) == (text if text.endswith("\r\n") else text + "\r\n").encode()


@pytest.mark.parametrize("text", SMUGGLED, ids=ascii)
def test_a_finished_message_ends_nowhere_else_either(world: World, text: str) -> None:
    client = world.play(hello() + MAIL + DATA + "S: 250 taken")
    head = b"From: a@example.org\r\nTo: b@example.net\r\nDate: today\r\nMessage-ID: <1@x.example>\r\n\r\n"
    client.send_message(head + text.encode())
    assert sent_body(world) == canonical(text)


@pytest.mark.parametrize("how", ["raw", "message"])
@pytest.mark.parametrize("octets", [b"a\0b\r\n", b"x" * 999 + b"\r\n"])
def test_what_no_server_can_carry_is_an_error_before_any_octet(world: World, octets: bytes, how: str) -> None:
    client = world.play()
    if how == "raw":
        client.message = octets
        error = failure(client)
    else:
        error = failure(client, "send_message", b"From: a@example.org\r\nTo: b@example.net\r\n\r\n" + octets)
    assert isinstance(error, InvalidValue)
    assert world.heard == b""


def test_a_line_of_998_octets_is_not_too_long(world: World) -> None:
    client = world.play(hello() + MAIL + DATA + "S: 250 taken", message=b"x" * 998 + b"\r\n")
    client.send()
    assert sent_body(world) == b"x" * 998 + b"\r\n"


@pytest.mark.parametrize("kind", [io.BytesIO, lambda octets: Drip(octets, 50)])
@pytest.mark.parametrize("octets", [b"\0\0", b"\x7f" * 2000])
def test_a_stream_that_no_server_can_carry_is_never_taken(
    world: World, octets: bytes, kind: Callable[[bytes], Any]
) -> None:
    client = world.play()
    client.set_message_stream(kind(octets))
    error = failure(client)
    assert isinstance(error, UsageError)
    assert b"\r\n.\r\n" not in world.heard
    assert octets[:2] not in world.heard


BCC_FIELDS = [
    "Bcc: hidden@example.net",
    "BCC:hidden@example.net",
    "bcc :hidden@example.net",
    "Bcc: visible@example.net,\r\n hidden@example.net",
    "Resent-Bcc: hidden@example.net",
]


@pytest.mark.parametrize("field", BCC_FIELDS)
def test_bcc_in_other_headers_never_goes_out(world: World, field: str) -> None:
    client = world.play()
    try:
        client.other_headers = field + "\r\n"
        client.send()
    except SMTPError:
        client.other_headers = ""
    assert b"hidden@example.net" not in b"".join(peer.bodies[0] for peer in world.peers if peer.bodies)


@pytest.mark.parametrize("field", BCC_FIELDS)
def test_bcc_of_a_finished_message_never_goes_out(world: World, field: str) -> None:
    client = world.play()
    raw = f"From: a@example.org\r\nTo: b@example.net\r\n{field}\r\nSubject: Hi\r\n\r\nHello\r\n".encode()
    try:
        client.send_message(raw, "a@example.org", "b@example.net")
    except SMTPError:
        assert world.heard == b""
    assert b"hidden" not in b"".join(peer.bodies[0] for peer in world.peers if peer.bodies)


@pytest.mark.parametrize("given", ["object", "bytes"])
def test_bcc_of_a_finished_message_is_a_recipient_and_nothing_else(world: World, given: str) -> None:
    client = world.play()
    message = EmailMessage()
    message["From"] = "a@example.org"
    message["To"] = "b@example.net"
    message["Bcc"] = "Hidden <hidden@example.net>"
    message.set_content("Hello\n")
    value: Any = message if given == "object" else message.as_bytes()
    result = client.send_message(value)
    assert [r.address for r in result.accepted] == ["b@example.net", "hidden@example.net"]
    assert b"RCPT TO:<hidden@example.net>" in world.heard
    assert b"idden" not in world.peers[0].bodies[0]
    assert message["Bcc"] is not None  # the caller's own object is as it was


def test_bcc_is_not_in_what_can_be_read_afterwards(world: World) -> None:
    client = world.play(bcc="hidden@example.net")
    client.send()
    assert "hidden" not in client.settings.message_headers_string
    assert "hidden" not in client.settings.transfer_text
    assert not any("hidden" in value for value in client.message_header_value)
