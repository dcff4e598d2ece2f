"""DIGEST-MD5, with the examples of RFC 2831 section 4."""

from __future__ import annotations

import hashlib

import pytest

from postwright.errors import InvalidValue
from postwright.sasl.digest import DIGEST_MD5, MAX_CHALLENGE, directives, read
from postwright.sasl.hashes import md5_missing
from postwright.sasl.mechanism import ChallengeError, Credentials

HERE = b'realm="here",nonce="n0nce",qop="auth",algorithm=md5-sess,charset=utf-8'


def chris(service: str, cnonce: str) -> Credentials:
    return Credentials("chris", "secret", host="elwood.innosoft.com", service=service, nonce=lambda: cnonce)


def answer_of(credentials: Credentials, challenge: bytes = HERE) -> bytes:
    dialogue = DIGEST_MD5.start(credentials)
    assert next(dialogue) == b""
    return dialogue.send(challenge)


def fields(answer: bytes) -> dict[str, bytes]:
    return dict(directives(answer))


@pytest.mark.parametrize(
    ("service", "nonce", "cnonce", "response", "rspauth"),
    [
        (
            "imap",
            b"OA6MG9tEQGm2hh",
            "OA6MHXh6VqTrRk",
            b"d388dad90d4bbd760a152321f2143af7",
            b"ea40f60335c427b5527b84dbabcdfffd",
        ),
        (
            "acap",
            b"OA9BSXrbuRhWay",
            "OA9BSuZWMSpW8m",
            b"6084c6db3fede7352c551284490fd0fc",
            b"2f0b3d7c3c2e486600ef710726aa2eae",
        ),
    ],
)
def test_the_examples_of_the_rfc(service: str, nonce: bytes, cnonce: str, response: bytes, rspauth: bytes) -> None:
    dialogue = DIGEST_MD5.start(chris(service, cnonce))
    next(dialogue)
    answer = dialogue.send(
        b'realm="elwood.innosoft.com",nonce="' + nonce + b'",qop="auth",algorithm=md5-sess,charset=utf-8'
    )
    assert answer == (
        b'charset=utf-8,username="chris",realm="elwood.innosoft.com",nonce="' + nonce + b'",nc=00000001,cnonce="'
        + cnonce.encode() + b'",digest-uri="' + service.encode() + b'/elwood.innosoft.com",response=' + response
        + b",qop=auth"
    )  # fmt: skip
    assert dialogue.send(b"rspauth=" + rspauth) == b""


@pytest.mark.parametrize(
    "proof",
    [
        b"",
        b"rspauth=ea40f60335c427b5527b84dbabcdfffe",
        b"rspauth=",
        b"nonsense",
        b"rspauth=ea40f60335c427b5527b84dbabcdfffd,rspauth=ea40f60335c427b5527b84dbabcdfffd",
    ],
)
def test_a_server_without_the_right_proof_is_refused(proof: bytes) -> None:
    dialogue = DIGEST_MD5.start(chris("imap", "OA6MHXh6VqTrRk"))
    next(dialogue)
    dialogue.send(b'realm="elwood.innosoft.com",nonce="OA6MG9tEQGm2hh",qop="auth",algorithm=md5-sess,charset=utf-8')
    with pytest.raises(ChallengeError):
        dialogue.send(proof)


def test_quotes_and_backslashes_are_escaped_on_the_way_and_not_in_the_hash() -> None:
    credentials = Credentials('al"i\\ce', "x", host="h", nonce=lambda: "c")
    answer = answer_of(credentials)
    assert b'username="al\\"i\\\\ce"' in answer
    assert fields(answer)["username"] == b'al"i\\ce'
    start = hashlib.md5(b'al"i\\ce:here:x').digest()
    key = hashlib.md5(start + b":n0nce:c").hexdigest()
    aim = hashlib.md5(b"AUTHENTICATE:smtp/h").hexdigest()
    expected = hashlib.md5(f"{key}:n0nce:00000001:c:auth:{aim}".encode()).hexdigest()
    assert fields(answer)["response"] == expected.encode()


def test_escapes_in_the_challenge_are_undone_and_made_again() -> None:
    answer = answer_of(Credentials("a", "b"), b'realm="a\\"b",nonce="n\\\\0",algorithm="md5-sess",qop="auth"')
    assert b'realm="a\\"b"' in answer
    assert b'nonce="n\\\\0"' in answer


