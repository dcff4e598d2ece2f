"""The Internal provider: the OpenSSL inside of the ``cryptography`` package, through pyOpenSSL, over memory.

OpenSSL tells each fault of the certificates to a callback, which notes it and lets the handshake run; the verdict comes
from these notes, before anything of ours has left. What OpenSSL itself says afterwards about the result is worth nothing.
"""

from __future__ import annotations

import contextlib
import ipaddress
import weakref
from typing import TYPE_CHECKING, Any

from OpenSSL import SSL
from OpenSSL._util import ffi, lib
from OpenSSL.crypto import FILETYPE_ASN1, dump_certificate

from postwright.errors import DecryptionFailed, EncryptionFailed
from postwright.tls import certificate, stapling
from postwright.tls.faults import CA_KEY_WEAK, EE_KEY_WEAK, SIGNATURE_WEAK, Fault
from postwright.tls.internal_context import call, context, reason
from postwright.tls.layer import RECORD, Layer
from postwright.tls.reasons import damaged, failure, not_sent
from postwright.wire.hosts import is_address

if TYPE_CHECKING:
    from postwright.tls.resumption import Memory
    from postwright.tls.trust import Trust

_ONLY_ALTERNATIVES = 0x20  # X509_CHECK_FLAG_NEVER_CHECK_SUBJECT: RFC 9525 section 2 lets only subjectAltName count
_WHOLE_LABELS = 0x4  # X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS
_LEAST_BITS = {"RSA": 2048, "DSA": 2048, "EC": 224}
_WEAK_HASHES = frozenset({"md2", "md5", "sha1"})
_EOF = "unexpected eof"
_PART, _MOST = 4 * 16384, 16 * 16384
"""Octets of plaintext that go into OpenSSL's memory before that is emptied, and the most that is made one piece."""


_SIZE = _MOST + _MOST // 8
"""Octets of memory for records: those of the largest piece, and some that waited before it."""


_free: list[tuple[Any, Any]] = []
"""Memory that nobody uses at this moment: where it starts, and a view of it. There is as much as threads had use for."""


def _room() -> tuple[Any, Any]:
    try:
        return _free.pop()
    except IndexError:
        start = ffi.new_allocator(should_clear_after_alloc=False)("char[]", _SIZE)
        return start, ffi.buffer(start)


def _note_fault(connection: Any, _: Any, code: int, depth: int, ok: int) -> bool:
    """Note what OpenSSL finds; it goes on as if nothing were wrong until the certificate was accepted, and not after."""
    layer: Internal = connection.get_app_data()()
    if not ok:
        words = ffi.string(call("X509_verify_cert_error_string")(code)).decode()
        layer.found.append(Fault(code, words, depth))
    return bool(ok) or not layer.accepted  # later on it renegotiates, and nobody would be asked


def _note_staple(connection: Any, answer: bytes, _: Any) -> bool:
    layer: Internal = connection.get_app_data()()
    layer.staple = answer
    return True


