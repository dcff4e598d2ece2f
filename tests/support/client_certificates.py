"""Client certificates to put into stores, the programs that write stores, and a server that wants a certificate."""

from __future__ import annotations

import datetime as dt
import functools
import hashlib
import os
import shutil
import ssl
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tests.interop.servers import missing

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import (
        CertificateIssuerPrivateKeyTypes,
        CertificatePublicKeyTypes,
    )
    from cryptography.hazmat.primitives.serialization import KeySerializationEncryption

    from postwright.tls.credentials import Credential

PASSWORD = "päss wörd"  # not ASCII, and with a blank
PLAIN = "testpass"  # for programs that take ASCII only
START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
NAMES = {"CN": NameOID.COMMON_NAME, "O": NameOID.ORGANIZATION_NAME, "C": NameOID.COUNTRY_NAME}


class Pair(NamedTuple):
    """A key and its certificate."""

    key: CertificateIssuerPrivateKeyTypes
    cert: x509.Certificate

    @property
    def der(self) -> bytes:
        return self.cert.public_bytes(Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.cert.public_bytes(Encoding.PEM)

    def key_pem(self, form: PrivateFormat = PrivateFormat.PKCS8, password: str = "") -> bytes:
        encryption: KeySerializationEncryption = NoEncryption()
        if password:
            encryption = BestAvailableEncryption(password.encode())
        return self.key.private_bytes(Encoding.PEM, form, encryption)

    def key_der(self) -> bytes:
        return self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def named(**fields: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NAMES[kind], value) for kind, value in fields.items()])


def issue(
    public: CertificatePublicKeyTypes,
    subject: x509.Name,
    issuer: Pair | None = None,
    *,
    key: CertificateIssuerPrivateKeyTypes | None = None,
    authority: bool = False,
    days: int = 20000,
) -> x509.Certificate:
    """Return a certificate for a public key; without an issuer it is signed with the key itself."""
    signer = issuer.key if issuer else key
    assert signer
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.cert.subject if issuer else subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(START)
        .not_valid_after(START + dt.timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
    )
    if not authority:
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.SERVER_AUTH])
        builder = builder.add_extension(usage, critical=False)
    edwards = isinstance(signer, ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey)
    return builder.sign(signer, None if edwards else hashes.SHA256())


@functools.cache
def new_key(
    kind: str,
) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey:
    if kind.startswith("rsa"):
        return rsa.generate_private_key(65537, 2048)
    curves = {"ec": ec.SECP256R1(), "ec384": ec.SECP384R1(), "ec521": ec.SECP521R1(), "other": ec.SECP256R1()}
    if kind in curves:
        return ec.generate_private_key(curves[kind])
    return ed25519.Ed25519PrivateKey.generate() if kind == "ed25519" else ed448.Ed448PrivateKey.generate()


@functools.cache
def root() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    return Pair(key, issue(key.public_key(), named(O="Stores", CN="Root"), key=key, authority=True))


@functools.cache
def inter() -> Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    return Pair(key, issue(key.public_key(), named(O="Stores", CN="Intermediate"), root(), authority=True))


@functools.cache
def leaf(kind: str = "ec", name: str = "alice", days: int = 20000) -> Pair:
    """Return a client's pair: issued by the intermediate, its key by its kind."""
    key = new_key(kind)
    return Pair(key, issue(key.public_key(), named(C="DE", O="Stores, Inc.", CN=name), inter(), days=days))


# --- programs ----------------------------------------------------------------------------------------------------


def program(name: str, package: str) -> str:
    """Return a program's path; the test is skipped, or fails, where it is not there."""
    found = shutil.which(name)
    if not found:
        missing(f"{name} is not installed ({package})")
    return found


def run(*words: str | Path, given: bytes = b"", environment: dict[str, str] | None = None) -> bytes:
    result = subprocess.run(
        [str(word) for word in words],
        input=given,
        capture_output=True,
        check=False,
        env=os.environ | (environment or {}),
    )
    assert result.returncode == 0, f"{words[0]}: {result.stderr.decode()}{result.stdout.decode()}"
    return result.stdout


