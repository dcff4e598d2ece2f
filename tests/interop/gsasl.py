"""A submission server whose logins are judged by GNU SASL (libgsasl): a second opinion on what our mechanisms say.

It is the one here that does SCRAM with channel binding. TLS is pyOpenSSL's, which can export the binding.
"""

import base64
import ctypes
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from OpenSSL import SSL

from tests.interop.servers import STATE, Authority, missing

# gsasl.h
OK, NEEDS_MORE, NO_CALLBACK = 0, 1, 51
AUTHID, AUTHZID, PASSWORD, SERVICE, HOSTNAME, REALM = 1, 2, 3, 5, 6, 9
CB_TLS_UNIQUE, CB_TLS_EXPORTER = 18, 25
VALIDATE_SIMPLE = 500

Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
PASSWORDS = {"alice": "alicepw", "jürgen": "pässwörd"}


def library() -> ctypes.CDLL:
    """libgsasl, as unpacked by install.sh."""
    found = sorted((STATE / "prefix" / "gsasl").glob("usr/lib/*/libgsasl.so.*.*"))
    if not found:
        missing("GNU SASL is not installed (tests/interop/install.sh)")
    loaded = ctypes.CDLL(str(found[0]))
    loaded.gsasl_property_get.restype = ctypes.c_char_p
    loaded.gsasl_property_fast.restype = ctypes.c_char_p
    loaded.gsasl_strerror_name.restype = ctypes.c_char_p
    return loaded


class Judge:
    """One login, seen by libgsasl."""

    def __init__(self, mechanism: str, bindings: dict[int, bytes]) -> None:
        self._gsasl = library()
        self._bindings = bindings
        self._context = ctypes.c_void_p()
        self._session = ctypes.c_void_p()
        self._callback = Callback(self._property)  # kept as long as libgsasl may call it
        assert self._gsasl.gsasl_init(ctypes.byref(self._context)) == OK
        self._gsasl.gsasl_callback_set(self._context, self._callback)
        code = self._gsasl.gsasl_server_start(self._context, mechanism.encode(), ctypes.byref(self._session))
        assert code == OK, self._gsasl.gsasl_strerror_name(code)

    def _property(self, _: object, session: int, wanted: int) -> int:
        def give(text: bytes) -> int:
            self._gsasl.gsasl_property_set(ctypes.c_void_p(session), wanted, text)
            return OK

        get = self._gsasl.gsasl_property_get
        if wanted in self._bindings:
            return give(base64.b64encode(self._bindings[wanted]))
        if wanted == PASSWORD:
            user = get(ctypes.c_void_p(session), AUTHID).decode()
            return give(PASSWORDS[user].encode()) if user in PASSWORDS else NO_CALLBACK
        if wanted == REALM:
            return give(b"localhost")
        if wanted == VALIDATE_SIMPLE:
            user = self._gsasl.gsasl_property_fast(ctypes.c_void_p(session), AUTHID).decode()
            given = self._gsasl.gsasl_property_fast(ctypes.c_void_p(session), PASSWORD).decode()
            return OK if PASSWORDS.get(user) == given else NO_CALLBACK
        return NO_CALLBACK

    def step(self, said: bytes | None) -> tuple[int, bytes]:
        """libgsasl's verdict so far, and its next challenge."""
        out, length = ctypes.c_void_p(), ctypes.c_size_t()
        code = self._gsasl.gsasl_step(self._session, said, len(said or b""), ctypes.byref(out), ctypes.byref(length))
        return code, ctypes.string_at(out, length.value) if code in {OK, NEEDS_MORE} and out.value else b""

    def close(self) -> None:
        self._gsasl.gsasl_finish(self._session)
        self._gsasl.gsasl_done(self._context)


class GnuSasl:
    """The server: one connection after the other, STARTTLS, AUTH, and nothing else.

    Attributes:
        port: Where it listens.
        offered: The mechanisms that it offers.
        binds: Whether it can do channel binding, whatever it offers.
    """

    def __init__(self, ca: Authority, *offered: str, tls13: bool = True, binds: bool = False) -> None:
        library()
        self.offered = offered
        self.binds = binds
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        self._context.use_certificate_chain_file(str(ca.path("good.chain")))
        self._context.use_privatekey_file(str(ca.path("good.key")))
        if not tls13:
            self._context.set_max_proto_version(SSL.TLS1_2_VERSION)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._line: socket.socket | None = None
        self.port: int = self._listener.getsockname()[1]

    @contextmanager
    def serving(self) -> Iterator["GnuSasl"]:
        thread = threading.Thread(target=self._serve, name="gsasl", daemon=True)
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
        plain.sendall(b"220 gsasl.example.test\r\n")
        for verb, _ in _lines(plain):
            if verb == "STARTTLS":
                plain.sendall(b"220 go\r\n")
                break
            plain.sendall(b"250-gsasl.example.test\r\n250 STARTTLS\r\n" if verb == "EHLO" else b"250 ok\r\n")
        else:
            return
        secure = SSL.Connection(self._context, plain)
        secure.set_accept_state()
        secure.do_handshake()
        bindings = {
            CB_TLS_EXPORTER: secure.export_keying_material(b"EXPORTER-Channel-Binding", 32, b""),
            CB_TLS_UNIQUE: secure.get_peer_finished() or b"",
        }
        if secure.get_protocol_version_name() == "TLSv1.3":
            del bindings[CB_TLS_UNIQUE]
        if not self.binds:
            bindings.clear()
        lines = _lines(secure)
        for verb, arguments in lines:
            if verb == "AUTH":
                self._auth(secure, lines, arguments, bindings)
            elif verb == "EHLO":
                secure.sendall(b"250-gsasl.example.test\r\n250 AUTH " + " ".join(self.offered).encode() + b"\r\n")
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
        bindings: dict[int, bytes],
    ) -> None:
        judge = Judge(arguments[0], bindings)
        try:
            said = base64.b64decode(arguments[1].replace("=", "", arguments[1] == "=")) if arguments[1:] else None
            code, challenge = judge.step(said)
            while code == NEEDS_MORE or (code == OK and challenge):
                secure.sendall(b"334 " + base64.b64encode(challenge) + b"\r\n")
                answer = next(lines)[0]
                if code == OK:
                    break
                code, challenge = judge.step(base64.b64decode(answer))
            secure.sendall(b"235 welcome\r\n" if code == OK else b"535 5.7.8 refused\r\n")
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
