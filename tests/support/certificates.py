"""One authority and its certificates for all tests: made once, since keys cost time."""

from __future__ import annotations

import contextlib
import functools
import ssl
from dataclasses import dataclass

import trustme


@dataclass(frozen=True)
class Shop:
    """An authority, and what it certifies."""

    authority: trustme.CA

    @property
    def pem(self) -> str:
        """The authority's own certificate."""
        return self.authority.cert_pem.bytes().decode()

    def context(self, *names: str) -> ssl.SSLContext:
        """A server's context with a certificate for these names."""
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate(names or ("localhost", "127.0.0.1")).configure_cert(made)
        return made


@functools.cache
def shop() -> Shop:
    """The authority that the tests trust."""
    return Shop(trustme.CA(organization_name="Tests"))


@functools.cache
def certificate(names: tuple[str, ...]) -> trustme.LeafCert:
    """A good certificate of the authority for these names."""
    return shop().authority.issue_cert(*names)


@functools.cache
def good_context() -> ssl.SSLContext:
    """The context of a server on loopback."""
    return shop().context()


class ServerTLS:
    """The server's end of TLS over memory."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = (context or good_context()).wrap_bio(self._in, self._out, server_side=True)
        self.failure: ssl.SSLError | None = None

    def handshake(self) -> bool:
        if self.failure is not None:
            return False
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:  # the client did not like the certificate, or spoke no TLS
            self.failure = error
            return False
        return True

    def outgoing(self) -> bytes:
        return self._out.read()

    def feed(self, data: bytes) -> None:
        if data:
            self._in.write(data)

    def encrypt(self, data: bytes) -> bytes:
        if data:
            self._tls.write(data)
        return self._out.read()

    def decrypt(self) -> bytes | None:
        parts = bytearray()
        while True:
            try:
                part = self._tls.read(65536)
            except ssl.SSLError:  # no more for now, or the end
                part = b""
            if not part:
                return bytes(parts) or None
            parts += part

    def farewell(self) -> bytes:
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._out.read()
