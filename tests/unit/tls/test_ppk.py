"""PuTTY's keys: what puttygen writes in both versions, and every way in which such a file can be wrong."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.kdf import argon2
from cryptography.hazmat.primitives.serialization import Encoding

from postwright.enums import SSLCertStoreType as K
from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable, SecurityLibraryMissing, SMTPError
from postwright.tls import ppk
from postwright.tls.stores import load
from tests.support.client_certificates import PASSWORD, PLAIN, client, inter, issue, log_in, named, program, run

if TYPE_CHECKING:
    from pathlib import Path

    from postwright.tls.credentials import Credential

PUBLIC = """Comment: a test
Public-Lines: 2
AAAAC3NzaC1lZDI1NTE5AAAAIG0N3Q2tkK2iSYaGX7laJlL1vELFbYCD6XAv2QXL
FdXj
"""
PUBLIC_2 = """Comment: a test
Public-Lines: 2
AAAAC3NzaC1lZDI1NTE5AAAAII3cifg7b3gXQlWJ9JZ3PYLPzTiCBRkxP/DTVJNh
mKwh
"""
HEAD, HEAD_2 = "PuTTY-User-Key-File-3: ssh-ed25519\n", "PuTTY-User-Key-File-2: ssh-ed25519\n"
OPEN, CLOSED = "Encryption: none\n", "Encryption: aes256-cbc\n"


def stretched(kind: str, salt: str) -> str:
    return f"""Key-Derivation: {kind}
