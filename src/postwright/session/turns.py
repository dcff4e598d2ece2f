"""Turns of a conversation that the driver takes by itself (see ``Converse``), and the count of what the server can have.

Between two turns the way back through the dialogue is saved; what is counted must be as exact as ever: when a turn begins,
all that went out before was taken by the operating system, and of what goes out in it the driver says how much was.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.flow import Converse, Write

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from postwright.flow import Octets
    from postwright.session.link import Link

RECORD = 16384
"""Plaintext octets in a full TLS record (RFC 8446 section 5.1)."""


class Turns:
    """Turns over one link, without TLS or through it.

    Args:
        link: The connection.
        respond: Takes plaintext, and returns plaintext to send, b"" for nothing yet, None for the end.
        ahead: Called while an answer is on its way.
    """

    __slots__ = ("_ahead", "_link", "_plain", "_raw", "_respond")

    def __init__(self, link: Link, respond: Callable[[bytes], bytes | None], ahead: Callable[[], object]) -> None:
        self._link = link
        self._respond = respond
        self._ahead = ahead
        self._plain = self._raw = b""

    async def take(self, timeout: float | None) -> bool:
        """Let the driver take turns.

        Args:
            timeout: Seconds of silence that are borne; None for ever.

        Returns:
            Whether they came to their end; else there is more to come, and what arrived meanwhile is kept by the link.
        """
        link = self._link
        effect = Converse(self._turn if link.tls is None else self._secret_turn, timeout, self._ahead)
        write: Write | None = None
        try:
            left = await effect
            if left:
                write = Write(left, link.timeout)
                link.keep(await write)
        except BaseException:
            if write is not None:
                link.keep(write.early)
                write.early = b""  # it may be much, and is held once
            raise
        finally:
            written = effect.written + (write.written if write is not None else 0)
            if self._plain:
                link.taken = link.offered - len(self._plain) + self._taken(written)
        return not left

    def _turn(self, data: bytes) -> bytes | None:
        link = self._link
        link.taken = link.offered
        out = self._respond(data)
        self._plain = out or b""
        if out:
            link.offered += len(out)
        return out

    def _secret_turn(self, data: bytes) -> bytes | None:
        """Do the same through TLS."""
        link, tls = self._link, self._link.tls
        assert tls is not None
        link.taken = link.offered
        self._plain = b""
        tls.feed(data)
        plain = tls.decrypt()
        out = b"" if plain is None and data else self._respond(plain or b"")
        if not out:
            return None if out is None else tls.outgoing()
        self._plain, self._raw = out, tls.encrypt(out)
        link.offered += len(out)
        return self._raw

    def _taken(self, written: int) -> int:
        if self._link.tls is None:
            return written
        return understood(written, ((self._raw, self._plain),))


def understood(written: int, sent: Iterable[tuple[Octets, Octets]]) -> int:
    """Return how much plaintext the server can have decrypted when so many octets went out.

    A record that is not complete can't be decrypted. All records of a buffer but the last are full, and each costs the
    same.

    Args:
        written: How many octets went out.
        sent: Records, and the buffer of plaintext that is in them.
    """
    seen = 0
    for records, buffer in sent:
        raw, plain = len(records), len(buffer)
        if written < raw:
            count = -(-plain // RECORD) or 1
            overhead = -(-(raw - plain) // count)
            return seen + (min(plain, written // (RECORD + overhead) * RECORD) if count > 1 else 0)
        written -= raw
        seen += plain
    return seen
