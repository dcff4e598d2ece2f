"""TLS as a layer of bytes: no socket, no waiting; a provider turns plaintext into records and back.

A provider is loaded when a connection first wants TLS: `ssl` alone costs more than the rest of the package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.enums import SSLProvider
from postwright.errors import CertificateStoreUnreadable, NotAvailable, SecurityLibraryMissing
from postwright.lazy import Room

if TYPE_CHECKING:
    from postwright.tls import ciphers as _ciphers
    from postwright.tls import platform as _platform
    from postwright.tls.provider import Factory, Provider
    from postwright.tls.resumption import Memory
    from postwright.tls.trust import Trust
else:
    _ciphers = Room("postwright.tls.ciphers")
    _platform = Room("postwright.tls.platform")  # loads ssl

GROUP = "postwright.tls"
"""The entry points that bring further providers, see ``provider``."""

INSTALL = "pip install 'postwright[tls]'"


def factory(trust: Trust) -> Factory:
    """Return what makes connections of the provider that the settings call for.

    Raises:
        NotAvailable: SSLProvider is PLATFORM, and a setting is in force that only INTERNAL can honour.
        SecurityLibraryMissing: The provider is not installed.
        CertificateStoreUnreadable: It has no way to the key of the client certificate, which is in a token.
    """
    if trust.plugin:
        return _plugin(trust.plugin)
    only_internal = trust.only_internal
    if trust.provider == SSLProvider.PLATFORM and only_internal:
        raise NotAvailable(
            f"SSLProvider is PLATFORM, which can't do what is set in {', '.join(only_internal)}; INTERNAL can, "
            f"and AUTOMATIC takes it by itself ({INSTALL})"
        )
    if trust.provider == SSLProvider.INTERNAL or (trust.provider == SSLProvider.AUTOMATIC and only_internal):
        why = f" because of {', '.join(only_internal)}" if only_internal else ""
        if _in_a_token(trust):
            raise CertificateStoreUnreadable(
                f"OpenSSL reaches a key in a PKCS#11 token by the PLATFORM provider only, and INTERNAL is asked for{why}: "
                f"set ssl_provider to 1 (PLATFORM){' and leave that out' if why else ''}, or take a key in a file"
            )
        try:
            from postwright.tls import internal  # noqa: PLC0415 - loads OpenSSL, and only here
        except ImportError as error:
            raise SecurityLibraryMissing(
                f"the INTERNAL provider is needed{why}, and {error.name or 'it'} is not installed: {INSTALL}"
            ) from error
        return internal.connect
    return _platform.connect


def _in_a_token(trust: Trust) -> bool:
    """Whether the client certificate's key stays in a token."""
    if trust.credential is None:
        return False
    from postwright.tls.credentials import PKCS11Key  # noqa: PLC0415 - loaded already, where there is a credential

    return isinstance(trust.credential.key, PKCS11Key)


def _plugin(name: str) -> Factory:
    from importlib.metadata import entry_points  # noqa: PLC0415 - costly, and few have such a provider

    points = entry_points(group=GROUP)
    for point in points.select(name=name):
        try:
            found: Factory = point.load()
        except ImportError as error:
            raise SecurityLibraryMissing(f"TLSProvider {name} can't be loaded: {error}") from error
        return found
    there = ", ".join(sorted(points.names)) or "none"
    raise SecurityLibraryMissing(f"TLSProvider is {name}, and no package brings it; installed are: {there}")


def provider(trust: Trust, memory: Memory | None = None) -> Provider:
    """Return a new TLS connection of the provider that the settings call for."""
    return factory(trust)(trust, memory)


def notes(trust: Trust) -> list[str]:
    """Return what of the settings can't be honoured to the letter, for SSLStatus."""
    from postwright.tls import faults, offers  # noqa: PLC0415 - a handshake is about to begin anyway

    found = [offers.note_on_shares(trust)]
    if words := faults.without_effect(trust.flags):
        found.append(f"these bits of SSLSecurityFlags have no counterpart in OpenSSL and change nothing: {words}")
    if not trust.renegotiation:
        found.append("SSLEnableRenegotiation is False: renegotiation is refused; OpenSSL sends the signal all the same")
    return [note for note in found if note]


def whose(der: bytes) -> tuple[str, str]:
    """Return subject and issuer of a certificate; empty where it can't be read."""
    from postwright.tls import certificate  # noqa: PLC0415 - a handshake is going on

    try:
        shown = certificate.read(der)
    except ValueError:
        return "", ""
    return shown.subject, shown.issuer


def suite(name: str) -> str:
    """Return the name of a cipher suite in the standards for OpenSSL's name."""
    return _ciphers.iana(name)
