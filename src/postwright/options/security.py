"""The properties and settings of TLS and certificates."""

from __future__ import annotations

from typing import Final

from postwright import enums
from postwright.options import tls_names
from postwright.options.kinds import (
    BOOLEAN,
    BYTES,
    LINE,
    LINES,
    PATH,
    PATHS,
    SECRET,
    Enumeration,
    Flags,
    OptionalInteger,
    SecretBytes,
)
from postwright.options.option import Option, OptionSet

TLS_BITS: Final = {"TLS 1.0": 192, "TLS 1.1": 768, "TLS 1.2": 3072, "TLS 1.3": 12288}
"""The bits of SSLEnabledProtocols, oldest version first."""
_GONE = {"SSL 2": 12, "SSL 3": 48}
_PROTOCOLS = "a sum of " + ", ".join(f"{bits} for {name}" for name, bits in TLS_BITS.items())

_BUNDLES = (
    "/etc/ssl/ca-bundle.pem;/etc/pki/tls/certs/ca-bundle.crt;/etc/ssl/certs/ca-certificates.crt;/etc/pki/tls/cacert.pem"
)
_FLAGS = (
    "a sum of 0x1 time, 0x2 list time, 0x4 nesting of times, 0x10 unknown authority, 0x20 usage, 0x100, 0x200, 0x400 "
    "and 0x800 unknown revocation of certificate, list signer, authority and root, 0x4000 and 0x8000 test roots, "
    "0x80000000 name"
)
_SECURITY_BITS = 0x8000CF37


def _protocols(value: int) -> str:
    """A TLS library takes a lowest and a highest version: a gap would be filled without a word."""
    if old := [name for name, bits in _GONE.items() if value & bits]:
        return f"is {value}, which asks for {' and '.join(old)}: no TLS library has them any more"
    chosen = [value & bits == bits for bits in TLS_BITS.values()]
    if value != sum(bits for bits, yes in zip(TLS_BITS.values(), chosen, strict=True) if yes) or not value:
        return f"is {value}; allowed is {_PROTOCOLS}"
    first, last = chosen.index(True), len(chosen) - chosen[::-1].index(True)
    if not all(chosen[first:last]):
        names = [name for name, yes in zip(TLS_BITS, chosen, strict=True) if yes]
        return f"is {value}, which is {' and '.join(names)} with a gap; no version between two others can be left out"
    return ""


_NEVER_EMPTY = "no TLS library can leave the extension out"


def _signatures_12(value: str) -> str:
    return tls_names.wrong_names(value, tls_names.SIGNATURES_12, _NEVER_EMPTY)


def _signatures_13(value: str) -> str:
    return tls_names.wrong_names(value, tls_names.SIGNATURES_13, _NEVER_EMPTY)


def _groups_12(value: str) -> str:
    return tls_names.wrong_names(value, tls_names.GROUPS_12, _NEVER_EMPTY)


def _groups_13(value: str) -> str:
    return tls_names.wrong_names(value, tls_names.GROUPS_13, _NEVER_EMPTY)


class SecurityProperties(OptionSet):
    """When TLS starts, whom to trust and who we are."""

    __slots__ = ()

    ssl_accept_server_cert_encoded = Option(
        "SSLAcceptServerCertEncoded",
        BYTES,
        b"",
        "A certificate (PEM or DER) that is accepted whatever verification says, exactly this one.",
    )
    ssl_cert_encoded = Option("SSLCertEncoded", BYTES, b"", "The client certificate (PEM or DER).")
    ssl_cert_store = Option(
        "SSLCertStore",
        SecretBytes(),
        b"MY",
        "The store of the client certificate: a file's name or a file's content, as SSLCertStoreType says.",
    )
    ssl_cert_store_password = Option("SSLCertStorePassword", SECRET, "", "The password of SSLCertStore.")
    ssl_cert_store_type = Option(
        "SSLCertStoreType",
        Enumeration(enums.SSLCertStoreType),
        enums.SSLCertStoreType.USER,
        "What SSLCertStore is.",
    )
    ssl_cert_subject = Option(
        "SSLCertSubject",
        LINE,
        "",
        "The subject of the client certificate to take from the store; `*` takes any. While connected: its full subject.",
        live=True,
    )
    ssl_provider = Option(
        "SSLProvider",
        Enumeration(enums.SSLProvider),
        enums.SSLProvider.AUTOMATIC,
        "Which TLS implementation to use; PLATFORM is Python's `ssl` module.",
    )
    ssl_server_cert_encoded = Option(
        "SSLServerCertEncoded", BYTES, b"", "The server's certificate (DER).", read_only=True, live=True
    )
    ssl_start_mode = Option(
        "SSLStartMode",
        Enumeration(enums.SSLStartMode),
        enums.SSLStartMode.AUTOMATIC,
        "When TLS starts: at once, by STARTTLS, or never.",
    )


