"""Contexts of the standard library's ``ssl`` for the settings; whoever asks gets one that is kept."""

from __future__ import annotations

import secrets
import ssl
import warnings
from typing import TYPE_CHECKING

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable, InvalidValue
from postwright.tls import files
from postwright.tls.ciphers import choose
from postwright.tls.credentials import PKCS11Key
from postwright.tls.kept import Contexts, first_bundle
from postwright.tls.names import all_crls, all_pem, pem
from postwright.tls.reasons import plain

if TYPE_CHECKING:
    from postwright.tls.credentials import Credential
    from postwright.tls.trust import Trust

_contexts: Contexts[ssl.SSLContext] = Contexts()


def context(trust: Trust, *, verify: bool) -> ssl.SSLContext:
    """Return a client context for the settings; it is built once and kept while its CA files do not change.

    Raises:
        CertificateStoreUnreadable: A CA file or directory can't be read.
        CredentialsUnusable: The client certificate and key can't be used.
        InvalidValue: A setting names what this OpenSSL does not have.
    """
    return _contexts.get(trust, lambda: _build(trust, verify=verify), verify)


def _expand(ciphers: str) -> list[str]:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if ciphers != "DEFAULT":  # Python has a default of its own
        try:
            made.set_ciphers(ciphers)
        except ssl.SSLError:
            return []
    return [str(cipher["name"]) for cipher in made.get_ciphers()]


def _build(trust: Trust, *, verify: bool) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.hostname_checks_common_name = False  # RFC 9525 section 2: only subjectAltName counts
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    offer = choose(trust, _expand)
    with warnings.catch_warnings():  # who sets the bits of TLS 1.0 knows that it is old
        warnings.simplefilter("ignore", DeprecationWarning)
        made.minimum_version = ssl.TLSVersion[offer.low]
        made.maximum_version = ssl.TLSVersion[offer.high]
    if offer.ciphers:
        try:
            made.set_ciphers(offer.ciphers)
        except ssl.SSLError:
            raise InvalidValue(f"OpenSSL takes none of these cipher suites: {offer.ciphers}") from None
    if not trust.renegotiation or not verify:
        # A certificate that changes later would not be judged again.
        made.options |= ssl.OP_NO_RENEGOTIATION
    load_authorities(made, trust)
    if trust.credential is not None:
        _load_credential(made, trust.credential)
    if trust.key_log:
        files.close(files.open_key_log(trust.key_log))
        made.keylog_filename = trust.key_log
    return made


def load_authorities(made: ssl.SSLContext, trust: Trust) -> None:
    """Load the system's authorities and the user's (SSLCACertFilePaths, OpenSSLCAFile, -CADir, SSLServerCACerts)."""
    try:
        made.load_default_certs()
        if first := first_bundle(trust.ca_paths):
            made.load_verify_locations(cafile=first)
        if trust.ca_file or trust.ca_dir:
            made.load_verify_locations(cafile=trust.ca_file or None, capath=trust.ca_dir or None)
        if trust.ca_pem:
            made.load_verify_locations(cadata=b"".join(all_pem(trust.ca_pem)))
    except (OSError, ValueError) as error:
        raise CertificateStoreUnreadable(f"the certificate authorities can't be loaded: {error}") from error
    if not trust.crls:
        return
    try:
        with files.named(b"".join(pem(der, "X509 CRL") for der in all_crls(trust.crls))) as path:
            made.load_verify_locations(cafile=path)
    except (OSError, ValueError) as error:
        raise CertificateStoreUnreadable(f"SSLCRLs holds no revocation list (PEM) that can be read: {error}") from error
    made.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN


def _load_credential(made: ssl.SSLContext, credential: Credential) -> None:
    """Load a client certificate: ``ssl`` reads files only, so the key gets one in memory, or an encrypted one."""
    if isinstance(credential.key, PKCS11Key):
        from postwright.tls import token  # noqa: PLC0415 - few have one

        token.load(made, credential)
        return
    password = "" if files.MEMORY else secrets.token_hex(32)
    text = private_pem(credential.key, password) + b"".join(map(pem, (credential.certificate, *credential.chain)))
    try:
        with files.named(text) as path:
            made.load_cert_chain(path, password=password or None)
    except ssl.SSLError as error:
        raise CredentialsUnusable(unusable(error.reason or str(error))) from error


def private_pem(key: object, password: str) -> bytes:
    """Return a private key of the ``cryptography`` package as PEM."""
    from cryptography.hazmat.primitives import serialization  # noqa: PLC0415 - the key is one of its own

    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password:
        encryption = serialization.BestAvailableEncryption(password.encode())
    made: bytes = key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    return made


def unusable(reason: str) -> str:
    """Say why a client certificate can't be used, in the words that both providers have."""
    words = plain(reason)
    if "mismatch" in words:
        return f"the private key does not belong to the client certificate ({words})"
    if "too small" in words or "too weak" in words:
        return (
            f"the client certificate is too weak for OpenSSL ({words}); OpenSSLCipherList DEFAULT@SECLEVEL=0 takes it"
        )
    return f"the client certificate can't be loaded: {words}"
