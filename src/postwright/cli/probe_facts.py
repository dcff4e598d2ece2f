"""What a probe learns of a server, and the witness who notes it while the connection is made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from postwright.enums import Direction
from postwright.tls import certificate
from postwright.tls.octets import nodes
from postwright.wire.extensions import Extensions
from postwright.words import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.cli.client import Client
    from postwright.errors import SMTPError
    from postwright.events import ConnectionStatus, PITrail, SSLServerAuthentication
    from postwright.tls.certificate import Certificate


@dataclass
class TLS:
    """What was negotiated."""

    protocol: str = ""
    cipher: str = ""
    suite: str = ""
    bits: int = 0
    exchange: str = ""
    exchange_bits: int = 0


@dataclass
class Facts:
    """Everything that is known of a server; what was not reached is None or empty."""

    host: str
    port: int
    address: str = ""
    """The address at the other end; with a proxy, the proxy's."""
    proxied: bool = False
    greeting: Reply | None = None
    before: Extensions | None = None
    """What EHLO said without TLS."""
    after: Extensions | None = None
    """What EHLO said inside TLS."""
    hello_refused: bool = False
    """Whether EHLO was refused and HELO had to do."""
    starttls: Reply | None = None
    chain: tuple[Certificate | None, ...] = ()
    """The certificates, the server's own first; None for one that can't be read."""
    verdict: str = ""
    trusted: bool = False
    tls: TLS | None = None
    begins_in_plaintext: bool = False
    """Whether TLS was tried from the first byte, and the server knows it by STARTTLS alone."""
    logged_in: bool = False
    error: SMTPError | None = None

    @property
    def reached(self) -> bool:
        """Whether the server said anything."""
        return self.greeting is not None or bool(self.chain)

    @property
    def offers(self) -> Extensions | None:
        """What EHLO said last, before a login."""
        return self.after if self.after is not None else self.before


class Witness:
    """Notes what happens while a client connects.

    Args:
        client: The client.
        trail: Who else is told the dialogue, if anybody is.
        overrule: Whether to go on with a certificate that is not trusted. Nothing secret may be sent then.
    """

    def __init__(self, client: Client, trail: Callable[[PITrail], object] | None, *, overrule: bool) -> None:
        self.facts = Facts(client.mail_server, client.mail_port)
        self._client = client
        self._overrule = overrule
        self._command = ""
        self._lines: list[str] = []
        self._secure = False
        self._trail = trail
        client.settings.ssl_include_cert_chain = True
        client.on_pi_trail = self._line
        client.on_connection_status = self._status
        client.on_ssl_server_authentication = self._certificate

    def look(self) -> None:
        """Note what the client itself knows, while it is connected."""
        settings = self._client.settings
        self.facts.address = self._client.remote_address
        if settings.ssl_negotiated_version:
            self.facts.tls = TLS(
                settings.ssl_negotiated_version,
                settings.ssl_negotiated_cipher,
                settings.ssl_negotiated_cipher_suite,
                int(settings.ssl_negotiated_cipher_strength or 0),
                settings.ssl_negotiated_key_exchange,
                int(settings.ssl_negotiated_key_exchange_strength or 0),
            )

    def _status(self, event: ConnectionStatus) -> None:
        if event.connection_event == "TLS":
            self._secure = True
            self.look()
        elif event.connection_event == "Firewall":
            self.facts.proxied = True
        elif event.connection_event == "Connected":
            self.facts.address = self._client.remote_address

    def _certificate(self, event: SSLServerAuthentication) -> None:
        facts = self.facts
        facts.chain = tuple(_readable(one.whole) for one in nodes(event.cert_encoded))
        facts.verdict, facts.trusted = event.status, event.accept
        if self._overrule:
            event.accept = True

    def _line(self, event: PITrail) -> None:
        if self._trail is not None:
            self._trail(event)
        if event.direction is Direction.CLIENT:
            self._command = event.message.split(" ")[0].upper()
        elif event.direction is Direction.SERVER:
            self._lines.append(event.message)
            if event.message[3:4] != "-":
                self._reply(Reply(int(event.message[:3]), tuple(line[4:] for line in self._lines)))
                self._lines.clear()

    def _reply(self, reply: Reply) -> None:
        facts = self.facts
        if not self._command:
            facts.greeting = reply
        elif self._command == "STARTTLS":
            facts.starttls = reply
        elif self._command == "AUTH":
            facts.logged_in = reply.code == 235
        elif self._command == "EHLO" and reply.code != 250:
            facts.hello_refused = reply.code >= 500
        elif self._command == "EHLO" and not self._secure:
            facts.before = facts.before or Extensions.of(reply)
        elif self._command == "EHLO":
            facts.after = facts.after or Extensions.of(reply)


def _readable(der: bytes) -> Certificate | None:
    try:
        return certificate.read(der)
    except ValueError:
        return None
