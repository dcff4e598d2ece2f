"""The Platform provider: the standard library's ``ssl``, over memory, so that no socket is needed.

There are two ways to verify, and both let OpenSSL do it:

- Nobody may overrule the verdict: the context requires a valid certificate and a matching name. A bad one ends the
  handshake inside OpenSSL.
- A handler, a pinned certificate or SSLSecurityFlags may decide: the context lets the handshake run, the certificates
  are judged the moment they are known (see ``judging``), and nothing of ours leaves before the decision.
"""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

from postwright.errors import CertificateRejected, DecryptionFailed, EncryptionFailed
from postwright.tls import judging
from postwright.tls.faults import Fault, verdict
from postwright.tls.layer import RECORD, Layer
from postwright.tls.platform_context import context
from postwright.tls.reasons import damaged, failure, not_sent

if TYPE_CHECKING:
    from postwright.tls.resumption import Memory
    from postwright.tls.trust import Trust


_DER = 2  # _ssl.ENCODING_DER


class Platform(Layer):
    """One TLS connection over memory; see ``provider.Provider``.

    Args:
        trust: The settings; ``trust.server_name`` is the name on the certificate, and is sent as SNI.
        memory: Where the session to resume is, and the next one is kept; None resumes nothing.
    """

    def __init__(self, trust: Trust, memory: Memory | None = None) -> None:
        super().__init__(trust, memory)
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        if trust.seed:
            ssl.RAND_add(trust.seed, 0.0)  # what a user types is stirred in, but not counted as random
        made = context(trust, verify=not trust.judged)
        self._ticket = memory.take(made) if memory is not None else None
        session = self._ticket.session if self._ticket is not None else None
        self._tls = made.wrap_bio(
            self._in,
            self._out,
            server_hostname=self.host,
            session=session,  # type: ignore[arg-type]  # it is the one that ssl itself gave out
        )

    @property
    def name(self) -> str:
        """What the provider calls itself, with the library and its version."""
        return f"Platform ({ssl.OPENSSL_VERSION})"

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is finished."""
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            raise CertificateRejected(self._why(error)) from error
        except ssl.SSLError as error:
            reason = error.reason or str(error)
            wanted = self._records.certificate_wanted
            raise failure(self.trust, reason, self._first, wanted=wanted) from error
        self._finish()
        return True

    def _why(self, error: ssl.SSLCertVerificationError) -> str:
        """Name every fault where OpenSSL stopped at the first one."""
        found = [Fault(error.verify_code, error.verify_message.rstrip("."))]
        if chain := self._shown():  # OpenSSL 1.1.1 does not show it any more
            found += judging.faults(self.trust, self.host, chain)
        return verdict(self.trust, found).status

    def outgoing(self) -> bytes:
        """Return the records that must go to the server now."""
        data = self._out.read()
        self._records.sent(data)
        return data

    def _take(self, data: bytes) -> None:
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the records for plaintext."""
        if data:
            try:
                self._tls.write(data)
            except ssl.SSLError as error:
                wanted = isinstance(error, ssl.SSLWantReadError)
                raise EncryptionFailed(not_sent("" if wanted else error.reason or str(error))) from error
        return self.outgoing()

    def decrypt(self) -> bytes | None:
        """Return plaintext that arrived, None when there is none yet, b"" at the end of the connection."""
        parts: list[bytes] = []
        while self._in.pending or self._in.eof:
            try:
                part = self._tls.read(RECORD)
            except ssl.SSLWantReadError:
                break
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                part = b""
            except ssl.SSLError as error:
                reason = error.reason or str(error)
                if "alert" in reason.lower():  # with TLS 1.3 a refused client certificate shows here
                    raise failure(self.trust, reason, self._first, after=True) from error
                raise DecryptionFailed(damaged(reason)) from error
            if not part:
                return b"".join(parts)
            parts.append(part)
        self._remember()
        return b"".join(parts) or None

    def farewell(self) -> bytes:
        """Return the records that close the connection in order (close_notify)."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        return self.outgoing()

    def _shown(self) -> tuple[bytes, ...]:
        # Python 3.13 made the call public; before, it is one step further in and gives objects.
        if hasattr(self._tls, "get_unverified_chain"):
            return tuple(self._tls.get_unverified_chain() or ())
        chain = self._tls._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]
        return tuple(cert.public_bytes(_DER) for cert in chain)

    def _faults(self) -> list[Fault]:
        return judging.faults(self.trust, self.host, self.certificates()) if self.trust.judged else []

    def _session(self) -> object | None:
        session = self._tls.session
        return session if session is not None and (session.has_ticket or self.version != "TLSv1.3") else None

    def _context(self) -> object:
        return self._tls.context

    def _unique(self) -> bytes | None:
        return self._tls.get_channel_binding("tls-unique")

    def _exported(self) -> bytes | None:
        return None  # the standard library can't export keying material

    @property
    def resumed(self) -> bool:
        """Whether an earlier session was resumed."""
        return bool(self._tls.session_reused)

    @property
    def version(self) -> str:
        """The protocol that was negotiated, for example "TLSv1.3"."""
        return self._tls.version() or ""

    @property
    def cipher(self) -> tuple[str, int]:
        """The cipher suite that was negotiated, and its strength in bits."""
        name, _, bits = self._tls.cipher() or ("", "", 0)
        return name, bits


def connect(trust: Trust, memory: Memory | None) -> Platform:
    """Return a new connection; this is the provider's ``Factory``."""
    return Platform(trust, memory)
