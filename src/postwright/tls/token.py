"""Keys that stay in a token (PKCS#11): how OpenSSL gets to use one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import CertificateStoreUnreadable

if TYPE_CHECKING:
    import ssl

    from OpenSSL import SSL

    from postwright.tls.credentials import Credential


def load_platform(made: ssl.SSLContext, credential: Credential) -> None:
    """Let a context of ``ssl`` use a token's key."""
    raise CertificateStoreUnreadable(f"{made}{credential}")


def load_internal(made: SSL.Context, credential: Credential) -> None:
    """Let a context of pyOpenSSL use a token's key."""
    raise CertificateStoreUnreadable(f"{made}{credential}")
