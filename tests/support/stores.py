"""The stores that the tests open: one of each format, and a proof that what comes out of it logs in."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat, pkcs7

from postwright.enums import SSLCertStoreType as K
from postwright.tls.stores import subject_of
from tests.support.client_certificates import PLAIN, client, inter, java_protected, java_store, leaf, log_in, pfx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from postwright.tls.credentials import Credential
    from tests.support.client_certificates import Pair

SUBJECT = 'CN=alice, O="Stores, Inc.", C=DE'
DSIG = 'xmlns="http://www.w3.org/2000/09/xmldsig#"'


def proven(credential: Credential, pair: Pair) -> None:
    """The credential is this pair with the whole chain, and a server lets it in."""
    assert credential.certificate == pair.der
    assert credential.chain == (inter().der,)
    assert subject_of(credential) == SUBJECT
    assert log_in(client(credential)) == pair.der


def url64(value: int | bytes, size: int = 0) -> str:
    octets = value if isinstance(value, bytes) else value.to_bytes(size or (value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def jwk_members(pair: Pair) -> dict[str, Any]:
    """Return a private key as RFC 7518 section 6 and RFC 8037 section 2 write it."""
    key = pair.key
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.private_numbers()
        whole, parts = numbers.public_numbers, (numbers.dmp1, numbers.dmq1, numbers.iqmp)
        named = {"n": whole.n, "e": whole.e, "d": numbers.d, "p": numbers.p, "q": numbers.q}
        named |= dict(zip(("dp", "dq", "qi"), parts, strict=True))
        return {"kty": "RSA"} | {name: url64(number) for name, number in named.items()}
    if isinstance(key, ec.EllipticCurvePrivateKey):
        size = (key.curve.key_size + 7) // 8
        point = key.public_key().public_numbers()
        values = {"x": point.x, "y": point.y, "d": key.private_numbers().private_value}
        named_curve = {"crv": f"P-{key.curve.key_size}"}
        return {"kty": "EC"} | named_curve | {name: url64(value, size) for name, value in values.items()}
    assert isinstance(key, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    curve = "Ed25519" if isinstance(key, ed25519.Ed25519PrivateKey) else "Ed448"
    return {
        "kty": "OKP",
        "crv": curve,
        "x": url64(key.public_key().public_bytes_raw()),
        "d": url64(key.private_bytes_raw()),
    }


def jwk_text(pair: Pair, *, chain: tuple[Pair, ...] = (), certified: bool = True, **more: object) -> bytes:
    listed = [base64.b64encode(one.der).decode() for one in (pair, *chain)]
    return json.dumps(jwk_members(pair) | ({"x5c": listed} if certified else {}) | more).encode()


def xml_key(pair: Pair, *, private: bool = True, few: bool = False) -> str:
    """Return what RSA.ToXmlString of .NET writes."""
    assert isinstance(pair.key, rsa.RSAPrivateKey)
    numbers = pair.key.private_numbers()
    values = {"Modulus": numbers.public_numbers.n, "Exponent": numbers.public_numbers.e}
    if private and not few:
        values |= {"P": numbers.p, "Q": numbers.q, "DP": numbers.dmp1, "DQ": numbers.dmq1, "InverseQ": numbers.iqmp}
    if private:
        values["D"] = numbers.d
    texts = {
        name: base64.b64encode(value.to_bytes((value.bit_length() + 7) // 8, "big")) for name, value in values.items()
    }
    return "<RSAKeyValue>" + "".join(f"<{n}>{text.decode()}</{n}>" for n, text in texts.items()) + "</RSAKeyValue>"


def xml_text(pair: Pair, *chain: Pair) -> bytes:
    certs = "".join(
        f"<X509Certificate>\n{base64.encodebytes(one.der).decode()}</X509Certificate>" for one in (pair, *chain)
    )
    text = f"<KeyInfo {DSIG}><!-- mine --><KeyValue>{xml_key(pair)}</KeyValue><X509Data>{certs}</X509Data></KeyInfo>"
    return f'<?xml version="1.0"?>\n{text}'.encode()


def pem_file(_: Path, pair: Pair) -> bytes:
    return pair.key_pem() + pair.pem + inter().pem


def java_file(_: Path, pair: Pair) -> bytes:
    return java_store([("me", java_protected(pair.key_der(), PLAIN), [pair.der, inter().der])], PLAIN)


def jwk_file(_: Path, pair: Pair) -> bytes:
    return jwk_text(pair, chain=(inter(),))


def xml_file(_: Path, pair: Pair) -> bytes:
    return xml_text(pair, inter())


WHOLE: dict[str, tuple[int, int, str, Callable[[Path, Pair], bytes]]] = {
    "pfx": (K.PFX_FILE, K.PFX_BLOB, "rsa", lambda folder, pair: pfx(folder, pair, PLAIN).read_bytes()),
    "jks": (K.JKS_FILE, K.JKS_BLOB, "ec", java_file),
    "pem": (K.PEM_KEY_FILE, K.PEM_KEY_BLOB, "ec", pem_file),
    "xml": (K.XML_FILE, K.XML_BLOB, "rsa", xml_file),
    "jwk": (K.JWK_FILE, K.JWK_BLOB, "ed25519", jwk_file),
}


KEY_FORMS: dict[str, Callable[[Pair], bytes]] = {
    "PKCS#8": lambda pair: pair.key_pem(),
    "PKCS#8, encrypted": lambda pair: pair.key_pem(password=PLAIN),
    "traditional": lambda pair: pair.key_pem(PrivateFormat.TraditionalOpenSSL),
    "traditional, encrypted": lambda pair: pair.key_pem(PrivateFormat.TraditionalOpenSSL, PLAIN),
    "OpenSSH": lambda pair: pair.key_pem(PrivateFormat.OpenSSH),
    "DER": lambda pair: pair.key_der(),
    "DER, traditional": lambda pair: pair.key.private_bytes(
        Encoding.DER, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    ),
}


def ssh_public(pair: Pair) -> bytes:
    return pair.key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)


def rfc4716(pair: Pair) -> bytes:
    text = ssh_public(pair).split()[1]
    lines = b"\n".join(text[at : at + 60] for at in range(0, len(text), 60))
    head = b'---- BEGIN SSH2 PUBLIC KEY ----\nComment: "a comment that \\\n  goes on"\n'
    return head + lines + b"\n---- END SSH2 PUBLIC KEY ----\n"


def bundle(form: Encoding) -> bytes:
    return pkcs7.serialize_certificates([leaf().cert, inter().cert], form)


def public(form: Encoding) -> bytes:
    return leaf().key.public_key().public_bytes(form, PublicFormat.SubjectPublicKeyInfo)


HALVES: dict[str, tuple[int, int, Callable[[], bytes], str]] = {
    "certificate, PEM": (8, 9, lambda: leaf().pem, "holds a certificate and no private key"),
    "certificate, DER": (8, 9, lambda: leaf().der, "holds a certificate and no private key"),
    "public key, PEM": (8, 9, lambda: public(Encoding.PEM), "a public key without a certificate"),
    "public key, DER": (8, 9, lambda: public(Encoding.DER), "a public key without a certificate"),
    "SSH": (13, 10, lambda: ssh_public(leaf("ed25519")) + b" me@example.org\n", "an SSH public key"),
    "RFC 4716": (13, 10, lambda: rfc4716(leaf("rsa")), "an SSH public key"),
    "P7B, PEM": (11, 12, lambda: bundle(Encoding.PEM), "never a private key"),
    "P7B, DER": (11, 12, lambda: bundle(Encoding.DER), "never a private key"),
}
