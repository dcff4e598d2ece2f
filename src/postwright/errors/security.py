"""Errors of TLS and certificates."""

from __future__ import annotations

from postwright.errors.base import SMTPError


class SecurityError(SMTPError):
    """The secure connection can't be made or kept."""


class SecurityLibraryMissing(SecurityError, ImportError, code=270):
    """The security library can't be loaded."""


class CertificateStoreUnreadable(SecurityError, code=271):
    """The certificate store can't be opened."""


class CertificateNotFound(SecurityError, code=272):
    """The store does not hold the certificate."""


class CredentialsUnusable(SecurityError, code=273):
    """The certificate and key can't be used."""


class ChainNotFound(SecurityError, code=274):
    """The certificate's chain can't be found."""


class ChainNotVerified(SecurityError, code=275):
    """The certificate's chain can't be verified."""


class HandshakeFailed(SecurityError, ConnectionError, code=276):
    """The TLS handshake failed."""


class CertificateRejected(SecurityError, ConnectionError, code=280):
    """The server's certificate is not trusted."""


class ClientCertificateMissing(SecurityError, code=281):
    """The client certificate can't be found."""


class ServerCertificateMissing(SecurityError, code=282):
    """The server showed no certificate."""


class EncryptionFailed(SecurityError, code=283):
    """Data could not be encrypted."""


class DecryptionFailed(SecurityError, code=284):
    """Data could not be decrypted."""
