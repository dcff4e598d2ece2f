"""TLS: what a library can do is taken, anything else is an error when it is set."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright import enums, errors
from postwright.options.option import Store
from postwright.options.security import SecurityProperties, SSLSettings

if TYPE_CHECKING:
    from postwright.options.option import Option

NAMES = {
    "tls12_signature_algorithms": "sha256-rsa",
    "tls12_supported_groups": "ecdhe_secp256r1",
    "tls13_key_share_groups": "ecdhe_x25519",
    "tls13_signature_algorithms": "ed25519",
    "tls13_supported_groups": "ecdhe_x25519",
}
"""The lists of names, each with one that is in it."""


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


@pytest.mark.parametrize("provider", enums.SSLProvider)
def test_all_three_providers(security: Security, provider: enums.SSLProvider) -> None:
    security.ssl_provider = int(provider)
    assert security.ssl_provider is provider


def test_nothing_comes_later() -> None:
    assert not [option for option in Security._options.values() if option.later]


@pytest.mark.parametrize("key", NAMES)
def test_a_list_names_what_is_not_known_and_can_not_be_empty(security: Security, key: str) -> None:
    option: Option[str, str] = Security._options[key]
    setattr(security, key, f" {NAMES[key].upper()} , ")
    setattr(security, key, option.default)
    with pytest.raises(errors.InvalidValue, match=f"{option.name} names what is not known here: x25518, md5-rsa; "):
        setattr(security, key, f"x25518,{NAMES[key]},md5-rsa")
    with pytest.raises(errors.InvalidValue, match="no TLS library can leave the extension out"):
        setattr(security, key, "")
    assert getattr(security, key) == option.default


@pytest.mark.parametrize(
    "value", ["*", "tls_aes_128_gcm_sha256", " TLS_RSA_WITH_AES_128_CBC_SHA ;CALG_AES_256;", "CALG_SHA1"]
)
def test_suites_by_their_names(security: Security, value: str) -> None:
    security.ssl_enabled_cipher_suites = value
    assert security.ssl_enabled_cipher_suites == value


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("", "is empty"),
        ("TLS_RSA_WITH_3DES_EDE_CBC_SHA", "no longer has this cipher"),
        ("TLS_RSA_WITH_RC4_128_MD5", "no longer has this cipher"),
        ("TLS_DHE_DSS_WITH_DES_CBC_SHA", "no longer has this cipher"),
        ("TLS_DH_RSA_WITH_AES_128_GCM_SHA256", "static Diffie-Hellman"),
        ("TLS_ECDH_ECDSA_WITH_AES_128_CBC_SHA", "static Diffie-Hellman"),
        ("TLS_DH_ANON_WITH_AES_128_CBC_SHA", "shows no certificate"),
        ("TLS_RSA_WITH_CAMELLIA_256_GCM_SHA384", "OpenSSLCipherList"),
        ("AES128-SHA", "no name of a cipher suite"),
        ("CALG_RC4", "CALG_RC4 .no TLS library"),
        ("CALG_AES_192", "CALG_AES_192 .no TLS library"),
        ("CALG_AES_128;CALG_SHA_384", "leaves no suite"),
    ],
)
def test_suites_that_are_gone_are_refused_by_name(security: Security, value: str, why: str) -> None:
    with pytest.raises(errors.InvalidValue, match=why):
        security.ssl_enabled_cipher_suites = value
    assert security.ssl_enabled_cipher_suites == "*"


def test_each_bad_suite_is_named(security: Security) -> None:
    with pytest.raises(errors.InvalidValue, match=r"TLS_RSA_WITH_RC4_128_SHA .*, CALG_3DES .*, X "):
        security.ssl_enabled_cipher_suites = "TLS_RSA_WITH_RC4_128_SHA;TLS_AES_128_GCM_SHA256;CALG_3DES;X"


@pytest.mark.parametrize("flags", [0, 0x1, 0x80000000, 0x8000CF37])
def test_flags_are_a_sum_of_the_known_bits(security: Security, flags: int) -> None:
    security.ssl_security_flags = flags
    assert security.ssl_security_flags == flags
    with pytest.raises(errors.InvalidValue, match="0x10 unknown authority"):
        security.ssl_security_flags = flags + 0x8


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
