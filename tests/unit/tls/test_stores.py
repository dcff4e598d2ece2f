"""Client certificates from every kind of store: each one that is loaded logs in to a server that verifies it."""

from __future__ import annotations

import base64
import importlib.util
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from postwright import enums
from postwright.errors import (
    CertificateStoreUnreadable,
    CredentialsUnusable,
    SecurityLibraryMissing,
)
from postwright.tls.stores import load, search
from tests.support.client_certificates import (
    PASSWORD,
    PLAIN,
    client,
    inter,
    keytool,
    leaf,
    log_in,
    openssl,
    pfx,
    program,
    run,
)
from tests.support.stores import HALVES, KEY_FORMS, SUBJECT, WHOLE, bundle, proven

if TYPE_CHECKING:
    from pathlib import Path


K = enums.SSLCertStoreType


# --- formats that hold key and certificate ---------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["file", "file as base64", "blob", "blob as base64", "auto file", "auto blob", "text"])
@pytest.mark.parametrize("form", WHOLE)
def test_a_store_logs_in_however_it_is_given(form: str, how: str, tmp_path: Path) -> None:
    in_file, as_blob, kind_of_key, maker = WHOLE[form]
    pair = leaf(kind_of_key)
    data = maker(tmp_path, pair)
    if how.endswith("base64"):
        data = base64.encodebytes(data)
    path = tmp_path / "störe"
    path.write_bytes(data)
    kind = K.AUTO if "auto" in how else in_file if "file" in how or how == "text" else as_blob
    store: bytes | str = bytes(path) if "file" in how else data
    if how == "text":
        store = str(path)
    proven(load(K(kind), store, PLAIN, SUBJECT, b""), pair)


@pytest.mark.parametrize("kind", ["rsa", "ec", "ec384", "ec521", "ed25519", "ed448"])
def test_every_kind_of_key_that_tls_takes_logs_in(kind: str, tmp_path: Path) -> None:
    pair = leaf(kind)
    proven(load(K.PFX_FILE, bytes(pfx(tmp_path, pair, PASSWORD)), PASSWORD, "*", b""), pair)


OLD = {
    "RC2 and 3DES": ["-legacy"],
    "3DES": ["-keypbe", "PBE-SHA1-3DES", "-certpbe", "PBE-SHA1-3DES", "-macalg", "sha1"],
    "nothing encrypted": ["-keypbe", "NONE", "-certpbe", "NONE"],
    "no check sum": ["-nomac"],
    "one round": ["-iter", "1"],
}


@pytest.mark.parametrize("options", OLD.values(), ids=OLD)
def test_old_and_odd_pfx_files_open(options: list[str], tmp_path: Path) -> None:
    proven(load(K.PFX_FILE, bytes(pfx(tmp_path, leaf("rsa"), PLAIN, *options)), PLAIN, "*", b""), leaf("rsa"))


def test_a_pfx_without_a_password_opens_without_one(tmp_path: Path) -> None:
    proven(load(K.PFX_FILE, bytes(pfx(tmp_path, leaf(), "")), "", "*", b""), leaf())


def test_every_key_of_a_pfx_with_several_is_found(tmp_path: Path) -> None:
    pairs = [leaf("rsa", "first"), leaf("ec", "second"), leaf("ec384", "third")]
    whole = tmp_path / "several.p12"
    for pair in pairs:
        made = pfx(tmp_path, pair, PLAIN)
        words: list[str | Path] = [
            "-importkeystore",
            "-srckeystore",
            made,
            "-srcstoretype",
            "PKCS12",
            "-srcstorepass",
            PLAIN,
        ]
        alias = str(pair.cert.serial_number)
        words += ["-destkeystore", whole, "-deststoretype", "PKCS12", "-deststorepass", PLAIN]
        keytool(*words, "-srcalias", "me", "-destalias", alias)
    for pair in pairs:
        name = pair.cert.subject.rfc4514_string().split(",")[0]
        credential = load(K.PFX_FILE, bytes(whole), PLAIN, name, b"")
        assert log_in(client(credential)) == pair.der
    assert sum(found.has_key for found in search(K.PFX_FILE, bytes(whole), PLAIN)) == 3


