"""PLAIN (RFC 4616) and LOGIN (draft-murchison-sasl-login): the password itself goes to the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import InvalidValue
from postwright.sasl.mechanism import Mechanism, register

if TYPE_CHECKING:
    from collections.abc import Generator

    from postwright.sasl.mechanism import Credentials


def _octets(text: str, what: str) -> bytes:
    if "\0" in text:  # NUL separates the fields of PLAIN (RFC 4616 section 2)
        raise InvalidValue(f"the {what} may not hold a NUL")
    return text.encode("utf-8")


def _plain(credentials: Credentials) -> Generator[bytes, bytes, None]:
    yield b"\0".join(
        (
            _octets(credentials.identity, "authorization identity"),
            _octets(credentials.user, "user name"),
            _octets(credentials.password, "password"),
        )
    )


def _login(credentials: Credentials) -> Generator[bytes, bytes, None]:
    # The two prompts are not looked at: servers word them in many ways, the order is always the same.
    yield b""
    yield _octets(credentials.user, "user name")
    yield _octets(credentials.password, "password")


PLAIN = register(Mechanism("PLAIN", client_first=True, start=_plain, strength=20))
LOGIN = register(Mechanism("LOGIN", client_first=False, start=_login, strength=10))
