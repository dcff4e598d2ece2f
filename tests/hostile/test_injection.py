"""No argument, whatever it holds, starts a second command or header, and not one octet of it is written."""

from __future__ import annotations

from email.message import EmailMessage
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP
from postwright.errors import InvalidValue, SMTPError, UsageError
from postwright.options import PROPERTIES, SETTINGS
from postwright.options.kinds import Text
from tests.support.clients import failure
from tests.support.scripts import hello

if TYPE_CHECKING:
    from postwright.options.option import Option
    from tests.support.clients import Client, World

ENDS = ["\r\n", "\n", "\r", "\0", "\x0b", "\x0c", "\x1b", "\x7f"]
ADDRESS_ENDS = [*ENDS, "\x85", "\u2028", "\u2029", "\udc0a"]
EVIL = "RCPT TO:<evil@example.com>"
SHAPES = ["a@x.example{end}", "a{end}@x.example", '"a{end}b"@x.example', "N{end} <a@x.example>", "a@x{end}.example"]


def of_one_line(option: Option[Any, Any]) -> bool:
    return isinstance(option.kind, Text) and option.kind.free == "" and not option.read_only


def assert_refuses(target: object, key: str, end: str) -> None:
    kept = getattr(target, key)
    for value in (end + EVIL, EVIL + end, f"x{end}y"):
        with pytest.raises(InvalidValue) as caught:
            setattr(target, key, value)
        assert not any(c in str(caught.value) for c in "\r\n\0\x1b")
    assert getattr(target, key) == kept


@pytest.mark.parametrize("end", ENDS, ids=ascii)
@pytest.mark.parametrize("key", sorted(key for key, option in PROPERTIES.items() if of_one_line(option)))
def test_every_property_of_one_line_refuses_control_characters(key: str, end: str) -> None:
    assert_refuses(SMTP(), key, end)
    with pytest.raises(InvalidValue):
        SMTP(**{key: end + EVIL})


@pytest.mark.parametrize("end", ENDS, ids=ascii)
@pytest.mark.parametrize("name", sorted(name for name, option in SETTINGS.items() if of_one_line(option)))
def test_every_setting_of_one_line_refuses_control_characters(name: str, end: str) -> None:
    smtp, option = SMTP(), SETTINGS[name]
    assert_refuses(smtp.settings, option.key, end)
    with pytest.raises(InvalidValue):
        smtp.config(f"{option.name}=x{end}{EVIL}")


def send_with(client: Client, name: str, value: str) -> None:
    setattr(client, name, value)
    client.send()


@pytest.mark.parametrize("end", ADDRESS_ENDS, ids=ascii)
@pytest.mark.parametrize("name", ["from_", "send_to", "cc", "bcc", "return_path", "reply_to", "read_receipt_to"])
def test_no_address_writes_an_octet(world: World, name: str, end: str) -> None:
    client = world.play()
    kept = getattr(client, name)
    for shape in SHAPES:
        with pytest.raises(UsageError):  # when it is set, or when it is used
            send_with(client, name, shape.format(end=end + EVIL))
    assert world.heard == b""
    setattr(client, name, kept)


@pytest.mark.parametrize("end", ENDS, ids=ascii)
@pytest.mark.parametrize("method", ["send_command", "verify", "expand"])
def test_no_argument_of_a_method_writes_an_octet(world: World, method: str, end: str) -> None:
    client = world.play(hello("SMTPUTF8"))
    client.connect()
    before = world.heard
    error = failure(client, method, f"NOOP{end}{EVIL}")
    assert isinstance(error, UsageError)
    assert world.heard == before
    assert not any(c in str(error) for c in "\r\n\0\x1b")
    assert client.connected


def test_unicode_is_never_narrowed_to_a_line_end(world: World) -> None:
    client = world.play(hello("SMTPUTF8") + "C: NOOP \u560a\u560dQUIT\nS: 250 fine")
    client.connect()
    client.send_command("NOOP \u560a\u560dQUIT")
    assert world.heard.count(b"\n") == 2


@pytest.mark.parametrize("name", ["from_", "send_to", "return_path"])
def test_an_address_is_never_narrowed_to_a_line_end(world: World, name: str) -> None:
    client = world.play(hello("8BITMIME", "SMTPUTF8"))
    setattr(client, name, f'"a\u560d\u560a{EVIL}"@x.example')
    client.send()
    assert not any(line.startswith(EVIL.encode()) for line in world.heard.splitlines())


