"""SCRAM, with the examples of RFC 5802 and RFC 7677."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest

from postwright.errors import InvalidValue
from postwright.sasl.mechanism import ChallengeError, Credentials, find
from postwright.sasl.scram import MAX_ITERATIONS, MIN_ITERATIONS, name, read
from tests.support.sasl import ended

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Mechanism

EXAMPLES = {
    "SCRAM-SHA-1": (
        "fyko+d2lbbFgONRv9qkxdawL",
        b"r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        b"c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
        b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
    ),
    "SCRAM-SHA-256": (
        "rOprNGfwEbeRWgbNEkqO",
        b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
    ),
}


def mechanism(name: str) -> Mechanism:
    found = find(name)
    assert found is not None
    return found


def user(nonce: str) -> Credentials:
    return Credentials("user", "pencil", nonce=lambda: nonce)


@pytest.mark.parametrize("which", EXAMPLES)
def test_the_examples_of_the_rfcs(which: str) -> None:
    nonce, first, final, verdict = EXAMPLES[which]
    dialogue = mechanism(which).start(user(nonce))
    assert next(dialogue) == b"n,,n=user,r=" + nonce.encode()
    assert dialogue.send(first) == final
    assert dialogue.send(verdict) == b""
    assert ended(dialogue)


@pytest.mark.parametrize(
    ("verdict", "why"),
    [
        (b"", "did not prove"),
        (b"v=", "did not prove"),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKR=", "proof is wrong"),
        (b"v=!!!!", "proof is wrong"),
        (b"v=rmF9pqV8S7suAoZWja4dJRkFsKQ", "proof is wrong"),
        (b"e=invalid-proof", "refuses: invalid-proof"),
        (b"e=\x1b[2J", r"refuses: \\x1b"),
        (b"x=1", "did not prove"),
    ],
)
def test_a_server_without_the_right_proof_is_refused(verdict: bytes, why: str) -> None:
    nonce, first, *_ = EXAMPLES["SCRAM-SHA-1"]
    dialogue = mechanism("SCRAM-SHA-1").start(user(nonce))
    next(dialogue)
    dialogue.send(first)
    with pytest.raises(ChallengeError, match=why):
        dialogue.send(verdict)


def test_a_login_that_is_done_too_early_is_no_login() -> None:
    nonce, first, *_ = EXAMPLES["SCRAM-SHA-1"]
    dialogue = mechanism("SCRAM-SHA-1").start(user(nonce))
    next(dialogue)
    assert not ended(dialogue)
    dialogue = mechanism("SCRAM-SHA-1").start(user(nonce))
    next(dialogue)
    dialogue.send(first)
    assert not ended(dialogue)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", "first message"),
        (b"m=x,r=abcd,s=AAAA,i=4096", "extension"),
        (b"r=abc,s=AAAA,i=4096", "does not continue"),
        (b"r=xyzabcd,s=AAAA,i=4096", "does not continue"),
        (b"r=abc" + b"d" * 1024 + b",s=AAAA,i=4096", "does not continue"),
        (b"r=abcd,s=,i=4096", "first message"),
        (b"r=abcd,s=AAA,i=4096", "salt"),
        (b"r=abcd,s=" + b"AAAA" * 400 + b",i=4096", "salt"),
        (b"r=abcd,s=AAAA,i=0", "first message"),
        (b"r=abcd,s=AAAA,i=-1", "first message"),
        (b"r=abcd,s=AAAA,i=4095", "4096 to"),
        (b"r=abcd,s=AAAA,i=2000001", "4096 to"),
        (b"r=abcd,s=AAAA,i=99999999999", "first message"),
        (b"r=abcd,s=AAAA,i=4096\n", "first message"),
        (b"r=abcd,s=AAAA", "first message"),
        (b"r=ab\x00cd,s=AAAA,i=4096", "first message"),
    ],
)
def test_first_messages_that_are_refused(message: bytes, why: str) -> None:
    with pytest.raises(ChallengeError, match=why):
        read(message, b"abc")


@pytest.mark.parametrize("iterations", [MIN_ITERATIONS, MAX_ITERATIONS])
def test_the_bounds_of_iterations_are_allowed(iterations: int) -> None:
    assert read(b"r=abcd,s=AAAA,i=%d" % iterations, b"abc") == (b"abcd", b"\0\0\0", iterations)


def test_later_extensions_are_read_over() -> None:
    assert read(b"r=abcd,s=AAAA,i=4096,d=x,y=1=2", b"abc").iterations == 4096


def test_names_are_prepared_and_escaped() -> None:
    assert name("a=b,c\u00a0I\u00adX", "user name") == b"a=3Db=2Cc IX"
    opening = next(mechanism("SCRAM-SHA-1").start(Credentials("a,b", "x", "c=d", nonce=lambda: "N")))
    assert opening == b"n,a=c=3Dd,n=a=2Cb,r=N"


# The GS2 header (RFC 5802 section 6)


def opening(which: str, kinds: dict[str, bytes], *, offered: bool) -> bytes:
    credentials = Credentials("u", "p", channel_binding=kinds.get, binding_offered=offered, nonce=lambda: "N")
    return next(mechanism(which).start(credentials)).removesuffix(b"n=u,r=N")


@pytest.mark.parametrize("offered", [True, False])
def test_without_channel_binding_the_flag_is_n(offered: bool) -> None:
    assert opening("SCRAM-SHA-256", {}, offered=offered) == b"n,,"


def test_with_channel_binding_the_flag_tells_what_was_offered() -> None:
    assert opening("SCRAM-SHA-256", {"tls-exporter": b"x"}, offered=False) == b"y,,"
    assert opening("SCRAM-SHA-256", {"tls-exporter": b"x"}, offered=True) == b"n,,"


@pytest.mark.parametrize(
    ("kinds", "flag"),
    [
        ({"tls-exporter": b"x", "tls-server-end-point": b"y"}, b"p=tls-exporter,,"),
        ({"tls-unique": b"z", "tls-server-end-point": b"y"}, b"p=tls-unique,,"),
        ({"tls-server-end-point": b"y"}, b"p=tls-server-end-point,,"),
    ],
)
def test_the_plus_forms_take_the_best_kind(kinds: dict[str, bytes], flag: bytes) -> None:
    assert opening("SCRAM-SHA-256-PLUS", kinds, offered=True) == flag


def test_the_binding_itself_is_signed() -> None:
    credentials = Credentials(
        "u", "p", channel_binding={"tls-exporter": b"\xffdata"}.get, binding_offered=True, nonce=lambda: "N"
    )
    dialogue = mechanism("SCRAM-SHA-256-PLUS").start(credentials)
    next(dialogue)
    final = dialogue.send(b"r=N1,s=AAAA,i=4096")
    assert base64.b64decode(final.split(b",")[0].removeprefix(b"c=")) == b"p=tls-exporter,,\xffdata"


def test_the_plus_forms_need_a_binding() -> None:
    for credentials in (Credentials("u", "p"), Credentials("u", "p", channel_binding=lambda _: None)):
        with pytest.raises(InvalidValue, match="channel binding"):
            next(mechanism("SCRAM-SHA-256-PLUS").start(credentials))
