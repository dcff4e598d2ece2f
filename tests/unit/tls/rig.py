"""Both providers, and servers in memory for them to talk to."""

from __future__ import annotations

import ssl
import tempfile
from typing import TYPE_CHECKING, Any, Protocol

from OpenSSL import SSL

from postwright import tls
from postwright.enums import SSLProvider
from postwright.tls.trust import Trust
from tests.unit.tls.client_hello import parse
from tests.unit.tls.pki import party, root

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.tls.faults import Verdict
    from postwright.tls.provider import Provider
    from postwright.tls.resumption import Memory
    from tests.unit.tls.client_hello import ClientHello
    from tests.unit.tls.pki import Party

PROVIDERS = [SSLProvider.PLATFORM, SSLProvider.INTERNAL]
NAMES = ["Platform", "Internal"]
TLS_12, TLS_13 = 3072, 12288


def trust(provider: SSLProvider, **values: Any) -> Trust:
    """Settings that trust the test root; the system's own bundle is left out, it costs time."""
    given: dict[str, Any] = {"server_name": "localhost", "ca_pem": root().pem, "provider": provider, "asked": True}
    return Trust(**(given | values))


def connect(provider: SSLProvider, memory: Memory | None = None, **values: Any) -> Provider:
    return tls.provider(trust(provider, **values), memory)


def hello(provider: SSLProvider, **values: Any) -> ClientHello:
    """What a provider offers."""
    client = connect(provider, **values)
    client.handshake()
    return parse(client.outgoing())


class Server(Protocol):
    """The server's end."""

    failure: str

    def handshake(self) -> bool: ...
    def outgoing(self) -> bytes: ...
    def feed(self, data: bytes) -> None: ...
    def encrypt(self, data: bytes) -> bytes: ...
    def decrypt(self) -> bytes: ...
    def client(self) -> bytes: ...


class StandardServer:
    """A server by the standard library."""

    def __init__(self, who: Party, tune: Callable[[ssl.SSLContext], None] | None = None, ask: bool = False) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.NamedTemporaryFile() as file:
            file.write(who.all_pem)
            file.flush()
            self.context.set_ciphers("DEFAULT:@SECLEVEL=0")
            self.context.load_cert_chain(file.name)
        if ask:
            self.context.verify_mode = ssl.CERT_REQUIRED
            self.context.load_verify_locations(cadata=root().pem)
        if tune:
            tune(self.context)
        self.again()

    def again(self) -> StandardServer:
        """Wait for the next client."""
        self.failure = ""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = self.context.wrap_bio(self._in, self._out, server_side=True)
        return self

    def handshake(self) -> bool:
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            self.failure = str(error)
            return False
        return True

    def outgoing(self) -> bytes:
        return self._out.read()

    def feed(self, data: bytes) -> None:
        self._in.write(data)

    def encrypt(self, data: bytes) -> bytes:
        self.tls.write(data)
        return self._out.read()

    def decrypt(self) -> bytes:
        try:
            return self.tls.read(1 << 20)
        except ssl.SSLWantReadError:
            return b""

    def client(self) -> bytes:
        try:
            return self.tls.getpeercert(True) or b""
        except ValueError:  # the handshake is not over
            return b""


class OtherServer:
    """A server by pyOpenSSL."""

    def __init__(self, who: Party, tune: Callable[[SSL.Context], None] | None = None, ask: bool = False) -> None:
        self.context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self.context.set_cipher_list(b"DEFAULT:@SECLEVEL=0")
        self.context.use_certificate(who.cert)
        for cert in who.chain:
            self.context.add_extra_chain_cert(cert)
        self.context.use_privatekey(who.key)
        self.context.set_session_id(b"test")
        if ask:
            self.context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        if tune:
            tune(self.context)
        self.again()

    def again(self) -> OtherServer:
        """Wait for the next client."""
        self.failure = ""
        self.tls = SSL.Connection(self.context, None)
        self.tls.set_accept_state()
        return self

    def handshake(self) -> bool:
        try:
            self.tls.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            self.failure = str(error)
            return False
        return True

    def outgoing(self) -> bytes:
        found = b""
        try:
            while True:
                found += self.tls.bio_read(65536)
        except SSL.WantReadError:
            return found

    def feed(self, data: bytes) -> None:
        if data:
            self.tls.bio_write(data)

    def encrypt(self, data: bytes) -> bytes:
        self.tls.sendall(data)
        return self.outgoing()

    def decrypt(self) -> bytes:
        found = b""
        try:
            while True:
                found += self.tls.recv(65536)
        except SSL.WantReadError:
            return found

    def client(self) -> bytes:
        from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate

        cert = self.tls.get_peer_certificate()
        return dump_certificate(FILETYPE_ASN1, cert) if cert else b""


SERVERS: dict[str, Any] = {"ssl": StandardServer, "pyOpenSSL": OtherServer}


def shake(
    client: Provider,
    server: Any,
    *,
    decide: Callable[[Verdict], bool] = lambda verdict: verdict.accept,
    cut: int = 1 << 20,
) -> Verdict | None:
    """Do a handshake as the dialogue does it; return the verdict, and None as well where the client refused.

    Args:
        client: The provider.
        server: One of SERVERS.
        decide: Says whether the certificate is accepted.
        cut: In pieces of how many octets the server's words arrive.
    """
    judged: tuple[bytes, ...] = ()
    verdict: Verdict | None = None
    waiting = b""
    for _ in range(100_000):
        done = client.handshake()
        if client.certificates() != judged:
            judged = client.certificates()
            verdict = client.judge()
            if not decide(verdict):
                server.feed(client.refuse())
                server.handshake()
                return None
            client.accept()
        if done:
            server.feed(client.outgoing())
            server.handshake()
            assert client.certificates() == judged
            return verdict
        if records := client.outgoing():
            server.feed(records)
            server.handshake()
        waiting += server.outgoing()
        assert waiting, f"the server says nothing: {server.failure}"
        client.feed(waiting[:cut])
        waiting = waiting[cut:]
    raise AssertionError("the handshake has no end")


def refused(client: Provider, server: Any) -> Verdict:
    """Return the verdict on a server's certificate; the handshake ends with it."""
    found: list[Verdict] = []

    def refuse(verdict: Verdict) -> bool:
        found.append(verdict)
        return False

    shake(client, server, decide=refuse)
    return found[0]


def pair(provider: SSLProvider, kind: str = "good", server: str = "ssl", **values: Any) -> tuple[Provider, Any]:
    """A client and a server that have done their handshake."""
    client, other = connect(provider, **values), SERVERS[server](party(kind))
    shake(client, other)
    return client, other


def exchange(client: Provider, server: Any) -> None:
    """Say something in both directions."""
    server.feed(client.encrypt(b"EHLO client"))
    assert server.decrypt() == b"EHLO client"
    client.feed(server.encrypt(b"250 mx"))
    assert client.decrypt() == b"250 mx"
