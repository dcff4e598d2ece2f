"""The declarations and the reference's facts agree, both ways; what differs is in one table here, with its reason."""

from __future__ import annotations

import inspect
import json
import typing
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

from postwright import errors, events
from postwright.errors.base import REGISTER, SMTPError
from postwright.options.kinds import Enumeration
from postwright.options.tables import COMPUTED, PROPERTIES, SETTING_GROUPS, SETTINGS

if typing.TYPE_CHECKING:
    from postwright.options.option import Option

FACTS: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("facts.json").read_text())
DOCUMENT = Path(__file__).parents[2] / "docs" / "differences.md"

DIFFERENCES = {
    "default SSLEnabledProtocols": "TLS 1.0 and 1.1 are retired (RFC 8996), TLS 1.3 is not in the reference's value",
    "default UseIPv6": "there are relays with IPv6 only",
    "default TcpNoDelay": "Nagle's algorithm delays the ends of bodies",
    "default UseInternalSecurityAPI": "the system's TLS is kept up to date by the system",
    "property MessageHTML": "mail with HTML is what most programs send",
    "setting AllowCleartextAuth": "passwords do not go out in the clear unless the user says so",
    "setting BodyType": "RFC 6152 and RFC 3030 came later",
    "setting CloseStreamAfterTransfer": "who closes the stream must be a choice",
    "setting DSNReturn": "RFC 3461 has it",
    "setting EnvelopeId": "RFC 3461 has it",
    "setting FinalReplyTimeout": "RFC 5321 wants ten minutes for this one reply",
    "setting MaxMessageRate": "providers allow so many messages in a time",
    "setting MaxRetries": "sending again is the user's decision",
    "setting RetryDelay": "how long a server wants to be left alone differs",
    "setting QueueConnections": "one connection waits for the server and for the disk most of the time",
    "setting MaxMessagesPerConnection": "servers close a connection that carries too many, and not all say so before",
    "setting ReplyTimeout": "a server that trickles bytes would never be silent",
    "setting SASLMechanism": "another package may bring a mechanism",
    "setting SSLCRLs": "revocation lists have to come from somewhere",
    "setting TLSProvider": "another package may bring a TLS library",
    "setting TLSServerName": "the certificate may name another host than MailServer",
    "setting TransferTextLimit": "a large body must not stay in memory",
    "setting UseChunking": "RFC 3030 came later",
    "setting UsePipelining": "RFC 2920 came later",
    "setting UseSMTPUTF8": "RFC 6531 came later",
    "enum SSLStartMode NONE": "the reference promises plaintext but has no switch for it",
    "enum SSLStartMode OPPORTUNISTIC": "TLS where it is offered",
    "enum AuthMechanism LOGIN": "many servers have only this one",
    "enum AuthMechanism SCRAM_SHA_1": "RFC 5802 came later",
    "enum AuthMechanism SCRAM_SHA_256": "RFC 7677 came later",
    "enum AuthMechanism SCRAM_SHA_512": "servers offer it",
    "enum AuthMechanism OAUTHBEARER": "RFC 7628 came later",
    "enum AuthMechanism EXTERNAL": "the client certificate logs in",
}
"""What differs from the facts, and why. Each name must be in docs/differences.md, and none may be out of date."""

SHARED_NUMBERS = {
    "ExtensionMissing": 161,
    "ForbiddenCharacter": 10022,
    "GreetingRefused": 161,
    "InvalidAddress": 10022,
    "InvalidHeader": 10022,
    "InvalidValue": 10022,
    "LoginRefused": 161,
    "MalformedReply": 162,
    "MessageRefused": 161,
    "NotAvailable": 211,
    "PartlyRefused": 161,
    "PoolTimeout": 301,
    "QueueFileInvalid": 10022,
    "QueueUnusable": 302,
    "ReadOnly": 211,
    "RecipientsRefused": 161,
    "ReplyTooLong": 162,
    "SenderRefused": 161,
    "ServiceClosing": 161,
    "UnexpectedReply": 162,
    "UnknownSetting": 10022,
}
"""Error classes beyond one for each row: finer than the reference, under its numbers."""