class Internal(Layer):
    """One TLS connection over memory; see ``provider.Provider``.

    Args:
        trust: The settings; ``trust.server_name`` is the name on the certificate, and is sent as SNI.
        memory: Where the session to resume is, and the next one is kept; None resumes nothing.
    """

    def __init__(self, trust: Trust, memory: Memory | None = None) -> None:
        super().__init__(trust, memory)
        self.found: list[Fault] = []
        self.staple = b""
        self._heard = False
        self._ended = False
        if trust.seed:
            noise = trust.seed.encode()  # what a user types is stirred in, but not counted as random
            call("RAND_add")(noise, len(noise), 0.0)
        self._made = context(trust, _note_fault, _note_staple)
        self._tls = SSL.Connection(self._made, None)
        self._ssl, self._source = self._tls._ssl, self._tls._from_ssl
        self._tls.set_app_data(weakref.ref(self))
        self._tls.set_connect_state()
        self._tls.request_ocsp()
        self._name_server(self.host)
        self._ticket = memory.take(self._made) if memory is not None else None
        if self._ticket is not None:
            session: SSL.Session = self._ticket.session  # type: ignore[assignment]  # it is what _session gave
            self._tls.set_session(session)

    def __del__(self) -> None:
        # OpenSSL spoils the session of a connection that goes without close_notify. RFC 5246 section 7.2.1 no longer
        # asks for that, and after QUIT and 221 both sides know that this is the end.
        if self._done and self._accepted:
            self._tls.set_shutdown(SSL.SENT_SHUTDOWN)

    def _name_server(self, name: str) -> None:
        parameters = call("SSL_get0_param")(self._ssl)
        call("X509_VERIFY_PARAM_set_hostflags")(parameters, _ONLY_ALTERNATIVES | _WHOLE_LABELS)
        if is_address(name):
            packed = ipaddress.ip_address(name).packed
            call("X509_VERIFY_PARAM_set1_ip")(parameters, packed, len(packed))
            return
        host = name.encode("ascii")
        self._tls.set_tlsext_host_name(host)  # RFC 6066 section 3: names only, no addresses
        call("X509_VERIFY_PARAM_set1_host")(parameters, host, len(host))

    @property
    def name(self) -> str:
        """What the provider calls itself, with the library and its version."""
        return f"Internal ({SSL.OpenSSL_version(0).decode()})"

    @property
    def accepted(self) -> bool:
        """Whether the certificate was accepted."""
        return self._accepted

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is finished."""
        try:
            self._tls.do_handshake()
        except SSL.WantReadError:
            return False
        except SSL.Error as error:
            why = "eof" if isinstance(error, SSL.SysCallError | SSL.ZeroReturnError) else reason(error)
            raise failure(self.trust, why, self._first, wanted=self._records.certificate_wanted) from error
        self._finish()
        return True

    def outgoing(self) -> bytes:
        """Return the records that must go to the server now."""
        room = start, content = _room()
        size = lib.BIO_read(self._source, start, _SIZE)
        data: bytes = content[:size] if size > 0 else b""
        while size == _SIZE:
            size = lib.BIO_read(self._source, start, _SIZE)
            data += content[: max(0, size)]
        _free.append(room)
        if self._records.log:
            self._records.sent(data)
        return data

    def _take(self, data: bytes) -> None:
        if data:
            self._tls.bio_write(data)
        else:
            self._ended = True
            self._tls.bio_shutdown()

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the records for plaintext."""
        # pyOpenSSL's own send() and bio_read() take a third longer: they copy, and allocate for every call.
        size = len(data)
        if size > _PART:
            whole = memoryview(data)
            return b"".join([self._by_parts(whole[at : at + _MOST]) for at in range(0, size, _MOST)])
        if size and lib.SSL_write(self._ssl, data if type(data) is bytes else ffi.from_buffer(data), size) != size:
            self._say_why(data)
        return self.outgoing()

    def _by_parts(self, data: memoryview) -> bytes:
        """Encrypt without letting OpenSSL's memory grow: it does so by copying, and gives it back each time."""
        room = records, content = _room()
        filled = 0
        with ffi.from_buffer(data) as start:
            for at in range(0, len(data), _PART):
                size = min(_PART, len(data) - at)
                if lib.SSL_write(self._ssl, start + at, size) != size:
                    self._say_why(data[at:])
                filled += max(0, lib.BIO_read(self._source, records + filled, _SIZE - filled))
        found: bytes = content[:filled]
        _free.append(room)
        self._records.sent(found)
        return found + self.outgoing()  # nothing more, unless other records were waiting before

    def _say_why(self, data: bytes | bytearray | memoryview) -> None:
        try:
            self._tls.send(data)  # it fails again, and pyOpenSSL makes an error of it
        except SSL.Error as error:
            wanted = isinstance(error, SSL.WantReadError)
            raise EncryptionFailed(not_sent("" if wanted else reason(error))) from error
        raise EncryptionFailed("OpenSSL took only a part of the data")

    def decrypt(self) -> bytes | None:
        """Return plaintext that arrived, None when there is none yet, b"" at the end of the connection."""
        parts: list[bytes] = []
        while True:
            try:
                part = self._tls.recv(RECORD)
            except SSL.WantReadError:
                self._remember()
                return b"".join(parts) or None
            except (SSL.ZeroReturnError, SSL.SysCallError):
                return b"".join(parts)
            except SSL.Error as error:
                why = reason(error)
                if _EOF in why or (self._ended and not error.args[0]):  # it says so once, then it says nothing
                    return b"".join(parts)
                if "alert" in why:  # with TLS 1.3 a refused client certificate shows here
                    raise failure(self.trust, why, self._first, after=True) from error
                raise DecryptionFailed(damaged(why)) from error
            parts.append(part)
            self._heard = True

    def farewell(self) -> bytes:
        """Return the records that close the connection in order (close_notify)."""
        with contextlib.suppress(SSL.Error):
            self._tls.shutdown()
        return self.outgoing()

    def _shown(self) -> tuple[bytes, ...]:
        return tuple(dump_certificate(FILETYPE_ASN1, cert) for cert in self._tls.get_peer_cert_chain() or ())

    def _faults(self) -> list[Fault]:
        chain = self.certificates()
        found = [*self.found, *stapling.faults(self.staple, chain)]
        return found + _strength(chain) if self.trust.own_strength else found

    def _session(self) -> object | None:
        # With TLS 1.3 the ticket comes after the handshake, and no call says whether it is there: not before some data.
        return self._tls.get_session() if self._heard or self.version != "TLSv1.3" else None

    def _context(self) -> object:
        return self._made

    def _unique(self) -> bytes | None:
        return self._tls.get_finished()

    def _exported(self) -> bytes | None:
        # RFC 9266 section 4.2: without the extended master secret of RFC 7627 it would bind nothing.
        if self.version != "TLSv1.3" and call("SSL_get_extms_support")(self._ssl) != 1:
            return None
        return self._tls.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was resumed."""
        return bool(lib.SSL_session_reused(self._ssl))

    @property
    def version(self) -> str:
        """The protocol that was negotiated, for example "TLSv1.3"."""
        return self._tls.get_protocol_version_name()

    @property
    def cipher(self) -> tuple[str, int]:
        """The cipher suite that was negotiated, and its strength in bits."""
        return self._tls.get_cipher_name() or "", self._tls.get_cipher_bits() or 0


def _strength(chain: tuple[bytes, ...]) -> list[Fault]:
    """Return the weak keys and signatures of a chain: what OpenSSL asks for at level 2, and drops for TLS 1.0 and 1.1."""
    found = []
    for depth, der in enumerate(chain):
        shown = certificate.read(der)
        if shown.bits < _LEAST_BITS.get(shown.key, 0):
            found.append(Fault(CA_KEY_WEAK if depth else EE_KEY_WEAK, depth=depth))
        if shown.hash in _WEAK_HASHES and not shown.self_issued:  # a root's own signature proves nothing anyway
            found.append(Fault(SIGNATURE_WEAK, depth=depth))
    return found


def connect(trust: Trust, memory: Memory | None) -> Internal:
    """Return a new connection; this is the provider's ``Factory``."""
    return Internal(trust, memory)
