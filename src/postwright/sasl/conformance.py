"""The rules that every mechanism must keep, as a check: for those who bring one to run in their own tests."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postwright.errors import LoginRefused
from postwright.sasl.mechanism import ChallengeError

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue, Mechanism

MAX_RESPONSE = 12288
"""Octets of a response in base64 (RFC 4954 section 4)."""

_ROUNDS = 16

_HOSTILE = (
    b"",
    b"\0",
    b"=",
    b"r=,s=,i=",
    b"," * 2000,
    b'realm="' + b"\\" * 1500,
    bytes(range(256)) * 8,
    b"\xff\xfe" * 1000,
    b"r=" + b"a" * 4000 + b",s=AAAA,i=4096",
    b"NTLMSSP\0\2\0\0\0" + b"\xff" * 44,
    b"\x60\x82\xff\xff" + b"\x30\x80" * 500,
)
"""Challenges that make no sense to most mechanisms, or harm those that don't look."""


def conform(mechanism: Mechanism, credentials: Credentials) -> None:
    """Check that a mechanism keeps the rules of ``postwright.sasl.mechanism``.

    Args:
        mechanism: Any mechanism that can run here.
        credentials: With which it can begin; nobody is asked whether they are right.

    Raises:
        AssertionError: It breaks a rule, which the text names.
    """
    _expect(re.fullmatch(r"[A-Z0-9_-]{1,20}", mechanism.name), "its name is that of RFC 4422 section 3.1")
    _expect(not mechanism.missing(), f"it can run here: {mechanism.missing()}")
    _expect(mechanism.start(credentials) is not mechanism.start(credentials), "each login gets a dialogue of its own")
    first = _response(next(mechanism.start(credentials)))
    _expect(mechanism.client_first or first == b"", 'where the server speaks first, it yields b"" first')
    for challenge in _HOSTILE:
        _expect(
            _ends(mechanism.start(credentials), challenge), f"it ends by itself whatever comes: {challenge[:20]!r}..."
        )
    _shows_refusals(mechanism.start(credentials))
    left = mechanism.start(credentials)
    next(left)
    left.close()
    secrets = [secret for secret in (credentials.password, credentials.token) if secret]
    _expect(not any(secret in repr(mechanism.start(credentials)) for secret in secrets), "it does not show secrets")


def _shows_refusals(dialogue: Dialogue) -> None:
    next(dialogue)
    refusal = LoginRefused("535 no")
    try:
        dialogue.throw(refusal)
    except LoginRefused as error:
        _expect("535 no" in str(error), "what it says of a refusal has the server's words")
    except StopIteration:
        pass
    else:
        _expect(False, "a refusal ends it")


def _ends(dialogue: Dialogue, challenge: bytes) -> bool:
    """Whether a dialogue that hears the same nonsense again and again ends by itself, in the ways that it may."""
    next(dialogue)
    for _ in range(_ROUNDS):
        try:
            _response(dialogue.send(challenge))
        except (StopIteration, ChallengeError):
            return True
    return False


def _response(response: object) -> bytes:
    if not isinstance(response, bytes):
        raise AssertionError(  # noqa: TRY004 - a rule that is broken, as the others
            f"it yields bytes, not {type(response).__name__}"
        )
    _expect(len(response) * 4 <= MAX_RESPONSE * 3, f"its responses have at most {MAX_RESPONSE} octets in base64")
    return response


def _expect(kept: object, rule: str) -> None:
    if not kept:
        raise AssertionError(f"the mechanism breaks a rule: {rule}")
