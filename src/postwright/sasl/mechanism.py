"""What a mechanism is, and the register of them.

A mechanism is a generator: it yields what goes to the server and is sent the server's challenges, all without base64.

- One in which the server speaks first yields b"" first, and is sent the first challenge for it.
- After the server's success (235) it is sent b"" once more, and must end: a mechanism that still waits for the
  server's own proof raises ``ChallengeError`` there.
- After a refusal the refusal is thrown into it; a mechanism that knows more about it may raise a better one.
- A challenge that makes no sense, or a wrong proof, is a ``ChallengeError``. Credentials that it can't carry are an
  ``InvalidValue`` before it yields anything.

The dialogue (lines, base64, limits, ``*``) belongs to the session's login. Mechanisms that are not needed are not
loaded; those of other packages are found by the entry point group ``postwright.sasl``, under the mechanism's name.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from postwright.errors import InvalidValue

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

GROUP = "postwright.sasl"
"""The entry point group of other packages' mechanisms."""


class ChallengeError(Exception):
    """The server's challenge makes no sense, or its proof is wrong; the text says which, and holds no secret."""


def fresh_nonce() -> str:
    """Return a nonce of 144 random bits, in characters that need no quoting anywhere."""
    return os.urandom(18).hex()


class Credentials(NamedTuple):
    """Who logs in, and where; secrets are not shown by ``repr()``."""

    user: str = ""
    password: str = ""
    identity: str = ""
    """The SASL authorization identity, "" for the user's own."""
    token: str = ""
    """The OAuth 2 token, perhaps with its type before it: "Bearer ya29..."."""
    host: str = ""
    """The server's name, as the user gave it and the certificate has it."""
    port: int = 0
    service: str = "smtp"
    channel_binding: Callable[[str], bytes | None] | None = None
    """Gives the channel binding of a kind (tls-exporter, tls-unique, tls-server-end-point), None where there is none."""
    binding_offered: bool = False
    """Whether the server offers any mechanism with channel binding."""
    nonce: Callable[[], str] = fresh_nonce

    def __repr__(self) -> str:
        return f"<Credentials of {self.user!r} for {self.service}/{self.host}>"


Dialogue: TypeAlias = "Generator[bytes, bytes, None]"


def nothing_missing() -> str:
    """Return that nothing is missing."""
    return ""


class Mechanism(NamedTuple):
    """One mechanism: its registered name, whether the client speaks first, and its dialogue."""

    name: str
    client_first: bool
    start: Callable[[Credentials], Dialogue]
    strength: int = 0
    """Its rank among the password mechanisms, of which the strongest offered is taken; 0 for one that is only taken
    when it is asked for."""
    takes_token: bool = False
    """Whether it takes an OAuth 2 token in place of a password and an authorization identity."""
    acts_as: bool = True
    """Whether it can carry an authorization identity."""
    blocking: bool = False
    """Whether a step of it may take long (a costly hash), so that it must disturb nobody."""
    waits_for: str = ""
    """Whom a step of it waits for by itself, perhaps for ever ("the KDC"): such a step can be given up."""
    missing: Callable[[], str] = nothing_missing
    """Says why it can't be used here, and what to do; "" when it can."""


REGISTER: dict[str, Mechanism] = {}

_HOMES = {
    **{f"SCRAM-SHA-{bits}{form}": "scram" for form in ("-PLUS", "") for bits in (512, 256, 1)},
    "DIGEST-MD5": "digest",
    "CRAM-MD5": "cram",
    "PLAIN": "plain",
    "LOGIN": "plain",
    "XOAUTH2": "bearer",
    "OAUTHBEARER": "bearer",
    "NTLM": "ntlm",
    "GSSAPI": "kerberos",
    "EXTERNAL": "external",
}
"""The module of this room in which each mechanism is registered."""

KNOWN = tuple(_HOMES)
"""The names of the mechanisms that are part of postwright, strongest first."""

_others: dict[str, str] | None = None


def register(mechanism: Mechanism) -> Mechanism:
    """Add a mechanism to the register and return it."""
    REGISTER[mechanism.name] = mechanism
    return mechanism


def is_settled(name: str) -> bool:
    """Whether ``find`` answers at once, without looking at the disk for other packages."""
    return name in REGISTER or name in _HOMES or _others is not None


def find(name: str) -> Mechanism | None:
    """Return the mechanism of a name, None when nobody brought one."""
    if name not in REGISTER and name in _HOMES:
        import_module(f"postwright.sasl.{_HOMES[name]}")
    if name not in REGISTER and name not in _HOMES:
        _of_others(name)
    return REGISTER.get(name)


def _of_others(name: str) -> None:
    global _others  # noqa: PLW0603 - what is installed is looked up once in a process
    if _others is None:
        from importlib.metadata import entry_points  # noqa: PLC0415 - it loads the email package, and rarely is needed

        _others = {point.name.upper(): point.value for point in entry_points(group=GROUP)}
    if name in _others:
        register(_loaded(name, _others[name]))


def _loaded(name: str, value: str) -> Mechanism:
    """Load another package's mechanism; one that can't be loaded says so when it is to be used."""
    module, _, attribute = value.partition(":")
    try:
        found: object = getattr(import_module(module), attribute)
        if isinstance(found, Mechanism) and found.name == name:
            return found
        fault = f"{value} is no Mechanism of that name"
    except Exception as error:  # noqa: BLE001 - whatever it is, it must not end logins that do without
        fault = f"{value}: {type(error).__name__}: {error}"

    def broken(_: Credentials) -> Dialogue:
        raise InvalidValue(fault)

    return Mechanism(
        name, client_first=False, start=broken, strength=1, missing=lambda: f"it can't be loaded ({fault})"
    )


def octets(text: str, what: str) -> bytes:
    """Return a part of the credentials as UTF-8.

    Raises:
        InvalidValue: It holds a NUL, which separates fields in many mechanisms.
    """
    if "\0" in text:
        raise InvalidValue(f"the {what} may not hold a NUL")
    return text.encode("utf-8")
