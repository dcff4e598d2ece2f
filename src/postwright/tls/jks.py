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

from postwright.tls import costs, pfx
from postwright.tls.contents import Contents, certificate, damaged, der_of, distinct, measured, wrong_password
from postwright.tls.octets import SEQUENCE, Cursor, expect, node, octets

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

WHAT = "the Java keystore"
MAGICS = (b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce")  # JKS, JCEKS

_SALT = b"Mighty Aphrodite"  # the Java developers' idea of a salt
_KEY, _CERTIFICATE, _SECRET = 1, 2, 3
_SUN_PROTECTOR = bytes.fromhex("2b060104012a02110101")
_JCE_PROTECTOR = bytes.fromhex("2b060104012a021301")


class Entry(NamedTuple):
    """One entry: a key that is still encrypted, or none, and its certificates."""

    alias: str
    key: bytes
    certificates: tuple[x509.Certificate, ...]


def read(data: bytes, password: str) -> Contents:
    """Read all keys that the password opens, and all certificates.

    Raises:
        CertificateStoreUnreadable: It is damaged, or the password is wrong.
    """
    if data[:1] == b"\x30":
        return pfx.read(data, password)
    if data[:4] not in MAGICS:
        raise damaged(WHAT, "it does not begin as a keystore of type JKS or JCEKS does")
    try:
        entries, hidden = _entries(Cursor(data[:-20]))
    except ValueError as error:
        raise damaged(WHAT, error) from None
    digest = hashlib.sha1(password.encode("utf-16-be") + _SALT + data[:-20]).digest()  # noqa: S324 - the format's
    if not hmac.compare_digest(digest, data[-20:]):
        raise wrong_password(WHAT, password)
    keys: list[PrivateKeyTypes] = []
    locked = {}
    for entry in entries:
        try:
            keys += [_unprotected(entry.key, password)] if entry.key else []
        except (ValueError, IndexError, TypeError, UnsupportedAlgorithm) as error:
            why = f"the key of '{entry.alias}' has a password of its own, or can't be read: {error}"
            locked.update({der_of(cert): why for cert in entry.certificates[:1]})
    chains = {der_of(entry.certificates[0]): entry.certificates[1:] for entry in entries if entry.certificates}
    certs = tuple(cert for entry in entries for cert in entry.certificates)
    return Contents(WHAT + hidden, distinct(keys), certs, chains, locked=locked)


def _entries(cursor: Cursor) -> tuple[list[Entry], str]:
    """Return the entries, and a word on those that could not be reached."""
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
            # A serialized Java object, which does not say where it ends.
            return found, f" (a secret key, '{alias}', hides the entries behind it)"
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
    return found, ""


def _unprotected(protected: bytes, password: str) -> PrivateKeyTypes:
    """Return a key from its EncryptedPrivateKeyInfo, whose algorithms are Java's own."""
    algorithm, encrypted = expect(node(measured(protected, WHAT)), SEQUENCE)
    name, *parameters = expect(algorithm, SEQUENCE)
    if name.content == _SUN_PROTECTOR:
        return load_der_private_key(_sun(octets(encrypted), password), None)
    if name.content == _JCE_PROTECTOR:
        salt, count = expect(parameters[0], SEQUENCE)
        times = costs.rounds(int.from_bytes(count.content, "big"))
        return load_der_private_key(_jce(octets(encrypted), password, octets(salt), times), None)
    raise ValueError("its protection is not known here")


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


def _jce(data: bytes, password: str, salt: bytes, count: int) -> bytes:
    """Undo PBEWithMD5AndTripleDES of JCEKS: each half of the salt makes, by MD5, one half of the key and of the IV."""
    secret = password.encode("ascii")  # UnicodeEncodeError is a ValueError: Java takes no other password here
    if len(salt) != 8:
        raise ValueError("its salt has the wrong size")
    halves = [salt[:4], salt[4:]]
    if halves[0] == halves[1]:  # Java means to reverse the first half, and does this
        halves[0] = bytes([salt[3], salt[0], salt[1], salt[3]])
    made = b""
    for half in halves:
        digest = half
        for _ in range(count):
            digest = hashlib.md5(digest + secret).digest()  # noqa: S324 - the format's
        made += digest
    decryptor = Cipher(TripleDES(made[:24]), CBC(made[24:])).decryptor()
    plain = decryptor.update(data) + decryptor.finalize()
    if not 1 <= plain[-1] <= 8:
        raise ValueError("the password does not fit")
    return plain[: -plain[-1]]
