"""The Platform provider: the standard library's ``ssl``, over memory, so that no socket is needed.

There are two ways to verify, and both let OpenSSL do it:

- Nobody may overrule the verdict: the context requires a valid certificate and a matching name. A bad one ends the
  handshake inside OpenSSL.
- A handler or a pinned certificate may decide: the context lets the handshake run, the certificates are judged the
  moment they are known, and nothing of ours leaves before the decision. The standard library has no call that
  verifies a chain, so ``judge`` shows the chain to a second, verifying context in the one form it takes: as the
  Certificate message of a TLS 1.2 server in memory (RFC 5246 section 7.4.2). A client verifies the chain on that
  message, before it looks at anything that would need the server's private key.
"""

from __future__ import annotations

import contextlib
import os
import ssl
from typing import TYPE_CHECKING, Any

from postwright.errors import (
    CertificateRejected,
    CertificateStoreUnreadable,
    DecryptionFailed,
    HandshakeFailed,
    InvalidValue,
)
from postwright.tls.names import subject_text, to_der
from postwright.tls.trust import OK, Verdict, fault, protocol_block
from postwright.wire.replies import shown

if TYPE_CHECKING:
    from postwright.tls.trust import Trust

_KEPT = 64  # contexts kept; making one costs as much as sending a dozen messages
_contexts: dict[tuple[object, ...], ssl.SSLContext] = {}


def context(trust: Trust, *, verify: bool) -> ssl.SSLContext:
    """Return a client context for the settings; it is built once and kept while its CA files do not change.

    Raises:
        CertificateStoreUnreadable: A CA file or directory can't be read.
        InvalidValue: OpenSSL does not know the cipher list.
    """
    files = [path for path in (trust.ca_file, trust.ca_dir, *trust.ca_paths.split(";")) if path]
    key = (trust._replace(server_name="", pinned=b"", asked=False), verify, *map(_stamp, files))
    kept = _contexts.get(key)
    if kept is None:
        while len(_contexts) >= _KEPT:
            del _contexts[next(iter(_contexts))]
        kept = _contexts[key] = _build(trust, verify=verify)
    return kept


