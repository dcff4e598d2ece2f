"""The properties and settings of TLS and certificates."""

from __future__ import annotations

from typing import Final

from postwright import enums
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

CLIENT_CERTIFICATES: Final = "client certificates"
INTERNAL: Final = "the Internal provider"

TLS_BITS: Final = {"TLS 1.0": 192, "TLS 1.1": 768, "TLS 1.2": 3072, "TLS 1.3": 12288}
"""The bits of SSLEnabledProtocols, oldest version first."""
_GONE = {"SSL 2": 12, "SSL 3": 48}
_PROTOCOLS = "a sum of " + ", ".join(f"{bits} for {name}" for name, bits in TLS_BITS.items())

_TLS12_SIGNATURES = ",".join(f"sha{size}-{key}" for size in (512, 384, 256, 224, 1) for key in ("ecdsa", "rsa", "dsa"))
_TLS13_SIGNATURES = ",".join(
    [f"rsa_{padding}_sha{size}" for padding in ("pss", "pkcs1") for size in (256, 384, 512)]
    + ["ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384", "ecdsa_secp521r1_sha512", "ed25519", "ed448"]
)
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


class SecurityProperties(OptionSet):
    """When TLS starts, whom to trust and who we are."""

    __slots__ = ()

    ssl_accept_server_cert_encoded = Option(
        "SSLAcceptServerCertEncoded",
        BYTES,
        b"",
        "A certificate (PEM or DER) that is accepted whatever verification says, exactly this one.",
    )
    ssl_cert_encoded = Option(
        "SSLCertEncoded", BYTES, b"", "The client certificate (PEM or DER).", later=CLIENT_CERTIFICATES
    )
    ssl_cert_store = Option(
        "SSLCertStore",
        SecretBytes(),
        b"MY",
        "The store of the client certificate: a file's name or a file's content, as SSLCertStoreType says.",
        later=CLIENT_CERTIFICATES,
    )
    ssl_cert_store_password = Option(
        "SSLCertStorePassword", SECRET, "", "The password of SSLCertStore.", later=CLIENT_CERTIFICATES
    )
    ssl_cert_store_type = Option(
        "SSLCertStoreType",
        Enumeration(enums.SSLCertStoreType),
        enums.SSLCertStoreType.USER,
        "What SSLCertStore is.",
        later=CLIENT_CERTIFICATES,
    )
    ssl_cert_subject = Option(
        "SSLCertSubject",
        LINE,
        "",
        "The subject of the client certificate to take from the store; `*` takes any.",
        later=CLIENT_CERTIFICATES,
    )
    ssl_provider = Option(
        "SSLProvider",
        Enumeration(enums.SSLProvider),
        enums.SSLProvider.AUTOMATIC,
        "Which TLS implementation to use; PLATFORM is Python's `ssl` module.",
        later=INTERNAL,
        now=(enums.SSLProvider.PLATFORM,),
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
        "LogSSLPackets", BOOLEAN, False, "Whether SSLStatus fires for each TLS record.", later=INTERNAL
    )
    open_ssl_ca_dir = Option(
        "OpenSSLCADir", PATH, "", "A directory of certificate authorities (PEM, named by hash) to trust."
    )
    open_ssl_ca_file = Option("OpenSSLCAFile", PATH, "", "A file of certificate authorities (PEM) to trust.")
    open_ssl_cipher_list = Option(
        "OpenSSLCipherList", LINE, "DEFAULT", "The cipher suites up to TLS 1.2, in the format of openssl-ciphers(1)."
    )
    open_ssl_prng_seed_data = Option(
        "OpenSSLPrngSeedData", SECRET, "", "Bytes to stir into OpenSSL's random numbers.", later=INTERNAL
    )
    reuse_ssl_session = Option(
        "ReuseSSLSession", BOOLEAN, False, "Whether a later connection resumes the TLS session.", later="TLS resumption"
    )
    ssl_ca_cert_file_paths = Option(
        "SSLCACertFilePaths",
        PATHS,
        _BUNDLES,
        "Files of trusted authorities, separated by semicolons; the first that exists is used.",
    )
    ssl_ca_certs = Option(
        "SSLCACerts", LINES, "", "Authorities (PEM) shown with the client certificate.", later=CLIENT_CERTIFICATES
    )
    ssl_cipher_strength = Option(
        "SSLCipherStrength",
        OptionalInteger(0, 512, "bits"),
        None,
        "The weakest cipher to allow; unset leaves it to OpenSSLCipherList.",
        later=INTERNAL,
    )
    ssl_enabled_cipher_suites = Option(
        "SSLEnabledCipherSuites",
        LINE,
        "*",
        "The cipher suites, separated by semicolons; `*` for all good ones.",
        later=INTERNAL,
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
        "SSLEnableRenegotiation", BOOLEAN, True, "Whether renegotiation_info is offered (RFC 5746).", later=INTERNAL
    )
    ssl_include_cert_chain = Option(
        "SSLIncludeCertChain", BOOLEAN, False, "Whether SSLServerAuthentication gets the whole chain."
    )
    ssl_key_log_file = Option(
        "SSLKeyLogFile", PATH, "", "A file that gets the session's secrets, for debugging: whoever has it reads along."
    )
    ssl_negotiated_cipher = Option("SSLNegotiatedCipher", LINE, "", "The cipher in use.", read_only=True, live=True)
    ssl_negotiated_cipher_strength = Option(
        "SSLNegotiatedCipherStrength", LINE, "", "The cipher's strength in bits.", read_only=True, live=True
    )
    ssl_negotiated_cipher_suite = Option(
        "SSLNegotiatedCipherSuite", LINE, "", "The cipher suite in use, as one name.", read_only=True, live=True
    )
    ssl_negotiated_key_exchange = Option(
        "SSLNegotiatedKeyExchange", LINE, "", "The key exchange in use; empty for now.", read_only=True, live=True
    )
    ssl_negotiated_key_exchange_strength = Option(
        "SSLNegotiatedKeyExchangeStrength",
        LINE,
        "",
        "The key exchange's strength in bits; empty for now.",
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
        later=INTERNAL,
    )
    ssl_server_ca_certs = Option(
        "SSLServerCACerts", LINES, "", "More authorities (PEM) to trust, beside those of the system."
    )
    tls12_signature_algorithms = Option(
        "TLS12SignatureAlgorithms",
        LINE,
        _TLS12_SIGNATURES,
        "The signatures allowed in TLS 1.2, as hash-key, separated by commas.",
        later=INTERNAL,
    )
    tls12_supported_groups = Option(
        "TLS12SupportedGroups",
        LINE,
        "ecdhe_secp256r1,ecdhe_secp384r1,ecdhe_secp521r1",
        "The curves for TLS 1.2, separated by commas.",
        later=INTERNAL,
    )
    tls13_key_share_groups = Option(
        "TLS13KeyShareGroups",
        LINE,
        "ecdhe_x25519,ecdhe_secp256r1,ecdhe_secp384r1,ffdhe_2048,ffdhe_3072",
        "The groups for which TLS 1.3 sends a key share at once, separated by commas.",
        later=INTERNAL,
    )
    tls13_signature_algorithms = Option(
        "TLS13SignatureAlgorithms",
        LINE,
        _TLS13_SIGNATURES,
        "The signatures allowed in TLS 1.3, separated by commas.",
        later=INTERNAL,
    )
    tls13_supported_groups = Option(
        "TLS13SupportedGroups",
        LINE,
        "ecdhe_x25519,ecdhe_x448,ecdhe_secp256r1,ecdhe_secp384r1,ecdhe_secp521r1,"
        "ffdhe_2048,ffdhe_3072,ffdhe_4096,ffdhe_6144,ffdhe_8192",
        "The groups for TLS 1.3, best first, separated by commas.",
        later=INTERNAL,
    )
