"""EXTERNAL (RFC 4422 appendix A): the client certificate of the TLS connection says who it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.sasl.mechanism import Mechanism, octets, register

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue


def _external(credentials: Credentials) -> Dialogue:
    # Empty means "whoever the certificate names".
    yield octets(credentials.identity or credentials.user, "authorization identity")


EXTERNAL = register(Mechanism("EXTERNAL", client_first=True, start=_external))
