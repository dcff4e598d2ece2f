"""Each rule for mechanisms is broken by one, and the check says which rule it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright.errors import LoginRefused
from postwright.sasl import ChallengeError, Credentials, Dialogue, Mechanism
from postwright.sasl.conformance import conform

if TYPE_CHECKING:
    from collections.abc import Callable

ALICE = Credentials("alice", "sesame")


def good(credentials: Credentials) -> Dialogue:
    challenge = yield b""
    if len(challenge) > 40:
        raise ChallengeError("it is too long")
    yield challenge[::-1] + credentials.user.encode()


def speaks_first(_: Credentials) -> Dialogue:
    yield b"hello"


def gives_text(_: Credentials) -> Dialogue:
    yield "hello"  # type: ignore[misc]


def talks_without_end(_: Credentials) -> Dialogue:
    while True:
        yield b""


def repeats(_: Credentials) -> Dialogue:
    challenge = yield b""
    yield challenge * 20


def fails(_: Credentials) -> Dialogue:
    challenge = yield b""
    yield challenge.decode().encode()


def hears_no_refusal(_: Credentials) -> Dialogue:
    try:
        yield b""
    except LoginRefused:
        yield b"once more"


def words_it_anew(_: Credentials) -> Dialogue:
    try:
        yield b""
    except LoginRefused:
        raise LoginRefused("no") from None


shared = good(ALICE)


class Shows:
    """A dialogue that shows the password."""

    def __init__(self, credentials: Credentials) -> None:
        self._dialogue = good(credentials)
        self._shown = credentials.password
        self.send, self.throw, self.close = self._dialogue.send, self._dialogue.throw, self._dialogue.close

    def __next__(self) -> bytes:
        return next(self._dialogue)

    def __repr__(self) -> str:
        return f"<dialogue with {self._shown}>"


def test_a_good_one_passes() -> None:
    conform(Mechanism("X-GOOD", client_first=False, start=good), ALICE)


@pytest.mark.parametrize(
    ("start", "rule"),
    [
        (speaks_first, "where the server speaks first"),
        (gives_text, "yields bytes, not str"),
        (talks_without_end, "ends by itself"),
        (repeats, "at most 12288"),
        (hears_no_refusal, "a refusal ends it"),
        (words_it_anew, "the server's words"),
        (lambda _: shared, "a dialogue of its own"),
        (Shows, "does not show secrets"),
    ],
)
def test_a_rule_that_is_broken_is_named(start: Callable[[Credentials], Dialogue], rule: str) -> None:
    with pytest.raises(AssertionError, match=rule):
        conform(Mechanism("X-BAD", client_first=False, start=start), ALICE)


def test_an_error_of_another_kind_comes_through() -> None:
    with pytest.raises(UnicodeDecodeError):
        conform(Mechanism("X-BAD", client_first=False, start=fails), ALICE)


@pytest.mark.parametrize("name", ["", "x-good", "X GOOD", "X" * 21])
def test_a_bad_name(name: str) -> None:
    with pytest.raises(AssertionError, match="its name"):
        conform(Mechanism(name, client_first=False, start=good), ALICE)


def test_one_that_can_not_run_is_not_checked() -> None:
    with pytest.raises(AssertionError, match="it needs a moon"):
        conform(Mechanism("X-MOON", client_first=False, start=good, missing=lambda: "it needs a moon"), ALICE)
