"""The layer of bytes under the dialogue: plaintext in and out, through TLS where it is on.

It owns the TLS layer and two counts of plaintext: how much was offered to the line, and how much the operating system
took. The second one decides, after a fault, whether the end of a message can have reached the server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.events import SSLStatus
from postwright.flow import Fire, Read, Sleep, Write
from postwright.session.turns import RECORD, Turns, understood

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from postwright.flow import Octets
    from postwright.session.pace import Pace
    from postwright.tls.provider import Provider


class Link:
    """Plaintext over one connection.

    Args:
        timeout: Seconds of silence before a read or write is given up; None for ever.
        pace: The schedule of sending, where there is a MaxTransferRate.
    """

    __slots__ = ("_early", "_plain", "offered", "pace", "taken", "timeout", "tls")

    def __init__(self, timeout: float | None, pace: Pace | None = None) -> None:
        self.timeout = timeout
        self.pace = pace
        self.tls: Provider | None = None
        self.offered = 0
        """Octets of plaintext that were to be sent."""
        self.taken = 0
        """Octets of plaintext that the operating system took, as far as the server could understand them."""
        self._early = bytearray()
        self._plain = b""

    def secure(self, tls: Provider) -> None:
        """Speak through TLS from now on; what came with the last record of the handshake is kept for ``receive``."""
        self.tls = tls
        self._plain = tls.decrypt() or b""

    async def send(self, *buffers: Octets) -> None:
        """Send plaintext, all of the buffers together; what the server says meanwhile is kept for ``receive``."""
        plain = len(buffers[0]) if len(buffers) == 1 else sum(map(len, buffers))
        if len(buffers) > 1 and plain <= RECORD:  # copying so little costs less than a buffer or a record of its own
            buffers = (b"".join(buffers),)
        self.offered += plain
        if self.tls is not None or self.pace is not None:
            await self._send_slowly(buffers, plain)
            return
        write = Write(buffers[0] if len(buffers) == 1 else list(buffers), self.timeout)
        try:
            early = await write
        except BaseException:
            self.taken += write.written
            self._early += write.early
            write.early = b""  # it may be much, and is held once
            raise
        self.taken += plain
        if early:
            self._early += early

    async def _send_slowly(self, buffers: Sequence[Octets], plain: int) -> None:
        """Send through TLS, or at the pace of MaxTransferRate, or both."""
        raw = buffers
        if self.tls is not None:
            raw = [self.tls.encrypt(buffer) for buffer in buffers]
            await show_packets(self.tls)
        written = 0
        write: Write | None = None
        try:
            for part in (raw[0] if len(raw) == 1 else list(raw),) if self.pace is None else self.pace.parts(raw):
                if self.pace is not None and (wait := self.pace.delay(len(part))) > 0:
                    await Sleep(wait)
                write = Write(part, self.timeout)
                self._early += await write
                written += write.written
                write = None
        except BaseException:
            if write is not None:
                written += write.written
                self._early += write.early
            self.taken += written if self.tls is None else understood(written, zip(raw, buffers, strict=True))
            raise
        self.taken += plain

    async def converse(
        self, respond: Callable[[bytes], bytes | None], timeout: float | None, ahead: Callable[[], object] = bool
    ) -> None:
        """Hand the plaintext that comes to ``respond`` and send what it returns, until it returns None.

        Args:
            respond: As in ``Converse``, but for plaintext.
            timeout: Seconds of silence that are borne; None for ever.
            ahead: As in ``Converse``; it is not called where each turn takes its time.
        """
        out = respond(early) if (early := self.arrived()) else b""
        while out is not None:
            if out:
                await self.send(out)
            if early := self.arrived():
                out = respond(early)
            elif self.pace is not None or (self.tls is not None and self.tls.told):
                out = respond(await self.receive(timeout))
            elif await Turns(self, respond, ahead).take(timeout):
                return
            else:
                out = b""

    async def receive(self, timeout: float | None) -> bytes:
        """Wait for plaintext; b"" is the end of the connection."""
        if self._plain:
            plain, self._plain = self._plain, b""
            return plain
        while True:
            data: bytes | None
            if self._early:
                data = bytes(self._early)
                self._early.clear()
            else:
                if self.tls is not None and (records := self.tls.outgoing()):  # the server renegotiates, and waits
                    self._early += await Write(records, self.timeout)
                    continue
                data = await Read(timeout)
            if self.tls is None:
                return data
            self.tls.feed(data)
            decrypted = self.tls.decrypt()
            if decrypted is not None:
                return decrypted

    def arrived(self) -> bytes:
        """Return plaintext that is here already, without waiting."""
        if not self._early and not self._plain:
            return b""
        data = bytes(self._early)
        self._early.clear()
        plain, self._plain = self._plain, b""
        return plain + (self.take(data) or b"") if data else plain

    def take(self, data: bytes) -> bytes | None:
        """Return the plaintext of bytes that came off the line, None when they hold none yet, b"" at its end."""
        if self.tls is None:
            return data
        self.tls.feed(data)
        return self.tls.decrypt()

    async def close(self) -> None:
        """Tell the server that TLS ends here (close_notify), where it is on; the answer is not waited for."""
        if self.tls is not None and (records := self.tls.farewell()):
            await Write(records, self.timeout)

    def keep(self, data: bytes) -> None:
        """Keep bytes that came off the line while something else was sent."""
        self._early += data

    async def shake(self, tls: Provider) -> None:
        """Send and receive records until the next step of the handshake can be taken, or it is finished.

        The caller decides between flights: see ``opening``.
        """
        if records := tls.outgoing():
            early = await Write(records, self.timeout)
            if early:
                tls.feed(early)
                return
        tls.feed(await Read(self.timeout))


async def show_packets(tls: Provider) -> None:
    """Tell about the records since the last time, where LogSSLPackets asks for it."""
    for line in tls.packets():
        await Fire(SSLStatus(line))
