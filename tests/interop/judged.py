"""A submission server whose logins are judged by somebody else's code: a second opinion on what our mechanisms say.

TLS is pyOpenSSL's, which can export the channel binding.
"""

import base64
import hashlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum
from typing import Protocol

from OpenSSL import SSL

from tests.interop.servers import Authority


class Verdict(Enum):
    """What a judge says of a login so far."""

    NOT_YET = 0
    YES = 1
    NO = 2


class Judge(Protocol):
    """One login, seen by somebody who knows the mechanism."""

    acting: str
    """As whom the user logged in wants to act, "" for themselves; known when the login is done."""

    def step(self, said: bytes | None) -> tuple[Verdict, bytes]:
        """The verdict so far, and the next challenge; None is heard where the client begins with nothing."""

    def close(self) -> None:
        """End it."""


class Judged:
    """The server: one connection after the other, STARTTLS, AUTH, and nothing else.

    Attributes:
        port: Where it listens.
        offered: The mechanisms that it offers.
        acting: As whom the users that were let in want to act.
    """

    def __init__(self, ca: Authority, judges: Callable[..., Judge], *offered: str, tls13: bool = True) -> None:
        """Serve; each login gets a judge, which is made from the mechanism's name and the channel bindings by kind."""
        self.offered = offered
        self.acting: list[str] = []
        self._judges = judges
        self._certificate = hashlib.sha256(ssl.PEM_cert_to_DER_cert(ca.path("good.crt").read_text("ascii"))).digest()
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate_chain_file(str(ca.path("good.chain")))
        self._context.use_privatekey_file(str(ca.path("good.key")))
        if not tls13:
            self._context.set_max_proto_version(SSL.TLS1_2_VERSION)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._line: socket.socket | None = None
        self.port: int = self._listener.getsockname()[1]

    @contextmanager
    def serving(self) -> Iterator["Judged"]:
        thread = threading.Thread(target=self._serve, name="judged", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._listener.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):  # a client may be gone already, or none have come
                (self._line or self._listener).shutdown(socket.SHUT_RDWR)
            thread.join()
            self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                line, _ = self._listener.accept()
            except OSError:
                return
            self._line = line
            with line:
                try:
                    self._attend(line)
                except (SSL.Error, OSError):
                    continue

    def _attend(self, plain: socket.socket) -> None:
        plain.sendall(b"220 judged.example.test\r\n")
        for verb, _ in _lines(plain):
            if verb == "STARTTLS":
                plain.sendall(b"220 go\r\n")
                break
            plain.sendall(b"250-judged.example.test\r\n250 STARTTLS\r\n" if verb == "EHLO" else b"250 ok\r\n")
        else:
            return
        secure = SSL.Connection(self._context, plain)
        secure.set_accept_state()
        secure.do_handshake()
        bindings = {
            "tls-exporter": secure.export_keying_material(b"EXPORTER-Channel-Binding", 32, b""),
            "tls-server-end-point": self._certificate,
        }
        if secure.get_protocol_version_name() != "TLSv1.3":
            bindings["tls-unique"] = secure.get_peer_finished() or b""
        lines = _lines(secure)
        for verb, arguments in lines:
            if verb == "AUTH":
                self._auth(secure, lines, arguments, bindings)
            elif verb == "EHLO":
                secure.sendall(b"250-judged.example.test\r\n250 AUTH " + " ".join(self.offered).encode() + b"\r\n")
            elif verb == "QUIT":
                secure.sendall(b"221 bye\r\n")
                return
            else:
                secure.sendall(b"250 ok\r\n")

    def _auth(
        self,
        secure: SSL.Connection,
        lines: Iterator[tuple[str, list[str]]],
        arguments: list[str],
        bindings: dict[str, bytes],
    ) -> None:
        judge = self._judges(arguments[0], bindings)
        try:
            said = base64.b64decode(arguments[1].replace("=", "", arguments[1] == "=")) if arguments[1:] else None
            verdict, challenge = judge.step(said)
            while verdict is Verdict.NOT_YET or (verdict is Verdict.YES and challenge):
                secure.sendall(b"334 " + base64.b64encode(challenge) + b"\r\n")
                answer = next(lines)[0]
                if verdict is Verdict.YES:
                    break
                verdict, challenge = judge.step(base64.b64decode(answer))
            if verdict is Verdict.YES:
                self.acting.append(judge.acting)
            secure.sendall(b"235 welcome\r\n" if verdict is Verdict.YES else b"535 5.7.8 refused\r\n")
        finally:
            judge.close()


def _lines(line: socket.socket | SSL.Connection) -> Iterator[tuple[str, list[str]]]:
    """The client's lines, the first word apart; SMTP verbs in upper case are what our client sends."""
    inbox = b""
    while True:
        while b"\r\n" not in inbox:
            data = line.recv(65536)
            if not data:
                return
            inbox += data
        first, _, inbox = inbox.partition(b"\r\n")
        verb, *arguments = first.decode("ascii").split() or [""]
        yield verb, arguments
