"""Client certificates: from what SSLCertStoreType, SSLCertStore and SSLCertStorePassword say to a credential.

Every format has a module of its own, which is loaded when the first store of its kind is opened. Reading touches files
and may take a moment (passwords are stretched on purpose): a driver does it where it may block.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from postwright.enums import SSLCertStoreType as Kind
from postwright.errors import CertificateStoreUnreadable, SecurityLibraryMissing, SMTPError
from postwright.tls.credentials import PKCS11Key
from postwright.tls.octets import from_base64

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.tls.choosing import Found
    from postwright.tls.contents import Contents
    from postwright.tls.credentials import Credential

LARGEST = 16 << 20
"""The largest store that is read, in bytes."""


class _Format(NamedTuple):
    module: str
    read: str = "read"


_PFX, _JKS, _PEM = _Format("pfx"), _Format("jks"), _Format("pem")
_CERTIFICATE, _P7B, _SSH = _Format("publics", "read_certificate"), _Format("publics", "read_bundle"), _Format("sshkeys")
_PPK, _XML, _JWK = _Format("ppk"), _Format("xmlkeys"), _Format("jwk")
_FILES = {
    Kind.PFX_FILE: _PFX,
    Kind.JKS_FILE: _JKS,
    Kind.PEM_KEY_FILE: _PEM,
    Kind.PUBLIC_KEY_FILE: _CERTIFICATE,
    Kind.P7B_FILE: _P7B,
    Kind.SSH_PUBLIC_KEY_FILE: _SSH,
    Kind.PPK_FILE: _PPK,
    Kind.XML_FILE: _XML,
    Kind.JWK_FILE: _JWK,
}
_BLOBS = {
    Kind.PFX_BLOB: _PFX,
    Kind.JKS_BLOB: _JKS,
    Kind.PEM_KEY_BLOB: _PEM,
    Kind.PUBLIC_KEY_BLOB: _CERTIFICATE,
    Kind.SSH_PUBLIC_KEY_BLOB: _SSH,
    Kind.P7B_BLOB: _P7B,
    Kind.PPK_BLOB: _PPK,
    Kind.XML_BLOB: _XML,
    Kind.JWK_BLOB: _JWK,
}
_WINDOWS = (
    "the certificate stores of Windows (USER, MACHINE) can't be used: they give no key to OpenSSL, which makes the TLS "
    "connections here, and other systems have none. Export the certificate with its key to a PFX file, and set "
    "ssl_cert_store_type to 2 (PFX_FILE) and ssl_cert_store to the file's name"
)
_IMPOSSIBLE = {
    Kind.SECURITY_KEY: "a security key is reached through its PKCS#11 library: set ssl_cert_store_type to 23 (PKCS11)",
    Kind.BCFKS_FILE: "no library for Python reads BCFKS, Bouncy Castle's keystore: convert it with keytool "
    "-importkeystore -deststoretype PKCS12, and set ssl_cert_store_type to 2 (PFX_FILE)",
}
_IMPOSSIBLE[Kind.BCFKS_BLOB] = _IMPOSSIBLE[Kind.BCFKS_FILE]
_BROKEN = (ValueError, TypeError, LookupError, ArithmeticError, RuntimeError, Warning)
"""What reading a damaged store can raise, warnings too where they are errors; see also UnsupportedAlgorithm."""


def load(kind: Kind, store: bytes | str, password: str, subject: str, encoded: bytes) -> Credential:
    """Return the client certificate that the settings name, with its chain and its private key.

    Args:
        kind: SSLCertStoreType.
        store: SSLCertStore: a file's name, or its content as it is or as base64; for a token its URI or its library.
        password: SSLCertStorePassword: what opens the store and its keys, or the token's PIN.
        subject: SSLCertSubject: a subject, a part of one, or ``*``.
        encoded: SSLCertEncoded: the certificate itself, whose key is sought in the store; goes before the subject.

    Raises:
        SecurityLibraryMissing: Nothing here can read such a store.
        CertificateStoreUnreadable: It can't be opened: it is not there, is damaged, or the password is wrong.
        CertificateNotFound: No certificate in it has that subject.
        CredentialsUnusable: There is no key for the certificate, or none that TLS can use.
        ChainNotFound: The chain that the store gives to the certificate has a gap.
        ClientCertificateMissing: Neither subject nor encoded is set.
    """

    def made() -> Credential:
        chosen: Credential = _loaded("choosing").choose(_opened(kind, store, password, encoded), subject, encoded)
        if isinstance(chosen.key, PKCS11Key):
            _loaded("pkcs11").confirm(chosen.key)
        return chosen

    credential: Credential = _guarded(made)
    return credential


def search(kind: Kind, store: bytes | str, password: str = "") -> tuple[Found, ...]:
    """Return every certificate in a store, those that can log in first.

    Raises:
        SecurityLibraryMissing: Nothing here can read such a store.
        CertificateStoreUnreadable: It can't be opened.
    """
    found: tuple[Found, ...] = _guarded(lambda: _loaded("choosing").listed(_opened(kind, store, password, b"")))
    return found


def subject_of(credential: Credential | bytes) -> str:
    """Return the full subject of a credential, or of a certificate as DER, in the form ``CN=..., O=..., C=...``."""
    subject: str = _guarded(lambda: _loaded("subjects").subject_of(credential))
    return subject


def _guarded(work: Callable[[], Any]) -> Any:
    """Do the work; whatever is wrong with a store is one of our errors, and drags nothing secret along."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415 - needed for client certificates alone
    except ImportError:
        raise SecurityLibraryMissing(
            "client certificates need the package cryptography: pip install 'postwright[tls]'"
        ) from None
    try:
        return work()
    except SMTPError as error:
        error.__context__ = None  # a decoder's error holds what it was decoding
        raise
    except (*_BROKEN, UnsupportedAlgorithm) as error:
        why = str(error) if isinstance(error, ValueError) else type(error).__name__
    raise CertificateStoreUnreadable(f"it is damaged, or something in it is not supported: {why}")


