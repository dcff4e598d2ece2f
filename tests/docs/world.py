"""The servers that the examples of the documentation talk to: aiosmtpd and a proxy, under natural names.

The examples say ``mail.example.org`` and port 587; name look-ups are redirected, so that each pair of name and port
leads to a listener of its own here. Certificates are issued for the names that the examples use.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import trustme
from aiosmtpd.smtp import SMTP, AuthResult

from tests.docs.proxies import Proxy

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine, Sequence
    from pathlib import Path

USER = "me@example.org"
PASSWORD = "correct horse"
NAMES = ("mail", "relay", "flaky", "hasty", "corp")
IDLE = 0.5
"""Seconds after which hasty.example.org closes a connection that is idle."""
QUEUE_ID = "4XJ2kP5fZ1z9sT"
DSN = frozenset({"RET", "ENVID", "NOTIFY", "ORCPT"})
REFUSED = {
    "nobody@example.org": "550 5.1.1 No such user here",
    "full@example.org": "452 4.2.2 Mailbox full",
    "later@example.org": "451 4.7.1 Greylisted, try again in 5 minutes",
}
LISTS = {"team": ("Alice <alice@example.org>", "Bob <bob@example.org>")}


@dataclass(frozen=True)
class Delivered:
    """One message that a server took."""

    sender: str
    recipients: tuple[str, ...]
    data: bytes
    parameters: tuple[str, ...]


@dataclass
class Mailbox:
    """What the servers do with mail, and what they took."""

    flaky: bool = False
    taken: list[Delivered] = field(default_factory=list)

    async def handle_RCPT(self, _: Any, __: Any, envelope: Any, address: str, ___: list[str]) -> str:
        if address in REFUSED:
            return REFUSED[address]
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: Server, _: Any, envelope: Any) -> str:
        if self.flaky:
            assert isinstance(server.transport, asyncio.Transport)
            server.transport.abort()
        if b"Subject: Win a prize" in envelope.content:
            return "554 5.7.1 This looks like spam"
        self.taken.append(
            Delivered(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content, tuple(server.parameters))
        )
        server.parameters.clear()
        return f"250 2.0.0 Ok: queued as {QUEUE_ID}"

    async def handle_VRFY(self, _: Any, __: Any, ___: Any, address: str) -> str:
        return REFUSED.get(address, f"250 2.1.5 {address}")

    async def handle_EHLO(self, _: Any, session: Any, __: Any, hostname: str, responses: list[str]) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]


class Server(SMTP):
    """aiosmtpd, which also takes the parameters of delivery notifications and expands lists."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parameters: list[str] = []

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        mine = [param for param in params if param.partition("=")[0] in DSN]
        self.parameters += mine
        found: dict[str, str | bool] | None = super()._getparams([param for param in params if param not in mine])
        return found

    async def smtp_EXPN(self, arg: str) -> None:
        members = LISTS.get(arg, ())
        for index, member in enumerate(members):
            mark = " " if index == len(members) - 1 else "-"
            await self.push(f"250{mark}2.1.5 {member}")
        if not members:
            await self.push("550 5.1.1 No such list")


class Corporate(Server):
    """A server with a login mechanism of its own: CRAM with SHA-256."""

    async def auth_X__CRAM__SHA256(self, _: Any, __: list[str]) -> AuthResult:
        challenge = b"<0123456789abcdef@corp.example.org>"
        answer = await self.challenge_auth(challenge)
        proof = hmac.new(PASSWORD.encode(), challenge, "sha256").hexdigest()
        return AuthResult(success=answer == f"{USER} {proof}".encode(), handled=False)


class Silent(asyncio.Protocol):
    """A server that accepts connections and never says a word."""


def _authenticate(_: Any, __: Any, ___: Any, ____: str, data: Any) -> AuthResult:
    good = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=good, handled=False)


def _pfx(leaf: trustme.LeafCert) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, load_pem_private_key, pkcs12

    key: Any = load_pem_private_key(leaf.private_key_pem.bytes(), None)
    cert = x509.load_pem_x509_certificate(leaf.cert_chain_pems[0].bytes())
    return pkcs12.serialize_key_and_certificates(b"alice", key, cert, None, BestAvailableEncryption(PASSWORD.encode()))


