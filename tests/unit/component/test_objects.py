"""SMTP and AsyncSMTP as objects: keywords, settings, resetting, and what can't be assigned."""

from __future__ import annotations

import asyncio
import inspect
import io
from typing import Any

import pytest

from postwright import SMTP, AsyncSMTP
from postwright.errors import ConnectFirst, InvalidAddress, InvalidValue, NotPossibleNow, ReadOnly, UnknownSetting
from postwright.options import PROPERTIES

both = pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])


@both
def test_every_property_is_a_keyword(kind: type[Any]) -> None:
    smtp = kind(
        mail_server="mx.example",
        mail_port=587,
        from_="a@x.example",
        send_to="b@x.example",
        cc="c@x.example",
        bcc="d@x.example",
        attached_file="file",
        message_recipient_count=4,
        timeout=7,
    )
    assert (smtp.mail_server, smtp.mail_port, smtp.timeout) == ("mx.example", 587, 7)
    assert smtp.message_recipient_count == 4
    assert smtp.attached_file == "file"
    for name, option in PROPERTIES.items():
        if not option.read_only and not option.later:
            kind(**{name: getattr(smtp, name)})


@both
@pytest.mark.parametrize("name", ["server", "mailserver", "connected", "command", "idle", "settings", "send", "_store"])
def test_an_unknown_keyword_is_a_type_error(kind: type[Any], name: str) -> None:
    with pytest.raises(TypeError, match=name):
        kind(**{name: "x"})


@both
@pytest.mark.parametrize("name", ["idle", "last_reply", "last_outcome", "message_header_count", "remote_address"])
def test_what_is_read_only_refuses_assignment(kind: type[Any], name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(kind(), name, "x")


@both
def test_a_read_only_setting_is_our_error_too(kind: type[Any]) -> None:
    smtp = kind()
    with pytest.raises(ReadOnly):
        smtp.settings.build_info = "x"
    with pytest.raises(ReadOnly):
        smtp.config("BuildInfo=x")


@both
def test_settings_and_config_are_one(kind: type[Any]) -> None:
    smtp = kind()
    assert smtp.config("maxheaderlength=100") == "100"
    assert smtp.settings.max_header_length == 100
    smtp.settings.max_header_length = 90
    assert smtp.config("MAXHEADERLENGTH") == "90"
    with pytest.raises(UnknownSetting):
        smtp.config("NoSuchThing")
    with pytest.raises(InvalidValue):
        smtp.config("MaxHeaderLength=many")
    assert smtp.settings.max_header_length == 90


@both
def test_reset_sets_everything_to_its_default_and_keeps_handlers(kind: type[Any]) -> None:
    smtp = kind(mail_server="mx", from_="a@x.example", send_to="b@x.example", attached_file="f", on_error=print)
    smtp.settings.hello = "me"
    smtp.add_attachment(b"x", "x.txt")
    smtp.set_message_stream(io.BytesIO(b"x"))
    smtp.reset()
    assert (smtp.mail_server, smtp.from_, smtp.send_to, smtp.attached_file) == ("", "", "", "")
    assert smtp.settings.hello != "me"
    assert smtp.attachments == []
    assert smtp._bodies.stream is None
    assert smtp.on_error.handler is print


@both
def test_reset_headers_leaves_the_server_and_the_text(kind: type[Any]) -> None:
    smtp = kind(
        mail_server="mx",
        user="alice",
        from_="a@x.example",
        send_to="b@x.example",
        subject="Hi",
        reply_to="r@x.example",
        importance=1,
        priority=1,
        sensitivity=1,
        message_date="",
        message_id="<1@x.example>",
        other_headers="X: y\r\n",
        message_text="Hello",
    )
    smtp.reset_headers()
    assert (smtp.mail_server, smtp.user, smtp.message_text) == ("mx", "alice", "Hello")
    assert (smtp.from_, smtp.send_to, smtp.subject, smtp.reply_to, smtp.other_headers) == ("", "", "", "", "")
    assert (smtp.importance, smtp.priority, smtp.sensitivity) == (0, 0, 0)
    assert (smtp.message_date, smtp.message_id) == ("*", "*")


@both
def test_a_stream_and_an_attached_file_replace_each_other(kind: type[Any]) -> None:
    smtp = kind(attached_file="f")
    smtp.set_message_stream(io.BytesIO())
    assert smtp.attached_file == ""
    smtp.attached_file = "g"
    assert smtp._bodies.stream is None


def test_async_smtp_names_the_method_to_await() -> None:
    smtp = AsyncSMTP()
    for value, method in ((True, "connect"), (False, "disconnect")):
        with pytest.raises(NotPossibleNow, match=f"await {method}"):
            smtp.connected = value
    with pytest.raises(NotPossibleNow, match="await send_command"):
        smtp.command = "NOOP"
    assert not smtp.connected


def test_smtp_connects_and_disconnects_by_assignment() -> None:
    smtp = SMTP()
    smtp.connected = False
    with pytest.raises(ConnectFirst):
        smtp.command = "NOOP"
    with pytest.raises(AttributeError):
        smtp.command  # noqa: B018 - reading it is what is tried


def members(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_both_classes_have_the_same_members_with_the_same_parameters() -> None:
    assert members(SMTP) == members(AsyncSMTP)
    for name in members(SMTP):
        one, other = inspect.getattr_static(SMTP, name), inspect.getattr_static(AsyncSMTP, name)
        if inspect.isfunction(one) and inspect.isfunction(other):
            assert list(inspect.signature(one).parameters) == list(inspect.signature(other).parameters), name


def test_the_methods_that_talk_to_a_server_are_coroutines() -> None:
    plain = {
        "config",
        "add_attachment",
        "set_message_stream",
        "interrupt",
        "reset",
        "reset_headers",
        "send_many",
        "compose",
    }
    for name in members(SMTP):
        if inspect.isfunction(inspect.getattr_static(SMTP, name)) and name not in plain:
            assert inspect.iscoroutinefunction(inspect.getattr_static(AsyncSMTP, name)), name


@both
def test_a_representation_says_where_it_stands(kind: type[Any]) -> None:
    assert repr(kind()) == f"<{kind.__name__} without a server:25, not connected>"
    assert repr(kind(mail_server="mx", mail_port=587)) == f"<{kind.__name__} mx:587, not connected>"


def test_leaving_a_block_without_a_connection_is_nothing() -> None:
    with SMTP() as smtp:
        assert smtp.idle

    async def enter() -> None:
        async with AsyncSMTP() as other:
            assert other.idle

    asyncio.run(enter())


@pytest.mark.parametrize("nobody", [" ", "(nobody)", " , "])
@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
def test_a_sender_of_blanks_is_no_address(kind: type[SMTP | AsyncSMTP], nobody: str) -> None:
    client = kind(mail_server="mail.example.org", from_="a@example.org", send_to="b@example.org")
    for name in ("return_path", "from_"):
        setattr(client, name, nobody)
        with pytest.raises(InvalidAddress, match="address"):
            client.compose()
        setattr(client, name, "a@example.org")
    client.compose()
