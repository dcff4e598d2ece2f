"""One test body for all clients: SMTP over the scripted driver, SMTP and AsyncSMTP over a socket."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Self

from postwright import SMTP, AsyncSMTP, SMTPError
from postwright.drive.scripted import ScriptedDriver
from tests.support.certificates import ServerTLS, shop
from tests.support.polite import PolitePeer
from tests.support.server import HostileServer, ScriptedServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Coroutine

    from postwright.drive.transcripts import Peer
    from tests.support.server import Wire

KINDS = ("scripted", "sync", "async")
MODES = ("whole", "line", "byte")

PLAIN: dict[str, Any] = {
    "mail_server": "127.0.0.1",
    "ssl_start_mode": 3,
    "from_": "a@example.org",
    "send_to": "b@example.net",
    "subject": "Hi",
    "message_text": "Hello\r\n",
    "message_date": "Tue, 1 Jul 2025 10:00:00 +0000",
    "message_id": "<1@example.org>",
    "timeout": 5,
}
"""A small message to a server in plaintext."""


class Client:
    """Stands before an SMTP or AsyncSMTP object: coroutines are run to their end on the test's event loop.

    Attributes:
        smtp: The object itself.
        events: Every event that it fired, in order, where ``listen`` was called.
    """

    def __init__(self, smtp: SMTP | AsyncSMTP, loop: Loop) -> None:
        vars(self).update(smtp=smtp, events=[], _loop=loop)

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.smtp, name)
        if name == "send_many" and isinstance(self.smtp, AsyncSMTP):
            return lambda *args, **kwargs: self._loop.run(_collect(value(*args, **kwargs)))
        if inspect.iscoroutinefunction(value):
            return lambda *args, **kwargs: self._loop.run(value(*args, **kwargs))
        return value

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.smtp, name, value)

    def listen(self, *names: str) -> list[Any]:
        """Record the events of these handlers, and return the list of them."""
        for name in names:
            setattr(self.smtp, name, self.events.append)
        found: list[Any] = self.events
        return found


async def _collect(stream: Any) -> list[Any]:
    return [each async for each in stream]


class Loop:
    """An event loop that is made when it is first needed."""

    def __init__(self) -> None:
        self._runner: asyncio.Runner | None = None

    def run(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(coroutine)

    def close(self) -> None:
        if self._runner is not None:
            self._runner.close()


class World:
    """Makes clients and the servers that they talk to, and takes everything down again.

    A ``with`` block that ends well ends with one more message of every client (see ``settle``).

    Args:
        kind: One of KINDS.
        mode: One of MODES.
    """

    def __init__(self, kind: str, mode: str = "whole") -> None:
        self.kind = kind
        self.mode = mode
        self.server: ScriptedServer | None = None
        self.driver: ScriptedDriver | None = None
        self.enemy: HostileServer | None = None
        self._loop = Loop()
        self._stack = ExitStack()
        self._clients: list[Client] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.settle()
        finally:
            self.close()

    def client(self, port: int = 25, **values: Any) -> Client:
        """Return a client without a server of its own."""
        values = PLAIN | {"mail_port": port} | values
        smtp: SMTP | AsyncSMTP = AsyncSMTP(**values) if self.kind == "async" else SMTP(**values)
        smtp.settings.hello = "client.example"
        made = Client(smtp, self._loop)
        self._clients.append(made)
        return made

    def play(self, *peers: str | Peer, tls: ssl.SSLContext | None = None, **values: Any) -> Client:
        """Return a client whose server plays these transcripts, one for each connection, and is polite afterwards."""
        if self.kind != "scripted":
            self.server = self._stack.enter_context(ScriptedServer(*peers, mode=self.mode, tls=tls))
            return self.client(self.server.port, **values)
        made = self.client(**values)
        self.driver = ScriptedDriver(
            *(PolitePeer(peer) if isinstance(peer, str) else peer for peer in peers),
            *(PolitePeer() for _ in range(3)),
            mode=self.mode,
            fire=made.smtp._dispatch,
            secure=lambda: ServerTLS(tls),
        )
        vars(made.smtp)["_driver"] = self.driver
        made.smtp._session.clock = self.driver.clock
        return made

    def attack(self, attack: Callable[[Wire], None], **values: Any) -> Client:
        """Return a client whose server does what a function does to its first connection; the rest is polite."""
        self.enemy = self._stack.enter_context(HostileServer(attack))
        return self.client(self.enemy.port, **values)

    @property
    def wire(self) -> Wire:
        """The server's end of the line that was attacked."""
        assert self.enemy is not None
        assert self.enemy.wire is not None
        return self.enemy.wire

    def secure(self, client: Client) -> Client:
        """Let a client trust the test authority."""
        client.settings.ssl_server_ca_certs = shop().pem
        return client

    @property
    def peers(self) -> list[Peer]:
        """The peers that were talked to, in order."""
        if self.driver is not None:
            return self.driver.peers
        assert self.server is not None
        return self.server.peers

    @property
    def heard(self) -> bytes:
        """All that the server heard."""
        return b"".join(peer.heard for peer in self.peers)

    def settle(self) -> None:
        """Send one more message with every client, then take everything down and see that all was played."""
        for client in self._clients:
            still_usable(client)
            client.disconnect()
        if self.driver is not None:
            self.driver.check()
        self._stack.close()

    def close(self) -> None:
        """Take everything down, whatever happened."""
        for client in self._clients:
            client._drop()
        try:
            self._stack.close()
        finally:
            self._loop.close()


def still_usable(client: Client) -> None:
    """A second message goes out through the same object, on the line that is open or on a new one."""
    client.reset_headers()
    client.ssl_start_mode = 3
    client.user = client.password = ""
    client.from_ = "a@example.org"
    client.send_to = "c@example.net"
    client.message_text = "Again\r\n"
    client.message = b""
    client.set_message_stream(None)
    client.attachments.clear()
    client.settings.body_type = client.settings.envelope_id = client.settings.dsn_return = ""
    assert client.send().reply.code == 250


def failure(client: Client, method: str = "send", *args: Any) -> SMTPError:
    """Return the error that a method ends with."""
    try:
        getattr(client, method)(*args)
    except SMTPError as error:
        return error
    raise AssertionError(f"{method} did not fail")