def _stamp(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0


def _build(trust: Trust, *, verify: bool) -> ssl.SSLContext:
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.hostname_checks_common_name = False  # RFC 9525 section 2: only subjectAltName counts
    if not verify:
        made.check_hostname = False
        made.verify_mode = ssl.CERT_NONE
    low, high = protocol_block(trust.protocols)
    made.minimum_version = ssl.TLSVersion[low]
    made.maximum_version = ssl.TLSVersion[high]
    ciphers = trust.ciphers
    if low in {"TLSv1", "TLSv1_1"}:
        ciphers += ":@SECLEVEL=0"  # OpenSSL 3 offers neither without it
    try:
        if ciphers != "DEFAULT":
            made.set_ciphers(ciphers)
    except ssl.SSLError:
        raise InvalidValue(f"OpenSSLCipherList: OpenSSL knows no cipher in '{trust.ciphers}'") from None
    _load_authorities(made, trust)
    if trust.key_log:
        # The file holds keys that open the traffic: nobody else may read it. OpenSSL appends to it.
        os.close(os.open(trust.key_log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600))
        made.keylog_filename = trust.key_log
    return made


def _load_authorities(made: ssl.SSLContext, trust: Trust) -> None:
    """Load the system's authorities and the user's (SSLCACertFilePaths, OpenSSLCAFile, -CADir, SSLServerCACerts)."""
    try:
        made.load_default_certs()
        first = next((path for path in trust.ca_paths.split(";") if path and os.path.exists(path)), None)
        if first:
            made.load_verify_locations(cafile=first)
        if trust.ca_file or trust.ca_dir:
            made.load_verify_locations(cafile=trust.ca_file or None, capath=trust.ca_dir or None)
        if trust.ca_pem:
            made.load_verify_locations(cadata=trust.ca_pem)
    except (OSError, ValueError) as error:
        raise CertificateStoreUnreadable(f"the certificate authorities can't be loaded: {error}") from error


class Platform:
    """One TLS connection over memory.

    Args:
        trust: The settings; ``trust.server_name`` is the name on the certificate, and is sent as SNI.
    """

    def __init__(self, trust: Trust) -> None:
        self.trust = trust
        self._in = ssl.MemoryBIO()
        self._out = ssl.MemoryBIO()
        self._tls = context(trust, verify=not trust.asked).wrap_bio(
            self._in, self._out, server_hostname=_sni(trust.server_name)
        )
        self._first = b""

    def handshake(self) -> bool:
        """Go on with the handshake; return whether it is finished.

        Raises:
            CertificateRejected: The certificate is not trusted.
            HandshakeFailed: The handshake can't be finished; the text says why and what to do.
        """
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLCertVerificationError as error:
            status = fault(error.verify_code, error.verify_message, self.trust.server_name).status
            raise CertificateRejected(status) from error
        except ssl.SSLError as error:
            raise HandshakeFailed(self._explain(error)) from error
        return True

    def _explain(self, error: ssl.SSLError) -> str:
        if self._first[:1] not in {b"\x16", b"\x15", b""}:  # neither a handshake nor an alert record
            return (
                f"the server answered in plaintext: {shown(self._first)}. This port does not start with TLS: "
                "set ssl_start_mode=2 (STARTTLS)"
            )
        reason = (error.reason or str(error)).lower().replace("_", " ")
        if "unsupported protocol" in reason or "protocol version" in reason:
            return f"{reason}: the server and SSLEnabledProtocols have no TLS version in common"
        if "eof" in reason:
            return "the server closed the connection in the middle of the handshake"
        return reason

    def outgoing(self) -> bytes:
        """Return the records that must go to the server now."""
        return self._out.read()

    def feed(self, data: bytes) -> None:
        """Take records from the server; b"" is the end of the connection."""
        if not self._first:
            self._first = data[:200]
        if data:
            self._in.write(data)
        else:
            self._in.write_eof()

    def encrypt(self, data: bytes | bytearray | memoryview) -> bytes:
        """Return the records for plaintext."""
        if data:
            self._tls.write(data)
        return self._out.read()

    def decrypt(self) -> bytes | None:
        """Return plaintext that arrived, None when there is none yet, b"" at the end of the connection.

        Raises:
            DecryptionFailed: A record was damaged or forged.
            HandshakeFailed: The server ended the connection with an alert.
        """
        parts: list[bytes] = []
        while True:
            try:
                part = self._tls.read(65536)
            except ssl.SSLWantReadError:
                return b"".join(parts) or None
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                part = b""
            except ssl.SSLError as error:
                reason = (error.reason or str(error)).lower().replace("_", " ")
                if "alert" in reason:  # with TLS 1.3 a refused client certificate shows here
                    raise HandshakeFailed(f"the server ended the connection: {reason}") from error
                raise DecryptionFailed(reason) from error
            if not part:
                return b"".join(parts)
            parts.append(part)

    def farewell(self) -> bytes:
        """Return the records that close the connection in order (close_notify)."""
        with contextlib.suppress(ssl.SSLError):
            self._tls.unwrap()
        return self._out.read()

    def certificates(self) -> tuple[bytes, ...]:
        """Return what the server showed, its own certificate first, as DER; empty before it did."""
        return tuple(ssl.PEM_cert_to_DER_cert(cert.public_bytes()) for cert in self._chain())

    def _chain(self) -> list[Any]:
        # Python 3.13 made the call public, but as bytes only; the names come from the object underneath.
        return self._tls._sslobj.get_unverified_chain() or []  # type: ignore[attr-defined]

    def names(self) -> tuple[str, str]:
        """Return subject and issuer of the server's certificate."""
        chain = self._chain()
        if not chain:
            return "", ""
        info = chain[0].get_info()
        return subject_text(info.get("subject")), subject_text(info.get("issuer"))

    def judge(self) -> Verdict:
        """Return the verdict on the certificates that the server showed."""
        chain = self.certificates()
        if not chain:
            return Verdict(accept=False, status="the server showed no certificate")
        if self.trust.pinned:
            if chain[0] == to_der(self.trust.pinned):
                return OK
            return Verdict(accept=False, status="it is not the one set in ssl_accept_server_cert_encoded")
        return judge(self.trust, chain)

    @property
    def version(self) -> str:
        """The protocol that was negotiated, for example "TLSv1.3"."""
        return self._tls.version() or ""

    @property
    def cipher(self) -> tuple[str, int]:
        """The cipher suite that was negotiated, and its strength in bits."""
        name, _, bits = self._tls.cipher() or ("", "", 0)
        return name, bits


def _sni(name: str) -> str:
    return name.removesuffix(".")  # RFC 6066 section 3: no trailing dot


def judge(trust: Trust, chain: tuple[bytes, ...]) -> Verdict:
    """Let OpenSSL verify a chain and the server's name; the connection it belongs to is not touched."""
    # The suite names the kind of key: RSA first, then ECDSA, which also stands for EdDSA (RFC 8422 section 2.2).
    last = Verdict(accept=False, status="its kind of key is not supported")
    for suite in (b"\xc0\x2f", b"\xc0\x2b"):
        reader, writer = ssl.MemoryBIO(), ssl.MemoryBIO()
        widened = trust._replace(protocols=3072, ciphers="DEFAULT", key_log="")
        tls = context(widened, verify=True).wrap_bio(reader, writer, server_hostname=_sni(trust.server_name))
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            reader.write(_server_flight(chain, suite))
        try:
            tls.do_handshake()
        except ssl.SSLWantReadError:
            return OK  # the chain was taken; what would follow needs the server's key
        except ssl.SSLCertVerificationError as error:
            return fault(error.verify_code, error.verify_message, trust.server_name)
        except ssl.SSLError as error:
            if error.reason != "WRONG_CERTIFICATE_TYPE":
                return Verdict(accept=False, status=f"it can't be read: {error.reason}")
            last = Verdict(accept=False, status="its kind of key is not supported")
    return last


def _server_flight(chain: tuple[bytes, ...], suite: bytes) -> bytes:
    """Return a TLS 1.2 ServerHello and Certificate message (RFC 5246 sections 7.4.1.3 and 7.4.2)."""
    # Extensions: secure renegotiation (RFC 5746), without which OpenSSL goes no further, and uncompressed points.
    extensions = b"\xff\x01\x00\x01\x00" + b"\x00\x0b\x00\x02\x01\x00"
    hello = b"\x03\x03" + bytes(32) + b"\x00" + suite + b"\x00" + len(extensions).to_bytes(2, "big") + extensions
    certificates = b"".join(len(der).to_bytes(3, "big") + der for der in chain)
    return _records(2, hello) + _records(11, len(certificates).to_bytes(3, "big") + certificates)


def _records(kind: int, body: bytes) -> bytes:
    message = bytes([kind]) + len(body).to_bytes(3, "big") + body
    fragments = (message[i : i + 16384] for i in range(0, len(message), 16384))
    return b"".join(b"\x16\x03\x03" + len(part).to_bytes(2, "big") + part for part in fragments)
