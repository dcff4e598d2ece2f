"""HTTP CONNECT (RFC 9110 section 9.3.6, RFC 9112), with Basic authentication (RFC 7617) and headers of the user's."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, NamedTuple

from postwright.enums import FirewallType
from postwright.errors import ForbiddenCharacter, InvalidHeader, InvalidValue
from postwright.proxy.dialogue import Kind, Talk, bounded, register

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.proxy.dialogue import Destination, Dialogue, Proxy, Steps

MAX_ANSWER = 16 * 1024
"""Octets of all header blocks of the answer together, and of the headers that we send."""

MAX_LINES = 100
"""Lines of the same."""

MAX_SECRET = 4096
"""Octets of a user or a password: HTTP sets no limit, and tokens are long."""

_FIELD = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*)", re.DOTALL)  # RFC 9110 section 5.1
_STATUS = re.compile(r"HTTP/1\.[01] ([1-5][0-9]{2})(?: (.*))?", re.DOTALL)  # RFC 9112 section 4
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")  # all but the tab
_LINE_END = re.compile(r"\r\n|\r|\n")
_NOT_OURS = {"content-length", "transfer-encoding"}
_TELLING = ("Proxy-Status", "X-Squid-Error")  # RFC 9209; Squid's own
_HINTS = {
    401: "it refused the user and password",  # tinyproxy says so for those of a proxy too
    403: "it does not allow this destination",
    405: "it is a web server, or no proxy for CONNECT",
    407: "it wants a user and password, or refused those it got",
}


class _Answer(NamedTuple):
    """The status line and the header of one response."""

    code: int
    line: str
    fields: dict[str, str]


def _tunnel(proxy: Proxy, destination: Destination) -> Dialogue:
    fields = dict(_extra(proxy.headers))
    login = _basic(proxy)
    lines = [f"CONNECT {destination} HTTP/1.1"]
    if "host" not in fields:
        lines.append(f"Host: {destination}")
    if login and "proxy-authorization" not in fields:
        lines.append(f"Proxy-Authorization: Basic {login}")
    lines += filter(None, _LINE_END.split(proxy.headers))
    request = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
    tokens = (value.rpartition(" ")[2] for value in fields.values())  # behind the name of a scheme
    return _ask(Talk("HTTP CONNECT", proxy, destination, (proxy.password, login, *fields.values(), *tokens)), request)


def _basic(proxy: Proxy) -> str:
    """Return the credentials of RFC 7617 in UTF-8; "" when there are none."""
    user = bounded(proxy.user, "user name for the proxy", MAX_SECRET)
    password = bounded(proxy.password, "password for the proxy", MAX_SECRET)
    if b":" in user:
        raise InvalidValue("the user name for the proxy may not hold a colon (RFC 7617 section 2)")
    return base64.b64encode(user + b":" + password).decode("ascii") if user or password else ""


def _extra(headers: str) -> Iterator[tuple[str, str]]:
    """Yield name, in lower case, and value of the user's header lines; what is wrong is named, not shown.

    Raises:
        ForbiddenCharacter: A line holds a control character.
        InvalidHeader: A line is no header field, or one that would change where the request ends.
    """
    if len(headers) > MAX_ANSWER:
        raise InvalidHeader(f"FirewallData has over {MAX_ANSWER} characters")
    lines = _LINE_END.split(headers)
    while lines and not lines[-1]:
        lines.pop()
    if len(lines) > MAX_LINES:
        raise InvalidHeader(f"FirewallData has over {MAX_LINES} lines")
    for number, line in enumerate(lines, 1):
        where = f"line {number} of FirewallData"
        if _CONTROL.search(line):
            raise ForbiddenCharacter(f"{where} holds a control character")
        if not (match := _FIELD.fullmatch(line)):  # also an empty line, which would end the header
            raise InvalidHeader(f"{where} is not of the form 'Name: value'")
        name = match[1].lower()
        if name in _NOT_OURS:
            raise InvalidHeader(f"{where}: {match[1]} would change where the request ends")
        try:
            line.encode()
        except UnicodeEncodeError:
            raise InvalidHeader(f"{where} holds characters that have no UTF-8") from None
        yield name, match[2]


def _ask(talk: Talk, request: bytes) -> Dialogue:
    yield from talk.tell(request)
    answers = _Answers(talk)
    answer = yield from answers.next()
    while answer.code < 200 and answer.code != 101:  # interim answers (RFC 9110 section 15.2); 101 was not asked for
        answer = yield from answers.next()
    if 200 <= answer.code < 300:
        return bytes(talk.data)  # whatever lengths the header names, there is no body (RFC 9110 section 9.3.6)
    raise talk.fault(_own_words(talk, answer))


class _Answers:
    """The reader of answers: all of them together stay within the limits."""

    __slots__ = ("_lines", "_octets", "_talk")

    def __init__(self, talk: Talk) -> None:
        self._talk = talk
        self._octets = MAX_ANSWER
        self._lines = MAX_LINES

    def next(self) -> Steps[_Answer]:
        """Return the next answer's status line and header."""
        talk = self._talk
        while not talk.data:
            yield from talk.hear()
        talk.check_protocol(talk.data[0], 0x48)  # H: at once, for what is no HTTP may never end a line
        status = yield from self._line()
        if not (match := _STATUS.fullmatch(status)):
            raise talk.fault(f"it does not speak HTTP/1: {talk.quote(status)}")
        fields: dict[str, str] = {}
        while line := (yield from self._line()):
            if line[0] in " \t":  # a folded line (RFC 9112 section 5.2)
                continue
            if not (found := _FIELD.fullmatch(line)):
                raise talk.fault(f"after {talk.quote(status)} came a line that is no header field: {talk.quote(line)}")
            fields.setdefault(found[1].lower(), found[2].rstrip(" \t"))
        return _Answer(int(match[1]), status, fields)

    def _line(self) -> Steps[str]:
        """Return the next line without its end, CRLF or LF (RFC 9112 section 2.2)."""
        data, scanned = self._talk.data, 0
        while (end := data.find(b"\n", scanned)) < 0 and len(data) <= self._octets:
            scanned = len(data)
            yield from self._talk.hear()
        if end < 0 or end >= self._octets:
            raise self._talk.fault(f"its answer has a header of over {MAX_ANSWER} octets")
        self._octets -= end + 1
        self._lines -= 1
        if self._lines < 0:
            raise self._talk.fault(f"its answer has a header of over {MAX_LINES} lines")
        line = bytes(data[:end])
        del data[: end + 1]
        return line.removesuffix(b"\r").decode("utf-8", "surrogateescape")


def _own_words(talk: Talk, answer: _Answer) -> str:
    """Return what the proxy says about its refusal.

    The only text that depends on how the answer was cut: a body in plain text is shown as far as it is here already.
    It is never waited for.
    """
    words = [talk.quote(answer.line)]
    if answer.code in _HINTS:
        words.append(_HINTS[answer.code])
    elif 300 <= answer.code < 400:
        words.append("it points elsewhere, and a connection can't follow")
    if asked := answer.fields.get("proxy-authenticate"):
        words.append(f"it asks for {talk.quote(asked)}")
    words += [
        f"{name}: {talk.quote(answer.fields[name.lower()])}" for name in _TELLING if name.lower() in answer.fields
    ]
    body = talk.data[:MAX_ANSWER].decode("utf-8", "surrogateescape").strip()
    if body and answer.fields.get("content-type", "").lower().startswith("text/plain"):
        words.append(talk.quote(body))
    return "; ".join(words)


TUNNEL = register(FirewallType.TUNNEL, Kind("HTTP CONNECT", takes_names=True, start=_tunnel))
