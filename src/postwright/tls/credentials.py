"""What proves who we are: a client certificate, its chain and its key, as a store gives them to a provider."""

from __future__ import annotations

from typing import NamedTuple


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