def test_a_pfx_whose_structure_is_written_without_lengths_opens(tmp_path: Path) -> None:
    """BER's indefinite lengths, which some programs write: here around the whole."""
    data = pfx(tmp_path, leaf(), PLAIN, "-keypbe", "NONE", "-certpbe", "NONE").read_bytes()
    head = 2 + (data[1] & 0x7F if data[1] & 0x80 else 0)
    proven(load(K.PFX_BLOB, b"\x30\x80" + data[head:] + b"\0\0", PLAIN, "*", b""), leaf())


# --- PEM in its forms ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["rsa", "ec"])
@pytest.mark.parametrize("form", KEY_FORMS)
def test_a_key_alone_takes_its_certificate_from_ssl_cert_encoded(form: str, kind: str) -> None:
    pair = leaf(kind)
    encoded = pair.pem + inter().pem
    for store_type in (K.PEM_KEY_BLOB, K.AUTO):
        proven(load(store_type, KEY_FORMS[form](pair), PLAIN, "", encoded), pair)


def test_ssl_cert_encoded_may_be_pem_base64_or_der_and_goes_before_the_subject() -> None:
    pair, other = leaf("rsa"), leaf("ec", "other")
    store = pair.key_pem() + pair.pem + other.key_pem() + other.pem + inter().pem
    for encoded in (pair.pem, pair.der, base64.b64encode(pair.der)):
        proven(load(K.PEM_KEY_BLOB, store, "", "CN=other", encoded), pair)


def test_a_pkcs7_bundle_may_stand_beside_the_key() -> None:
    store = leaf().key_pem() + bundle(Encoding.PEM)
    proven(load(K.PEM_KEY_BLOB, store, "", "alice", b""), leaf())


