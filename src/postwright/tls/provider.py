"""What a TLS provider is: the one interface between the dialogue and a TLS library.

A provider is TLS as a layer of bytes: no socket, no waiting, no event loop. Another package may bring one: it declares
an entry point in the group ``postwright.tls`` that leads to a function of the kind ``Factory``, and the user names it in
the setting ``TLSProvider``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:
    from postwright.tls.faults import Verdict
    from postwright.tls.resumption import Memory
    from postwright.tls.trust import Trust


class Provider(Protocol):
    """One TLS connection, the client's end.

    The order of calls: ``handshake``, then ``outgoing`` and ``feed`` until it says that it is finished; as soon as
    ``certificates`` has any, ``judge`` gives the verdict, and either ``accept`` or ``refuse`` follows before another
    byte leaves. After the handshake: ``encrypt``, ``feed`` and ``decrypt``, and at the end ``farewell``.
    """

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is finished.

        Raises:
            CertificateRejected: The certificate is not trusted.
            HandshakeFailed: The handshake can't be finished; the text says why and what to do.
            ClientCertificateMissing: The server wants a client certificate and none was given.
        """

    def outgoing(self) -> bytes:
        """Return the records that must go to the server now."""

    def feed(self, data: bytes) -> None:
        """Take records from the server; b"" is the end of the connection."""

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the records for plaintext.

        Raises:
            EncryptionFailed: The connection is closed or broken.
        """

    def decrypt(self) -> bytes | None:
        """Return plaintext, None when there is none yet, b"" at the end of the connection.

        Raises:
            DecryptionFailed: A record was damaged or forged.
            HandshakeFailed: The server ended the connection with an alert.
        """

    def farewell(self) -> bytes:
        """Return the records that close the connection in order (close_notify)."""

    def certificates(self) -> tuple[bytes, ...]:
        """Return what the server showed as DER, its own certificate first; empty before it did.

        On a resumed session these are the certificates that were judged when it began.
        """

    def judge(self) -> Verdict:
        """Return the verdict on the server's certificate; it names every fault."""

    def accept(self) -> None:
        """Note that the certificate was accepted: the handshake may go on."""

    def refuse(self) -> bytes:
        """Forget everything that was to go out, and return an alert for the server, if one can be sent."""

    @property
    def told(self) -> bool:
        """Whether ``packets`` has something to tell now and then."""

    def packets(self) -> list[str]:
        """Return a line for each record since the last call, where the settings ask for it."""

    def channel_binding(self, kind: str) -> bytes | None:
        """Return the data of a channel binding (RFC 5056), None where this connection has none of that kind.

        Args:
            kind: tls-exporter (RFC 9266), tls-server-end-point or tls-unique (RFC 5929).
        """

    @property
    def name(self) -> str:
        """What the provider calls itself, with the library and its version."""

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was resumed."""

    @property
    def version(self) -> str:
        """The protocol that was negotiated, for example "TLSv1.3"."""

    @property
    def cipher(self) -> tuple[str, int]:
        """The cipher suite in OpenSSL's words, and its strength in bits."""

    @property
    def key_exchange(self) -> tuple[str, int]:
        """The key exchange, such as ecdhe_x25519, and its strength in bits; ("", 0) where there was none."""


Factory: TypeAlias = Callable[["Trust", "Memory | None"], Provider]
"""What an entry point leads to. It raises what is wrong with the settings; a setting that the provider can't honour is
``NotAvailable``."""