Argon2-Memory: 256
Argon2-Passes: 2
Argon2-Parallelism: 1
Argon2-Salt: {salt}
"""


def private(text: str, mac: str) -> str:
    return f"Private-Lines: 1\n{text}\nPrivate-MAC: {mac}\n"


# One key for each version, in every protection that PuTTYgen 0.78 offers; keys and password are worthless.
MADE = {
    "version 2": HEAD_2
    + OPEN
    + PUBLIC_2
    + private("AAAAINDs678r1+d9/CrcxEhB3Ls69qcYlJmP9Gj27/9T5N9M", "41e9f67339b80c1e4d58b58ed1493bd736de3d3e"),
    "version 2, encrypted": HEAD_2
    + CLOSED
    + PUBLIC_2
    + private(
        "6U58OvIJZ2XmZKzgUselnBdJuLkJWFrpKOF9BrtKw31zYxKfdtUUch786xxIbb4U", "37a997653171d16eece7de570880453001fd0ad6"
    ),
    "version 3": HEAD
    + OPEN
    + PUBLIC
    + private(
        "AAAAIMhVZciq9JHNiD8LqMWtp5XOM7Xbz9753mrJgjtYWccL",
        "6f65ac1a9bdc0c21d6de2c7667008bfb8983d4ab17e791e5f1d62404ef5c796e",
    ),
    "version 3, Argon2d": HEAD
    + CLOSED
    + PUBLIC
    + stretched("Argon2d", "58b90fb3c75e53e53bf92cdb9ad47009")
    + private(
        "/3VIR5eY0k1dlSohnu5V1PKAKG39aqykyRKJ2L5MOr+IN+nTM0e23v+4FwwPbcEd",
        "ab625916c5fbc86114d8b6378695ea8bada62475c0b4102768e33f43019c0007",
    ),
    "version 3, Argon2i": HEAD
    + CLOSED
    + PUBLIC
    + stretched("Argon2i", "da66c530ca115588030d7551cb4ee968")
    + private(
        "cS3j7ZEsvdwO9kj9s8OwWouzchgb1TlTLE9R+bPTy8ucLRLP7rGBNGkZDTDQmQA2",
        "655aa4e349f1f8c235155d51086062df44134e75455e91bbfa64fbdf3f72aaf1",
    ),
    "version 3, Argon2id": HEAD
    + CLOSED
    + PUBLIC
    + stretched("Argon2id", "95835d65472918eb95e5496acf28bd88")
    + private(
        "oJrq93aC59lk56jDvopjuxMNxUO8TnvzaDTChQQ0mx79KAtTUGn3SkwnluGKnYHB",
        "66ca60ee60d41147aa14be50b55ebe182e6e2f5fe055000f87daa339db87b5e2",
    ),
}
ENCRYPTED = MADE["version 3, Argon2id"]


def opened(store: bytes | str, password: str = PLAIN) -> Credential:
    """Open a key, with a certificate that is issued for it."""
    data = store if isinstance(store, bytes) else store.encode()
    key: Any = ppk.read(data, password).keys[0]
    cert = issue(key.public_key(), named(CN="alice"), inter()).public_bytes(Encoding.PEM)
    return load(K.PPK_BLOB, data, password, "", cert + inter().pem)


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("form", MADE)
def test_every_protection_opens(form: str, ends: str) -> None:
    credential = opened(MADE[form].replace("\n", ends))
    assert log_in(client(credential)) == credential.certificate


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("password", ["", PASSWORD], ids=["open", "encrypted"])
@pytest.mark.parametrize("kind", ["rsa -b 2048", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "ed25519", "ed448"])
def test_every_kind_of_puttygen_logs_in(kind: str, password: str, version: int, tmp_path: Path) -> None:
    file, secret = tmp_path / "key.ppk", tmp_path / "password"
    secret.write_text(password, encoding="utf-8")
    words = ("-q", "-t", *kind.split(), "-C", "me", "-o", str(file))
    faster = "" if version == 2 else ",memory=256,passes=2"
    run(
        program("puttygen", "putty-tools"),
        *words,
        "--new-passphrase",
        secret,
        "--ppk-param",
        f"version={version}{faster}",
    )
    credential = opened(file.read_bytes(), password)
    assert log_in(client(credential)) == credential.certificate


def test_a_dsa_key_is_error_273(tmp_path: Path) -> None:
    file, secret = tmp_path / "key.ppk", tmp_path / "password"
    secret.touch()
    run(program("puttygen", "putty-tools"), "-q", "-t", "dsa", "-b", "1024", "-o", file, "--new-passphrase", secret)
    with pytest.raises(CredentialsUnusable, match="'ssh-dss', which TLS can't use"):
        load(K.PPK_FILE, bytes(file), "", "*", b"")


@pytest.mark.parametrize("form", ["version 2, encrypted", "version 3, Argon2id"])
def test_a_wrong_password_and_a_missing_one(form: str) -> None:
    with pytest.raises(CertificateStoreUnreadable, match="the password does not open the PuTTY key"):
        opened(MADE[form], "wrong")
    with pytest.raises(CertificateStoreUnreadable, match="is encrypted: set ssl_cert_store_password"):
        opened(MADE[form], "")


def test_a_comment_in_any_coding_is_part_of_the_check_sum() -> None:
    with pytest.raises(CertificateStoreUnreadable, match="check sum"):
        opened(MADE["version 3"].encode().replace(b"a test", b"\xe4 test"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("File-3", "File-1", "version 1, and versions 2 and 3 are read"),
        ("File-3", "File-x", "version x"),
        ("PuTTY-User-Key-File-3", "Some-Key", "does not begin with PuTTY-User-Key-File-"),
        ("aes256-cbc", "rot13", "its encryption is 'rot13'"),
        ("Argon2id", "Argon3", "its key derivation is 'Argon3'"),
        ("Argon2-Memory: 256", "Argon2-Memory: 999999999", "asks for 2 passes over 976562 MiB"),
        ("Argon2-Passes: 2", "Argon2-Passes: 99999999", "asks for 99999999 passes"),
        ("Argon2-Passes: 2", "Argon2-Passes: 0", "asks for 0 passes"),
        ("Argon2-Parallelism: 1", "Argon2-Parallelism: 65", "Argon2-Parallelism is 65"),
        ("Argon2-Memory: 256", "Argon2-Memory: much", "damaged"),
        ("Argon2-Salt: 95", "Argon2-Salt: 9", "damaged"),
        ("Argon2-Salt: ", "Argon2-Pepper: ", "'Argon2-Salt'"),
        ("Public-Lines: 2", "Public-Lines: 99999", "Public-Lines is 99999"),
        ("Private-Lines: 1", "Private-Lines: 0", "Private-Lines is 0"),
        ("Private-MAC: 66ca", "Private-MAC: 66cb", "does not open"),
        ("Comment: a test", "Comment: b test", "does not open"),
        ("oJrq93", "oJrq93==", "damaged"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, words: str) -> None:
    assert old in ENCRYPTED
    with pytest.raises(CertificateStoreUnreadable, match=words):
        opened(ENCRYPTED.replace(old, new))


def test_what_was_read_shows_no_key() -> None:
    assert repr(ppk.read(ENCRYPTED.encode(), PLAIN)) == "Contents(the PuTTY key: 1 keys, 0 certificates)"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("form", ["version 2", "version 3", "version 3, Argon2id"])
def test_damaged_keys_are_our_errors(form: str) -> None:
    data = MADE[form].encode()
    spoilt = [data[:at] for at in range(len(data))]
    spoilt += [data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :] for at in range(len(data)) for bit in (0x01, 0x80)]
    opens = 0
    for given in spoilt:
        try:
            ppk.read(given, PLAIN)
        except SMTPError:
            continue
        opens += 1
    assert opens < 10  # the last line without its end, upper case in the check sum, and the like


def test_a_library_without_argon2_is_helped_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A cryptography that is built on OpenSSL 3.0 or 3.1 has no Argon2; argon2-cffi does the same."""

    class Missing:
        def __init__(self, **_: object) -> None:
            raise UnsupportedAlgorithm("not here")

    real = argon2.Argon2id

    class LowLevel:
        class Type:
            ID, I, D = range(3)  # noqa: E741 - its own name

        @staticmethod
        def hash_secret_raw(secret: bytes, salt: bytes, *costs: int) -> bytes:
            passes, memory, lanes, length, kind = costs
            assert kind == LowLevel.Type.ID
            made: bytes = real(salt=salt, length=length, iterations=passes, lanes=lanes, memory_cost=memory).derive(
                secret
            )
            return made

    monkeypatch.setattr(argon2, "Argon2id", Missing)
    monkeypatch.setitem(sys.modules, "argon2", None)
    with pytest.raises(SecurityLibraryMissing, match="pip install argon2-cffi"):
        opened(ENCRYPTED)
    monkeypatch.setitem(sys.modules, "argon2", LowLevel)
    monkeypatch.setitem(sys.modules, "argon2.low_level", LowLevel)
    credential = opened(ENCRYPTED)
    assert log_in(client(credential)) == credential.certificate
