"""What the records of a handshake show to everybody on the way: the group, the parameters, and the packets themselves.

It reads along and changes nothing; the libraries tell most of this to nobody. RFC 8446 section 5.1, RFC 5246 section 6.
"""

from __future__ import annotations

_HANDSHAKE, _CHANGE_CIPHER, _ALERT, _DATA = 22, 20, 21, 23
_KINDS = {_CHANGE_CIPHER: "ChangeCipherSpec", _ALERT: "Alert", _HANDSHAKE: "Handshake", _DATA: "ApplicationData"}
_MESSAGES = {
    0: "HelloRequest",
    1: "ClientHello",
    2: "ServerHello",
    4: "NewSessionTicket",
    8: "EncryptedExtensions",
    11: "Certificate",
    12: "ServerKeyExchange",
    13: "CertificateRequest",
    14: "ServerHelloDone",
    15: "CertificateVerify",
    16: "ClientKeyExchange",
    20: "Finished",
    22: "CertificateStatus",
}
_SERVER_HELLO, _CERTIFICATE, _KEY_EXCHANGE, _REQUEST = 2, 11, 12, 13
_KEY_SHARE = 51
_LONGEST = 1 << 20  # a handshake that shows more than this in plaintext is not read any further

GROUPS = {
    0x16: ("ecdhe_secp256k1", 256),
    0x17: ("ecdhe_secp256r1", 256),
    0x18: ("ecdhe_secp384r1", 384),
    0x19: ("ecdhe_secp521r1", 521),
    0x1A: ("ecdhe_brainpoolp256r1", 256),
    0x1B: ("ecdhe_brainpoolp384r1", 384),
    0x1C: ("ecdhe_brainpoolp512r1", 512),
    0x1D: ("ecdhe_x25519", 253),
    0x1E: ("ecdhe_x448", 448),
    0x0100: ("ffdhe_2048", 2048),
    0x0101: ("ffdhe_3072", 3072),
    0x0102: ("ffdhe_4096", 4096),
    0x0103: ("ffdhe_6144", 6144),
    0x0104: ("ffdhe_8192", 8192),
    0x11EB: ("secp256r1_mlkem768", 256),
    0x11EC: ("x25519_mlkem768", 253),
    0x11ED: ("secp384r1_mlkem1024", 384),
}
"""Name and strength in bits of each group; of a hybrid with ML-KEM the strength of its classical half."""


class Records:
    """Reads along in both directions of one connection; where there is no log, only once somebody asks.

    Args:
        log: Whether to keep a line for each record, for LogSSLPackets.
    """

    def __init__(self, *, log: bool) -> None:
        self.log = log
        self.lines: list[str] = []
        self._group = ("", 0)
        self._shown = self._wanted = False
        self._open = True  # while there may be more of the handshake to read
        self._over = False
        self._unread: list[bytes] = []
        self._parts = {"sent": bytearray(), "received": bytearray()}
        self._dark: set[str] = set()  # the directions that are encrypted by now
        self._messages = bytearray()

    @property
    def group(self) -> tuple[str, int]:
        """The group of the key exchange and its bits, once the server has chosen."""
        self._catch_up()
        return self._group

    @property
    def certificate_shown(self) -> bool:
        """Whether the server's certificate went over the line in plaintext (TLS 1.2 and older)."""
        self._catch_up()
        return self._shown

    @property
    def certificate_wanted(self) -> bool:
        """Whether the server asked for a client certificate, as far as that can be seen."""
        self._catch_up()
        return self._wanted

    def finished(self) -> None:
        """Note that the handshake is over: only the log goes on."""
        self._over = True
        if not self._unread:
            self._close()

    def sent(self, data: bytes) -> None:
        """Read what goes to the server."""
        if self.log:
            self._read("sent", data)

    def received(self, data: bytes) -> None:
        """Read what came from the server."""
        if self.log:
            self._read("received", data)
        elif self._open and not self._over:
            self._unread.append(data)

    def take(self) -> list[str]:
        """Return the lines that were kept, and forget them."""
        lines, self.lines = self.lines, []
        return lines

    def _catch_up(self) -> None:
        if unread := self._unread:
            self._unread = []
            for data in unread:
                self._read("received", data)
            if self._over:
                self._close()

    def _close(self) -> None:
        self._open = False
        self._messages.clear()

    def _read(self, way: str, data: bytes) -> None:
        part = self._parts[way]
        part += data
        while len(part) >= 5:
            size = 5 + int.from_bytes(part[3:5], "big")
            if len(part) < size:
                return
            self._record(way, part[0], bytes(part[5:size]))
            del part[:size]
            if not (self.log or self._open):
                return

    def _record(self, way: str, kind: int, body: bytes) -> None:
        if self.log:
            self.lines.append(f"{way} {self._label(way, kind, body)}, {len(body)} bytes")
        if kind in {_CHANGE_CIPHER, _DATA}:
            self._dark.add(way)
            if way == "received":
                self._open = False  # nothing of the handshake can be read any more
        elif kind == _HANDSHAKE and way == "received" and self._open and way not in self._dark:
            self._messages += body
            self._take_messages()

    def _label(self, way: str, kind: int, body: bytes) -> str:
        name = _KINDS.get(kind, f"record of kind {kind}")
        if kind == _HANDSHAKE:
            return (
                f"{name} (encrypted)" if way in self._dark else f"{name} {_MESSAGES.get(body[0], '') if body else ''}"
            )
        if kind == _ALERT and len(body) == 2:
            return f"{name} {body[1]}"
        return name

    def _take_messages(self) -> None:
        messages = self._messages
        while len(messages) >= 4:
            size = 4 + int.from_bytes(messages[1:4], "big")
            if size > _LONGEST:
                self._open = False
            if len(messages) < size:
                return
            self._message(messages[0], bytes(messages[4:size]))
            del messages[:size]

    def _message(self, kind: int, body: bytes) -> None:
        if kind == _SERVER_HELLO:
            self._server_hello(body)
        elif kind == _CERTIFICATE:
            self._shown = True
        elif kind == _REQUEST:
            self._wanted = True
        elif kind == _KEY_EXCHANGE and len(body) > 2:
            named = GROUPS.get(int.from_bytes(body[1:3], "big")) if body[0] == 3 else None  # RFC 8422 section 5.4
            size = int.from_bytes(body[:2], "big")  # else the prime comes first (RFC 5246 section 7.4.3)
            self._group = named or ("dhe", int.from_bytes(body[2 : 2 + size], "big").bit_length())

    def _server_hello(self, body: bytes) -> None:
        at = 35 + (body[34] if len(body) > 34 else 0) + 3
        end = at + 2 + int.from_bytes(body[at : at + 2], "big")
        at += 2
        while at + 4 <= min(end, len(body)):
            kind, size = int.from_bytes(body[at : at + 2], "big"), int.from_bytes(body[at + 2 : at + 4], "big")
            if kind == _KEY_SHARE:
                code = int.from_bytes(body[at + 4 : at + 6], "big")
                self._group = GROUPS.get(code, (f"group {code:#06x}", 0))
            at += 4 + size
