"""Keys in XML, as .NET writes them: read without entities, document types and surprises."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright.enums import SSLCertStoreType
from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable
from postwright.tls.stores import load
from tests.support.client_certificates import client, inter, leaf, log_in
from tests.support.stores import xml_key, xml_text

if TYPE_CHECKING:
    from postwright.tls.credentials import Credential


def opened(store: bytes, subject: str = "*", encoded: bytes = b"") -> Credential:
    return load(SSLCertStoreType.XML_BLOB, store, "", subject, encoded)


@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
def test_key_and_certificates_log_in(coding: str) -> None:
    pair = leaf("rsa")
    assert log_in(client(opened(xml_text(pair, inter()).decode().encode(coding)))) == pair.der


@pytest.mark.parametrize("few", [False, True])
def test_a_key_alone_takes_its_certificate_from_ssl_cert_encoded(few: bool) -> None:
    pair = leaf("rsa")
    assert log_in(client(opened(xml_key(pair, few=few).encode(), "", pair.pem + inter().pem))) == pair.der


def test_a_public_key_says_what_is_missing() -> None:
    with pytest.raises(CredentialsUnusable, match=r"no private part \(D\)"):
        opened(xml_key(leaf("rsa"), private=False).encode())


LAUGHS = '<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;">]><KeyInfo>&b;</KeyInfo>'
OUTSIDE = '<!DOCTYPE a SYSTEM "file:///etc/passwd"><KeyInfo/>'


@pytest.mark.parametrize("coding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", [LAUGHS, OUTSIDE])
def test_document_types_are_refused(text: str, coding: str) -> None:
    with pytest.raises(CertificateStoreUnreadable, match="document type"):
        opened(text.encode(coding))


@pytest.mark.parametrize(
    "text",
    [
        "<a/>",
        "<a>",
        "<a>&undefined;</a>",
        "<RSAKeyValue><D>AQ==</D></RSAKeyValue>",
        "<RSAKeyValue><D>AQ==</D><Modulus>AQ==</Modulus><Exponent>AQ==</Exponent></RSAKeyValue>",
        "<RSAKeyValue><D>!</D></RSAKeyValue>",
        "<X509Certificate>AAAA</X509Certificate>",
        "<a>" + "x" * (1 << 20) + "</a>",
    ],
)
def test_what_is_no_key_is_error_271(text: str) -> None:
    with pytest.raises(CertificateStoreUnreadable):
        opened(text.encode())


def test_primes_that_are_not_the_modulus_are_found_out() -> None:
    pair, other = xml_key(leaf("rsa")), "<P>BQ==</P>"
    start, end = pair.index("<P>"), pair.index("</P>") + 4
    with pytest.raises(CertificateStoreUnreadable, match="make no RSA key"):
        opened((pair[:start] + other + pair[end:]).encode())
