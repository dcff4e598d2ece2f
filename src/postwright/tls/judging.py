"""The verdict on a chain by the standard library alone: OpenSSL verifies it, and every fault is found.

The standard library has no call that verifies a chain. So it is shown to a second, verifying context in the one form
that this takes: as the Certificate message of a TLS 1.2 server in memory (RFC 5246 section 7.4.2). A client verifies the
chain on that message, before it looks at anything that would need the server's private key.

OpenSSL stops at the first fault. What it found is then left out of the next round, until a round finds nothing.
"""

from __future__ import annotations

import datetime as dt
import ssl

from postwright.tls import certificate
from postwright.tls.faults import (
    ADDRESS,
    AUTHORITIES,
    CA_KEY_WEAK,
    EE_KEY_WEAK,
    HOST,
    REVOKED,
    SIGNATURE_WEAK,
    TIMES,
    UNKNOWN_REVOCATION,
    UNREADABLE,
    Fault,
)
from postwright.tls.kept import Contexts
from postwright.tls.platform_context import context, load_authorities
from postwright.tls.trust import TLS_12, Trust
from postwright.wire.hosts import is_address

_NO_CHECK_TIME = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_RSA_SUITE, _EC_SUITE = b"\xc0\x2f", b"\xc0\x2b"
_relaxed: Contexts[ssl.SSLContext] = Contexts()


def faults(trust: Trust, host: str, chain: tuple[bytes, ...]) -> list[Fault]:
    """Return everything that is wrong with a chain.

    Args:
        trust: The settings.
        host: The name that the certificate must have.
        chain: The certificates as DER, the server's own first.
    """
    found: list[Fault] = []
    without: set[str] = set()
    while True:
        fault = _first_fault(trust, host, chain, frozenset(without))
        if fault is None:
            return found
        found.append(fault)
        step = _step(fault.code, without)
        if not step:
            break
        without.add(step)
    # This one can't be left out, so OpenSSL comes to nothing behind it. It is refused; the rest is only for people.
    return found + _inspected(host, chain[0], without)


def _step(code: int, without: set[str]) -> str:
    """Return what must be left out of the next round to get past a fault; "" where nothing does."""
    if code in TIMES:
        step = "time"
    elif code in AUTHORITIES:
        step = "authority" if "authority" not in without else "issuer"
    elif code in UNKNOWN_REVOCATION or code == REVOKED:
        step = "revocation"
    elif code in {HOST, ADDRESS}:
        step = "name"
    elif code in {EE_KEY_WEAK, CA_KEY_WEAK, SIGNATURE_WEAK}:
        step = "strength"
    else:
        step = ""
    return "" if step in without else step


def _first_fault(trust: Trust, host: str, chain: tuple[bytes, ...], without: frozenset[str]) -> Fault | None:
    made = _context(trust, chain, without)
    # The suite names the kind of key: RSA first, then ECDSA, which also stands for EdDSA (RFC 8422 section 2.2).
    for suite in (_RSA_SUITE, _EC_SUITE):
        reader, writer = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = made.wrap_bio(reader, writer, server_hostname=host)
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            reader.write(_server_flight(chain, suite))
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return None  # the chain was taken; what would follow needs the server's key
        except ssl.SSLCertVerificationError as error:
            return Fault(error.verify_code, error.verify_message.rstrip("."))
        except ssl.SSLError as error:
            if error.reason != "WRONG_CERTIFICATE_TYPE":
                return Fault(UNREADABLE, str(error.reason))
    return Fault(UNREADABLE, "its kind of key is not supported")


def _context(trust: Trust, chain: tuple[bytes, ...], without: frozenset[str]) -> ssl.SSLContext:
    level = 0 if "strength" in without else trust.level
    plain = Trust(
        server_name="",
        protocols=TLS_12,
        ciphers="DEFAULT" if level is None else f"DEFAULT:@SECLEVEL={level}",
        ca_file=trust.ca_file,
        ca_dir=trust.ca_dir,
        ca_paths=trust.ca_paths,
        ca_pem=trust.ca_pem,
        crls="" if "revocation" in without else trust.crls,
    )
    more = without & {"time", "name", "authority", "issuer"}
    if not more:
        return context(plain, verify=True)
    if "authority" in more:  # whoever issued the last one that was shown; if that leads nowhere, the server's own
        anchors = (chain[-1], chain[0]) if "issuer" in more else chain[-1:]
        return _relax(plain, more, anchors)  # not kept: it trusts somebody
    return _relaxed.get(plain, lambda: _relax(plain, more, ()), more)


def _relax(trust: Trust, without: frozenset[str], anchors: tuple[bytes, ...]) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.hostname_checks_common_name = False
    made.check_hostname = "name" not in without
    made.maximum_version = ssl.TLSVersion.TLSv1_2
    if trust.ciphers != "DEFAULT":
        made.set_ciphers(trust.ciphers)
    load_authorities(made, trust)
    if "time" in without:
        made.verify_flags |= ssl.VerifyFlags(_NO_CHECK_TIME)
    if anchors:
        made.load_verify_locations(cadata=b"".join(dict.fromkeys(anchors)))
        made.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
    return made


def _inspected(host: str, der: bytes, without: set[str]) -> list[Fault]:
    """Return the faults of date and name that a certificate's text shows."""
    try:
        leaf = certificate.read(der)
    except ValueError as error:
        return [Fault(UNREADABLE, str(error))]
    found, now = [], dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%S")
    if "time" not in without and leaf.not_before > now:
        found.append(Fault(9))
    if "time" not in without and leaf.not_after < now:
        found.append(Fault(10))
    if "name" not in without and not certificate.fits(leaf, host):
        found.append(Fault(ADDRESS if is_address(host) else HOST))
    return found


def _server_flight(chain: tuple[bytes, ...], suite: bytes) -> bytes:
    """Return a TLS 1.2 ServerHello and Certificate message (RFC 5246 sections 7.4.1.3 and 7.4.2)."""
    # Extensions: secure renegotiation (RFC 5746), without which OpenSSL goes no further, and uncompressed points.
    extensions = b"\xff\x01\x00\x01\x00" + b"\x00\x0b\x00\x02\x01\x00"
    hello = b"\x03\x03" + bytes(32) + b"\x00" + suite + b"\x00" + len(extensions).to_bytes(2, "big") + extensions
    certificates = b"".join(len(der).to_bytes(3, "big") + der for der in chain)
    return _records(2, hello) + _records(11, len(certificates).to_bytes(3, "big") + certificates)


def _records(kind: int, body: bytes) -> bytes:
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    fragments = (message[i : i + 16384] for i in range(0, len(message), 16384))
    return b"".join(b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part for part in fragments)
