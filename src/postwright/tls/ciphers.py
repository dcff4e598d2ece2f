"""Which cipher suites and versions to offer: SSLEnabledCipherSuites, OpenSSLCipherList and SSLCipherStrength at once.

Written once for both providers; each says what its OpenSSL understands by a cipher list.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import InvalidValue
from postwright.options.tls_names import SUITES, SUITES_13, chosen_suites, split
from postwright.tls.trust import OLD, protocol_block

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.tls.trust import Trust

_IANA = {name: suite for suite, name in SUITES.items()}
_BITS = (
    (re.compile("AES_?-?256|AES256|CHACHA20|ARIA_?256|CAMELLIA_?256|GOST"), 256),
    (re.compile("3DES|DES-CBC3"), 112),
    (re.compile("NULL"), 0),
)
_OLDEST_13 = "TLSv1_3"
_NEWEST_12 = "TLSv1_2"


class Offer(NamedTuple):
    """What to offer to the server."""

    ciphers: str
    """OpenSSL's cipher list for TLS 1.2 and older; empty leaves the library's own."""
    suites_13: tuple[str, ...]
    """The suites of TLS 1.3; empty leaves the library's own."""
    low: str
    high: str


def bits(name: str) -> int:
    """Return the strength of a suite's cipher in bits, by its name in OpenSSL or at IANA."""
    return next((strength for pattern, strength in _BITS if pattern.search(name)), 128)


def iana(name: str) -> str:
    """Return the name of a suite in the standards for OpenSSL's name."""
    return _IANA.get(name, name)


def choose(trust: Trust, expand: Callable[[str], list[str]]) -> Offer:
    """Return what to offer for the settings.

    Args:
        trust: The settings.
        expand: Returns the suites that the library understands by a cipher list; none for one it can't read.

    Raises:
        InvalidValue: A setting names what the library does not have, or together they leave nothing.
    """
    low, high = protocol_block(trust.protocols)
    level = "" if trust.level is None else f":@SECLEVEL={trust.level}"
    if trust.protocols & OLD and not level:
        level = ":@SECLEVEL=0"  # OpenSSL 3 offers TLS 1.0 and 1.1 at no other
    if trust.ciphers != "DEFAULT" and not expand(trust.ciphers):
        raise InvalidValue(f"OpenSSLCipherList: OpenSSL knows no cipher in '{trust.ciphers}'")
    if trust.suites == "*" and not trust.strength:
        own = "" if trust.ciphers == "DEFAULT" and not level else trust.ciphers + level
        return Offer(own, (), low, high)
    names = _named(trust, expand)
    suites_13: tuple[str, ...] = SUITES_13
    if trust.suites != "*":
        chosen = chosen_suites(trust.suites)
        suites_13 = tuple(suite for suite in chosen if suite in SUITES_13)
    least = trust.strength or 0
    names = [name for name in names if bits(name) >= least]
    suites_13 = tuple(suite for suite in suites_13 if bits(suite) >= least)
    low, high = _narrowed(low, high, bool(names), bool(suites_13))
    return Offer(":".join(names) + level if names else "", suites_13, low, high)


def _named(trust: Trust, expand: Callable[[str], list[str]]) -> list[str]:
    """Return OpenSSL's names of the suites up to TLS 1.2 that both lists allow."""
    listed = [name for name in expand(trust.ciphers) if name not in SUITES_13 and not name.startswith("TLS_")]
    if trust.suites == "*":
        return listed
    there = set(expand("ALL:COMPLEMENTOFALL:@SECLEVEL=0"))
    words = split(trust.suites.upper(), ";")
    if lacking := [word for word in words if word in SUITES and SUITES[word] not in there]:
        raise InvalidValue(f"SSLEnabledCipherSuites: this OpenSSL does not have {', '.join(lacking)}")
    names = [SUITES[suite] for suite in chosen_suites(trust.suites) if suite in SUITES]
    allowed = there if trust.ciphers == "DEFAULT" else set(listed)
    return [name for name in names if name in allowed]


def _narrowed(low: str, high: str, old: bool, new: bool) -> tuple[str, str]:
    """Return the versions without those for which no suite is left."""
    if high == _OLDEST_13 and not new:
        high = _NEWEST_12
    if low != _OLDEST_13 and not old:
        low = _OLDEST_13
    if low > high or (high == _NEWEST_12 and low == _OLDEST_13) or not (old or new):
        raise InvalidValue(
            "SSLEnabledCipherSuites, OpenSSLCipherList and SSLCipherStrength together leave no cipher suite for the "
            "versions in SSLEnabledProtocols"
        )
    return low, high