def openssl(*words: str | Path) -> bytes:
    return run(program("openssl", "openssl"), *words)


def keytool(*words: str | Path) -> None:
    run(
        program("keytool", "default-jre-headless"),
        *words,
        "-noprompt",
        environment={"JAVA_TOOL_OPTIONS": "-XX:TieredStopAtLevel=1"},
    )


def pfx(folder: Path, pair: Pair, password: str, *options: str) -> Path:
    """Return a PFX file that OpenSSL made, with the intermediate."""
    key, cert, chain, made = (folder / f"{pair.cert.serial_number}.{end}" for end in ("key", "crt", "chain", "pfx"))
    key.write_bytes(pair.key_pem())
    cert.write_bytes(pair.pem)
    chain.write_bytes(inter().pem)
    words = ("pkcs12", "-export", "-inkey", key, "-in", cert, "-certfile", chain, "-out", made, "-name", "me")
    openssl(*words, "-passout", f"pass:{password}", *options)
    return made


# --- an independent writer of Java's keystores -------------------------------------------------------------------


def java_store(entries: list[tuple[str, bytes, list[bytes]]], password: str, *, jceks: bool = False) -> bytes:
    """Return a keystore: alias, protected key (empty: a trusted certificate) and certificates of each entry."""
    text = b"\xce\xce\xce\xce" if jceks else b"\xfe\xed\xfe\xed"
    text += (2).to_bytes(4, "big") + len(entries).to_bytes(4, "big")
    for alias, key, certs in entries:
        text += (1 if key else 2).to_bytes(4, "big") + _utf(alias) + bytes(8)
        text += len(key).to_bytes(4, "big") + key + len(certs).to_bytes(4, "big") if key else b""
        for cert in certs:
            text += _utf("X.509") + len(cert).to_bytes(4, "big") + cert
    return text + hashlib.sha1(password.encode("utf-16-be") + b"Mighty Aphrodite" + text).digest()


def java_protected(key: bytes, password: str, salt: bytes = b"0123456789abcdefghij") -> bytes:
    """Return a key (PKCS#8) as KeyProtector of JKS protects it."""
    secret, stream, last = password.encode("utf-16-be"), b"", salt
    while len(stream) < len(key):
        last = hashlib.sha1(secret + last).digest()
        stream += last
    hidden = bytes(a ^ b for a, b in zip(key, stream, strict=False))
    value = salt + hidden + hashlib.sha1(secret + key).digest()
    oid = bytes.fromhex("060a2b060104012a02110101")
    return der(0x30, der(0x30, oid + b"\x05\x00") + der(0x04, value))


def _utf(text: str) -> bytes:
    return len(text.encode()).to_bytes(2, "big") + text.encode()


def der(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    octets = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(octets)]) + octets + content


# --- the proof ---------------------------------------------------------------------------------------------------


@functools.cache
def _server(trusted: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = leaf("other", "server")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "server.pem")
        file.write_bytes(pair.key_pem() + pair.pem)
        context.load_cert_chain(file)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=trusted)  # the root alone: the client must show the rest
    return context


def client(credential: Credential) -> ssl.SSLContext:
    """Return a context of the standard library that logs in with a credential."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    key = credential.key
    assert isinstance(
        key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey
    )
    text = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    text += "".join(map(ssl.DER_cert_to_PEM_cert, (credential.certificate, *credential.chain))).encode()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "client.pem")
        file.write_bytes(text)
        context.load_cert_chain(file)
    return context


def log_in(context: ssl.SSLContext, trusted: str = "") -> bytes:
    """Log in by mutual TLS, in memory, and return the certificate that the server verified."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = _server(trusted or root().pem.decode()).wrap_bio(to_server, to_client, server_side=True)
    mine = context.wrap_bio(to_client, to_server)
    waiting = [mine, server]
    for _ in range(20):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
    assert not waiting, "the handshake does not end"
    found = server.getpeercert(binary_form=True)
    assert found
    return found