def test_text_in_latin_1_is_hashed_as_that_and_sent_as_utf_8() -> None:
    answer = answer_of(Credentials("jürgen", "pässwörd", host="h", nonce=lambda: "c"))
    assert fields(answer)["username"] == "jürgen".encode()
    start = hashlib.md5("jürgen:here:pässwörd".encode("latin-1")).digest()
    key = hashlib.md5(start + b":n0nce:c").hexdigest()
    aim = hashlib.md5(b"AUTHENTICATE:smtp/h").hexdigest()
    expected = hashlib.md5(f"{key}:n0nce:00000001:c:auth:{aim}".encode()).hexdigest()
    assert fields(answer)["response"] == expected.encode()


def test_without_utf_8_the_server_takes_latin_1_only() -> None:
    challenge = b'realm="here",nonce="n",algorithm=md5-sess'
    answer = answer_of(Credentials("jürgen", "x"), challenge)
    assert b"charset" not in answer
    assert fields(answer)["username"] == "jürgen".encode("latin-1")
    for credentials in (Credentials("€", "x"), Credentials("x", "€")):
        with pytest.raises(InvalidValue, match="8859-1"):
            answer_of(credentials, challenge)


@pytest.mark.parametrize(
    ("user", "host", "chosen"),
    [
        ("alice", "elsewhere", b"one"),
        ("alice", "two", b"two"),
        ("alice@three", "two", b"three"),
        ("alice@four", "", b"one"),
    ],
)
def test_of_several_realms_the_fitting_one_is_taken(user: str, host: str, chosen: bytes) -> None:
    challenge = b'realm="one",realm="two",realm="three",nonce="n",algorithm=md5-sess,charset="utf-8"'
    assert fields(answer_of(Credentials(user, "x", host=host), challenge))["realm"] == chosen


def test_without_a_realm_none_is_sent() -> None:
    assert "realm" not in fields(answer_of(Credentials("a", "b"), b'nonce="n",algorithm=md5-sess'))


def test_the_identity_is_sent_and_hashed() -> None:
    answer = answer_of(Credentials("a", "b", "boss", host="h", nonce=lambda: "c"))
    assert fields(answer)["authzid"] == b"boss"
    plain = answer_of(Credentials("a", "b", host="h", nonce=lambda: "c"))
    assert fields(answer)["response"] != fields(plain)["response"]


@pytest.mark.parametrize(
    "challenge",
    [
        b"",
        b"nonsense",
        b'nonce="n"',
        b'nonce="n",algorithm=md5',
        b'nonce="",algorithm=md5-sess',
        b'nonce="a",nonce="b",algorithm=md5-sess',
        b'nonce="n",algorithm=md5-sess,algorithm=md5-sess',
        b'nonce="n",algorithm=md5-sess,qop="auth-int,auth-conf"',
        b'nonce="n",algorithm=md5-sess,charset=utf-16',
        b'nonce="n,algorithm=md5-sess',
        b'nonce="n" algorithm=md5-sess',
        b'nonce="n",algorithm=md5-sess,x=' + b"y" * MAX_CHALLENGE,
    ],
)
def test_challenges_that_make_no_sense(challenge: bytes) -> None:
    with pytest.raises(ChallengeError):
        read(challenge)


def test_blanks_and_empty_elements_between_directives_are_read_over() -> None:
    assert read(b' nonce = "n" ,, algorithm=md5-sess , qop = "auth-int , auth" ').nonce == b"n"


def test_it_needs_md5() -> None:
    assert DIGEST_MD5.missing is md5_missing


def test_text_beyond_latin_1_is_hashed_as_utf_8() -> None:
    answer = answer_of(Credentials("Ωmega", "pässwörd", host="h", nonce=lambda: "c"))
    start = hashlib.md5("Ωmega:here:".encode() + "pässwörd".encode("latin-1")).digest()
    key = hashlib.md5(start + b":n0nce:c").hexdigest()
    aim = hashlib.md5(b"AUTHENTICATE:smtp/h").hexdigest()
    expected = hashlib.md5(f"{key}:n0nce:00000001:c:auth:{aim}".encode()).hexdigest()
    assert fields(answer)["response"] == expected.encode()
