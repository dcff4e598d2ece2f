"""A proxy for tests: it says what it is given, cut in every way, and early or late."""

from __future__ import annotations

import itertools
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import pytest

from postwright.errors import FirewallError
from postwright.proxy import begin
from postwright.proxy.dialogue import Proxy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from postwright.enums import FirewallType
    from postwright.proxy.dialogue import Dialogue

GREETING = b"220 mx.example ESMTP\r\n"


class Outcome(NamedTuple):
    """What was sent, what was left for the mail dialogue, and what went wrong."""

    sent: bytes
    surplus: bytes
    fault: str


def play(dialogue: Dialogue, chunks: Iterable[bytes], *, early: bool = False) -> Outcome:
    """Have the proxy say these chunks and hang up: only when it is waited for, or already while we write."""
    left, sent = deque(chunks), b""
    try:
        wish = next(dialogue)
        while True:
            if wish is not None:
                sent += wish
                wish = dialogue.send(left.popleft() if early and left else b"")
            else:
                wish = dialogue.send(left.popleft() if left else b"")
    except StopIteration as end:
        return Outcome(sent, bytes(end.value) + b"".join(left), "")
    except FirewallError as error:
        return Outcome(sent, b"", error.detail)


def cuts(data: bytes) -> Iterator[list[bytes]]:
    """Yield the data whole, octet by octet, and in two and three pieces cut everywhere (where it is not too long)."""
    yield [data] if data else []
    yield [data[i : i + 1] for i in range(len(data))]
    places = range(1, len(data))
    for place in places:
        yield [data[:place], data[place:]]
    for one, two in itertools.combinations(places, 2) if len(data) <= 80 else ():
        yield [data[:one], data[one:two], data[two:]]


def every_way(make: Callable[[], Dialogue], answer: bytes) -> Outcome:
    """Play the answer in every way; it must come to the same each time."""
    found = {play(make(), chunks, early=early) for chunks in cuts(answer) for early in (False, True)}
    assert len(found) == 1, found
    return found.pop()


def dialogue(kind: FirewallType, host: str = "192.0.2.1", port: int = 25, /, **values: str) -> Dialogue:
    """Start a dialogue with a proxy at proxy.example:1080."""
    return begin(Proxy(kind, "proxy.example", 1080, **values), host, port)


def refused(kind: FirewallType, error: type[Exception], match: str, *, host: str = "mx.example", **values: str) -> str:
    """Have it refused before anything is sent; return the error's text."""
    with pytest.raises(error, match=match) as caught:
        dialogue(kind, host, **values)
    return f"{caught.value} {caught.value!r}"
