"""The body on its way: DATA with dots (RFC 5321 section 4.5.2), or BDAT with counts (RFC 3030), in constant memory.

It owns the events of the transfer. It never decides about recipients, and it never reads more of a body than fits
into one write, beside the one that waits: what is sent as the last one must be known to be that.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, cast

from postwright.enums import Direction
from postwright.errors import ConnectionDropped, ExtensionMissing, MessageRefused, NetworkError
from postwright.events import EndTransfer, StartTransfer, Transfer
from postwright.flow import Call, Wait
from postwright.message.streams import FileSource
from postwright.session.states import Step
from postwright.wire.commands import Command, command
from postwright.wire.dots import Dots
from postwright.wire.lines import CHUNK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from postwright.flow import Octets
    from postwright.message.body import Source
    from postwright.message.draft import Draft
    from postwright.session.transaction import Transaction
    from postwright.words import Reply

SMALL = 64 * 1024
"""A body of up to this many octets may go out before the recipients' replies are known."""

WRITE = 8 * CHUNK + 48 * 1024
"""Octets of one write, and of a BDAT chunk: eight parts of a body, and room for line ends and dots.

Each write, and each reply to a chunk, costs much more than its few instructions: the receiver is woken up, and the code
that is needed now and then has left the caches. Larger ones gain little, and need more memory.
"""

_WATCHED = frozenset({StartTransfer, Transfer, EndTransfer})
_AHEAD = 12  # BDAT chunks whose replies may be outstanding on a PIPELINING server: they keep a long, fast line busy
_LOOK = 4  # chunks after which one looks whether replies have come
_ROOM = 2 * 1024 * 1024  # octets of memory that the C library shall keep at hand
_APART = 16 * 1024  # octets from which a part is a buffer of its own; smaller ones are put together


def small(draft: Draft) -> bool:
    """Whether the whole message is in memory and small."""
    body = draft.body
    return draft.size is not None and draft.size <= SMALL and not (body.blocking or body.awaits)


async def pull(source: Source, most: int = WRITE) -> list[bytes]:
    """Return the next parts of a source, which fit into so many octets; none at its end."""
    if source.blocking and not source.awaits:
        gathered: Call[list[bytes]] = Call(_gather, cast("Callable[[], bytes]", source.read), most)
        return await gathered
    if source.awaits:
        awaited: Wait[bytes] = Wait(source.read)
        part = await awaited
    else:
        part = cast("bytes", source.read())
    return [part] if part else []


def _gather(read: Callable[[], bytes], most: int) -> list[bytes]:
    parts: list[bytes] = []
    octets = 0
    while octets + CHUNK <= most and (part := read()):
        parts.append(part)
        octets += len(part)
    return parts


class Load:
    """What goes out in one write.

    Args:
        most: The octets of it; one part more may make them more.

    Attributes:
        octets: How many there are.
        buffers: All of them; large parts are not copied.
    """

    __slots__ = ("_most", "buffers", "octets")

    def __init__(self, most: int = WRITE) -> None:
        self._most = most
        self.octets = 0
        self.buffers: list[Octets] = []

    def has_room(self, octets: int) -> bool:
        """Whether so many octets can be added; at least one part always can."""
        return not self.octets or self.octets + octets <= self._most

    def add(self, part: bytes) -> None:
        """Put a part behind the others."""
        self.octets += len(part)
        last = self.buffers[-1] if self.buffers else b""
        if len(part) >= _APART:
            self.buffers.append(part)
        elif isinstance(last, bytearray):
            last += part
        else:
            self.buffers.append(bytearray(part))


