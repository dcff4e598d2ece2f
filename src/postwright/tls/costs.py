"""What it costs to turn a password into a key, and where that is too much: the file itself says how often to hash.

A damaged or hostile file could otherwise keep the program busy for hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import CertificateStoreUnreadable
from postwright.tls.octets import INTEGER, OID, SEQUENCE, nodes, walk

if TYPE_CHECKING:
    from postwright.tls.octets import Node

ROUNDS = 5_000_000
"""The most rounds of hashing; today's programs use up to a million, and Java draws the line here too."""
MEMORY = 1 << 30
"""The most bytes that a key derivation may fill."""
PASSES = 4 << 30
"""The most bytes that it may write in all its passes: some seconds."""

_PBKDF2 = bytes.fromhex("2a864886f70d01050c")
_SCRYPT = bytes.fromhex("2b06010401da47040b")
_PBES1 = bytes.fromhex("2a864886f70d0105")  # 1.2.840.113549.1.5.*: RFC 8018; PBKDF2 is one of them
_PKCS12 = bytes.fromhex("2a864886f70d010c01")  # 1.2.840.113549.1.12.1.*: RFC 7292


def rounds(count: int, most: int = ROUNDS) -> int:
    """Return the number of rounds if it can be borne.

    Raises:
        CertificateStoreUnreadable: It can't.
    """
    if not 0 < count <= most:
        raise CertificateStoreUnreadable(
            f"it asks for {count} rounds of hashing to open it, and at most {most} are done: "
            "it is damaged, or must be written again with fewer"
        )
    return count


def memory(size: int, passes: int) -> None:
    """Check what a key derivation that fills memory asks for.

    Raises:
        CertificateStoreUnreadable: It asks for too much.
    """
    if not 0 < size <= MEMORY or passes <= 0 or size * passes > PASSES:
        raise CertificateStoreUnreadable(
            f"it asks for {passes} passes over {size >> 20} MiB of memory to open it, which is more than is done: "
            "it is damaged, or must be written again with less"
        )


def check(der: bytes) -> None:
    """Look for the key derivations in a structure, encrypted or not, and check each.

    Raises:
        CertificateStoreUnreadable: One costs too much.
    """
    for value in walk(der):
        if value.tag == SEQUENCE and value.content[:1] == bytes([OID]):
            try:
                name, *rest = nodes(value.content)
            except ValueError:
                continue
            if rest and rest[0].tag == SEQUENCE and name.content.startswith((_PBES1, _PKCS12, _SCRYPT)):
                _parameters(name.content, rest[0])


def _parameters(name: bytes, given: Node) -> None:
    try:
        numbers = [int.from_bytes(part.content, "big") for part in nodes(given.content) if part.tag == INTEGER]
    except ValueError:
        return  # whoever opens it will say so
    if name == _SCRYPT and len(numbers) >= 3:
        cost, block, parallel = numbers[:3]
        memory(128 * cost * block, parallel)
    elif numbers and name != _SCRYPT:
        rounds(numbers[0])
