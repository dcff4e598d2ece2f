"""Java keystores: those that keytool writes, and those of an independent writer, byte for byte as Java would."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC

from postwright.enums import SSLCertStoreType as K
from postwright.errors import CertificateNotFound, CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls import jks
from postwright.tls.stores import load, search
from tests.support.client_certificates import (
    PLAIN,
    client,
    der,
    inter,
    java_protected,
    java_store,
    keytool,
    leaf,
    log_in,
    pfx,
    root,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.client_certificates import Pair

OTHER = "another"


def jce_protected(key: bytes, password: str, salt: bytes, count: int) -> bytes:
    """Return a key as KeyProtector of JCEKS protects it, loops and all as in its PBECipherCore."""
    given = bytearray(salt)
    if given[:4] == given[4:]:
        for i in range(2):
            tmp = given[i]
            given[i] = given[3 - i]
            given[3 - 1] = tmp
    made = b""
    for i in range(2):
        digest = bytes(given[4 * i : 4 * i + 4])
        for _ in range(count):
            digest = hashlib.md5(digest + password.encode()).digest()
        made += digest
    pad = 8 - len(key) % 8
    encryptor = Cipher(TripleDES(made[:24]), CBC(made[24:])).encryptor()
    hidden = encryptor.update(key + bytes([pad]) * pad) + encryptor.finalize()
    parameters = der(0x30, der(0x04, salt) + der(0x02, count.to_bytes(4, "big").lstrip(b"\0")))
    oid = bytes.fromhex("06092b060104012a021301")
    return der(0x30, der(0x30, oid + parameters) + der(0x04, hidden))


def jceks(pair: Pair, *, salt: bytes = b"saltSALT", count: int = 1000) -> bytes:
    entry = ("me", jce_protected(pair.key_der(), PLAIN, salt, count), [pair.der, inter().der])
    return java_store([entry], PLAIN, jceks=True)


@pytest.mark.parametrize("form", ["JKS", "JCEKS", "PKCS12"])
def test_keystores_of_keytool_log_in(form: str, tmp_path: Path) -> None:
    store = tmp_path / "client.jks"
    pairs = [leaf("rsa", "alice"), leaf("ec", "bob")]
    to = ("-destkeystore", store, "-deststoretype", form, "-deststorepass", PLAIN, "-destkeypass", PLAIN)
    for pair in pairs:
        source = ("-srckeystore", pfx(tmp_path, pair, PLAIN), "-srcstoretype", "PKCS12", "-srcstorepass", PLAIN)
        keytool("-importkeystore", *source, *to, "-srcalias", "me", "-destalias", str(pair.cert.serial_number))
    authority = tmp_path / "root.pem"
    authority.write_bytes(root().pem)
    keytool(
        "-importcert", "-keystore", store, "-storetype", form, "-storepass", PLAIN, "-alias", "ca", "-file", authority
    )
    for pair, name in zip(pairs, ("CN=alice", "CN=bob"), strict=True):
        for kind in (K.JKS_FILE, K.AUTO):
            credential = load(kind, bytes(store), PLAIN, name, b"")
            assert credential.chain == (inter().der,)
            assert log_in(client(credential)) == pair.der
    assert {(found.subject[:7], found.has_key) for found in search(K.JKS_FILE, bytes(store), PLAIN)} >= {
        ("CN=alic", True),
        ("CN=bob,", True),
        ("CN=Root", False),
    }
    with pytest.raises(CertificateStoreUnreadable, match="does not open"):
        load(K.JKS_FILE, bytes(store), OTHER, "*", b"")


def test_a_key_with_another_password_than_the_store_says_so(tmp_path: Path) -> None:
    pair, other = leaf("ec", "alice"), leaf("rsa", "bob")
    entries = [
        ("mine", java_protected(pair.key_der(), OTHER), [pair.der]),
        ("theirs", java_protected(other.key_der(), PLAIN), [other.der, inter().der]),
    ]
    store = java_store(entries, PLAIN)
    with pytest.raises(
        CredentialsUnusable, match=r"'mine' has a password of its own.* to the key's password.* -keypasswd"
    ):
        load(K.JKS_BLOB, store, PLAIN, "alice", b"")
    assert log_in(client(load(K.JKS_BLOB, store, PLAIN, "*", b""))) == other.der
    assert log_in(client(load(K.JKS_BLOB, store, OTHER, "*", b""))) == pair.der
    with pytest.raises(CertificateStoreUnreadable, match="does not open"):
        load(K.JKS_BLOB, store, "neither", "*", b"")


@pytest.mark.parametrize("form", ["JKS", "JCEKS"])
def test_a_key_of_keytool_opens_with_its_own_password(form: str, tmp_path: Path) -> None:
    store, pair = tmp_path / "client.jks", leaf("ec", "alice")
    keytool(
        *("-importkeystore", "-srckeystore", pfx(tmp_path, pair, PLAIN), "-srcstoretype", "PKCS12"),
        *("-srcstorepass", PLAIN, "-destkeystore", store, "-deststoretype", form, "-deststorepass", PLAIN),
        *("-destkeypass", OTHER, "-srcalias", "me", "-destalias", "mine"),
    )
    with pytest.raises(CredentialsUnusable, match="'mine' has a password of its own"):
        load(K.JKS_FILE, bytes(store), PLAIN, "*", b"")
    credential = load(K.JKS_FILE, bytes(store), OTHER, "CN=alice", b"")
    assert credential.chain == (inter().der,)
    assert log_in(client(credential)) == pair.der


def test_a_jceks_key_with_another_password_says_so() -> None:
    for number in range(20):  # of 256 wrong keys a few leave padding that looks right
        salt = bytes([number]) * 8
        entry = ("mine", jce_protected(leaf().key_der(), OTHER, salt, 9), [leaf().der])
        with pytest.raises(CredentialsUnusable, match="'mine' has a password of its own"):
            load(K.JKS_BLOB, java_store([entry], PLAIN, jceks=True), PLAIN, "*", b"")


def test_passwords_beyond_ascii_open_jks(tmp_path: Path) -> None:
    entry = ("mé", java_protected(leaf().key_der(), "pässwörd"), [leaf().der, inter().der])
    assert log_in(client(load(K.JKS_BLOB, java_store([entry], "pässwörd"), "pässwörd", "*", b""))) == leaf().der


@pytest.mark.parametrize("salt", [b"saltSALT", b"samesame"])
def test_a_jceks_of_our_own_logs_in(salt: bytes) -> None:
    assert log_in(client(load(K.JKS_BLOB, jceks(leaf(), salt=salt), PLAIN, "*", b""))) == leaf().der


def test_jceks_rounds_are_bounded() -> None:
    greedy = jceks(leaf(), count=1000).replace(der(0x02, b"\x03\xe8"), der(0x02, b"\x7f\xff"))
    with pytest.raises(CertificateStoreUnreadable, match="does not open"):  # its check sum no longer fits
        load(K.JKS_BLOB, greedy, PLAIN, "*", b"")
    content = jceks(leaf(), count=70000)[:-20].replace(b"\x01\x11\x70", b"\x7f\xff\xff")
    signed = content + hashlib.sha1(PLAIN.encode("utf-16-be") + b"Mighty Aphrodite" + content).digest()
    with pytest.raises(CertificateStoreUnreadable, match="8388607 rounds"):
        load(K.JKS_BLOB, signed, PLAIN, "*", b"")


def test_the_keys_of_a_store_share_the_rounds_that_are_done(monkeypatch: pytest.MonkeyPatch) -> None:
    entries = [(name, jce_protected(leaf().key_der(), PLAIN, b"saltSALT", 900), [leaf().der]) for name in ("a", "b")]
    store = java_store([entries[0], ("b", entries[1][1], [leaf("rsa").der])], PLAIN, jceks=True)
    monkeypatch.setattr(jks, "_MOST", 1000)
    assert search(K.JKS_BLOB, store, PLAIN)[0].has_key
    with pytest.raises(CredentialsUnusable, match="the keys before it took too many rounds"):
        load(K.JKS_BLOB, store, PLAIN, "", leaf("rsa").der)


def test_a_store_of_trusted_certificates_alone_can_t_log_in() -> None:
    store = java_store([("ca", b"", [root().der])], PLAIN)
    with pytest.raises(CredentialsUnusable, match="holds no private key for CN=Root"):
        load(K.JKS_BLOB, store, PLAIN, "*", b"")
    with pytest.raises(CertificateNotFound, match="There is no certificate in"):
        load(K.JKS_BLOB, java_store([], PLAIN), PLAIN, "*", b"")


def test_secret_keys_are_passed_over(tmp_path: Path) -> None:
    store, pair = tmp_path / "mixed.jceks", leaf("ec", "alice")
    here = ("-keystore", store, "-storetype", "JCEKS", "-storepass", PLAIN)
    for alias, algorithm, size in (("one", "AES", "256"), ("two", "DESede", "168"), ("three", "HmacSHA512", "512")):
        keytool("-genseckey", *here, "-keypass", PLAIN, "-keyalg", algorithm, "-keysize", size, "-alias", alias)
    with pytest.raises(CertificateNotFound, match="There is no certificate in the Java keystore"):
        load(K.JKS_FILE, bytes(store), PLAIN, "*", b"")
    source = ("-srckeystore", pfx(tmp_path, pair, PLAIN), "-srcstoretype", "PKCS12", "-srcstorepass", PLAIN)
    to = ("-destkeystore", store, "-deststoretype", "JCEKS", "-deststorepass", PLAIN, "-destkeypass", PLAIN)
    keytool("-importkeystore", *source, *to, "-srcalias", "me", "-destalias", "mine")
    assert log_in(client(load(K.JKS_FILE, bytes(store), PLAIN, "*", b""))) == pair.der


def signed(content: bytes) -> bytes:
    return content + hashlib.sha1(PLAIN.encode("utf-16-be") + b"Mighty Aphrodite" + content).digest()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xfe\xed\xfe\xee" + bytes(40), "does not begin as a keystore"),
        (b"", "does not begin as a keystore"),
        (bytes.fromhex("feedfeed 00000009 00000000"), "its version is 9"),
        (bytes.fromhex("feedfeed 00000002 ffffffff"), "it ends at byte 12"),
        (bytes.fromhex("feedfeed 00000002 00000001 00000007 0001 41") + bytes(8), "has the kind 7"),
        (bytes.fromhex("feedfeed 00000002 00000000 00"), "something follows its end"),
        (bytes.fromhex("feedfeed 00000002 00000001 00000001 ffff"), "in the middle of a value"),
    ],
)
def test_broken_structures_are_named(content: bytes, words: str) -> None:
    with pytest.raises(CertificateStoreUnreadable, match=words):
        load(K.JKS_BLOB, signed(content), PLAIN, "*", b"")


@pytest.mark.parametrize(
    "key",
    [
        b"\x30\x00",
        b"garbage",
        der(0x30, der(0x30, bytes.fromhex("06012a")) + der(0x04, b"x")),
        der(0x30, der(0x30, bytes.fromhex("060a2b060104012a02110101")) + der(0x04, b"short")),
        der(0x30, der(0x30, bytes.fromhex("06092b060104012a021301")) + der(0x04, b"no parameters")),
        jce_protected(b"no key at all", PLAIN, b"saltSALT", 9),
        jce_protected(b"no key at all", PLAIN, b"short", 9),
        java_protected(b"no key at all", PLAIN),
    ],
)
def test_keys_that_are_none_are_error_273(key: bytes) -> None:
    store = java_store([("odd", key, [leaf().der])], PLAIN)
    with pytest.raises(CredentialsUnusable, match="'odd' has a password of its own, or can't be read"):
        load(K.JKS_BLOB, store, PLAIN, "alice", b"")


def test_version_1_has_no_types_of_certificates() -> None:
    key = java_protected(leaf().key_der(), PLAIN)
    content = bytes.fromhex("feedfeed 00000001 00000001 00000001 0001 41") + bytes(8)
    content += len(key).to_bytes(4, "big") + key + (2).to_bytes(4, "big")
    content += b"".join(len(cert).to_bytes(4, "big") + cert for cert in (leaf().der, inter().der))
    assert log_in(client(load(K.JKS_BLOB, signed(content), PLAIN, "*", b""))) == leaf().der
