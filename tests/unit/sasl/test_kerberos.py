"""Kerberos: the exchange of RFC 4752 with a library that is played; tests/interop has a KDC and servers."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from postwright.errors import InvalidValue, LoginRefused
from postwright.sasl.kerberos import GSSAPI, MAX_TOKENS
from postwright.sasl.mechanism import ChallengeError, Credentials
from tests.support.sasl import ended

ALICE = Credentials("alice", "sesame", host="mail.example.org")
OFFER = b"wrapped:\x01\0\0\0"


class Context:
    """A security context that is complete after some tokens, and wraps by putting a word before the text."""

    def __init__(self, tokens: int = 2) -> None:
        self.tokens = tokens
        self.heard: list[bytes | None] = []

    @property
    def complete(self) -> bool:
        return len(self.heard) >= self.tokens

    def step(self, token: bytes | None = None) -> bytes | None:
        if token == b"bad":
            raise RuntimeError("the library says no")
        self.heard.append(token)
        return b"token" if len(self.heard) < self.tokens else None

    def unwrap(self, data: bytes) -> SimpleNamespace:
        if not data.startswith(b"wrapped:"):
            raise RuntimeError("the library says no")
        return SimpleNamespace(data=data.removeprefix(b"wrapped:"))

    def wrap(self, data: bytes, encrypt: bool) -> SimpleNamespace:
        assert not encrypt
        return SimpleNamespace(data=b"wrapped:" + data)


class Library:
    """Stands for pyspnego, and keeps what it was asked for."""

    def __init__(self, context: Context | Exception) -> None:
        self.context = context
        self.asked: dict[str, Any] = {}

    def client(self, username: str | None, password: str | None, **values: Any) -> Context:
        self.asked = {"username": username, "password": password} | values
        if isinstance(self.context, Exception):
            raise self.context
        return self.context


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Library:
    played = Library(Context())
    monkeypatch.setitem(sys.modules, "spnego", played)
    return played


@pytest.mark.parametrize("before", [[], [b""]])
def test_no_layer_is_taken(library: Library, before: list[bytes]) -> None:
    dialogue = GSSAPI.start(ALICE)
    assert next(dialogue) == b"token"
    assert dialogue.send(b"from the server") == b""
    for empty in before:  # some servers say nothing first
        assert dialogue.send(empty) == b""
    assert dialogue.send(OFFER) == b"wrapped:\x01\0\0\0"
    assert ended(dialogue)
    assert library.context.heard == [None, b"from the server"]  # type: ignore[union-attr]


def test_an_identity_follows_the_layer(library: Library) -> None:
    dialogue = GSSAPI.start(ALICE._replace(identity="bob"))
    assert [next(dialogue), dialogue.send(b"x"), dialogue.send(OFFER)][-1] == b"wrapped:\x01\0\0\0bob"
    assert library.asked["username"] == "alice"


@pytest.mark.parametrize(
    ("credentials", "user", "password"),
    [(ALICE, "alice", "sesame"), (Credentials(host="mail.example.org"), None, None)],
)
def test_the_ticket_comes_from_a_password_or_the_cache(
    library: Library, credentials: Credentials, user: str | None, password: str | None
) -> None:
    next(GSSAPI.start(credentials))
    assert library.asked == {
        "username": user,
        "password": password,
        "hostname": "mail.example.org",
        "service": "smtp",
        "protocol": "kerberos",
    }


def test_without_a_ticket_the_library_s_reason_is_told(library: Library) -> None:
    error = RuntimeError("SpnegoError (7): trouble, Context: no")
    error.base_error = "no credentials cache\x1b"  # type: ignore[attr-defined]
    library.context = error
    with pytest.raises(LoginRefused, match=r"no ticket: no credentials cache\\x1b$") as caught:
        next(GSSAPI.start(ALICE))
    assert "sesame" not in str(caught.value)


@pytest.mark.parametrize(
    ("offer", "why"),
    [
        (b"wrapped:\x06\0\0\0", "layer"),
        (b"wrapped:\x01\0\0", "layer"),
        (b"wrapped:", "layer"),
        (b"not wrapped", "does not accept"),
    ],
)
@pytest.mark.usefixtures("library")
def test_offers_that_are_refused(offer: bytes, why: str) -> None:
    dialogue = GSSAPI.start(ALICE)
    next(dialogue)
    dialogue.send(b"x")
    with pytest.raises(ChallengeError, match=why):
        dialogue.send(offer)


@pytest.mark.usefixtures("library")
def test_a_token_that_the_library_refuses() -> None:
    dialogue = GSSAPI.start(ALICE)
    next(dialogue)
    with pytest.raises(ChallengeError, match="does not accept"):
        dialogue.send(b"bad")


def test_a_context_that_never_ends(library: Library) -> None:
    library.context = Context(tokens=1000)
    dialogue = GSSAPI.start(ALICE)
    next(dialogue)
    for _ in range(MAX_TOKENS - 1):
        assert dialogue.send(b"x") == b"token"
    dialogue.send(b"x")
    with pytest.raises(ChallengeError, match="does not come to an end"):
        dialogue.send(b"x")


@pytest.mark.usefixtures("library")
def test_a_login_that_is_done_too_early_is_no_login() -> None:
    dialogue = GSSAPI.start(ALICE)
    next(dialogue)
    dialogue.send(b"x")
    assert not ended(dialogue)


@pytest.mark.usefixtures("library")
def test_a_nul_in_the_identity_is_refused() -> None:
    with pytest.raises(InvalidValue):
        next(GSSAPI.start(ALICE._replace(identity="a\0b")))


@pytest.mark.parametrize("lacking", ["spnego", "gssapi", "krb5"])
def test_without_its_libraries_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, lacking: str) -> None:
    monkeypatch.setattr("postwright.sasl.kerberos.find_spec", lambda name: None if name == lacking else "there")
    monkeypatch.setattr(sys, "platform", "linux")
    assert "pip install 'postwright[kerberos]'" in GSSAPI.missing()
    monkeypatch.setattr(sys, "platform", "win32")
    assert bool(GSSAPI.missing()) == (lacking == "spnego")
