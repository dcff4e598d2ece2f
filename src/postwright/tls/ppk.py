"""PuTTY's private keys, versions 2 and 3: their check sum, their encryption, their keys.

The formats are described in PuTTY's documentation, appendix C.
"""

from __future__ import annotations

import hashlib
import hmac
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.kdf import argon2

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable, SecurityLibraryMissing
from postwright.tls import costs
from postwright.tls.contents import Contents, damaged, wrong_password
from postwright.tls.numbers import ec_key, edwards_key, rsa_key
from postwright.tls.octets import Cursor, from_base64

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

WHAT = "the PuTTY key"

_FIRST = "PuTTY-User-Key-File-"
_CURVES = {b"nistp256": "P-256", b"nistp384": "P-384", b"nistp521": "P-521"}
_MOST_LINES = 4096
_SECRET = 80  # bytes that Argon2 makes: 32 for AES, 16 for its IV, 32 for the check sum


class File(NamedTuple):
    """The parts of a PPK file."""

    version: int
    algorithm: str
    headers: dict[str, str]
    public: bytes
    private: bytes


def read(data: bytes, password: str) -> Contents:
    """Read the private key.

    Raises:
        CertificateStoreUnreadable: It is damaged, or the password is wrong.
        CredentialsUnusable: It is of a kind that TLS can't use.
    """
    try:
        file = _parse(data.decode("latin-1"))  # the check sum covers the comment, whatever its coding
        private = _decrypted(file, password)
        return Contents(WHAT, (_key(file, Cursor(private)),))
    except (ValueError, LookupError) as error:
        raise damaged(WHAT, error) from None


def _parse(text: str) -> File:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    headers: dict[str, str] = {}
    parts: dict[str, bytes] = {}
    at = 0
    while at < len(lines):
        name, colon, value = lines[at].partition(": ")
        at += 1
        if colon and name in {"Public-Lines", "Private-Lines"}:
            count = int(value[:6])
            if not 0 < count <= min(_MOST_LINES, len(lines) - at):
                raise ValueError(f"{name} is {count}")
            parts[name] = from_base64("".join(lines[at : at + count]).encode())
            at += count
        elif colon:
            headers[name] = value
    first = next(iter(headers), "")
    if not first.startswith(_FIRST):
        raise ValueError(f"it does not begin with {_FIRST}")
    version = first.removeprefix(_FIRST)
    if version not in {"2", "3"}:
        raise CertificateStoreUnreadable(
            f"{WHAT} is of version {version[:9]}, and versions 2 and 3 are read: load it in PuTTYgen and save it again"
        )
    return File(int(version), headers[first], headers, parts["Public-Lines"], parts["Private-Lines"])


def _decrypted(file: File, password: str) -> bytes:
    """Return the private part, decrypted and checked."""
    encryption = file.headers["Encryption"]
    if encryption not in {"none", "aes256-cbc"}:
        raise ValueError(f"its encryption is {encryption[:40]!r}")
    encrypted = encryption != "none"
    if encrypted and not password:
        raise wrong_password(WHAT, password)
    secret = password.encode() if encrypted else b""
    made = _stretched(file, secret) if encrypted and file.version == 3 else b""
    private = file.private
    if encrypted:
        key, iv = (made[:32], made[32:48]) if made else (_version_2_key(secret), bytes(16))
        decryptor = Cipher(AES(key), CBC(iv)).decryptor()
        private = decryptor.update(private) + decryptor.finalize()
    parts = (
        file.algorithm.encode("latin-1"),
        encryption.encode(),
        file.headers["Comment"].encode("latin-1"),
        file.public,
        private,
    )
    signed = b"".join(len(part).to_bytes(4, "big") + part for part in parts)
    if file.version == 3:
        mac = hmac.digest(made[48:], signed, "sha256")
    else:
        mac = hmac.digest(hashlib.sha1(b"putty-private-key-file-mac-key" + secret).digest(), signed, "sha1")  # noqa: S324 - the format's
    if not hmac.compare_digest(mac, bytes.fromhex(file.headers["Private-MAC"])):
        raise wrong_password(WHAT, password) if encrypted else ValueError("its check sum (Private-MAC) is wrong")
    return private


def _version_2_key(secret: bytes) -> bytes:
    digests = (hashlib.sha1(bytes([0, 0, 0, number]) + secret).digest() for number in (0, 1))  # noqa: S324 - the format's
    return b"".join(digests)[:32]


def _stretched(file: File, secret: bytes) -> bytes:
    """Return what Argon2 makes of the password."""
    names = ("Argon2-Memory", "Argon2-Passes", "Argon2-Parallelism")
    memory, passes, lanes = (int(file.headers[name][:12]) for name in names)
    salt = bytes.fromhex(file.headers["Argon2-Salt"])
    kind = file.headers["Key-Derivation"]
    if kind not in {"Argon2id", "Argon2i", "Argon2d"}:
        raise ValueError(f"its key derivation is {kind[:40]!r}")
    costs.memory(memory * 1024, passes)
    if not 0 < lanes <= 64:
        raise ValueError(f"Argon2-Parallelism is {lanes}")
    try:
        made: bytes = getattr(argon2, kind)(
            salt=salt, length=_SECRET, iterations=passes, lanes=lanes, memory_cost=memory
        ).derive(secret)
    except (UnsupportedAlgorithm, AttributeError):
        return _stretched_elsewhere(kind, secret, salt, (passes, memory, lanes))
    return made


def _stretched_elsewhere(kind: str, secret: bytes, salt: bytes, costs_: tuple[int, int, int]) -> bytes:
    """Do it with argon2-cffi: a ``cryptography`` that uses the system's OpenSSL may have no Argon2."""
    try:
        low_level = import_module("argon2.low_level")
    except ImportError:
        raise SecurityLibraryMissing(
            f"{WHAT} is encrypted with {kind}: pip install argon2-cffi; or save it as version 2 in PuTTYgen"
        ) from None
    kinds = {"Argon2id": low_level.Type.ID, "Argon2i": low_level.Type.I, "Argon2d": low_level.Type.D}
    made: bytes = low_level.hash_secret_raw(secret, salt, *costs_, _SECRET, kinds[kind])
    return made


def _key(file: File, private: Cursor) -> PrivateKeyTypes:
    public = Cursor(file.public)
    public.string()  # the algorithm again
    if file.algorithm == "ssh-rsa":
        exponent, modulus = public.mpint(), public.mpint()
        d, p, q, inverse = (private.mpint() for _ in range(4))
        return rsa_key(modulus, exponent, d, (p, q), inverse)
    if file.algorithm.startswith("ecdsa-sha2-"):
        return ec_key(_CURVES.get(public.string(), "unknown"), private.mpint())
    if file.algorithm in {"ssh-ed25519", "ssh-ed448"}:
        return edwards_key("Ed" + file.algorithm.removeprefix("ssh-ed"), private.string())
    raise CredentialsUnusable(
        f"{WHAT} is of the kind {file.algorithm[:40]!r}, which TLS can't use: take RSA, ECDSA or Ed25519"
    )
