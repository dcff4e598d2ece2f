"""What stands behind an option, taken apart: servers, attachments, headers, numbers."""

from __future__ import annotations

import argparse
import ipaddress
import re
from typing import TYPE_CHECKING, NamedTuple

from postwright.cli import texts
from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.enums import SSLStartMode
from postwright.errors import InvalidValue

if TYPE_CHECKING:
    from postwright.proxy.dialogue import Proxy

_SCHEMES = {"smtp": None, "smtps": SSLStartMode.IMPLICIT, "submission": None}
_NAMED_PORTS = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465}
_BRACKETS = re.compile(r"\[([0-9A-Fa-f:.%\w]+)\](?::(\w+))?")
_RATE = re.compile(r"([0-9]{1,15})([kKmMgG]?)", re.ASCII)
_FACTORS = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}  # as curl has them

AUTO = "auto"
"""The proxy that the system names."""

_MARK = re.compile(r";(?=(?:type|name)=)")


class Server(NamedTuple):
    """A server as it was named; what was not said is None."""

    host: str
    port: int | None = None
    tls: SSLStartMode | None = None


class File(NamedTuple):
    """A file to attach; what was not said is None."""

    path: str
    content_type: str | None = None
    name: str | None = None


def server(text: str) -> Server:
    """Read HOST, HOST:PORT, [IPv6]:PORT, or a URL as curl takes it."""
    scheme, separator, rest = text.partition("://")
    tls = None
    if separator:
        if scheme.lower() not in _SCHEMES:
            raise argparse.ArgumentTypeError("a server's URL begins with smtp:// or smtps://")
        tls, text = _SCHEMES[scheme.lower()], rest.partition("/")[0]
    if "@" in text:
        raise argparse.ArgumentTypeError("name the user with --user; a password is never taken from the command line")
    if match := _BRACKETS.fullmatch(text):
        return Server(match[1], port(match[2]) if match[2] else None, tls)
    host, colon, number = text.partition(":")
    if ":" in number:  # an IPv6 address without brackets has no port
        return Server(text, None, tls)
    if not host or (colon and not number):
        raise argparse.ArgumentTypeError("a server is HOST, HOST:PORT or [IPv6]:PORT")
    return Server(host, port(number) if number else None, tls)


def port(text: str) -> int:
    """Read a port's number, or the name of a mail service."""
    if text.lower() in _NAMED_PORTS:
        return _NAMED_PORTS[text.lower()]
    if text.isascii() and text.isdigit() and 1 <= int(text) <= 65535:
        return int(text)
    raise argparse.ArgumentTypeError(f"a port is a number from 1 to 65535, or {', '.join(_NAMED_PORTS)}")


def seconds(text: str) -> int:
    """Read a time in whole seconds."""
    if text.isascii() and text.isdigit():
        return int(text)
    raise argparse.ArgumentTypeError("a time is a whole number of seconds; 0 waits for ever")


def attachment(text: str) -> File:
    """Read FILE, with ";type=..." and ";name=..." behind it in any order."""
    path, *marks = _MARK.split(text)
    given = dict(mark.split("=", 1) for mark in marks)
    if path == "-" and not given.get("name"):
        raise argparse.ArgumentTypeError("standard input has no name: --attach '-;name=report.csv'")
    return File(path, given.get("type"), given.get("name"))


def header(text: str) -> str:
    """Read one header field."""
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise argparse.ArgumentTypeError("a header is 'Name: value'")
    return f"{name.strip()}: {value.strip()}"


def notify(text: str) -> str:
    """Read when delivery notifications are wanted (RFC 3461 section 4.1)."""
    words = [word.strip().upper() for word in text.split(",")]
    if words != ["NEVER"] and not set(words) <= {"SUCCESS", "FAILURE", "DELAY"}:
        raise argparse.ArgumentTypeError("it is never, or some of success,failure,delay")
    return ",".join(dict.fromkeys(words))


def proxy(text: str) -> Proxy | str:
    """Read a proxy's URL, or AUTO.

    Raises:
        Problem: There is a password in it.
    """
    if text.lower() == AUTO:
        return AUTO
    from postwright.proxy.system import parse

    try:
        found = parse(text, "it")
    except InvalidValue as error:
        words = error.detail.replace("user:password@", "user@")
        raise argparse.ArgumentTypeError(words) from None
    if found.password:
        raise Problem(texts.PROXY_NOT_HERE, Exit.USAGE)
    return found


def source(text: str) -> tuple[str, int]:
    """Read ADDRESS, ADDRESS:PORT or [IPv6]:PORT; without a port it is 0."""
    host, number = text, ""
    if match := _BRACKETS.fullmatch(text):
        host, number = match[1], match[2] or ""
    elif text.count(":") == 1:
        host, _, number = text.partition(":")
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise argparse.ArgumentTypeError(
            "it is an address of this host: ADDRESS, ADDRESS:PORT or [IPv6]:PORT"
        ) from None
    return host, port(number) if number else 0


def rate(text: str) -> int:
    """Read octets per second: digits, and k, M or G for powers of 1024."""
    match = _RATE.fullmatch(text)
    if not match or not int(match[1]):
        raise argparse.ArgumentTypeError("a rate is a whole number of octets per second, such as 50000, 200k or 1M")
    return int(match[1]) * _FACTORS[match[2].lower()]