MEMBERS = {
    "add_attachment": "attachments are what most mail has",
    "address_check": "services whose users choose the server must keep them out of their own network",
    "attached_file": "the reference speaks of AttachedFile without listing it",
    "attachments": "attachments are what most mail has",
    "compose": "a batch of messages that are described by properties",
    "last_outcome": "a handler's own exception can't carry the outcome",
    "message_html": "mail with HTML is what most programs send",
    "message_recipients": "one object for each recipient reads better than four arrays",
    "queue_many": "waiting for the disk once is enough for many messages",
    "remote_address": "MailServer keeps the name, the address is here",
    "send_many": "one bad message must not stop a batch",
    "send_message": "email.message.EmailMessage is Python's own message",
    "settings": "settings as typed attributes",
}
"""Public members of SMTP that the reference does not have."""

TYPES = {"Boolean": "bool", "Integer": "int", "String": "str", "Binary String": "bytes"}
TYPES |= {word: word for word in ("bool", "int", "str")}
OURS = {**PROPERTIES, **COMPUTED}


def simple_type(option: Option[Any, Any]) -> str:
    """The type as the facts have it: enumerations and numbers that may be unset are integers."""
    python = option.kind.python
    return "int" if isinstance(option.kind, Enumeration) or python == "int or None" else python


def simple_default(option: Option[Any, Any]) -> Any:
    default = option.default.decode() if isinstance(option.default, bytes) else option.default
    return int(default) if isinstance(default, IntEnum) else default


def squeezed(name: str) -> str:
    """AM_SASLPLAIN and SASL_PLAIN are the same member: a prefix, and where the words part."""
    return name.replace("_", "")


def same_default(option: Option[Any, Any], fact: Any) -> bool:
    if fact is None:  # the reference names no default
        return True
    if isinstance(fact, str) and fact.startswith("<"):  # this host's name
        return option.ambient
    if isinstance(fact, str) and isinstance(option.default, bool | int):
        return option.kind.show(option.default) == fact
    return bool(simple_default(option) == fact)


def found_differences() -> set[str]:
    properties = {p["name"]: p for p in FACTS["properties"]}
    settings = {s["name"]: s for s in FACTS["settings"]}
    found = {f"property {o.name}" for o in OURS.values() if o.name not in properties}
    found |= {f"setting {o.name}" for o in SETTINGS.values() if o.name not in settings}
    for option in OURS.values():
        fact = properties.get(option.name)
        if fact and not same_default(option, fact["default"]):
            found.add(f"default {option.name}")
        if fact and fact["enum"] and isinstance(option.kind, Enumeration):
            known = {squeezed(name.partition("_")[2]) for name in fact["enum"]}
            members = option.kind.members
            found |= {f"enum {members.__name__} {m.name}" for m in members if squeezed(m.name) not in known}
    for option in SETTINGS.values():
        if option.name in settings and not same_default(option, settings[option.name]["default"]):
            found.add(f"default {option.name}")
    return found


def test_every_difference_is_in_the_table_and_the_table_is_up_to_date() -> None:
    assert found_differences() == set(DIFFERENCES)


@pytest.mark.parametrize("name", [*DIFFERENCES, *SHARED_NUMBERS, *MEMBERS])
def test_every_difference_is_told_to_the_users(name: str) -> None:
    words = [word for word in name.split() if word not in ("default", "property", "setting", "enum")]
    text = DOCUMENT.read_text()
    assert [word for word in words if word not in text] == []


@pytest.mark.parametrize("fact", FACTS["properties"], ids=lambda f: f["name"])
def test_property(fact: dict[str, Any]) -> None:
    option = OURS[fact["python"]]
    assert option.name == fact["name"]
    assert simple_type(option) == TYPES[fact["type"]]
    assert (option.read_only, option.write_only, option.indexed) == (
        fact["read_only"],
        fact["write_only"],
        fact["indexed"],
    )


@pytest.mark.parametrize("fact", [f for f in FACTS["properties"] if f["enum"]], ids=lambda f: f["name"])
def test_enumeration_has_the_values_in_the_reference_s_order(fact: dict[str, Any]) -> None:
    kind = OURS[fact["python"]].kind
    assert isinstance(kind, Enumeration)
    ours = [(squeezed(m.name), int(m)) for m in kind.members]
    theirs = [(squeezed(name.partition("_")[2]), value) for name, value in fact["enum"].items()]
    assert ours[: len(theirs)] == theirs


