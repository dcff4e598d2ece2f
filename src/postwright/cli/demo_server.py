"""The mail server of the demonstration: aiosmtpd on the loopback interface, with TLS, login and a size limit.

It lives in this process, in a thread that ends with the ``with`` block; its certificate comes from an authority that is
made for it and forgotten after it. ``ssl`` is used here although only the tls room may: this is the other side.
"""

from __future__ import annotations

import logging
import secrets
import socket
import ssl
from typing import TYPE_CHECKING, Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from aiosmtpd.smtp import LoginPassword

NAME = "mail.example.org"
USER = "zoe"
LIMIT = 32 * 1024 * 1024
GONE = "left.last.year@example.org"
"""The recipient whom the server does not know."""


class _Mailbox:
    """What the server does with mail: it keeps the last one, and refuses one recipient."""

    def __init__(self) -> None:
        self.content = b""

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        if address == GONE:
            return "550 5.1.1 No such mailbox here"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Recipient ok"

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        self.content = bytes(envelope.content)
        return f"250 2.0.0 Ok: queued as {secrets.token_hex(5).upper()}"


class _Loopback(Controller):
    """aiosmtpd on a port that the system chooses."""

    def __init__(self, handler: _Mailbox, **settings: Any) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        super().__init__(handler, hostname="127.0.0.1", port=self._listener.getsockname()[1], **settings)

    def _create_server(self) -> Any:
        return self.loop.create_server(self._factory_invoker, sock=self._listener)


class DemoServer:
    """A mail server for as long as the ``with`` block lasts.

    Attributes:
        port: Its port on 127.0.0.1.
        password: The password of USER.
        authority: The certificate authority to trust, in PEM.
    """

    def __init__(self) -> None:
        authority = trustme.CA(organization_name="postwright demo")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(NAME).configure_cert(context)
        self.authority = authority.cert_pem.bytes().decode("ascii")
        self.password = secrets.token_urlsafe(16)
        self._mailbox = _Mailbox()
        self._server = _Loopback(
            self._mailbox,
            server_hostname=NAME,
            ident="ESMTP, the demonstration server",
            tls_context=context,
            require_starttls=True,
            auth_required=True,
            authenticator=self._judge,
            data_size_limit=LIMIT,
        )
        self.port = self._server.port
        logging.getLogger("mail.log").addHandler(logging.NullHandler())  # its remarks are not for the screen

    @property
    def arrived(self) -> bytes:
        """The mail that came last, as it came."""
        return self._mailbox.content

    def __enter__(self) -> Self:
        self._server.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.stop()

    def _judge(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: LoginPassword) -> AuthResult:
        good = secrets.compare_digest(given.password, self.password.encode())
        return AuthResult(success=good and given.login == USER.encode())
