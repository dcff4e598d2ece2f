"""The OCSP answer that a server shows with its certificate (RFC 6066 section 8): whether it was revoked.

Only an answer that its issuer signed counts, or somebody whom the issuer appointed for it (RFC 6960 section 4.2.2.2).
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID

from postwright.tls.certificate import demands_staple
from postwright.tls.faults import NOT_STAPLED, REVOKED, Fault

if TYPE_CHECKING:
    from collections.abc import Iterable

_SKEW = dt.timedelta(minutes=5)  # clocks differ


def faults(answer: bytes, chain: tuple[bytes, ...]) -> list[Fault]:
    """Return what an answer says against a certificate; a certificate may also demand that there is one (RFC 7633)."""
    if not chain:
        return []
    problem, revoked = "is not there", False
    if answer:
        try:
            problem, revoked = _read(answer, chain)
        except (ValueError, InvalidSignature, UnsupportedAlgorithm, TypeError) as error:
            problem = f"can't be read: {error}" if str(error) else "has a wrong signature"
    if revoked:
        return [Fault(REVOKED)]
    return [Fault(NOT_STAPLED, problem)] if problem and demands_staple(chain[0]) else []


def _read(answer: bytes, chain: tuple[bytes, ...]) -> tuple[str, bool]:
    """Return what is wrong with an answer, "" for nothing, and whether it says that the certificate was revoked."""
    response = ocsp.load_der_ocsp_response(answer)
    if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
        return f"says {response.response_status.name.lower().replace('_', ' ')}", False
    leaf, *others = (x509.load_der_x509_certificate(der) for der in chain)
    issuer = next((cert for cert in others if cert.subject == leaf.issuer), None)
    if issuer is None:
        return "can't be checked without the certificate of the issuer", False
    if not _signed(response, issuer):
        return "was signed by nobody who may", False
    single = next((each for each in response.responses if each.serial_number == leaf.serial_number), None)
    if single is None:
        return "is about another certificate", False
    now = dt.datetime.now(dt.UTC)
    if single.this_update_utc - _SKEW > now or (single.next_update_utc and single.next_update_utc + _SKEW < now):
        return "is not valid now", False
    if single.certificate_status is ocsp.OCSPCertStatus.UNKNOWN:
        return "does not know it", False
    return "", single.certificate_status is ocsp.OCSPCertStatus.REVOKED


def _signed(response: ocsp.OCSPResponse, issuer: x509.Certificate) -> bool:
    for signer in (issuer, *_appointed(response.certificates, issuer)):
        try:
            _verify(response, signer)
        except InvalidSignature:
            continue
        return True
    return False


def _appointed(certificates: Iterable[x509.Certificate], issuer: x509.Certificate) -> list[x509.Certificate]:
    found = []
    now = dt.datetime.now(dt.UTC)
    for cert in certificates:
        try:
            cert.verify_directly_issued_by(issuer)
            usage = cert.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
            continue
        if ExtendedKeyUsageOID.OCSP_SIGNING in usage and cert.not_valid_before_utc <= now <= cert.not_valid_after_utc:
            found.append(cert)
    return found


def _verify(response: ocsp.OCSPResponse, signer: x509.Certificate) -> None:
    key, signed, text = signer.public_key(), response.signature, response.tbs_response_bytes
    algorithm = response.signature_hash_algorithm
    if isinstance(key, ed25519.Ed25519PublicKey | ed448.Ed448PublicKey):
        key.verify(signed, text)
    elif algorithm is None:
        raise InvalidSignature
    elif isinstance(key, rsa.RSAPublicKey):
        key.verify(signed, text, padding.PKCS1v15(), algorithm)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signed, text, ec.ECDSA(algorithm))
    else:
        raise InvalidSignature
