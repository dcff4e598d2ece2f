"""The chain of a client certificate from SSLCACerts: from its issuer upwards, as a server wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding

from postwright.errors import ChainNotFound, ChainNotVerified
from postwright.tls.names import all_pem

if TYPE_CHECKING:
    from postwright.tls.credentials import Credential


def with_authorities(credential: Credential, text: str) -> Credential:
    """Return the credential with the authorities of a PEM text that lead from it upwards.

    Raises:
        ChainNotFound: None of them issued the certificate, or the text can't be read.
        ChainNotVerified: One has the issuer's name, and did not sign it.
    """
    try:
        given = [x509.load_der_x509_certificate(der) for der in all_pem(text)]
    except ValueError as error:
        raise ChainNotFound(f"SSLCACerts can't be read: {error}") from error
    pool = [*(x509.load_der_x509_certificate(der) for der in credential.chain), *given]
    chain: list[x509.Certificate] = []
    last = x509.load_der_x509_certificate(credential.certificate)
    while last.issuer != last.subject:
        named = [cert for cert in pool if cert.subject == last.issuer and cert not in chain]
        issuer = next((cert for cert in named if _signed(last, cert)), None)
        if issuer is None and named:
            raise ChainNotVerified(
                f"SSLCACerts has {last.issuer.rfc4514_string()}, but it did not sign {last.subject.rfc4514_string()}: "
                "it is another certificate of the same name. Give the one that did"
            )
        if issuer is None:
            break
        chain.append(issuer)
        last = issuer
    if not chain:
        raise ChainNotFound(
            f"SSLCACerts does not hold the issuer of the client certificate, {last.issuer.rfc4514_string()}: add its "
            "certificate, or leave SSLCACerts empty where the server needs no chain"
        )
    return credential._replace(chain=tuple(cert.public_bytes(Encoding.DER) for cert in chain))


def _signed(cert: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        cert.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