def test_property_numbers_add_up() -> None:
    assert len(FACTS["properties"]) == 53
    assert len(FACTS["settings"]) == 74
    assert len(FACTS["methods"]) == 17


@pytest.mark.parametrize("fact", FACTS["settings"], ids=lambda f: f["name"])
def test_setting(fact: dict[str, Any]) -> None:
    option = SETTINGS[fact["name"].casefold()]
    assert (option.name, option.key) == (fact["name"], fact["python"])
    assert simple_type(option) == TYPES[fact["type"]]
    assert option.read_only == fact["read_only"]
    assert vars(SETTING_GROUPS[fact["group"]])[fact["python"]] is option


@pytest.mark.parametrize("option", [*OURS.values(), *SETTINGS.values()], ids=lambda o: o.name)
def test_a_default_that_differs_says_why(option: Option[Any, Any]) -> None:
    assert bool(option.differs) == (f"default {option.name}" in DIFFERENCES)


def test_handlers_are_the_reference_s() -> None:
    assert set(events.HANDLERS) == {fact["python"] for fact in FACTS["events"]}


@pytest.mark.parametrize("fact", FACTS["events"], ids=lambda f: f["name"])
def test_event(fact: dict[str, Any]) -> None:
    event = events.HANDLERS[fact["python"]]
    hints = typing.get_type_hints(event)
    fields = [(name, _plain(hints[name])) for name in event.__match_args__]
    assert event.__name__ == fact["name"]
    assert fields == [(f["python"], f["type"]) for f in fact["fields"]]


def _plain(hint: type) -> str:
    return "int" if issubclass(hint, IntEnum) else hint.__name__


def test_only_accept_can_be_changed() -> None:
    samples = {int: 0, str: "", bytes: b"", bool: False}
    for fact in FACTS["events"]:
        event = events.HANDLERS[fact["python"]]
        hints = typing.get_type_hints(event)
        sample = event(*(samples.get(hints[f["python"]], 0) for f in fact["fields"]))  # type: ignore[arg-type]
        for field in fact["fields"]:
            if field["settable"]:
                setattr(sample, field["python"], True)
            else:
                with pytest.raises(AttributeError):
                    setattr(sample, field["python"], "")


@pytest.mark.parametrize("code", sorted({fact["code"] for fact in FACTS["errors"]}))
def test_error_number_has_a_class_for_each_of_its_meanings(code: int) -> None:
    classes = REGISTER.get(code, [])
    assert len(classes) == len([fact for fact in FACTS["errors"] if fact["code"] == code])


def test_no_error_number_is_our_own() -> None:
    assert set(REGISTER) <= {fact["code"] for fact in FACTS["errors"]}


def test_finer_error_classes_are_listed_with_their_numbers() -> None:
    exported = [getattr(errors, name) for name in errors.__all__]
    finer = {c.__name__: c.code for c in exported if c.code and c not in REGISTER.get(c.code, [])}
    finer.pop("NetworkError", None)  # one class for the whole table
    assert finer == SHARED_NUMBERS
    assert all(issubclass(c, SMTPError) for c in exported)


@pytest.mark.parametrize("name", ["SMTP", "AsyncSMTP"])
@pytest.mark.parametrize("fact", FACTS["methods"], ids=lambda f: f["name"])
def test_method(fact: dict[str, Any], name: str) -> None:
    import postwright

    method = getattr(getattr(postwright, name), fact["python"])
    signature = inspect.signature(method)
    given = [p for p in list(signature.parameters.values())[1:] if p.default is p.empty]
    assert len(given) == len(fact["args"])
    if fact["returns"] == "str":
        assert signature.return_annotation == "str"


@pytest.mark.parametrize("name", ["SMTP", "AsyncSMTP"])
def test_no_member_is_unexplained(name: str) -> None:
    import postwright

    facts = {fact["python"] for part in ("properties", "methods", "events") for fact in FACTS[part]}
    public = {member for member in dir(getattr(postwright, name)) if not member.startswith("_")}
    assert public - facts == set(MEMBERS)
