"""Challenges that were tampered with: every mechanism ends in the ways that it may, soon, and without an answer of size."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from postwright.errors import InvalidValue
from postwright.sasl.mechanism import KNOWN, ChallengeError, find
from tests.support.sasl import credentials_for

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Mechanism

GOOD = {
    "DIGEST-MD5": (
        b'realm="a",realm="b",nonce="n\\"0",qop="auth,auth-int",charset=utf-8,algorithm=md5-sess',
        b"rspauth=0",
    ),
    "SCRAM": (b"r=NONCEmore,s=AAAA,i=4096", b"v=AAAA"),
    "NTLM": (b"NTLMSSP\0\2\0\0\0\x08\0\x08\0\x38\0\0\0\x05\x82\x8a\xa2" + b"12345678" + bytes(24) + b"E\0X\0A\0M\0",),
    "": (b"<1@a>", b'{"status":"401"}', b""),
}


def challenges(name: str) -> tuple[bytes, ...]:
    return next(found for start, found in GOOD.items() if name.startswith(start))


def mutated(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randrange(4)):
        at = chance.randrange(len(changed) + 1)
        match chance.randrange(4):
            case 0:
                changed[at:at] = chance.randbytes(chance.randrange(1, 8))
            case 1:
                del changed[at : at + chance.randrange(1, 8)]
            case 2:
                changed[at:at] = changed[at : at + 20] * chance.randrange(1, 40)
            case _:
                changed[at : at + 1] = chance.choice((b",", b'"', b"=", b"\\", b"\0", b"\xff", b"9"))
    return bytes(changed[:4096])


def attack(mechanism: Mechanism, chance: random.Random) -> None:
    credentials = credentials_for(mechanism)._replace(nonce=lambda: "NONCE")
    dialogue = mechanism.start(credentials)
    next(dialogue)
    for challenge in challenges(mechanism.name):
        try:
            response = dialogue.send(mutated(challenge, chance))
        except (StopIteration, ChallengeError, InvalidValue):
            return
        assert len(response) <= 12288


def run(name: str, rounds: int) -> None:
    mechanism = find(name)
    assert mechanism is not None
    assert not mechanism.missing()
    for seed in range(rounds):
        attack(mechanism, random.Random(f"{name} {seed}"))


@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"GSSAPI"}))
def test_tampered_challenges(name: str) -> None:
    run(name, 300)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(KNOWN) - {"GSSAPI"}))
def test_many_tampered_challenges(name: str) -> None:
    run(name, 20_000)
