"""JSON Web Keys: every kind that can sign in TLS, with and without their certificates."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pytest

from postwright.enums import SSLCertStoreType
from postwright.errors import CertificateStoreUnreadable, ChainNotFound, CredentialsUnusable
from postwright.tls.stores import load
from tests.support.client_certificates import client, inter, leaf, log_in, root
from tests.support.stores import jwk_members, jwk_text, url64

if TYPE_CHECKING:
    from postwright.tls.credentials import Credential


def opened(store: bytes, subject: str = "*", encoded: bytes = b"") -> Credential:
    return load(SSLCertStoreType.JWK_BLOB, store, "", subject, encoded)


@pytest.mark.parametrize("kind", ["rsa", "ec", "ec384", "ec521", "ed25519", "ed448"])
def test_every_kind_logs_in(kind: str) -> None:
    pair = leaf(kind)
    assert log_in(client(opened(jwk_text(pair, chain=(inter(),))))) == pair.der
    alone = opened(jwk_text(pair, certified=False), "", pair.pem + inter().pem)
    assert log_in(client(alone)) == pair.der


def test_an_rsa_key_without_its_primes_logs_in() -> None:
    pair = leaf("rsa")
    few = {name: value for name, value in jwk_members(pair).items() if name in {"kty", "n", "e", "d"}}
    assert log_in(client(opened(json.dumps(few).encode(), "", pair.pem + inter().pem))) == pair.der


def test_numbers_that_are_no_rsa_key_are_found_out_at_once() -> None:
    few = {name: value for name, value in jwk_members(leaf("rsa")).items() if name in {"kty", "n", "e", "d"}}
    few["d"] = url64(3**500)
    with pytest.raises(CertificateStoreUnreadable, match="make no RSA key"):
        opened(json.dumps(few).encode())
    with pytest.raises(CertificateStoreUnreadable, match="make no RSA key"):
        opened(json.dumps(few | {"n": url64(2**40000 - 1)}).encode())
    with pytest.raises(CertificateStoreUnreadable, match="its primes are missing"):
        opened(json.dumps(few | {"n": url64(2**8000 - 1)}).encode())


def test_a_set_is_searched() -> None:
    several = [json.loads(jwk_text(leaf("ec", "bob"))), json.loads(jwk_text(leaf("ed25519"), chain=(inter(),)))]
    assert log_in(client(opened(json.dumps({"keys": several}).encode(), "alice"))) == leaf("ed25519").der


def test_a_public_key_can_t_log_in() -> None:
    public = {name: value for name, value in jwk_members(leaf()).items() if name != "d"}
    with pytest.raises(CredentialsUnusable, match="a public key only"):
        opened(json.dumps(public).encode())
    with pytest.raises(CredentialsUnusable, match="holds no private key for CN=alice"):
        opened(json.dumps(public | {"x5c": [base64.b64encode(leaf().der).decode()]}).encode())


def test_a_shared_secret_is_refused() -> None:
    with pytest.raises(CredentialsUnusable, match="a shared secret"):
        opened(b'{"kty":"oct","k":"c2VjcmV0"}')


def test_more_than_two_primes_are_refused() -> None:
    with pytest.raises(CredentialsUnusable, match="more than two primes"):
        opened(jwk_text(leaf("rsa"), oth=[]))


def test_a_chain_with_a_gap_is_error_274() -> None:
    with pytest.raises(ChainNotFound):
        opened(jwk_text(leaf(), chain=(root(),)))


def test_a_certificate_of_another_key_is_error_273() -> None:
    with pytest.raises(CredentialsUnusable, match="belongs to"):
        opened(jwk_text(leaf(), x5c=[base64.b64encode(leaf("rsa").der).decode()]))


@pytest.mark.parametrize(
    ("spoilt", "words"),
    [
        ({"kty": "none"}, "kty is none of"),
        ({"kty": None}, "kty is none of"),
        ({"crv": "P-192"}, "P-256, P-384 or P-521"),
        ({"crv": 7}, "crv is no text"),
        ({"x": "AAAA"}, "do not belong together"),
        ({"d": url64(0)}, "does not fit"),
        ({"d": url64(2**256 - 1)}, "is damaged"),
        ({"d": "not base64!"}, "d is no base64url"),
        ({"d": "ä"}, "d is no base64url"),
        ({"d": 5}, "d is no text"),
        ({"x5c": "text"}, "x5c is no list"),
        ({"x5c": [5]}, "x5c is no list"),
        ({"x5c": ["AAAA"]}, "is damaged"),
    ],
)
def test_members_that_are_wrong_are_named(spoilt: dict[str, Any], words: str) -> None:
    with pytest.raises(CertificateStoreUnreadable, match=words):
        opened(json.dumps(json.loads(jwk_text(leaf())) | spoilt).encode())


@pytest.mark.parametrize(
    "store",
    [
        b"",
        b"{",
        b"{}",
        b"[]",
        b"null",
        b'{"keys":[]}',
        b'{"keys":{}}',
        b'{"keys":[1]}',
        b'{"kty":"EC"}',
        b'{"kty":"EC","d":"AQ"}',
        b'{"kty":"OKP","crv":"X25519","d":"AQ"}',
        b'{"kty":"OKP","crv":"Ed25519","d":"AQ"}',
        b"\xff\xfe\xfd",
        b" " * (1 << 21),
        b'{"keys":[' + b",".join([b"{}"] * 101) + b"]}",
    ],
)
def test_what_is_no_key_is_an_error_that_quotes_nothing(store: bytes) -> None:
    with pytest.raises((CertificateStoreUnreadable, CredentialsUnusable)) as caught:
        opened(store)
    assert len(str(caught.value)) < 300
