"""What a proxy is, what a dialogue with one is, and the register of the kinds.

A dialogue is a generator. It yields octets to send, and is sent what arrived meanwhile (b"" when nothing did); or it
yields None, and is sent what arrives next (b"" at the end of the connection). It returns what came behind the proxy's
answer: those are the first octets of the server itself, often its greeting.

It takes as much from the proxy as the protocol's grammar says and not an octet more, so its result is the same for
every way in which the answers are cut, also when they arrive before they were asked for.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, TypeAlias, TypeVar

from postwright.errors import FirewallError, ForbiddenCharacter, InvalidValue
from postwright.record import Frozen
from postwright.wire.commands import MASK
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from postwright.enums import FirewallType

T = TypeVar("T")

Steps: TypeAlias = "Generator[bytes | None, bytes, T]"
"""A part of a dialogue that comes to a result."""

Dialogue: TypeAlias = "Steps[bytes]"
"""A whole dialogue: it returns the server's first octets."""

MAX_FIELD = 255
"""Octets of a host, user or password in SOCKS: their lengths are one octet (RFC 1928 section 5, RFC 1929)."""

_EXCERPT = 200
"""Characters of the proxy's own words that an error shows."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_LOOKS_LIKE = {
    0x00: "it looks like SOCKS4: firewall_type 2 or 10",
    0x05: "it looks like SOCKS5: firewall_type 3",
    0x15: "it looks like TLS, which is not spoken with proxies here",
    0x16: "it looks like TLS, which is not spoken with proxies here",
    0x32: "it looks like a mail server, not a proxy",
    0x34: "it looks like a mail server, not a proxy",
    0x35: "it looks like a mail server, not a proxy",
    0x48: "it looks like HTTP: firewall_type 1",
}
"""What a first octet that is wrong may mean."""


class Proxy(Frozen):
    """A proxy and what it wants to know of us; its repr has no secrets.

    Args:
        type: The protocol it speaks.
        host: Its name or address.
        port: Its port.
        user: The user to log in as, "" for no login.
        password: The user's password.
        headers: More header lines for a tunnelling proxy.
    """

    type: FirewallType
    host: str
    port: int
    user: str = ""
    password: str = ""
    headers: str = ""

    def __repr__(self) -> str:
        return f"Proxy(type={self.type!r}, host={self.host!r}, port={self.port}, user={self.user!r})"


class Destination(NamedTuple):
    """The server behind the proxy; the host is ASCII: a name, or an address without brackets."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Kind(NamedTuple):
    """One kind of proxy: whether it resolves names, and what starts its dialogue."""

    name: str
    takes_names: bool
    start: Callable[[Proxy, Destination], Dialogue]


REGISTER: dict[FirewallType, Kind] = {}


def register(number: FirewallType, kind: Kind) -> Kind:
    """Add a kind of proxy to the register and return it."""
    REGISTER[number] = kind
    return kind


def plain(text: str, what: str) -> bytes:
    """Return the text in UTF-8.

    Raises:
        ForbiddenCharacter: It holds a control character. The text itself is not shown, for it may be a password.
        InvalidValue: It has no UTF-8.
    """
    if _CONTROL.search(text):
        raise ForbiddenCharacter(f"the {what} may not hold a line end, a NUL or another control character")
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidValue(f"the {what} holds characters that have no UTF-8") from None


def bounded(text: str, what: str, most: int = MAX_FIELD) -> bytes:
    """Return the text in UTF-8 as ``plain()`` does, if it has no more octets than the protocol can say."""
    data = plain(text, what)
    if len(data) > most:
        raise InvalidValue(f"the {what} has {len(data)} octets, and a proxy can be told {most}")
    return data


class Talk:
    """One conversation with one proxy: what arrived and was not yet understood, and how to complain.

    Args:
        protocol: What is spoken, in words.
        proxy: With whom.
        destination: What for.
        secrets: What no error may show, also when the proxy repeats it; the password and login are the least.
    """

    __slots__ = ("_secrets", "_where", "data", "protocol")

    def __init__(self, protocol: str, proxy: Proxy, destination: Destination, secrets: tuple[str, ...] = ()) -> None:
        self.protocol = protocol
        self.data = bytearray()
        self._where = f"{protocol} at {printable(proxy.host)}:{proxy.port}, asked for {destination}"
        self._secrets = sorted(filter(None, secrets), key=len, reverse=True)

    def fault(self, what: str) -> FirewallError:
        """Return the error that says what the proxy did."""
        return FirewallError(f"{self._where}: {what}")

    def quote(self, text: str) -> str:
        """Return the proxy's own words in quotes: without our secrets, printable, and cut."""
        for secret in self._secrets:  # before the cut, which might leave half of one
            text = text.replace(secret, MASK)
        return f"'{printable(text[:_EXCERPT])}'" + ("..." if len(text) > _EXCERPT else "")

    def tell(self, data: bytes) -> Steps[None]:
        """Send octets."""
        self.data += yield data

    def hear(self) -> Steps[None]:
        """Wait for more octets.

        Raises:
            FirewallError: The proxy closed the connection.
        """
        data = yield None
        if not data:
            raise self.fault("it closed the connection before its answer was complete")
        self.data += data

    def take(self, count: int) -> Steps[bytes]:
        """Return the next ``count`` octets."""
        while len(self.data) < count:
            yield from self.hear()
        found = bytes(self.data[:count])
        del self.data[:count]
        return found

    def octet(self) -> Steps[int]:
        """Return the next octet as a number."""
        return (yield from self.take(1))[0]

    def check_protocol(self, octet: int, *right: int) -> None:
        """Refuse a first octet that is none of the right ones, and say what it looks like.

        Raises:
            FirewallError: This is another protocol.
        """
        if octet not in right:
            guess = f" ({_LOOKS_LIKE[octet]})" if octet in _LOOKS_LIKE else ""
            raise self.fault(f"it does not speak {self.protocol}: its answer starts with octet 0x{octet:02x}{guess}")