@pytest.mark.parametrize("cipher", ["-aes256", "-des3"])
def test_pkcs8_files_of_openssl_open(cipher: str, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(leaf().key_pem())
    store = openssl("pkey", "-in", key, cipher, "-passout", f"pass:{PLAIN}")
    proven(load(K.PEM_KEY_BLOB, store, PLAIN, "", leaf().pem + inter().pem), leaf())
    with pytest.raises(CertificateStoreUnreadable, match="does not open"):
        load(K.PEM_KEY_BLOB, store, "wrong", "*", b"")
    with pytest.raises(CertificateStoreUnreadable, match="is encrypted: set ssl_cert_store_password"):
        load(K.PEM_KEY_BLOB, store, "", "*", b"")


def test_a_scrypt_key_opens_and_one_that_asks_for_too_much_does_not(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(leaf().key_pem())
    words = ("pkcs8", "-topk8", "-in", key, "-passout", f"pass:{PLAIN}")
    store = openssl(*words, "-scrypt")
    proven(load(K.PEM_KEY_BLOB, store, PLAIN, "", leaf().pem + inter().pem), leaf())
    greedy = openssl(*words, "-scrypt", "-outform", "DER").replace(bytes.fromhex("02024000"), bytes.fromhex("02027000"))
    greedy = greedy.replace(bytes.fromhex("020108"), bytes.fromhex("02017f"))  # r: 8, now 127
    greedy = greedy.replace(bytes.fromhex("020101"), bytes.fromhex("02017f"))  # p: 1, now 127
    with pytest.raises(CertificateStoreUnreadable, match="asks for 127 passes over"):
        load(K.PEM_KEY_BLOB, greedy, PLAIN, "*", b"")


def test_a_store_that_asks_for_hours_of_hashing_is_refused(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(leaf().key_pem())
    words = ("pkcs8", "-topk8", "-in", key, "-passout", f"pass:{PLAIN}", "-outform", "DER", "-iter", "70000")
    greedy = openssl(*words).replace((70000).to_bytes(3, "big"), b"\x7f\xff\xff")
    with pytest.raises(CertificateStoreUnreadable, match="asks for 8388607 rounds"):
        load(K.PEM_KEY_BLOB, greedy, PLAIN, "*", b"")
    greedy = (
        pfx(tmp_path, leaf(), PLAIN, "-iter", "70000").read_bytes().replace((70000).to_bytes(3, "big"), b"\x7f\xff\xff")
    )
    with pytest.raises(CertificateStoreUnreadable, match="asks for 8388607 rounds"):
        load(K.PFX_BLOB, greedy, PLAIN, "*", b"")


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_keys_of_ssh_keygen_log_in(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "key"
    run(program("ssh-keygen", "openssh-client"), "-q", "-t", kind, "-N", "", "-C", "me", "-f", file)
    encoded = certified(file.read_bytes())
    credential = load(K.PEM_KEY_FILE, bytes(file), "", "", encoded + inter().pem)
    assert log_in(client(credential)) == credential.certificate


def certified(key: bytes) -> bytes:
    """Return a certificate for an OpenSSH key."""
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    from tests.support.client_certificates import issue, named

    public: Any = load_ssh_private_key(key, None).public_key()
    return issue(public, named(CN="alice"), inter()).public_bytes(Encoding.PEM)


def test_an_encrypted_openssh_key_opens_or_says_what_is_missing(tmp_path: Path) -> None:
    file = tmp_path / "key"
    run(program("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", file)
    encoded = certified(file.read_bytes()) + inter().pem
    run("ssh-keygen", "-q", "-p", "-P", "", "-N", PLAIN, "-f", file)
    with pytest.raises(CertificateStoreUnreadable, match="is encrypted: set ssl_cert_store_password"):
        load(K.PEM_KEY_FILE, bytes(file), "", "", encoded)
    if not importlib.util.find_spec("bcrypt"):
        with pytest.raises(SecurityLibraryMissing, match="pip install bcrypt"):
            load(K.PEM_KEY_FILE, bytes(file), PLAIN, "", encoded)
        return
    credential = load(K.PEM_KEY_FILE, bytes(file), PLAIN, "", encoded)
    assert log_in(client(credential)) == credential.certificate
    with pytest.raises(CertificateStoreUnreadable, match="does not open"):
        load(K.PEM_KEY_FILE, bytes(file), "wrong", "", encoded)


# --- formats that can't log in ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", HALVES)
def test_what_holds_no_private_key_says_so_and_what_to_do(form: str, tmp_path: Path) -> None:
    in_file, as_blob, maker, words = HALVES[form]
    file = tmp_path / "store"
    file.write_bytes(maker())
    for kind, store in ((in_file, bytes(file)), (as_blob, maker()), (99, bytes(file)), (99, maker())):
        with pytest.raises(CredentialsUnusable, match=words) as caught:
            load(K(kind), store, "", "*", b"")
        assert "can't log in: " in caught.value.detail


@pytest.mark.parametrize("kind", [8, 9, 10, 11, 12, 13])
def test_what_is_not_even_that_is_error_271(kind: int, tmp_path: Path) -> None:
    file = tmp_path / "store"
    for data in (b"nonsense", leaf().key_pem(), leaf().der[:100]):
        file.write_bytes(data)
        with pytest.raises(CertificateStoreUnreadable):
            load(K(kind), bytes(file) if kind in {8, 11, 13} else data, "", "*", b"")


def test_certificates_without_keys_are_listed_too() -> None:
    found = search(K.P7B_BLOB, bundle(Encoding.DER))
    assert {(one.subject, one.certificate, one.has_key, one.saved) for one in found} == {
        (SUBJECT, leaf().der, False, b""),
        ("CN=Intermediate, O=Stores", inter().der, False, b""),
    }
