"""What both providers have in common: which certificates are the server's, the verdict, refusal, channel bindings.

Everything that needs a TLS library is left to the provider.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from postwright.errors import InvalidValue
from postwright.tls import certificate, offers
from postwright.tls.faults import NOT_PINNED, NOT_SHOWN, OK, Fault, verdict
from postwright.tls.names import to_der
from postwright.tls.records import Records
from postwright.tls.resumption import Ticket
from postwright.wire.hosts import a_labels

if TYPE_CHECKING:
    from postwright.tls.certificate import Certificate
    from postwright.tls.faults import Verdict
    from postwright.tls.resumption import Memory
    from postwright.tls.trust import Trust

_BAD_CERTIFICATE = b"\x15\x03\x03\x00\x02\x02\x2a"  # a fatal alert, bad_certificate (RFC 5246 section 7.2)
RECORD = 65536


def server_host(name: str) -> str:
    """Return a server's name as it is sent to it and as it stands on certificates: A-labels, without a trailing dot.

    Raises:
        ValueError: No certificate can have this name.
    """
    host = name.removesuffix(".")  # RFC 6066 section 3
    if not all(host.split(".")):
        raise ValueError("a label is empty")
    return a_labels(host)


class Layer(ABC):
    """One TLS connection over memory; see ``provider.Provider`` for what is promised.

    Args:
        trust: The settings; ``trust.server_name`` is the name on the certificate, and is sent as SNI.
        memory: Where the session to resume is, and the next one is kept; None resumes nothing.
    """

    def __init__(self, trust: Trust, memory: Memory | None) -> None:
        self.trust = trust
        self._memory = memory
        self._ticket: Ticket | None = None
        self._records = Records(log=trust.log_packets)
        self._first = b""
        self._done = False
        self._chain: tuple[bytes, ...] = ()
        self._verdict = OK
        self._accepted = False
        try:
            self.host = server_host(trust.server_name)
        except ValueError as error:
            raise InvalidValue(f"'{trust.server_name}' can't stand on a certificate: {error}") from None

    # What a provider must know

    @abstractmethod
    def outgoing(self) -> bytes:
        """Return the records that must go to the server now."""

    @abstractmethod
    def _take(self, data: bytes) -> None:
        """Give records from the server to the library; b"" is the end of the connection."""

    @property
    @abstractmethod
    def resumed(self) -> bool:
        """Whether an earlier session was resumed."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The protocol that was negotiated."""

    @abstractmethod
    def _shown(self) -> tuple[bytes, ...]:
        """Return the library's view of the server's chain."""

    @abstractmethod
    def _faults(self) -> list[Fault]:
        """Return what OpenSSL finds wrong with the certificates."""

    @abstractmethod
    def _session(self) -> object | None:
        """Return the session, once it can be resumed."""

    @abstractmethod
    def _context(self) -> object:
        """Return the context of this connection."""

    @abstractmethod
    def _unique(self) -> bytes | None:
        """Return the first Finished message of the handshake."""

    @abstractmethod
    def _exported(self) -> bytes | None:
        """Return keying material for tls-exporter."""

    def feed(self, data: bytes) -> None:
        """Take records from the server; b"" is the end of the connection."""
        if not self._first:
            self._first = data[:200]
        self._records.received(data)
        self._take(data)

    # Certificates and verdict

    def certificates(self) -> tuple[bytes, ...]:
        """Return what the server showed, its own certificate first, as DER; empty before it did."""
        if self._chain:
            return self._chain
        if self.resumed:
            self._chain = self._ticket.chain if self._ticket is not None else ()
        elif self._ticket is None or self._done or self._records.certificate_shown:
            # While a session is offered OpenSSL shows its old certificates: they are not the ones of this connection.
            self._chain = self._shown()
        return self._chain

    def judge(self) -> Verdict:
        """Return the verdict on the certificates that the server showed."""
        self._verdict = self._judged(self.certificates())
        return self._verdict

    def _judged(self, chain: tuple[bytes, ...]) -> Verdict:
        trust = self.trust
        if not chain:
            return verdict(trust, [Fault(NOT_SHOWN)])
        if trust.pinned:
            return OK if chain[0] == to_der(trust.pinned) else verdict(trust, [Fault(NOT_PINNED)])
        if self.resumed and self._ticket is not None:
            return verdict(trust, self._ticket.verdict.faults)
        return verdict(trust, [*self._faults(), *offers.check_signature(trust, self.version, chain[0])])

    def accept(self) -> None:
        """Note that the certificate was accepted: the handshake may go on."""
        self._accepted = True

    def refuse(self) -> bytes:
        """Forget everything that was to go out, and return an alert for the server, if one can be sent.

        Our last flight is waiting, and it names us: it must not leave. In TLS 1.2 the server still reads plaintext;
        in TLS 1.3 it would not, and what it could read no library makes any more.
        """
        self.outgoing()
        return b"" if self._done or self.version == "TLSv1.3" else _BAD_CERTIFICATE

    def _finish(self) -> None:
        """Note that the handshake is over, and refuse a group that the settings do not allow."""
        self._done = True
        self._records.finished()
        if self.trust.groups_12 or self.trust.groups_13:
            offers.check_group(self.trust, self.version, self._records.group[0])

    # What is known afterwards

    @property
    def told(self) -> bool:
        """Whether ``packets`` has something to tell now and then."""
        return self._records.log

    def packets(self) -> list[str]:
        """Return a line for each record since the last call, where the settings ask for it."""
        return self._records.take()

    @property
    def key_exchange(self) -> tuple[str, int]:
        """The key exchange, such as ecdhe_x25519, and its strength in bits; ("", 0) where there was none."""
        if self._records.group[0] or self.resumed or not self.certificates():
            return self._records.group
        leaf = self._leaf()
        return ("rsa", leaf.bits) if leaf is not None else ("", 0)  # RSA sends the key with the certificate's own key

    def _leaf(self) -> Certificate | None:
        try:
            return certificate.read(self.certificates()[0])
        except (ValueError, IndexError):
            return None

    def _remember(self) -> None:
        """Keep the session for the next connection; with TLS 1.3 the server sends it after the handshake."""
        if self._memory is None:
            return
        session = self._session()
        if session is not None:
            self._memory.keep(Ticket(session, self._context(), self.certificates(), self._verdict))
            self._memory = None

    def channel_binding(self, kind: str) -> bytes | None:
        """Return the data of a channel binding (RFC 5056), None where this connection has none of that kind."""
        if kind == "tls-server-end-point":
            return self._end_point()
        if kind == "tls-unique":
            # TLS 1.3 does not have it (RFC 8446 section C.5), and on a resumed session it binds nothing (RFC 7627).
            return None if self.version == "TLSv1.3" or self.resumed else self._unique()
        return self._exported() if kind == "tls-exporter" else None

    def _end_point(self) -> bytes | None:
        """RFC 5929 section 4.1: the hash of the certificate's own signature, SHA-256 in place of MD5 and SHA-1."""
        leaf = self._leaf()
        if leaf is None or not leaf.hash:  # Ed25519 has no hash, and the RFC no answer to that
            return None
        name = "sha256" if leaf.hash in {"md2", "md5", "sha1"} else leaf.hash
        return hashlib.new(name, self.certificates()[0]).digest()
