"""TLS as a layer of bytes: no socket, no waiting; a provider turns plaintext into records and back.

A provider is loaded when a connection first wants TLS: `ssl` alone costs more than the rest of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from postwright.tls.platform import Platform
    from postwright.tls.trust import Trust


def provider(trust: Trust) -> Platform:
    """Return a new TLS connection of the provider that the settings call for."""
    from postwright.tls.platform import Platform  # noqa: PLC0415 - loads ssl, and only here

    return Platform(trust)
