"""What proves who we are: a client certificate, its chain and its key, as a store gives them to a provider."""

from __future__ import annotations

import hashlib
import os
from _thread import allocate_lock
from copy import copy
from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import SecurityLibraryMissing, SMTPError

if TYPE_CHECKING:
    from postwright.enums import SSLCertStoreType


class PKCS11Key(NamedTuple):
    """A key that stays in a token: only its address, and what opens it."""

    uri: str
    """The key's address (RFC 7512), for example ``pkcs11:token=mail;object=client;type=private``."""
    pin: str
    """The token's PIN."""
    module: str
    """The path of the token's PKCS#11 library; empty where the system's configuration names it."""

    def __repr__(self) -> str:
        """Show all but the PIN."""
        return f"PKCS11Key(uri={self.uri!r}, module={self.module!r})"


class Credential(NamedTuple):
    """A client certificate that can log in."""

    certificate: bytes
    """The client's own certificate, as DER."""
    chain: tuple[bytes, ...]
    """The authorities to show with it, as DER, its issuer first; may be empty."""
    key: object
    """A private key of the ``cryptography`` package, or a ``PKCS11Key``."""

    def __repr__(self) -> str:
        """Show sizes only: the key is a secret."""
        return f"Credential(certificate of {len(self.certificate)} bytes, chain of {len(self.chain)})"


_KEPT = 16
_kept: dict[bytes, Credential] = {}


def load(
    kind: SSLCertStoreType, store: bytes, password: str, subject: str, encoded: bytes, authorities: str
) -> Credential:
    """Return the client certificate of a store; it is kept, so that connections share one context.

    Args:
        kind: SSLCertStoreType.
        store: The store, or the name of its file.
        password: What opens it.
        subject: SSLCertSubject.
        encoded: SSLCertEncoded.
        authorities: SSLCACerts: the chain to show, as PEM.

    Raises:
        SecurityLibraryMissing: The extra ``tls`` is not installed.
        CertificateStoreUnreadable: The store can't be read.
        CertificateNotFound: It does not hold what was asked for.
        ChainNotFound: The authorities did not issue the certificate.
    """
    digest = _digest(kind, store, password, subject, encoded, authorities)
    while (found := _kept.get(digest)) is None:
        opening = _Opening()
        first = _openings.setdefault(digest, opening)
        if first is not opening:
            first.wait()
            continue
        try:
            found = _open(kind, store, password, subject, encoded, authorities)
            while len(_kept) >= _KEPT:
                _kept.pop(next(iter(_kept), b""), None)
            _kept[digest] = found
        except SMTPError as error:
            opening.error = error
            raise
        finally:
            del _openings[digest]
            opening.lock.release()
    return found


def _digest(
    kind: SSLCertStoreType, store: bytes, password: str, subject: str, encoded: bytes, authorities: str
) -> bytes:
    """Return what stands for a certificate among those that are kept: a digest, so that no password is."""
    texts = (password.encode(), subject.encode(), authorities.encode(), str(int(kind)).encode())
    parts = (*texts, store, encoded, _stamp(store))
    return hashlib.sha256(b"".join(len(part).to_bytes(8, "big") + part for part in parts)).digest()


class _Opening:
    """A store that is being opened. Who wants the same meanwhile waits, and gets the same error: a PIN is tried once."""

    def __init__(self) -> None:
        self.lock = allocate_lock()
        self.lock.acquire()
        self.error: SMTPError | None = None

    def wait(self) -> None:
        """Wait until the store is open.

        Raises:
            SMTPError: It can't be opened.
        """
        with self.lock:
            if self.error is not None:
                raise copy(self.error) from None


_openings: dict[bytes, _Opening] = {}


def _open(
    kind: SSLCertStoreType, store: bytes, password: str, subject: str, encoded: bytes, authorities: str
) -> Credential:
    try:
        from postwright.tls import chains, stores  # noqa: PLC0415 - loads cryptography, and only here
    except ImportError as error:
        raise SecurityLibraryMissing(
            f"client certificates need {error.name or 'a library'}: pip install 'postwright[tls]'"
        ) from error
    found = stores.load(kind, store, password, subject, encoded)
    return chains.with_authorities(found, authorities) if authorities else found


def _stamp(store: bytes) -> bytes:
    try:
        return str(os.stat(store).st_mtime_ns).encode()
    except (OSError, ValueError):  # no file of that name: the store itself
        return b""
