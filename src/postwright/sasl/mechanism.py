"""What a mechanism is, and the register of them.

A mechanism is a generator: it yields what goes to the server and is sent the server's challenges, all without base64.
One in which the server speaks first yields b"" first, and is sent the first challenge for it.
The dialogue (lines, base64, limits, ``*``) belongs to the session's login.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Generator


class Credentials(NamedTuple):
    """Who logs in; ``identity`` is the SASL authorization identity, "" for the user's own."""

    user: str
    password: str
    identity: str = ""


class Mechanism(NamedTuple):
    """One mechanism: its registered name, whether the client speaks first, and its dialogue."""

    name: str
    client_first: bool
    start: Callable[[Credentials], Generator[bytes, bytes, None]]
    strength: int
    """Its rank among the password mechanisms; the strongest one offered is taken."""


REGISTER: dict[str, Mechanism] = {}


def register(mechanism: Mechanism) -> Mechanism:
    """Add a mechanism to the register and return it."""
    REGISTER[mechanism.name] = mechanism
    return mechanism
