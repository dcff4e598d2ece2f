"""CRAM-MD5 (RFC 2195): the password keys an HMAC of the server's challenge; the server proves nothing."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from postwright.sasl.hashes import md5_missing
from postwright.sasl.mechanism import ChallengeError, Mechanism, octets, register

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue


def _cram(credentials: Credentials) -> Dialogue:
    user, password = octets(credentials.user, "user name"), octets(credentials.password, "password")
    challenge = yield b""
    if not challenge:  # an HMAC of nothing is the same every time, and could be played again
        raise ChallengeError("it is empty")
    yield user + b" " + hmac.new(password, challenge, "md5").hexdigest().encode()


CRAM_MD5 = register(
    Mechanism("CRAM-MD5", client_first=False, start=_cram, strength=40, acts_as=False, missing=md5_missing)
)
