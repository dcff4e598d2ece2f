"""Java's keystores of types JKS and JCEKS: their integrity, their entries, and how their keys are protected.

The formats are documented by their implementation alone (``sun.security.provider.JavaKeyStore`` and ``KeyProtector``,
``com.sun.crypto.provider.JceKeyStore``). Since Java 9 keytool writes PKCS#12 instead, also into files called .jks.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.serialization import load_der_private_key

from postwright.tls import costs, javaobjects, pfx
from postwright.tls.contents import Contents, certificate, damaged, der_of, distinct, measured, wrong_password
from postwright.tls.octets import SEQUENCE, Cursor, expect, node, octets

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

WHAT = "the Java keystore"
MAGICS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")  # JKS, JCEKS

_SALT = b"Mighty Aphrodite"  # the Java developers' idea of a salt
_KEY, _CERTIFICATE, _SECRET = 1, 2, 3
_MOST = 8 * costs.ROUNDS
"""The most rounds of hashing that are spent on all keys of a store: some seconds."""
_SUN_PROTECTOR = bytes.fromhex("2b060104012a02110101")
_JCE_PROTECTOR = bytes.fromhex("2b060104012a021301")


class Entry(NamedTuple):
    """One entry: a key that is still encrypted, or none, and its certificates."""

    alias: str
    key: bytes
    certificates: tuple[x509.Certificate, ...]


def read(data: bytes, password: str) -> Contents:
    """Read all keys that the password opens, and all certificates.

    The password is the store's. One that a key has of its own will do as well: what is in the store beside the key is
    public, and a certificate that was changed belongs to no key.

    Raises:
        CertificateStoreUnreadable: It is damaged, or the password opens neither it nor a key.
    """
    if data[:1] == b"\x30":
        return pfx.read(data, password)
    if data[:4] not in MAGICS:
        raise damaged(WHAT, "it does not begin as a keystore of type JKS or JCEKS does")
    try:
        entries = _entries(Cursor(data[:-20]))
    except ValueError as error:
        raise damaged(WHAT, error) from None
    digest = hashlib.sha1(password.encode("utf-16-be") + _SALT + data[:-20]).digest()  # noqa: S324 - the format's
    whole = hmac.compare_digest(digest, data[-20:])
    keys, locked = _opened(entries, password, _MOST if whole else costs.ROUNDS)
    if not whole and not keys:
        raise wrong_password(WHAT, password)
    chains = {der_of(entry.certificates[0]): entry.certificates[1:] for entry in entries if entry.certificates}
    certs = tuple(cert for entry in entries for cert in entry.certificates)
    return Contents(WHAT, distinct(keys), certs, chains, locked=locked)


def _entries(cursor: Cursor) -> list[Entry]:
    cursor.take(4)
    version, count = cursor.number(4), cursor.number(4)
    if version not in {1, 2}:
        raise ValueError(f"its version is {version}")
    found: list[Entry] = []
    for _ in range(count):
        kind = cursor.number(4)
        alias = cursor.string(2).decode("utf-8", "replace")
        cursor.take(8)  # when it was made
        if kind == _SECRET:
            javaobjects.skip(cursor)
            continue
        if kind not in {_KEY, _CERTIFICATE}:
            raise ValueError(f"an entry has the kind {kind}")
        key = cursor.string() if kind == _KEY else b""
        certs = []
        for _ in range(cursor.number(4) if kind == _KEY else 1):
            if version == 2:
                cursor.string(2)  # the type of certificate: X.509
            certs.append(certificate(cursor.string()))
        found.append(Entry(alias, key, tuple(certs)))
    if cursor.at != len(cursor.data):
        raise ValueError(f"something follows its end at byte {cursor.at}")
    return found


def _opened(entries: list[Entry], password: str, most: int) -> tuple[list[PrivateKeyTypes], dict[bytes, str]]:
    """Return the keys that the password opens, and by its certificate why it does not open another.

    Args:
        entries: The store's entries.
        password: What may open them.
        most: The rounds of hashing that may be spent on all of them.
    """
    keys: list[PrivateKeyTypes] = []
    locked = {}
    for entry in entries:
        if not entry.key:
            continue
        try:
            protected = _parsed(entry.key)
            most -= protected.rounds
            if most < 0:
                raise ValueError("the keys before it took too many rounds of hashing")
            keys.append(_unprotected(protected, password))
        except (ValueError, IndexError, TypeError, UnsupportedAlgorithm) as error:
            why = f"the key of '{entry.alias}' has a password of its own, or can't be read: {error}"
            locked.update({der_of(cert): why for cert in entry.certificates[:1]})
    return keys, locked


class _Protected(NamedTuple):
    """A key as it is protected; JKS has neither a salt beside it nor rounds."""

    content: bytes
    salt: bytes = b""
    rounds: int = 0


def _parsed(key: bytes) -> _Protected:
    """Read an EncryptedPrivateKeyInfo, whose algorithms are Java's own."""
    algorithm, encrypted = expect(node(measured(key, WHAT)), SEQUENCE)
    name, *parameters = expect(algorithm, SEQUENCE)
    if name.content == _SUN_PROTECTOR:
        return _Protected(octets(encrypted))
    if name.content == _JCE_PROTECTOR:
        salt, count = expect(parameters[0], SEQUENCE)
        return _Protected(octets(encrypted), octets(salt), costs.rounds(int.from_bytes(count.content, "big")))
    raise ValueError("its protection is not known here")


def _unprotected(key: _Protected, password: str) -> PrivateKeyTypes:
    plain = _jce(key, password) if key.rounds else _sun(key.content, password)
    return load_der_private_key(plain, None)


def _sun(data: bytes, password: str) -> bytes:
    """Undo KeyProtector of JKS: a stream of SHA-1 digests, each of the password and the one before."""
    secret = password.encode("utf-16-be")
    salt, encrypted, digest = data[:20], data[20:-20], data[-20:]
    block, blocks = salt, []
    for _ in range(0, len(encrypted), 20):
        block = hashlib.sha1(secret + block).digest()  # noqa: S324 - the format's
        blocks.append(block)
    plain = bytes(a ^ b for a, b in zip(encrypted, b"".join(blocks), strict=False))
    if not hmac.compare_digest(hashlib.sha1(secret + plain).digest(), digest):  # noqa: S324 - the format's
        raise ValueError("the password does not fit")
    return plain


def _jce(key: _Protected, password: str) -> bytes:
    """Undo PBEWithMD5AndTripleDES of JCEKS: each half of the salt makes, by MD5, one half of the key and of the IV."""
    secret = password.encode("ascii")  # UnicodeEncodeError is a ValueError: Java takes no other password here
    salt = key.salt
    if len(salt) != 8:
        raise ValueError("its salt has the wrong size")
    halves = [salt[:4], salt[4:]]
    if halves[0] == halves[1]:  # Java means to reverse the first half, and does this
        halves[0] = bytes([salt[3], salt[0], salt[1], salt[3]])
    made = b""
    for half in halves:
        digest = half
        for _ in range(key.rounds):
            digest = hashlib.md5(digest + secret).digest()  # noqa: S324 - the format's
        made += digest
    decryptor = Cipher(TripleDES(made[:24]), CBC(made[24:])).decryptor()
    plain = decryptor.update(key.content) + decryptor.finalize()
    if not 1 <= plain[-1] <= 8:
        raise ValueError("the password does not fit")
    return plain[: -plain[-1]]
