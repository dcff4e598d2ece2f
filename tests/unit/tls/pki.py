"""Certificates of every kind, good and bad, made once in memory."""

from __future__ import annotations

import datetime as dt
import functools
import ipaddress
from typing import TYPE_CHECKING, Any, NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

if TYPE_CHECKING:
    from collections.abc import Callable

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)
SERVER, CLIENT, CODE = (
    ExtendedKeyUsageOID.SERVER_AUTH,
    ExtendedKeyUsageOID.CLIENT_AUTH,
    ExtendedKeyUsageOID.CODE_SIGNING,
)


class Party(NamedTuple):
    """A certificate with its key, and what is shown with it."""

    cert: x509.Certificate
    key: Any
    chain: tuple[x509.Certificate, ...] = ()

    @property
    def der(self) -> bytes:
        return self.cert.public_bytes(Encoding.DER)

    @property
    def ders(self) -> tuple[bytes, ...]:
        return tuple(cert.public_bytes(Encoding.DER) for cert in (self.cert, *self.chain))

    @property
    def pem(self) -> str:
        return self.cert.public_bytes(Encoding.PEM).decode()

    @property
    def key_pem(self) -> bytes:
        made: bytes = self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return made

    @property
    def all_pem(self) -> bytes:
        """Key, certificate and chain, as a server reads them."""
        return self.key_pem + b"".join(cert.public_bytes(Encoding.PEM) for cert in (self.cert, *self.chain))


def name(text: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, 'Tests, "the" Company')
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, text)])


def issue(
    subject: str,
    issuer: Party | None,
    *,
    key: Any = None,
    authority: bool = False,
    hosts: tuple[str, ...] = ("localhost",),
    usage: x509.ObjectIdentifier = SERVER,
    begins: dt.datetime = NOW - DAY,
    ends: dt.datetime = NOW + 300 * DAY,
    algorithm: hashes.HashAlgorithm | None = None,
    staple: bool = False,
) -> Party:
    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = issuer.key if issuer else key
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(issuer.cert.subject if issuer else name(subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.BasicConstraints(authority, None), critical=True)
    )
    if not authority:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if hosts:
            builder = builder.add_extension(x509.SubjectAlternativeName([*map(_alternative, hosts)]), critical=False)
    if staple:
        builder = builder.add_extension(x509.TLSFeature([x509.TLSFeatureType.status_request]), critical=False)
    own = None if isinstance(signer, ed25519.Ed25519PrivateKey) else algorithm or hashes.SHA256()
    cert = builder.sign(signer, own)  # type: ignore[arg-type]
    chain = (issuer.cert,) if issuer and issuer.cert.issuer != issuer.cert.subject else ()
    return Party(cert, key, chain)


