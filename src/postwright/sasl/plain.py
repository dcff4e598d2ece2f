"""PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login): the password itself goes to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.sasl.mechanism import Mechanism, octets, register

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue


def _plain(credentials: Credentials) -> Dialogue:
    # NUL separates the fields (RFC 4616 section 2), so none may hold one.
    yield b"\0".join(
        (
            octets(credentials.identity, "authorization identity"),
            octets(credentials.user, "user name"),
            octets(credentials.password, "password"),
        )
    )


def _login(credentials: Credentials) -> Dialogue:
    # The two prompts are not looked at: servers word them in many ways, the order is always the same.
    yield b""
    yield octets(credentials.user, "user name")
    yield octets(credentials.password, "password")


PLAIN = register(Mechanism("PLAIN", client_first=True, start=_plain, strength=20))
LOGIN = register(Mechanism("LOGIN", client_first=False, start=_login, strength=10, acts_as=False))