def test_outside_ascii_needs_an_offer(world: World) -> None:
    client = world.play(hello())
    client.connect()
    before = world.heard
    assert isinstance(failure(client, "verify", "j\u560arg"), InvalidValue)
    assert world.heard == before


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_the_arguments_of_send_message_write_nothing(world: World, end: str) -> None:
    client = world.play()
    message = b"From: a@example.org\r\nTo: b@example.net\r\n\r\nHello\r\n"
    for sender, people in ((f"a@x.example{end}{EVIL}", "b@x.example"), ("a@x.example", [f"b@x.example{end}{EVIL}"])):
        assert isinstance(failure(client, "send_message", message, sender, people), UsageError)
    assert world.heard == b""


@pytest.mark.parametrize("end", ENDS, ids=ascii)
@pytest.mark.parametrize("options", ["NOTIFY=NEVER{0}", "{0}", "ORCPT=rfc822;a@x.example{0}", "KEY=value{0}"])
def test_recipient_options_refuse_control_characters(world: World, options: str, end: str) -> None:
    client = world.play(hello("DSN"))
    with pytest.raises(InvalidValue):
        client.message_recipients[0].options = options.format(end + EVIL)
    with pytest.raises(InvalidValue):
        client.message_recipient_options[0] = options.format(end + EVIL)
    assert client.message_recipients[0].options == ""


@pytest.mark.parametrize("end", ENDS, ids=ascii)
def test_a_recipients_name_refuses_control_characters(world: World, end: str) -> None:
    client = world.play()
    with pytest.raises(InvalidValue):
        client.message_recipients[0].name = f"Bob{end}Bcc: evil@example.com"


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"], ids=ascii)
def test_a_subject_does_not_make_a_header(world: World, end: str) -> None:
    client = world.play()
    with pytest.raises(InvalidValue):
        client.subject = f"Hi{end}Bcc: evil@example.com"


def test_a_finished_message_with_an_evil_recipient_is_not_sent(world: World) -> None:
    client = world.play()
    message = EmailMessage()
    message["From"] = "a@example.org"
    message["To"] = "b@example.net"
    raw = message.as_bytes().replace(b"b@example.net", b"b@example.net>\rRCPT TO:<evil@example.com")
    error = failure(client, "send_message", raw + b"\r\nHello\r\n")
    assert isinstance(error, UsageError)
    assert world.heard == b""


@pytest.mark.parametrize(
    "address",
    [
        "a@x.example b@y.example",
        "<a@x.example> <b@y.example>",
        "a@x.example>, <b@y.example",
        "a@b@c.example",
        "=?utf-8?q?a=40evil.example?= <>",
        "=?utf-8?q?a=40evil.example=3e?=@x.example",
        "@relay.example:a@x.example",
        "a(comment@x.example",
        '"a@x.example',
        "a@[127.0.0.1",
        "a@x..example",
        "a@-x.example",
    ],
)
def test_a_sender_is_never_one_of_two_readings(world: World, address: str) -> None:
    client = world.play()
    error = failure(client, "send_message", b"To: b@example.net\r\n\r\nHi\r\n", address, "b@example.net")
    assert isinstance(error, UsageError)
    assert world.heard == b""


@pytest.mark.parametrize("local", ["a b", "a@b", 'a"b', "a\\b", "a..b", ".a", "a,b", "a>b"])
def test_a_quoted_local_part_goes_out_quoted(world: World, local: str) -> None:
    quoted = '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    client = world.play(
        hello() + f"C: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<{quoted}@example.net>\nS: 250 ok\n"
        "C: DATA\nS: 354 go\nC: <body>\nS: 250 ok",
        send_to=f"{quoted}@example.net",
    )
    client.send()


def said_of(client: Client, address: str) -> str:
    """The error that an address makes as a recipient, "" where it is taken."""
    try:
        client.send_to = address
    except SMTPError as error:
        return str(error)
    return ""


@pytest.mark.parametrize(
    "bomb",
    [
        "(" * 50000 + "a@x.example",
        "a." * 50000 + "@x.example",
        '"' + "\\a" * 50000 + '"@x.example',
        "<" * 50000,
        "a@" + "x." * 50000 + "example",
        " " * 100000 + "a@x.example",
        "a@x.example," * 20000 + "(",
        "=?utf-8?q?" * 20000 + " <a@x.example",
    ],
    ids=range(8),
)
@pytest.mark.timeout(5)
def test_no_address_takes_more_than_linear_time(world: World, bomb: str) -> None:
    client = world.play()
    assert len(said_of(client, bomb)) < 2000
    client.send_to = "b@example.net"
