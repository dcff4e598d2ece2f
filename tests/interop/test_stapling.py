"""OCSP answers that ``openssl ocsp`` makes and ``openssl s_server`` staples to its certificate."""

from __future__ import annotations

import datetime as dt
import subprocess
from typing import TYPE_CHECKING, NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509 import ocsp
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from postwright.enums import SSLProvider
from tests.interop.s_server import connect, judged, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric import rsa

    from tests.interop.servers import Authority

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
DAY = dt.timedelta(days=1)
TLS_12, TLS_13 = 3072, 12288
REVOCATION = 0x100


class Leaf(NamedTuple):
    """A certificate that the test authority's intermediate issued."""

    certificate: Path
    key: Path
    serial: int


class Office:
    """Issues certificates and answers about them, with the keys of the test authority."""

    def __init__(self, ca: Authority, folder: Path) -> None:
        self.ca, self.folder = ca, folder
        self.issuer = x509.load_pem_x509_certificate(ca.path("inter.crt").read_bytes())
        key = load_pem_private_key(ca.path("inter.key").read_bytes(), None)
        self.issuer_key: rsa.RSAPrivateKey = key  # type: ignore[assignment]  # make-ca.sh makes it RSA

    def issue(self, name: str, *more: x509.ExtensionType) -> Leaf:
        """Return a certificate for localhost."""
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            x509.CertificateBuilder()
            .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]))
            .issuer_name(self.issuer.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(NOW - DAY)
            .not_valid_after(NOW + 9 * DAY)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        )
        for extension in more:
            builder = builder.add_extension(extension, critical=False)
        made = builder.sign(self.issuer_key, hashes.SHA256())
        leaf = Leaf(self.folder / f"{name}.crt", self.folder / f"{name}.key", made.serial_number)
        leaf.certificate.write_bytes(made.public_bytes(Encoding.PEM))
        leaf.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return leaf

    def answer(self, leaf: Leaf, status: str = "V", signer: Path | None = None) -> bytes:
        """Return what ``openssl ocsp`` says of a certificate: V is valid, R revoked, and nothing that it is unknown."""
        path, index, inter = self.folder / "answer.der", self.folder / "index.txt", self.ca.path("inter.crt")
        serial = f"{leaf.serial:X}"
        serial = "0" * (len(serial) % 2) + serial
        since = f"{NOW - DAY:%y%m%d%H%M%SZ}" if status == "R" else ""
        line = f"{status}\t{NOW + 9 * DAY:%y%m%d%H%M%SZ}\t{since}\t{serial}\tunknown\t/CN=x\n"
        index.write_text(line if status else "")
        words = ["-index", index, "-CA", inter, "-issuer", inter, "-cert", leaf.certificate, "-ndays", "1", "-noverify"]
        by = signer or inter
        words += ["-rsigner", by, "-rkey", by.with_suffix(".key"), "-respout", path]
        subprocess.run(["openssl", "ocsp", *map(str, words)], check=True, capture_output=True)
        return path.read_bytes()

    def old_answer(self, leaf: Leaf) -> bytes:
        """Return an answer that ended yesterday, which ``openssl ocsp`` does not make."""
        builder = ocsp.OCSPResponseBuilder().add_response(
            cert=x509.load_pem_x509_certificate(leaf.certificate.read_bytes()),
            issuer=self.issuer,
            algorithm=hashes.SHA1(),
            cert_status=ocsp.OCSPCertStatus.GOOD,
            this_update=NOW - 2 * DAY,
            next_update=NOW - DAY,
            revocation_time=None,
            revocation_reason=None,
        )
        made = builder.responder_id(ocsp.OCSPResponderEncoding.NAME, self.issuer).sign(self.issuer_key, hashes.SHA256())
        return made.public_bytes(Encoding.DER)


@pytest.fixture
def office(ca: Authority, tmp_path: Path) -> Office:
    return Office(ca, tmp_path)


def appointed(office: Office, leaf: Leaf) -> bytes:
    """An answer that is signed by somebody whom the issuer appointed for it."""
    signer = office.issue("responder", x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]))
    return office.answer(leaf, "R", signer.certificate)


def elsewhere(office: Office, leaf: Leaf) -> bytes:
    return office.answer(leaf, "R", office.issue("neighbour").certificate)


ANSWERS: dict[str, tuple[Callable[[Office, Leaf], bytes], bool, str]] = {
    "good": (lambda office, leaf: office.answer(leaf), True, ""),
    "revoked": (lambda office, leaf: office.answer(leaf, "R"), False, "it was revoked"),
    "revoked by one who was appointed": (appointed, False, "it was revoked"),
    "signed by another certificate of the issuer": (elsewhere, True, "was signed by nobody who may"),
    "signed by another authority": (
        lambda office, leaf: office.answer(leaf, "R", office.ca.path("other.crt")),
        True,
        "was signed by nobody",
    ),
    "expired": (lambda office, leaf: office.old_answer(leaf), True, "is not valid now"),
    "about another certificate": (
        lambda office, _: office.answer(office.issue("neighbour"), "R"),
        True,
        "is about another certificate",
    ),
    "unknown": (lambda office, leaf: office.answer(leaf, ""), True, "does not know it"),
    "absent": (lambda *_: b"", True, "is not there"),
}
"""How the answer is made, whether a certificate that demands none is accepted, and what is said where it demands one."""


@pytest.mark.parametrize("protocols", [TLS_12, TLS_13])
@pytest.mark.parametrize("kind", ANSWERS)
@pytest.mark.parametrize("demanded", [True, False])
def test_an_answer_that_a_server_staples(office: Office, kind: str, protocols: int, demanded: bool) -> None:
    make, accepted, words = ANSWERS[kind]
    leaf = office.issue("localhost", *([x509.TLSFeature([x509.TLSFeatureType.status_request])] if demanded else []))
    options = []
    if data := make(office, leaf):
        (office.folder / "stapled.der").write_bytes(data)
        options = ["-status_file", str(office.folder / "stapled.der")]
    with serving(office.folder, leaf.certificate, leaf.key, office.ca.path("inter.crt"), *options) as server:
        found = judged(connect(SSLProvider.INTERNAL, office.ca, protocols=protocols), server.port)
        assert found.accept is (accepted and not (demanded and words)), found
        if demanded or not accepted:
            assert words in found.status
        relaxed = connect(SSLProvider.INTERNAL, office.ca, protocols=protocols, flags=REVOCATION)
        assert judged(relaxed, server.port).accept is accepted  # what is unknown may be overlooked, "revoked" may not
        platform = connect(SSLProvider.PLATFORM, office.ca, protocols=protocols)
        assert judged(platform, server.port).accept  # it can't ask for an answer: the manual says so