class Carrier:
    """Reads the body part by part and fires the events of the transfer.

    Args:
        deal: The transaction that the body belongs to.
    """

    def __init__(self, deal: Transaction) -> None:
        self._deal = deal
        self._session = deal.session
        self._limit = deal.session.plan.settings.transfer_text_limit
        self._done = self._kept = 0
        self._total = deal.draft.body.size
        if self._total is not None and self._total > self._limit:
            deal.kept = None

    @property
    def write(self) -> int:
        """Octets of one write: less where somebody watches the transfer, so that the events tell of what went out."""
        return CHUNK if Transfer in self._session.wanted else WRITE

    async def parts(self) -> AsyncIterator[list[bytes]]:
        """Yield the headers, then the body in parts of canonical lines; their events fire when the next are asked for."""
        if (whole := self._at_once()) is not None:
            yield [whole]
            return
        yield [self._deal.draft.headers]
        for _, sources in self._deal.draft.body.sections:
            started = False
            for source in sources:
                if self._deal.eight_bit_ok and isinstance(source, FileSource):
                    source.take_any()
                while parts := await pull(source, self.write):
                    if not started:
                        if StartTransfer in self._session.wanted:
                            await self._session.fire(StartTransfer(Direction.CLIENT))
                        started = True
                    self._check(source)
                    if self._deal.kept is not None:
                        self._keep(parts)
                    yield parts
                    if Transfer in self._session.wanted:
                        await self._tell(parts)
            if started and EndTransfer in self._session.wanted:
                await self._session.fire(EndTransfer(Direction.CLIENT))

    def _at_once(self) -> bytes | None:
        """Return all of a small message in memory, where nobody watches its transfer and nothing is to be refused."""
        deal = self._deal
        whole = deal.draft.whole
        if (
            whole is None
            or not self._session.wanted.isdisjoint(_WATCHED)
            or (deal.draft.eight_bit and not deal.eight_bit_ok)
        ):
            return None
        if deal.kept is not None:
            deal.kept.append(whole[len(deal.draft.headers) :])
        return whole

    def _check(self, source: Source) -> None:
        """Stop a stream whose octets the server can't take; the end of the body was not written, so nothing is sent."""
        if source.eight_bit and not self._deal.eight_bit_ok:
            raise ExtensionMissing("the stream holds octets above 127, and the server does not offer 8BITMIME")

    def _keep(self, parts: list[bytes]) -> None:
        kept = self._deal.kept
        assert kept is not None
        self._kept += sum(map(len, parts))
        if self._kept > self._limit:
            self._deal.kept = None
        else:
            kept += parts

    async def _tell(self, parts: list[bytes]) -> None:
        for part in parts:
            self._done += len(part)
            percent = min(100, self._done * 100 // self._total) if self._total else -1
            await self._session.fire(Transfer(Direction.CLIENT, self._done, percent, part))


@cache
def _keep_at_hand() -> None:
    """Have the C library keep the memory of a write for the next one.

    glibc gives memory back when 128 KiB are free, and has it back page by page, with a fault for each: that takes longer
    than checking what is in it. It keeps twice as much as the largest buffer that was given back (mallopt(3)).
    """
    bytes(_ROOM)


async def send_data(deal: Transaction, started: bool) -> Reply:
    """Send the message as DATA and return the server's last word.

    Args:
        deal: The transaction.
        started: Whether DATA was said already.
    """
    session = deal.session
    talk = session.talk
    reply = await talk.hear() if started else await talk.ask(command("DATA"))
    if reply.code != 354:
        raise await deal.refused(reply, "DATA")
    session.step(Step.DATA)
    _keep_at_hand()
    dots = Dots()
    carrier = Carrier(deal)
    load = Load(carrier.write)
    async for parts in carrier.parts():
        for part in map(dots.feed, parts):
            if not load.has_room(len(part)):
                await talk.pour(*load.buffers)
                await interrupted_by(deal)
                load = Load(carrier.write)
            load.add(part)
    load.add(dots.finish())
    if deal.before_end is not None:
        await deal.before_end()
    # The end is CRLF.CRLF: from its first octet on the server may have a whole message (RFC 5321 section 4.1.1.4). Where
    # that octet went out before, it is the first one of this write.
    deal.end_at = session.link.offered + max(0, load.octets - 5)
    session.step(Step.END)
    talk.owe()
    await talk.pour(*load.buffers)
    return await deal.conclude()


async def interrupted_by(deal: Transaction) -> None:
    """Stop the body when the server spoke in the middle of it: it refuses, or it is leaving."""
    early = await deal.session.talk.early()
    if early is not None:
        raise MessageRefused(f"in the middle of the message: {early}", reply=early)


async def send_group(deal: Transaction, *commands: Command) -> None:
    """Send MAIL, RCPT and the whole small message as one BDAT chunk, in one write; no reply is waited for."""
    load = Load()
    async for parts in Carrier(deal).parts():
        for part in parts:
            load.add(part)
    await _send_last(deal, load, *commands)


async def send_chunks(deal: Transaction, started: bool) -> Reply:
    """Send the message as BDAT chunks and return the server's last word.

    The last chunk waits for the replies to all others: a message of which a part was refused is never completed.

    Args:
        deal: The transaction.
        started: Whether all of it went out already, with ``send_group``.
    """
    session = deal.session
    session.step(Step.DATA)
    if started:
        session.step(Step.END)
        return await deal.conclude()
    _keep_at_hand()
    carrier = Carrier(deal)
    load = Load(carrier.write)
    chunks = unheard = 0
    async for parts in carrier.parts():
        for part in parts:
            if not load.has_room(len(part)):
                size = Command(b"BDAT %d\r\n" % load.octets, f"BDAT {load.octets}")
                await session.talk.say(size, body=load.buffers)
                chunks += 1
                unheard = await _heard(deal, unheard + 1, _ahead(deal), look=chunks % _LOOK == 0)
                load = Load(carrier.write)
            load.add(part)
    await _heard(deal, unheard, 0)
    session.step(Step.END)
    await _send_last(deal, load)
    return await deal.conclude()


async def _send_last(deal: Transaction, load: Load, *commands: Command) -> None:
    last = Command(b"BDAT %d LAST\r\n" % load.octets, f"BDAT {load.octets} LAST")
    head = sum(len(said.data) for said in (*commands, last))
    if deal.before_end is not None:
        await deal.before_end()
    # The server has the whole message once it has the last octet of the last chunk.
    deal.end_at = deal.session.link.offered + head + load.octets - 1
    await deal.session.talk.say(*commands, last, body=load.buffers)


def _ahead(deal: Transaction) -> int:
    """How many chunks may be on their way before their replies were read (RFC 3030 section 4.2)."""
    pipelining = deal.session.plan.settings.use_pipelining and "PIPELINING" in deal.session.extensions
    return _AHEAD if pipelining else 0


async def _heard(deal: Transaction, unheard: int, ahead: int, *, look: bool = False) -> int:
    """Read replies to chunks until at most ``ahead`` are outstanding, and those that are here; return how many are left.

    Args:
        deal: The transaction.
        unheard: How many are outstanding now.
        ahead: How many may be.
        look: Look for more without waiting.

    Raises:
        MessageRefused: A chunk was refused; the replies behind it were read, and the transaction is reset.
    """
    talk = deal.session.talk
    if ahead and look:
        await talk.early()
    while unheard > ahead or (unheard and talk.answered):
        reply = await talk.hear()
        unheard -= 1
        if reply.code != 250:
            try:
                for _ in range(unheard):
                    await talk.hear()
            except (ConnectionDropped, NetworkError) as error:  # it refused, and left
                raise MessageRefused(f"{reply} ({error.message})", reply=reply) from error
            raise await deal.refused(reply, "BDAT")
    return unheard
