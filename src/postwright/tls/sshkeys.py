"""Keys as SSH writes them: OpenSSH's private keys, and public keys in its one-line form and in that of RFC 4716."""

from __future__ import annotations

import re

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

from postwright.errors import CredentialsUnusable, SecurityLibraryMissing
from postwright.tls import costs
from postwright.tls.contents import Contents, damaged, measured, wrong_password
from postwright.tls.octets import Cursor, from_base64

WHAT = "the SSH public key"
PRIVATE = "the OpenSSH key"
NOTE = (
    "an SSH public key holds no private key and no certificate, so it can't log in: take the private key that it "
    "belongs to (PEM_KEY_FILE, or PPK_FILE for PuTTY's), and give the certificate as ssl_cert_encoded"
)

_MAGIC = b"openssh-key-v1\0"
_RFC4716 = re.compile(rb"---- BEGIN SSH2 PUBLIC KEY ----\s*(.*?)---- END SSH2 PUBLIC KEY ----", re.DOTALL)
_TYPES = (b"ssh-rsa", b"ssh-ed25519", b"ecdsa-sha2-nistp256", b"ecdsa-sha2-nistp384", b"ecdsa-sha2-nistp521")
_MOST_ROUNDS = 2000  # of bcrypt, a few milliseconds each; ssh-keygen does 16 or 24


def private(
    pem: bytes, inside: bytes, password: str
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey:
    """Return the private key of an OPENSSH PRIVATE KEY block.

    Raises:
        CertificateStoreUnreadable: It is damaged, or the password is wrong.
        CredentialsUnusable: It is of a kind that TLS can't use.
        SecurityLibraryMissing: It is encrypted, and nothing here can do bcrypt.
    """
    encrypted = _check(measured(inside, PRIVATE))
    if encrypted and not password:
        raise wrong_password(PRIVATE, password)
    try:
        found = serialization.load_ssh_private_key(pem, password.encode() if encrypted else None)
    except UnsupportedAlgorithm as error:
        if "bcrypt" in str(error):
            raise SecurityLibraryMissing(
                f"{PRIVATE} is encrypted with bcrypt: pip install bcrypt; or write the key as PKCS#8 with ssh-keygen -p"
            ) from None
        raise CredentialsUnusable(f"{PRIVATE} has a key, or an encryption, that is not supported: {error}") from None
    except (ValueError, TypeError, RuntimeError) as error:  # the last for points of a curve in another form
        raise (wrong_password(PRIVATE, password) if encrypted else damaged(PRIVATE, error)) from None
    if not isinstance(found, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey):
        raise CredentialsUnusable(f"{PRIVATE} is of a kind that TLS can't use")
    return found


def _check(inside: bytes) -> bool:
    """Check what can be read without the password, and return whether there is one."""
    cursor = Cursor(inside)
    if cursor.take(len(_MAGIC)) != _MAGIC:
        raise damaged(PRIVATE, "it does not begin as it should")
    cipher, _, options = cursor.string(), cursor.string(), Cursor(cursor.string())
    if cursor.number(4) != 1:
        raise damaged(PRIVATE, "it does not hold exactly one key")
    kind = Cursor(cursor.string()).string()
    if kind not in _TYPES:
        # DSA, and keys in a FIDO device, whose signatures are not those of TLS
        raise CredentialsUnusable(f"{PRIVATE} is a {kind[:40]!r}, which TLS can't use: take RSA, ECDSA or Ed25519")
    if cipher == b"none":
        return False
    options.string()  # the salt
    costs.rounds(options.number(4), _MOST_ROUNDS)
    return True


def read(data: bytes, _password: str) -> Contents:
    """Check that this is an SSH public key; the result says why that can't log in.

    Raises:
        CertificateStoreUnreadable: It is none.
    """
    if match := _RFC4716.search(data):
        text = _without_headers(match[1])
        inside = from_base64(text)
        data = Cursor(inside).string() + b" " + b"".join(text.split())
    line = next((line for line in data.splitlines() if line.strip() and not line.startswith(b"#")), b"")
    kind, _, rest = line.strip().partition(b" ")
    try:
        if Cursor(from_base64(rest.partition(b" ")[0])).string() != kind:
            raise ValueError("it is of another kind than it says")
    except ValueError as error:
        raise damaged(WHAT, error) from None
    return Contents(WHAT, note=NOTE)


def _without_headers(text: bytes) -> bytes:
    """Return the base64 of an RFC 4716 key; a header that ends in a backslash goes on in the next line."""
    kept, goes_on = [], False
    for line in text.splitlines():
        if not goes_on and b":" not in line:
            kept.append(line)
        goes_on = (goes_on or b":" in line) and line.endswith(b"\\")
    return b"\n".join(kept)
