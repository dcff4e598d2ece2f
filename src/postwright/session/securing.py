"""TLS in the dialogue: the settings become a connection, the certificate is judged, and only then do we go on."""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from postwright import tls
from postwright.enums import SSLCertStoreType
from postwright.errors import CertificateRejected, SecurityError, ServerCertificateMissing, SMTPError
from postwright.events import ConnectionStatus, SSLServerAuthentication, SSLStatus
from postwright.flow import Call, Fire, Write
from postwright.session.link import show_packets
from postwright.tls.resumption import Memory
from postwright.tls.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from postwright.session.session import Session
    from postwright.tls.credentials import Credential
    from postwright.tls.faults import Verdict
    from postwright.tls.provider import Provider
    from postwright.tls.resumption import Ticket

_tickets: WeakKeyDictionary[Session, dict[Hashable, tuple[float, Ticket]]] = WeakKeyDictionary()
"""The sessions that can be resumed; each SMTP object has its own, and they go with it."""


async def prepare(session: Session) -> Trust:
    """Return the settings for TLS, and find out before anything is dialed whether what they ask for can be had.

    Raises:
        NotAvailable: SSLProvider is PLATFORM, and a setting needs INTERNAL.
        SecurityError: A library is missing, or the client certificate can't be used.
    """
    # A store is opened where waiting disturbs nobody.
    rules = await Call(trust, session) if _by_certificate(session) else trust(session)
    tls.factory(rules)
    return rules


_RULES = {
    "ssl_enabled_protocols": "protocols",
    "open_ssl_cipher_list": "ciphers",
    "ssl_enabled_cipher_suites": "suites",
    "ssl_cipher_strength": "strength",
    "tls12_supported_groups": "groups_12",
    "tls13_supported_groups": "groups_13",
    "tls13_key_share_groups": "shares_13",
    "tls12_signature_algorithms": "signatures_12",
    "tls13_signature_algorithms": "signatures_13",
    "open_ssl_ca_file": "ca_file",
    "open_ssl_ca_dir": "ca_dir",
    "ssl_server_ca_certs": "ca_pem",
    "ssl_crls": "crls",
    "ssl_security_flags": "flags",
    "ssl_enable_renegotiation": "renegotiation",
    "ssl_key_log_file": "key_log",
    "open_ssl_prng_seed_data": "seed",
    "ssl_accept_server_cert_encoded": "pinned",
    "ssl_provider": "provider",
    "use_internal_security_api": "internal",
    "tls_provider": "plugin",
}
"""Options that TLS depends on, by their keys, and what they are called in ``Trust``; most are never set.

As long as they are not, ``Trust`` has their defaults; lists of groups and signatures are left to OpenSSL then.
"""

_OURS = frozenset({"ssl_cert_subject", "ssl_cert_encoded", "ssl_cert_store_type"})


def trust(session: Session) -> Trust:
    """Return the settings that decide whom to trust, what to offer and who we are."""
    values = session.plan.properties._store.values
    given = {_RULES[key]: value for key, value in values.items() if key in _RULES}
    given["server_name"] = values.get("tls_server_name") or session.server_host
    given["ca_paths"] = session.plan.settings.ssl_ca_cert_file_paths
    if "log_ssl_packets" in values:
        given["log_packets"] = values["log_ssl_packets"] and SSLStatus in session.wanted
    if SSLServerAuthentication in session.wanted or given.get("pinned"):
        given["asked"] = True
    if _by_certificate(session):
        given["credential"] = _credential(session)
    return Trust(**given)


def _by_certificate(session: Session) -> bool:
    """Whether a store, a subject or a certificate was given to log in with."""
    properties = session.plan.properties
    if _OURS.isdisjoint(properties._store.values):
        return False
    given = properties.ssl_cert_subject or properties.ssl_cert_encoded
    return bool(given) or properties.ssl_cert_store_type is not SSLCertStoreType.USER


def _credential(session: Session) -> Credential:
    """Return the client certificate."""
    properties = session.plan.properties
    from postwright.tls import credentials  # noqa: PLC0415 - few log in by certificate

    return credentials.load(
        SSLCertStoreType(properties.ssl_cert_store_type),
        properties.ssl_cert_store,
        properties.ssl_cert_store_password,
        properties.ssl_cert_subject,
        properties.ssl_cert_encoded,
        session.plan.settings.ssl_ca_certs,
    )


