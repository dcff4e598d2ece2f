"""Contexts of pyOpenSSL for the settings; whoever asks gets one that is kept.

Where pyOpenSSL has no call for something, OpenSSL's own is used, through pyOpenSSL's private binding; a version without
it is an error, never a setting that is passed over.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cryptography import x509
from OpenSSL import SSL
from OpenSSL._util import lib
from OpenSSL.crypto import X509, X509StoreFlags

from postwright.errors import CertificateStoreUnreadable, CredentialsUnusable, InvalidValue, SecurityLibraryMissing
from postwright.tls import files, offers
from postwright.tls.ciphers import choose
from postwright.tls.kept import Contexts, first_bundle
from postwright.tls.names import all_crls, all_pem
from postwright.tls.platform_context import unusable

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.tls.credentials import Credential
    from postwright.tls.trust import Trust

_VERSIONS = {
    "TLSv1": SSL.TLS1_VERSION,
    "TLSv1_1": SSL.TLS1_1_VERSION,
    "TLSv1_2": SSL.TLS1_2_VERSION,
    "TLSv1_3": SSL.TLS1_3_VERSION,
}
_contexts: Contexts[SSL.Context] = Contexts()


def context(trust: Trust, verify: Callable[..., bool], staple: Callable[..., bool]) -> SSL.Context:
    """Return a client context for the settings; it is built once and kept while its CA files do not change.

    Args:
        trust: The settings.
        verify: Called for each certificate and each fault of it.
        staple: Called with the OCSP answer of the server.

    Raises:
        CertificateStoreUnreadable: A CA file or directory can't be read.
        CredentialsUnusable: The client certificate and key can't be used.
        InvalidValue: A setting names what this OpenSSL does not have.
    """
    return _contexts.get(trust, lambda: _build(trust, verify, staple))


def call(name: str) -> Any:
    """Return one of OpenSSL's own functions.

    Raises:
        SecurityLibraryMissing: The installed version does not show it.
    """
    found = getattr(lib, name, None)
    if found is None:
        raise SecurityLibraryMissing(
            f"the installed versions of pyOpenSSL and cryptography have no {name}: pip install -U 'postwright[tls]'"
        )
    return found


def reason(error: SSL.Error) -> str:
    """Return OpenSSL's reason of an error."""
    first = error.args[0] if error.args else ""
    if isinstance(first, list) and first:
        return str(first[0][-1])
    return str(error.args[-1]) if error.args else "error"


def _expand(ciphers: str) -> list[str]:
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    try:
        made.set_cipher_list(ciphers.encode())
    except SSL.Error:
        return []
    return SSL.Connection(made, None).get_cipher_list()


def _build(trust: Trust, verify: Callable[..., bool], staple: Callable[..., bool]) -> SSL.Context:
    made = SSL.Context(SSL.TLS_CLIENT_METHOD)
    offer = choose(trust, _expand)
    made.set_min_proto_version(_VERSIONS[offer.low])
    made.set_max_proto_version(_VERSIONS[offer.high])
    if offer.ciphers:
        made.set_cipher_list(offer.ciphers.encode())
    if offer.suites_13:
        made.set_tls13_ciphersuites(":".join(offer.suites_13).encode())
    _offer(made, "SSL_CTX_set1_curves_list", offers.groups(trust), "groups")
    _offer(made, "SSL_CTX_set1_sigalgs_list", offers.signatures(trust), "signature algorithms")
    if not trust.renegotiation:
        made.set_options(lib.SSL_OP_NO_RENEGOTIATION)
    made.clear_mode(lib.SSL_MODE_ENABLE_PARTIAL_WRITE)  # memory takes everything at once
    made.set_verify(SSL.VERIFY_PEER, verify)
    made.set_ocsp_client_callback(staple)
    _load_authorities(made, trust)
    if trust.credential is not None:
        _load_credential(made, trust.credential)
    if path := trust.key_log:
        files.close(files.open_key_log(path))
        made.set_keylog_callback(lambda _, line: files.append_key_log(path, line))
    return made


def _offer(made: SSL.Context, function: str, names: str, what: str) -> None:
    if not names:
        return
    if call(function)(made._context, names.encode()) != 1:
        call("ERR_clear_error")()
        raise InvalidValue(f"this OpenSSL does not take all of these {what}: {names.replace('*', '')}")


def _load_authorities(made: SSL.Context, trust: Trust) -> None:
    """Load the system's authorities and the user's (SSLCACertFilePaths, OpenSSLCAFile, -CADir, SSLServerCACerts)."""
    made.set_default_verify_paths()
    store = made.get_cert_store()
    assert store is not None
    try:
        if first := first_bundle(trust.ca_paths):
            made.load_verify_locations(first)
        if trust.ca_file or trust.ca_dir:
            made.load_verify_locations(trust.ca_file or None, trust.ca_dir or None)
        for der in all_pem(trust.ca_pem) if trust.ca_pem else ():
            store.add_cert(X509.from_cryptography(x509.load_der_x509_certificate(der)))
    except (SSL.Error, ValueError) as error:
        why = reason(error) if isinstance(error, SSL.Error) else str(error)
        raise CertificateStoreUnreadable(f"the certificate authorities can't be loaded: {why}") from error
    if not trust.crls:
        return
    try:
        for der in all_crls(trust.crls):
            store.add_crl(x509.load_der_x509_crl(der))
    except (SSL.Error, ValueError) as error:
        raise CertificateStoreUnreadable(f"SSLCRLs holds no revocation list (PEM) that can be read: {error}") from error
    store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL)


def _load_credential(made: SSL.Context, credential: Credential) -> None:
    try:
        made.use_certificate(x509.load_der_x509_certificate(credential.certificate))
        for der in credential.chain:
            made.add_extra_chain_cert(x509.load_der_x509_certificate(der))
        made.use_privatekey(credential.key)  # type: ignore[arg-type]  # a store gives keys of cryptography only
        made.check_privatekey()
    except SSL.Error as error:
        raise CredentialsUnusable(unusable(reason(error))) from error
    except (TypeError, ValueError) as error:
        raise CredentialsUnusable(f"the client certificate can't be loaded: {error}") from error