def _loaded(module: str) -> Any:
    return import_module(f"postwright.tls.{module}")


def _opened(kind: Kind, store: bytes | str, password: str, encoded: bytes) -> Contents:
    if kind in {Kind.USER, Kind.MACHINE}:
        raise CertificateStoreUnreadable(_WINDOWS)
    if kind in _IMPOSSIBLE:
        raise SecurityLibraryMissing(_IMPOSSIBLE[kind])
    given = os.fsencode(store) if isinstance(store, str) else bytes(store)
    if not given:
        raise CertificateStoreUnreadable("ssl_cert_store is empty: set it to a file's name, or to what a file holds")
    if kind == Kind.PKCS11:
        return _token(given, password, encoded)
    if kind == Kind.AUTO:
        return _detected(given, password, encoded)
    if kind in _FILES:
        return _read(_FILES[kind], _plain(_file(given)), password)
    return _read(_BLOBS[kind], _plain(given), password)


def _read(form: _Format, data: bytes, password: str) -> Contents:
    contents: Contents = getattr(_loaded(form.module), form.read)(data, password)
    return contents


def _token(store: bytes, password: str, encoded: bytes) -> Contents:
    der = b""
    if encoded:
        choosing = _loaded("choosing")
        der = _loaded("contents").der_of(choosing.given(encoded)[0])
    contents: Contents = _loaded("pkcs11").read(store, password, der)
    return contents


def _plain(data: bytes) -> bytes:
    """Return data that came as base64 as what it stands for: no store is written in base64's letters alone."""
    try:
        return from_base64(data) or data
    except ValueError:
        return data


def _file(name: bytes) -> bytes:
    shown = os.fsdecode(name)
    if not shown.isprintable() or len(name) > 4096 or _form_of(_plain(name)):
        shown = "what ssl_cert_store holds"  # a key, probably: it must not show up in an error
    hint = "ssl_cert_store is taken for a file's name; for a file's content there are store types that end in BLOB"
    try:
        with open(name, "rb") as file:
            data = file.read(LARGEST + 1)
    except OSError as error:
        raise CertificateStoreUnreadable(f"{shown}: {error.strerror}. {hint}") from None
    except ValueError:
        raise CertificateStoreUnreadable(f"{shown} is no file's name. {hint}") from None
    if len(data) > LARGEST:
        raise CertificateStoreUnreadable(f"{shown} is larger than {LARGEST} bytes")
    if not data:
        raise CertificateStoreUnreadable(f"{shown} is an empty file")
    return data


def _detected(given: bytes, password: str, encoded: bytes) -> Contents:
    """Open a store of an unknown type: what it begins with says what it is."""
    if given.startswith(b"pkcs11:"):
        return _token(given, password, encoded)
    data = _plain(given)
    form = _form_of(data)
    if not form:
        data = _file(given.strip())
        if data.startswith((b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")):
            return _token(given, password, encoded)
        data = _plain(data)
        form = _form_of(data)
    if not form:
        raise CertificateStoreUnreadable(
            "nothing in it says what it is: set ssl_cert_store_type to what it should be, and the error will say more"
        )
    return _read(form, data, password)


def _form_of(data: bytes) -> _Format | None:
    start = data[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    if data[:4] in {b"\xfe\xed\xfe\xed", b"\xce\xce\xce\xce"}:
        return _JKS
    if start.startswith(b"PuTTY-User-Key-File-"):
        return _PPK
    if start.startswith((b"---- BEGIN SSH2 ", b"ssh-", b"ecdsa-sha2-", b"sk-")):
        return _SSH
    if b"-----BEGIN " in data:
        if b"PRIVATE KEY-----" in data:
            return _PEM
        return _P7B if b"-----BEGIN PKCS" in data else _CERTIFICATE
    if start[:1] == b"<":
        return _XML
    if start[:1] in {b"{", b"["}:
        return _JWK
    if data[:1] == b"\x30":
        forms = {"pfx": _PFX, "p7b": _P7B, "key": _PEM, "encrypted key": _PEM}
        return forms.get(_loaded("pem").der_kind(data), _CERTIFICATE)
    return None