class SSLSettings(OptionSet):
    """Versions, ciphers, authorities and what was negotiated."""

    __slots__ = ()

    log_ssl_packets = Option(
        "LogSSLPackets", BOOLEAN, False, "Whether SSLStatus fires for each TLS record, with either provider."
    )
    open_ssl_ca_dir = Option(
        "OpenSSLCADir", PATH, "", "A directory of certificate authorities (PEM, named by hash) to trust."
    )
    open_ssl_ca_file = Option("OpenSSLCAFile", PATH, "", "A file of certificate authorities (PEM) to trust.")
    open_ssl_cipher_list = Option(
        "OpenSSLCipherList", LINE, "DEFAULT", "The cipher suites up to TLS 1.2, in the format of openssl-ciphers(1)."
    )
    open_ssl_prng_seed_data = Option("OpenSSLPrngSeedData", SECRET, "", "Bytes to stir into OpenSSL's random numbers.")
    reuse_ssl_session = Option(
        "ReuseSSLSession",
        BOOLEAN,
        False,
        "Whether a later connection of this object resumes the TLS session, for at most ten hours.",
    )
    ssl_ca_cert_file_paths = Option(
        "SSLCACertFilePaths",
        PATHS,
        _BUNDLES,
        "Files of trusted authorities, separated by semicolons; the first that exists is used.",
    )
    ssl_ca_certs = Option(
        "SSLCACerts",
        LINES,
        "",
        "Authorities (PEM) to show with the client certificate: the chain from its issuer upwards.",
    )
    ssl_cipher_strength = Option(
        "SSLCipherStrength",
        OptionalInteger(0, 512, "bits"),
        None,
        "The weakest cipher to allow, in bits; unset leaves it to OpenSSLCipherList.",
    )
    ssl_enabled_cipher_suites = Option(
        "SSLEnabledCipherSuites",
        LINE,
        "*",
        "The cipher suites, separated by semicolons, as TLS_... or Windows' CALG_...; `*` for all good ones.",
        rule=tls_names.wrong_suites,
    )
    ssl_enabled_protocols = Option(
        "SSLEnabledProtocols",
        Flags(0x3FFC, _PROTOCOLS),
        15360,
        "The TLS versions to use, a block without gaps.",
        rule=_protocols,
        differs="RFC 8996 retires TLS 1.0 and 1.1, and the reference leaves TLS 1.3 out",
    )
    ssl_enable_renegotiation = Option(
        "SSLEnableRenegotiation",
        BOOLEAN,
        True,
        "Whether the server may renegotiate; OpenSSL sends the signal of RFC 5746 in any case.",
    )
    ssl_include_cert_chain = Option(
        "SSLIncludeCertChain", BOOLEAN, False, "Whether SSLServerAuthentication gets the whole chain."
    )
    ssl_key_log_file = Option(
        "SSLKeyLogFile", PATH, "", "A file that gets the session's secrets, for debugging: whoever has it reads along."
    )
    ssl_negotiated_cipher = Option(
        "SSLNegotiatedCipher", LINE, "", "The cipher suite in use, by OpenSSL's name.", read_only=True, live=True
    )
    ssl_negotiated_cipher_strength = Option(
        "SSLNegotiatedCipherStrength", LINE, "", "The cipher's strength in bits.", read_only=True, live=True
    )
    ssl_negotiated_cipher_suite = Option(
        "SSLNegotiatedCipherSuite",
        LINE,
        "",
        "The cipher suite in use, by its name in the standards.",
        read_only=True,
        live=True,
    )
    ssl_negotiated_key_exchange = Option(
        "SSLNegotiatedKeyExchange",
        LINE,
        "",
        "The key exchange in use, such as ecdhe_x25519.",
        read_only=True,
        live=True,
    )
    ssl_negotiated_key_exchange_strength = Option(
        "SSLNegotiatedKeyExchangeStrength",
        LINE,
        "",
        "The key exchange's strength in bits.",
        read_only=True,
        live=True,
    )
    ssl_negotiated_version = Option(
        "SSLNegotiatedVersion", LINE, "", "The TLS version in use.", read_only=True, live=True
    )
    ssl_security_flags = Option(
        "SSLSecurityFlags",
        Flags(_SECURITY_BITS, _FLAGS, hexadecimal=True),
        0,
        "Which checks of the server's certificate to leave out.",
    )
    ssl_server_ca_certs = Option(
        "SSLServerCACerts", LINES, "", "More authorities (PEM) to trust, beside those of the system."
    )
    tls12_signature_algorithms = Option(
        "TLS12SignatureAlgorithms",
        LINE,
        ",".join(tls_names.SIGNATURES_12),
        "The signatures allowed in TLS 1.2, as hash-key, separated by commas.",
        rule=_signatures_12,
    )
    tls12_supported_groups = Option(
        "TLS12SupportedGroups",
        LINE,
        ",".join(tls_names.GROUPS_12),
        "The curves for TLS 1.2, separated by commas.",
        rule=_groups_12,
    )
    tls13_key_share_groups = Option(
        "TLS13KeyShareGroups",
        LINE,
        "ecdhe_x25519,ecdhe_secp256r1,ecdhe_secp384r1,ffdhe_2048,ffdhe_3072",
        "The groups for which TLS 1.3 sends a key share at once, separated by commas; the first four that are named.",
        rule=_groups_13,
    )
    tls13_signature_algorithms = Option(
        "TLS13SignatureAlgorithms",
        LINE,
        ",".join(tls_names.SIGNATURES_13),
        "The signatures allowed in TLS 1.3, separated by commas.",
        rule=_signatures_13,
    )
    tls13_supported_groups = Option(
        "TLS13SupportedGroups",
        LINE,
        ",".join(tls_names.GROUPS_13),
        "The groups for TLS 1.3, best first, separated by commas.",
        rule=_groups_13,
    )
