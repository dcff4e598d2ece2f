"""Which certificate of a store logs in: by its subject, by itself, with its key, with its chain."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import dsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from postwright import enums
from postwright.errors import (
    CertificateNotFound,
    ChainNotFound,
    ClientCertificateMissing,
    CredentialsUnusable,
)
from postwright.tls.stores import load, subject_of
from tests.support.client_certificates import (
    PLAIN,
    inter,
    java_protected,
    java_store,
    leaf,
    root,
)
from tests.support.stores import SUBJECT, pem_file, proven

K = enums.SSLCertStoreType


def several() -> bytes:
    pairs = [leaf("ec", "alice"), leaf("rsa", "bob"), leaf("ec", "carol and alice")]
    return b"".join(pair.key_pem() + pair.pem for pair in pairs) + inter().pem + root().pem


@pytest.mark.parametrize(
    ("subject", "found"),
    [
        (SUBJECT, SUBJECT),
        ('c = DE,  O = "stores, inc.",CN=ALICE', SUBJECT),
        ("CN=bob", 'CN=bob, O="Stores, Inc.", C=DE'),
        ("carol", 'CN=carol and alice, O="Stores, Inc.", C=DE'),
        ('CN=bob, O="Stores, Inc."', 'CN=bob, O="Stores, Inc.", C=DE'),
    ],
)
def test_a_subject_is_matched_exactly_or_as_a_part(subject: str, found: str) -> None:
    assert subject_of(load(K.PEM_KEY_BLOB, several(), "", subject, b"")) == found


def test_any_takes_one_that_has_its_key() -> None:
    store = inter().pem + root().pem + leaf().pem + leaf().key_pem()
    proven(load(K.PEM_KEY_BLOB, store, "", "*", b""), leaf())


def test_of_equal_matches_the_one_that_is_valid_for_longest_is_taken() -> None:
    old, new = leaf(days=1000), leaf(days=30000)
    for order in ((old, new), (new, old)):
        store = old.key_pem() + b"".join(pair.pem for pair in order) + inter().pem
        assert load(K.PEM_KEY_BLOB, store, "", SUBJECT, b"").certificate == new.der


def test_a_subject_that_is_not_there_is_error_272_and_the_store_is_listed() -> None:
    with pytest.raises(CertificateNotFound, match=r"'dave'. It holds: CN=alice.*; CN=bob") as caught:
        load(K.PEM_KEY_BLOB, several(), "", "dave", b"")
    assert caught.value.code == 272
    with pytest.raises(CertificateNotFound, match="no certificate: give the certificate as ssl_cert_encoded"):
        load(K.PEM_KEY_BLOB, leaf().key_pem(), "", "*", b"")


@pytest.mark.parametrize("subject", ["", "  "])
def test_nothing_selected_is_error_281_and_the_store_is_listed(subject: str) -> None:
    with pytest.raises(ClientCertificateMissing, match=r"ssl_cert_subject to '\*'.*It holds: CN=alice") as caught:
        load(K.PEM_KEY_BLOB, several(), "", subject, b"")
    assert caught.value.code == 281


def test_a_certificate_without_its_key_is_error_273() -> None:
    with pytest.raises(
        CredentialsUnusable, match=r"no private key in .* belongs to the certificate of CN=alice"
    ) as caught:
        load(K.PEM_KEY_BLOB, leaf("rsa", "bob").key_pem() + leaf().pem, "", "alice", b"")
    assert caught.value.code == 273
    with pytest.raises(CredentialsUnusable, match="holds no private key for CN=alice"):
        load(K.PEM_KEY_BLOB, leaf().pem, "", "alice", b"")
    with pytest.raises(CredentialsUnusable, match=r"no private key in .* belongs to"):
        load(K.PEM_KEY_BLOB, leaf("rsa").key_pem(), "", "", leaf().pem)
    with pytest.raises(CredentialsUnusable, match="ssl_cert_encoded is no certificate"):
        load(K.PEM_KEY_BLOB, leaf().key_pem(), "", "", b"nothing")


def test_keys_that_can_t_sign_in_tls_are_error_273() -> None:
    from tests.support.client_certificates import issue, named

    for key in (x25519.X25519PrivateKey.generate(), dsa.generate_private_key(1024)):
        text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        encoded = issue(key.public_key(), named(CN="x"), inter()).public_bytes(Encoding.PEM)
        with pytest.raises(CredentialsUnusable, match="can't sign in TLS"):
            load(K.PEM_KEY_BLOB, text, "", "", encoded)


def test_a_given_chain_with_a_gap_is_error_274() -> None:
    store = java_store([("me", java_protected(leaf().key_der(), PLAIN), [leaf().der, root().der])], PLAIN)
    with pytest.raises(ChainNotFound, match="CN=Intermediate, O=Stores, who issued CN=alice") as caught:
        load(K.JKS_BLOB, store, PLAIN, "*", b"")
    assert caught.value.code == 274


def test_a_chain_leaves_the_root_and_strangers_out() -> None:
    store = pem_file(Path(), leaf()) + root().pem + leaf("rsa", "bob").pem
    assert load(K.PEM_KEY_BLOB, store, "", "alice", b"").chain == (inter().der,)
    whole = java_store([("me", java_protected(leaf().key_der(), PLAIN), [leaf().der, inter().der, root().der])], PLAIN)
    assert load(K.JKS_BLOB, whole, PLAIN, "alice", b"").chain == (inter().der,)


def test_a_self_signed_certificate_has_no_chain() -> None:
    assert load(K.PEM_KEY_BLOB, root().key_pem() + root().pem + inter().pem, "", "Root", b"").chain == ()
