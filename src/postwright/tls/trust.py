"""The settings of one TLS connection, as the providers take them: whom to trust, what to offer, who we are.

It never opens a connection and never decides for the user: it says which provider can honour what was set.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from postwright.tls.credentials import Credential

PROTOCOLS = {192: "TLSv1", 768: "TLSv1_1", 3072: "TLSv1_2", 12288: "TLSv1_3"}
"""The reference's bits of SSLEnabledProtocols, in the order of the protocols, with their names in ``ssl``."""

OLD = 192 | 768
TLS_12, TLS_13 = 3072, 12288

TIME, AUTHORITY, USAGE, REVOCATION, CA_REVOCATION, NAME = 0x1, 0x10, 0x20, 0x100, 0x400, 0x80000000
"""The bits of SSLSecurityFlags that OpenSSL has something for."""

_LEVEL = re.compile(r"@SECLEVEL=([0-5])")


class Trust(NamedTuple):
    """Everything that a TLS connection depends on; an empty text means: as OpenSSL does it."""

    server_name: str
    """The name that the certificate must have; it is sent to the server too (SNI)."""
    protocols: int = 15360
    ciphers: str = "DEFAULT"
    suites: str = "*"
    strength: int | None = None
    groups_12: str = ""
    groups_13: str = ""
    shares_13: str = ""
    signatures_12: str = ""
    signatures_13: str = ""
    ca_file: str = ""
    ca_dir: str = ""
    ca_paths: str = ""
    ca_pem: str = ""
    crls: str = ""
    flags: int = 0
    renegotiation: bool = True
    key_log: str = ""
    seed: str = ""
    log_packets: bool = False
    credential: Credential | None = None
    pinned: bytes = b""
    asked: bool = False
    """Whether someone may overrule the verdict (a handler of SSLServerAuthentication, or a pinned certificate)."""
    provider: int = 0
    internal: bool = False
    """Whether AUTOMATIC means INTERNAL (UseInternalSecurityAPI)."""
    plugin: str = ""
    """The name of a provider that another package brings (TLSProvider)."""

    def __repr__(self) -> str:
        """Show what was set; the seed and the key are not shown."""
        defaults = self._field_defaults
        shown = (
            f"{name}={'(hidden)' if name in {'seed', 'credential'} else repr(value)}"
            for name, value in zip(self._fields, self, strict=True)
            if name not in defaults or value != defaults[name]
        )
        return f"Trust({', '.join(shown)})"

    @property
    def level(self) -> int | None:
        """The security level that the user's own cipher list asks for, if it does."""
        found = _LEVEL.findall(self.ciphers)
        return int(found[-1]) if found else None

    @property
    def judged(self) -> bool:
        """Whether the certificate is judged here, between two flights, and not by OpenSSL within the handshake.

        OpenSSL would stop at the first fault; here someone or something may overrule it, or more is asked for.
        """
        extra = self.signatures_12 or self.signatures_13 or self.flags
        return bool(self.asked or self.pinned or extra or self.own_strength)

    @property
    def own_strength(self) -> bool:
        """Whether the strength of keys and signatures must be checked here.

        OpenSSL offers TLS 1.0 and 1.1 at security level 0 only, which takes every key and every signature; who writes
        a level into OpenSSLCipherList has chosen.
        """
        return bool(self.protocols & OLD) and self.level is None

    @property
    def context_key(self) -> tuple[object, ...]:
        """What a context depends on."""
        return (*tuple(self)[_CONTEXT], self.credential)

    @property
    def only_internal(self) -> tuple[str, ...]:
        """The settings in force that only the Internal provider can honour."""
        if self.internal is False and tuple(self)[_OFFER] == _USUAL_OFFER and not self.flags:
            return ()
        one_revocation = bool(self.flags & REVOCATION) != bool(self.flags & CA_REVOCATION)
        found = {
            "UseInternalSecurityAPI": self.internal,
            "SSLEnabledCipherSuites (it chooses among the suites of TLS 1.3)": self._chooses_suites_13(),
            "SSLCipherStrength (with TLS 1.3)": (self.strength or 0) > 128 and bool(self.protocols & TLS_13),
            "TLS12SupportedGroups": bool(self.groups_12),
            "TLS13SupportedGroups": bool(self.groups_13),
            "TLS13KeyShareGroups": bool(self.shares_13),
            "TLS12SignatureAlgorithms": bool(self.signatures_12),
            "TLS13SignatureAlgorithms": bool(self.signatures_13),
            "SSLSecurityFlags 0x20 (usage)": bool(self.flags & USAGE),
            "SSLSecurityFlags 0x100 without 0x400, or the other way round": one_revocation and bool(self.crls),
        }
        return tuple(name for name, yes in found.items() if yes)

    def _chooses_suites_13(self) -> bool:
        from postwright.options.tls_names import SUITES_13, chosen_suites  # noqa: PLC0415 - most never need the table

        if self.suites == "*" or not self.protocols & TLS_13:
            return False
        return len(set(chosen_suites(self.suites)) & set(SUITES_13)) in {1, 2}


_CONTEXT = slice(Trust._fields.index("protocols"), Trust._fields.index("key_log") + 1)
_OFFER = slice(Trust._fields.index("suites"), Trust._fields.index("signatures_13") + 1)
_USUAL_OFFER = tuple(Trust(""))[_OFFER]


def protocol_block(bits: int) -> tuple[str, str]:
    """Return the names of the lowest and the highest protocol of a contiguous set of bits."""
    names = [name for bit, name in PROTOCOLS.items() if bits & bit]
    return names[0], names[-1]
