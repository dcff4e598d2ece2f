"""TLS: what a library can do is taken, anything else is an error when it is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright import enums, errors
from postwright.options.option import Store
from postwright.options.security import SecurityProperties, SSLSettings

if TYPE_CHECKING:
    from postwright.options.option import Option

LATER = {
    "log_ssl_packets": True,
    "open_ssl_prng_seed_data": "noise",
    "reuse_ssl_session": True,
    "ssl_ca_certs": "-----BEGIN CERTIFICATE-----\r\n",
    "ssl_cipher_strength": 128,
    "ssl_enabled_cipher_suites": "TLS_AES_128_GCM_SHA256",
    "ssl_enable_renegotiation": False,
    "ssl_security_flags": 0x10,
    "tls12_signature_algorithms": "sha256-rsa",
    "tls12_supported_groups": "ecdhe_secp256r1",
    "tls13_key_share_groups": "ecdhe_x25519",
    "tls13_signature_algorithms": "ed25519",
    "tls13_supported_groups": "ecdhe_x25519",
    "ssl_cert_encoded": b"x",
    "ssl_cert_store": b"x",
    "ssl_cert_store_password": "x",
    "ssl_cert_store_type": 99,
    "ssl_cert_subject": "*",
    "ssl_provider": 2,
}


class Security(SecurityProperties, SSLSettings):
    """All of it."""

    __slots__ = ()


@pytest.fixture
def security() -> Security:
    return Security(Store())


@pytest.mark.parametrize("sum_of_bits", [192, 768, 3072, 12288, 15360, 4032, 16320, 960, 3840, 16128])
def test_any_block_of_tls_versions(security: Security, sum_of_bits: int) -> None:
    security.ssl_enabled_protocols = sum_of_bits
    assert security.ssl_enabled_protocols == sum_of_bits


@pytest.mark.parametrize(
    ("sum_of_bits", "why"),
    [
        (12480, "TLS 1.0 and TLS 1.3 with a gap"),
        (13056, "TLS 1.1 and TLS 1.3 with a gap"),
        (192 + 3072, "gap"),
        (48 + 15360, "SSL 3"),
        (60, "SSL 2 and SSL 3"),
        (0, "a sum of 192"),
        (1, "a sum of 192"),
        (0x800, "a sum of 192"),
        (1 << 20, "a sum of 192"),
    ],
)
def test_what_no_tls_library_does_is_an_error_that_says_so(security: Security, sum_of_bits: int, why: str) -> None:
    with pytest.raises(errors.InvalidValue, match=why):
        security.ssl_enabled_protocols = sum_of_bits
    assert security.ssl_enabled_protocols == 15360


@pytest.mark.parametrize("mode", enums.SSLStartMode)
def test_all_five_start_modes(security: Security, mode: enums.SSLStartMode) -> None:
    security.ssl_start_mode = int(mode)
    assert security.ssl_start_mode is mode


@pytest.mark.parametrize("provider", [0, 1])
def test_the_platform_is_the_provider(security: Security, provider: int) -> None:
    security.ssl_provider = provider
    assert security.ssl_provider == provider


@pytest.mark.parametrize("key", LATER)
def test_what_comes_later_is_refused_and_its_default_is_not(security: Security, key: str) -> None:
    option = Security._options[key]
    setattr(security, key, option.default)
    with pytest.raises(errors.NotAvailable, match=option.name):
        setattr(security, key, LATER[key])
    assert getattr(security, key) == option.default


def test_nothing_else_comes_later() -> None:
    assert {key for key, option in Security._options.items() if option.later} == set(LATER)


@pytest.mark.parametrize("key", [key for key, option in Security._options.items() if option.read_only])
def test_what_was_negotiated_comes_from_the_session(security: Security, key: str) -> None:
    option: Option[object, object] = Security._options[key]
    assert getattr(security, key) == option.default
    value = b"DER" if option.default == b"" else "TLSv1.3"
    security._store.live = {key: value}.get
    assert getattr(security, key) == value
    with pytest.raises(errors.ReadOnly):
        setattr(security, key, option.default)


def test_authorities_are_lines_and_files_are_paths(security: Security) -> None:
    security.ssl_server_ca_certs = "-----BEGIN CERTIFICATE-----\r\nAAAA\r\n-----END CERTIFICATE-----\r\n"
    security.open_ssl_ca_file = "/etc/ssl/my ca.pem"
    with pytest.raises(errors.ForbiddenCharacter):
        security.open_ssl_ca_file = "/etc/ssl\n"


def test_a_store_may_be_a_key_and_is_not_shown(security: Security) -> None:
    security.ssl_cert_store = b"MY"
    assert "MY" not in repr(security)


def test_a_pinned_certificate_may_be_text(security: Security) -> None:
    security.ssl_accept_server_cert_encoded = "-----BEGIN"
    assert security.ssl_accept_server_cert_encoded == b"-----BEGIN"
