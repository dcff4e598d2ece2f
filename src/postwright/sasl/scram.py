"""SCRAM (RFC 5802, RFC 7677), with and without channel binding (-PLUS): both sides prove that they know the password.

The server never learns the password; with channel binding nobody in the middle of TLS can pass the proofs on.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import InvalidValue
from postwright.sasl.mechanism import ChallengeError, Mechanism, octets, register
from postwright.sasl.prepare import saslprep
from postwright.words import printable

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue

MIN_ITERATIONS = 4096
"""Rounds of the hash below which a stolen exchange is too cheap to guess at (RFC 7677 section 4)."""

MAX_ITERATIONS = 2_000_000
"""Rounds above which a server means harm: they would take seconds."""

MAX_SALT = 1024
MAX_NONCE = 1024

BINDINGS = ("tls-unique", "tls-exporter", "tls-server-end-point")
"""The kinds of channel binding, preferred first (RFC 5929, RFC 9266); tls-unique does not exist in TLS 1.3."""

_FIRST = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9][0-9]{0,9})(?:,[a-zA-Z]=[^,\0]*)*")
_LAST = re.compile(rb"([ev])=([^,\0]+)(?:,[a-zA-Z]=[^,\0]*)*")


class First(NamedTuple):
    """The server's first message: the nonce of both sides, salt and number of iterations."""

    nonce: bytes
    salt: bytes
    iterations: int


def read(message: bytes, nonce: bytes) -> First:
    """Read the server's first message (RFC 5802 section 7) and check what a client must.

    Args:
        message: The message.
        nonce: The client's part of the nonce.

    Raises:
        ChallengeError: It is none, it answers somebody else, or its numbers are out of bounds.
    """
    if message.startswith(b"m="):
        raise ChallengeError("it demands an extension that nobody knows (m=)")
    match = _FIRST.fullmatch(message)
    if match is None:
        raise ChallengeError("it is not a first message of SCRAM")
    both, encoded, number = match.groups()
    # Section 5.1: the nonce must begin with the client's, and the server must have added to it.
    if not both.startswith(nonce) or len(both) == len(nonce) or len(both) > MAX_NONCE:
        raise ChallengeError("its nonce does not continue ours")
    salt = _decoded(encoded)
    if not 0 < len(salt) <= MAX_SALT:
        raise ChallengeError("its salt is no base64, or too long")
    if not MIN_ITERATIONS <= int(number) <= MAX_ITERATIONS:
        raise ChallengeError(f"its iterations are {int(number)}; allowed are {MIN_ITERATIONS} to {MAX_ITERATIONS}")
    return First(both, salt, int(number))


def _decoded(text: bytes) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def name(text: str, what: str) -> bytes:
    """Return a user name as it stands in a message: prepared, with "=" and "," escaped (section 5.1)."""
    return octets(saslprep(text, what), what).replace(b"=", b"=3D").replace(b",", b"=2C")


def _header(credentials: Credentials, *, plus: bool) -> tuple[bytes, bytes]:
    """Return the GS2 header and the channel binding that follows it in ``c=`` (section 6)."""
    identity = b"a=" + name(credentials.identity, "authorization identity") if credentials.identity else b""
    found = _binding(credentials)
    if plus:
        if found is None:
            raise InvalidValue("this TLS connection has no channel binding, which the -PLUS mechanisms need")
        kind, data = found
        return b"p=" + kind.encode() + b"," + identity + b",", data
    # "y" tells a server that does offer channel binding that somebody in the middle took it out of its offer.
    flag = b"y" if found is not None and not credentials.binding_offered else b"n"
    return flag + b"," + identity + b",", b""


def _binding(credentials: Credentials) -> tuple[str, bytes] | None:
    ask = credentials.channel_binding
    if ask is None:
        return None
    return next(((kind, data) for kind in BINDINGS if (data := ask(kind)) is not None), None)


def _scram(algorithm: str, plus: bool, credentials: Credentials) -> Dialogue:
    header, binding = _header(credentials, plus=plus)
    nonce = credentials.nonce().encode()
    password = octets(saslprep(credentials.password, "password"), "password")
    bare = b"n=" + name(credentials.user, "user name") + b",r=" + nonce
    message = yield header + bare
    first = read(message, nonce)
    keyed = partial(hmac.digest, digest=algorithm)
    salted = hashlib.pbkdf2_hmac(algorithm, password, first.salt, first.iterations)
    final = b"c=" + base64.b64encode(header + binding) + b",r=" + first.nonce
    signed = b",".join((bare, message, final))
    # Section 3: ClientProof = ClientKey XOR HMAC(H(ClientKey), AuthMessage)
    key = keyed(salted, b"Client Key")
    signature = keyed(hashlib.new(algorithm, key).digest(), signed)
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    answer = yield final + b",p=" + base64.b64encode(proof)
    _check(answer, keyed(keyed(salted, b"Server Key"), signed))
    yield b""


def _check(message: bytes, expected: bytes) -> None:
    """Check the server's last message: its signature, or why it refuses."""
    match = _LAST.fullmatch(message)
    if match is None:
        raise ChallengeError("the server did not prove that it knows the password (v=)")
    kind, value = match.groups()
    if kind == b"e":
        raise ChallengeError(f"the server refuses: {printable(value[:100].decode('utf-8', 'surrogateescape'))}")
    if not hmac.compare_digest(value, base64.b64encode(expected)):
        raise ChallengeError("the server's proof is wrong: it does not know the password")


def _register(bits: int, algorithm: str, strength: int) -> None:
    for form, bonus in (("", 0), ("-PLUS", 100)):
        register(
            Mechanism(
                f"SCRAM-SHA-{bits}{form}",
                client_first=True,
                start=partial(_scram, algorithm, bool(bonus)),
                strength=strength + bonus,
                blocking=True,
            )
        )


_register(1, "sha1", 60)
_register(256, "sha256", 70)
_register(512, "sha512", 80)
