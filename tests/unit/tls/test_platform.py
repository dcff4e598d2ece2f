"""What is the Platform provider's own: contexts that are kept, and certificates as people write them."""

from __future__ import annotations

import base64
import os
import time
from typing import TYPE_CHECKING

import pytest

from postwright.errors import CertificateStoreUnreadable, InvalidValue
from postwright.tls.names import to_der
from postwright.tls.platform_context import context
from postwright.tls.trust import Trust
from tests.unit.tls.pki import party, root

if TYPE_CHECKING:
    from pathlib import Path

PLAIN = Trust("localhost", ca_pem=root().pem)


def test_a_context_is_made_once_for_the_same_settings() -> None:
    made = context(PLAIN, verify=True)
    assert context(PLAIN, verify=True) is made
    assert context(PLAIN._replace(server_name="other.example", pinned=b"x", asked=True), verify=True) is made
    assert context(PLAIN, verify=False) is not made
    assert context(PLAIN._replace(protocols=12288), verify=True) is not made


def test_a_context_is_made_again_when_its_authorities_change(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text(root().pem)
    settings = Trust("localhost", ca_file=str(path))
    made = context(settings, verify=True)
    assert context(settings, verify=True) is made
    os.utime(path, (time.time() + 10, time.time() + 10))
    assert context(settings, verify=True) is not made


def test_authorities_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("nothing")
    for path in (str(tmp_path / "none.pem"), str(bad)):
        with pytest.raises(CertificateStoreUnreadable):
            context(Trust("localhost", ca_file=path), verify=True)
    with pytest.raises(CertificateStoreUnreadable):
        context(Trust("localhost", ca_pem="-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----"), verify=True)


def test_ciphers_that_openssl_does_not_know_are_an_error() -> None:
    with pytest.raises(InvalidValue):
        context(Trust("localhost", ciphers="NO-SUCH-CIPHER"), verify=True)


def test_a_certificate_may_be_written_in_many_ways() -> None:
    good = party("good")
    pem = good.pem.encode()
    for form in (pem, good.der, base64.b64encode(good.der), base64.encodebytes(good.der), b"a text\n" + pem + pem):
        assert to_der(form) == good.der


@pytest.mark.parametrize(
    "data", [b"", b"nothing", b"-----BEGIN CERTIFICATE-----", base64.b64encode(b"nothing"), b"\xff"]
)
def test_what_is_no_certificate_is_an_error(data: bytes) -> None:
    with pytest.raises(InvalidValue):
        to_der(data)