def _alternative(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


@functools.cache
def root() -> Party:
    return issue("Test Root", None, authority=True)


@functools.cache
def intermediate() -> Party:
    return issue("Test Intermediate", root(), authority=True)


@functools.cache
def rsa_intermediate() -> Party:
    return issue("RSA Intermediate", root(), authority=True, key=rsa.generate_private_key(65537, 2048))


@functools.cache
def ed25519_intermediate() -> Party:
    return issue("Ed25519 Intermediate", root(), authority=True, key=ed25519.Ed25519PrivateKey.generate())


@functools.cache
def stranger() -> Party:
    return issue("Some Other Root", None, authority=True)


def _under_a_leaf() -> Party:
    middle = issue("not an authority", intermediate())
    made = issue("localhost", middle)
    return made._replace(chain=(middle.cert, intermediate().cert))


def _with_sha1(made: Party) -> Party:
    """Sign a certificate again as nobody should: cryptography itself refuses to."""
    sha256, sha1 = bytes.fromhex("2a864886f70d01010b"), bytes.fromhex("2a864886f70d010105")
    body = made.cert.tbs_certificate_bytes.replace(sha256, sha1)
    signature = rsa_intermediate().key.sign(body, padding.PKCS1v15(), hashes.SHA1())
    der = made.der.replace(sha256, sha1)
    assert body in der
    return made._replace(cert=x509.load_der_x509_certificate(der[: -len(signature)] + signature))


_MAKERS: dict[str, Callable[[], Party]] = {
    "good": lambda: issue("localhost", intermediate(), hosts=("localhost", "127.0.0.1", "::1", "*.example.test")),
    "rsa": lambda: issue("localhost", intermediate(), key=rsa.generate_private_key(65537, 2048)),
    "ed25519": lambda: issue("localhost", intermediate(), key=ed25519.Ed25519PrivateKey.generate()),
    "sha384": lambda: issue("localhost", intermediate(), algorithm=hashes.SHA384()),
    "expired": lambda: issue("localhost", intermediate(), begins=NOW - 9 * DAY, ends=NOW - 2 * DAY),
    "notyet": lambda: issue("localhost", intermediate(), begins=NOW + 2 * DAY),
    "wronghost": lambda: issue("other", intermediate(), hosts=("other.example",)),
    "selfsigned": lambda: issue("localhost", None),
    "unknownca": lambda: issue("localhost", stranger()),
    "weakkey": lambda: issue("localhost", intermediate(), key=rsa.generate_private_key(65537, 1024)),
    "sha1": lambda: _with_sha1(issue("localhost", rsa_intermediate())),
    "noint": lambda: issue("localhost", intermediate())._replace(chain=()),
    "wrongeku": lambda: issue("localhost", intermediate(), usage=CODE),
    "nosan": lambda: issue("localhost", intermediate(), hosts=()),
    "revoked": lambda: issue("localhost", intermediate()),
    "stapled": lambda: issue("localhost", intermediate(), staple=True),
    "underleaf": _under_a_leaf,
    "expired-wronghost": lambda: issue(
        "other", intermediate(), hosts=("other.example",), begins=NOW - 9 * DAY, ends=NOW - 2 * DAY
    ),
    "expired-wronghost-unknownca": lambda: issue(
        "other", stranger(), hosts=("other.example",), begins=NOW - 9 * DAY, ends=NOW - 2 * DAY
    ),
    "expired-wrongeku": lambda: issue(
        "localhost", intermediate(), usage=CODE, begins=NOW - 9 * DAY, ends=NOW - 2 * DAY
    ),
    "notyet-wronghost-wrongeku": lambda: issue(
        "other", intermediate(), hosts=("other.example",), usage=CODE, begins=NOW + 2 * DAY
    ),
    "ed25519-issued": lambda: issue("localhost", ed25519_intermediate()),
    "rsa-issued": lambda: issue("localhost", rsa_intermediate()),
    "client": lambda: issue("alice", intermediate(), hosts=("alice.example",), usage=CLIENT),
    "rsa-client": lambda: issue(
        "bob", intermediate(), hosts=("bob.example",), usage=CLIENT, key=rsa.generate_private_key(65537, 2048)
    ),
    "client-selfsigned": lambda: issue("mallory", None, usage=CLIENT),
}


@functools.cache
def party(kind: str) -> Party:
    """A certificate of the set, by its name."""
    return _MAKERS[kind]()


def crl(issuer: Party, *revoked: Party, ends: dt.datetime = NOW + DAY) -> str:
    """A revocation list in PEM."""
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.cert.subject)
    builder = builder.last_update(NOW - 2 * DAY).next_update(ends)
    for one in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(one.cert.serial_number).revocation_date(NOW - DAY)
        builder = builder.add_revoked_certificate(entry.build())
    return builder.sign(issuer.key, hashes.SHA256()).public_bytes(Encoding.PEM).decode()


def answer(
    about: Party,
    issuer: Party,
    status: ocsp.OCSPCertStatus = ocsp.OCSPCertStatus.GOOD,
    *,
    signer: Party | None = None,
    ends: dt.datetime = NOW + DAY,
) -> bytes:
    """An OCSP answer."""
    by = signer or issuer
    revoked = status is ocsp.OCSPCertStatus.REVOKED
    builder = ocsp.OCSPResponseBuilder().add_response(
        cert=about.cert,
        issuer=issuer.cert,
        algorithm=hashes.SHA256(),
        cert_status=status,
        this_update=NOW - 2 * DAY,
        next_update=ends,
        revocation_time=NOW - DAY if revoked else None,
        revocation_reason=None,
    )
    builder = builder.responder_id(ocsp.OCSPResponderEncoding.HASH, by.cert)
    if signer:
        builder = builder.certificates([signer.cert])
    own = None if isinstance(by.key, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return builder.sign(by.key, own).public_bytes(Encoding.DER)