def _memory(session: Session, rules: Trust) -> Memory | None:
    properties = session.plan.properties
    if not session.plan.settings.reuse_ssl_session:
        return None
    tickets = _tickets.setdefault(session, {})
    return Memory(tickets, (session.server_host, properties.mail_port, rules), session.clock)


async def secure(session: Session, rules: Trust, *, greeted: bool = False) -> None:
    """Do the TLS handshake; the certificate is judged before our next flight leaves.

    Args:
        session: The connection; its link speaks through TLS afterwards.
        rules: What ``prepare`` returned.
        greeted: Whether it is our turn to speak: then our last flight waits for the command that follows, and
            both leave in one packet.
    """
    layer = tls.provider(rules, _memory(session, rules))
    if session.wanted:
        for note in (f"TLS handshake with {session.server_host} by {layer.name}", *tls.notes(rules)):
            await session.fire(SSLStatus(note))
    await _shake(session, layer)
    session.link.secure(layer)
    if not greeted and (records := layer.outgoing()):
        session.link.keep(await Write(records, session.link.timeout))
    await _tell(session, layer, rules.credential)


async def _shake(session: Session, layer: Provider) -> None:
    judged: tuple[bytes, ...] = ()
    while True:
        try:
            done = layer.handshake()
        except SecurityError:  # OpenSSL has made an alert: the server should know why, as far as TLS can say it
            await _last_words(session, layer.outgoing())
            raise
        shown = layer.certificates()
        if shown != judged:
            try:
                await _decide(session, layer)
            except SecurityError:
                await _last_words(session, layer.refuse())
                raise
            layer.accept()
            judged = shown
        if done:
            if not judged:
                layer.refuse()
                raise ServerCertificateMissing(
                    "nobody knows who it is; OpenSSLCipherList must not allow suites without (aNULL)"
                )
            return
        if layer.told:
            await show_packets(layer)
        await session.link.shake(layer)


async def _last_words(session: Session, alert: bytes) -> None:
    if alert:
        with contextlib.suppress(SMTPError):
            await Write(alert, session.link.timeout)


async def _decide(session: Session, layer: Provider) -> None:
    """Judge the certificate and let the user's handler overrule the verdict; a handler that raises rejects."""
    verdict = layer.judge()
    if verdict.overlooked:
        await session.fire(SSLStatus(f"overlooked because of SSLSecurityFlags: {verdict.overlooked}"))
    accept = await _asked(session, layer, verdict) if SSLServerAuthentication in session.wanted else verdict.accept
    if accept is not True:
        raise CertificateRejected(verdict.status if not verdict.accept else "the handler did not accept it")


async def _asked(session: Session, layer: Provider, verdict: Verdict) -> bool:
    shown = layer.certificates()
    subject, issuer = tls.whose(shown[0])
    encoded = b"".join(shown) if session.plan.settings.ssl_include_cert_chain else shown[0]
    event = SSLServerAuthentication(encoded, subject, issuer, verdict.status, verdict.accept)
    await Fire(event)
    return event.accept


_FACTS: dict[str, Callable[[Provider], object]] = {
    "ssl_server_cert_encoded": lambda layer: layer.certificates()[0],
    "ssl_negotiated_version": lambda layer: layer.version,
    "ssl_negotiated_cipher": lambda layer: layer.cipher[0],
    "ssl_negotiated_cipher_suite": lambda layer: tls.suite(layer.cipher[0]),
    "ssl_negotiated_cipher_strength": lambda layer: str(layer.cipher[1]),
    "ssl_negotiated_key_exchange": lambda layer: layer.key_exchange[0],
    "ssl_negotiated_key_exchange_strength": lambda layer: str(layer.key_exchange[1] or ""),
}
"""What was negotiated, by the names of the options that show it."""


async def _tell(session: Session, layer: Provider, credential: Credential | None) -> None:
    """Note what was negotiated, and tell about it."""
    for key, say in _FACTS.items():
        session.facts[key] = partial(say, layer)
    if credential is not None:
        session.facts["ssl_cert_subject"] = tls.whose(credential.certificate)[0]
    if layer.told:
        await show_packets(layer)
    if not session.wanted:
        return
    name, bits = layer.cipher
    exchange, strength = layer.key_exchange
    how = "resumed session" if layer.resumed else f"key exchange {exchange}, {strength} bits"
    await session.fire(SSLStatus(f"{layer.version}, {name}, {bits} bits, {how}"))
    await session.talk.note(f"TLS is on: {layer.version}, {name}")
    await session.fire(ConnectionStatus("TLS", 0, f"TLS handshake complete: {layer.version}, {name}"))
