"""A reader of ClientHello messages (RFC 8446 section 4.1.2): what we really offer to servers."""

from __future__ import annotations

from dataclasses import dataclass

GROUPS = {
    0x17: "P-256",
    0x18: "P-384",
    0x19: "P-521",
    0x1D: "X25519",
    0x1E: "X448",
    0x100: "ffdhe2048",
    0x101: "ffdhe3072",
    0x102: "ffdhe4096",
    0x103: "ffdhe6144",
    0x104: "ffdhe8192",
    0x11EC: "X25519MLKEM768",
}
VERSIONS = {0x301: "TLSv1", 0x302: "TLSv1.1", 0x303: "TLSv1.2", 0x304: "TLSv1.3"}
SERVER_NAME, STATUS, GROUP, SIGNATURE, TICKET, VERSION, PSK, SHARE = 0, 5, 10, 13, 35, 43, 41, 51
RENEGOTIATION, RENEGOTIATION_SUITE = 0xFF01, 0xFF


@dataclass(frozen=True)
class ClientHello:
    """What stands in one."""

    legacy_version: int
    suites: list[int]
    extensions: dict[int, bytes]

    @property
    def versions(self) -> list[str]:
        """The versions on offer, newest first."""
        if VERSION in self.extensions:
            return [VERSIONS[code] for code in numbers(self.extensions[VERSION][1:]) if code in VERSIONS]
        return [VERSIONS[code] for code in sorted(VERSIONS, reverse=True) if code <= self.legacy_version]

    @property
    def groups(self) -> list[str]:
        """The groups on offer, best first."""
        return [GROUPS.get(code, hex(code)) for code in numbers(self.extensions.get(GROUP, b"")[2:])]

    @property
    def shares(self) -> list[str]:
        """The groups that come with a key share."""
        data, found = self.extensions.get(SHARE, b"")[2:], []
        while data:
            found.append(GROUPS.get(int.from_bytes(data[:2], "big"), "?"))
            data = data[4 + int.from_bytes(data[2:4], "big") :]
        return found

    @property
    def signatures(self) -> list[str]:
        """The signature algorithms on offer, as hexadecimal codes."""
        return [f"{code:04x}" for code in numbers(self.extensions.get(SIGNATURE, b"")[2:])]

    @property
    def server_name(self) -> str:
        """The name that is asked for; empty for none."""
        return self.extensions.get(SERVER_NAME, b"")[5:].decode()

    @property
    def signals_renegotiation(self) -> bool:
        """Whether the signal of RFC 5746 is there, as an extension or as a suite."""
        return RENEGOTIATION in self.extensions or RENEGOTIATION_SUITE in self.suites


def numbers(data: bytes) -> list[int]:
    return [int.from_bytes(data[at : at + 2], "big") for at in range(0, len(data), 2)]


def parse(records: bytes) -> ClientHello:
    """Read the ClientHello at the beginning of what a client sends."""
    message = b""
    while records[:1] == b"\x16":
        size = int.from_bytes(records[3:5], "big")
        message += records[5 : 5 + size]
        records = records[5 + size :]
    assert message[0] == 1
    body = message[4 : 4 + int.from_bytes(message[1:4], "big")]
    at = 35 + body[34]
    size = int.from_bytes(body[at : at + 2], "big")
    suites = numbers(body[at + 2 : at + 2 + size])
    at += 2 + size
    at += 1 + body[at]
    extensions: dict[int, bytes] = {}
    rest = body[at + 2 :]
    while rest:
        size = int.from_bytes(rest[2:4], "big")
        extensions[int.from_bytes(rest[:2], "big")] = rest[4 : 4 + size]
        rest = rest[4 + size :]
    return ClientHello(int.from_bytes(body[:2], "big"), suites, extensions)