class World:
    """All servers, in one event loop in one thread.

    Attributes:
        ports: The loopback port for each name and port that examples use.
        mailbox: What the servers took.
    """

    def __init__(self) -> None:
        self.mailbox = Mailbox()
        self.flaky = Mailbox(flaky=True)
        self.ports: dict[tuple[str, int], int] = {}
        self.public = trustme.CA()
        self.company = trustme.CA(organization_name="Example Company")
        self.own = trustme.CA(organization_name="A box on its own")
        self.alice = self.company.issue_cert("alice@company.example", common_name="alice")
        self.printer = self.own.issue_cert("printer.example.org")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="docs-servers", daemon=True)
        self._servers: list[asyncio.Server] = []

    def _context(self, leaf: trustme.LeafCert) -> ssl.SSLContext:
        import ssl

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        leaf.configure_cert(context)
        return context

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(20)

    def start(self) -> None:
        """Open every listener."""
        import ssl

        self._thread.start()
        public = self._context(self.public.issue_cert(*(f"{name}.example.org" for name in NAMES)))
        company = self._context(self.company.issue_cert("mail.company.example"))
        self._listen("mail.example.org", 587, tls_context=public, require_starttls=True, auth_required=True)
        self._listen("corp.example.org", 587, kind=Corporate, tls_context=public, auth_required=True)
        self._listen("mail.example.org", 465, tls=public, auth_require_tls=False)
        self._listen("relay.example.org", 25, tls_context=public)
        self.ports["192.0.2.25", 25] = self.ports["relay.example.org", 25]
        self._listen("legacy.example.org", 25)
        self._listen("legacy.example.org", 2525, auth_require_tls=False)
        self._listen("flaky.example.org", 25, mailbox=self.flaky, tls_context=public)
        self._listen("mail.company.example", 25, tls_context=company)
        self._listen("printer.example.org", 465, tls=self._context(self.printer))
        partner = self._context(self.public.issue_cert("partner.example.org"))
        self.company.configure_trust(partner)
        partner.verify_mode = ssl.CERT_REQUIRED
        self._listen("partner.example.org", 587, tls_context=partner, require_starttls=True)
        self._listen("hasty.example.org", 25, tls_context=public, timeout=IDLE)
        self._serve("slow.example.org", 25, Silent)
        proxy = Proxy(self.ports)
        self._serve("proxy.example.org", 1080, self._streams(proxy.socks5))
        self._serve("proxy.example.org", 8080, self._streams(proxy.connect))

    def _streams(self, handle: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Any]) -> Callable[[], Any]:
        return lambda: asyncio.StreamReaderProtocol(asyncio.StreamReader(loop=self._loop), handle, loop=self._loop)

    def _listen(
        self,
        name: str,
        port: int,
        *,
        kind: type[Server] = Server,
        tls: ssl.SSLContext | None = None,
        mailbox: Mailbox | None = None,
        **how: Any,
    ) -> None:
        def factory() -> Server:
            return kind(
                mailbox or self.mailbox,
                hostname=name,
                ident="ESMTP ready",
                enable_SMTPUTF8=True,
                authenticator=_authenticate,
                loop=self._loop,
                **how,
            )

        self._serve(name, port, factory, tls)

    def _serve(self, name: str, port: int, factory: Any, tls: ssl.SSLContext | None = None) -> None:
        server = self._do(self._loop.create_server(factory, "127.0.0.1", 0, ssl=tls))
        self._servers.append(server)
        self.ports[name, port] = server.sockets[0].getsockname()[1]

    def stop(self) -> None:
        """Close everything."""

        async def close() -> None:
            for server in self._servers:
                server.close()
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self._do(close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()

    def getaddrinfo(self, host: str, port: int, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        """Stand in for the name server: a known name and port lead to their listener, all others do not exist."""
        if host in {"127.0.0.1", "::1"}:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
        if not any(name == host for name, _ in self.ports):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        there = self.ports.get((host, port), 9)  # nobody listens on the port of "discard"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", there))]

    def furnish(self, directory: Path) -> None:
        """Put the files that examples use into a directory."""
        files = {
            "report.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 400,
            "logo.png": b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 4,
            "page.html": b'<h1>Hello</h1>\n<p><img src="cid:logo"> The report is attached.</p>\n',
            "message.eml": (
                b"From: Me <me@example.org>\nTo: alice@example.org\nSubject: From a file\n"
                b"Date: Tue, 03 Mar 2026 10:00:00 +0000\nMessage-ID: <1@example.org>\n\nHello from a file.\n"
            ),
            "big.log": b"2026-03-03 10:00:00 all is well\n" * 40000,
            "company-ca.pem": self.company.cert_pem.bytes(),
            "alice.key": self.alice.private_key_pem.bytes(),
            "alice.pem": self.alice.cert_chain_pems[0].bytes(),
            "alice.pfx": _pfx(self.alice),
            "printer.pem": self.printer.cert_chain_pems[0].bytes(),
        }
        for name, data in files.items():
            (directory / name).write_bytes(data)
        (directory / "mail-password").write_text(f"{PASSWORD}\n")
        (directory / "mail-password").chmod(0o600)
