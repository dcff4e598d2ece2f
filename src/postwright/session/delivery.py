"""The body on its way: DATA with dots (RFC 5321 section 4.5.2), or BDAT with counts (RFC 3030), in constant memory.

It owns the events of the transfer. It never decides about recipients, and it never reads more of a body than fits
into one write.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from postwright.enums import Direction
from postwright.errors import ExtensionMissing, MessageRefused
from postwright.events import EndTransfer, StartTransfer, Transfer
from postwright.flow import Call, Wait
from postwright.session.states import Step
from postwright.wire.commands import Command, command
from postwright.wire.dots import Dots

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from postwright.message.body import Source
    from postwright.message.draft import Draft
    from postwright.session.transaction import Transaction
    from postwright.words import Reply

SMALL = 64 * 1024
"""A body of up to this many octets may go out before the recipients' replies are known."""

WRITE = 256 * 1024
"""Octets of one write: larger ones gain nothing, smaller ones cost more (also under TLS)."""

_AHEAD = 4  # BDAT chunks whose replies may be outstanding on a PIPELINING server


def small(draft: Draft) -> bool:
    """Whether the whole message is in memory and small."""
    body = draft.body
    return draft.size is not None and draft.size <= SMALL and not (body.blocking or body.awaits)


async def pull(source: Source) -> bytes:
    """Return the next part of a source, b"" at its end."""
    if source.awaits:
        awaited: Wait[bytes] = Wait(source.read)
        return await awaited
    if source.blocking:
        called: Call[bytes] = Call(cast("Callable[[], bytes]", source.read))
        return await called
    return cast("bytes", source.read())


class Carrier:
    """Reads the body part by part and fires the events of the transfer.

    Args:
        deal: The transaction that the body belongs to.
    """

    def __init__(self, deal: Transaction) -> None:
        self._deal = deal
        self._session = deal.session
        self._limit = deal.session.plan.settings.transfer_text_limit
        self._done = 0
        self._total = deal.draft.body.size

    async def parts(self) -> AsyncIterator[bytes]:
        """Yield the headers, then the body in parts of canonical lines; a part's event fires when the next is asked for."""
        yield self._deal.draft.headers
        for _, sources in self._deal.draft.body.sections:
            started = False
            for source in sources:
                while part := await pull(source):
                    if not started:
                        await self._session.fire(StartTransfer(Direction.CLIENT))
                        started = True
                    self._check(source)
                    self._keep(part)
                    yield part
                    await self._moved(part)
            if started:
                await self._session.fire(EndTransfer(Direction.CLIENT))

    def _check(self, source: Source) -> None:
        """Stop a stream whose octets the server can't take; the end of the body was not written, so nothing is sent."""
        if source.eight_bit and not self._deal.eight_bit_ok:
            raise ExtensionMissing("the stream holds octets above 127, and the server does not offer 8BITMIME")

    def _keep(self, part: bytes) -> None:
        kept = self._deal.kept
        if kept is not None:
            if self._done + len(part) > self._limit:
                self._deal.kept = None
            else:
                kept.append(part)

    async def _moved(self, part: bytes) -> None:
        self._done += len(part)
        if Transfer in self._session.wanted:
            percent = min(100, self._done * 100 // self._total) if self._total else -1
            await self._session.fire(Transfer(Direction.CLIENT, self._done, percent, part))


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
    dots = Dots()
    waiting = bytearray()
    async for part in Carrier(deal).parts():
        stuffed = dots.feed(part)
        if len(waiting) >= WRITE:
            await _send_some(deal, waiting)
            waiting = bytearray()
        waiting += stuffed
    waiting += dots.finish()
    if deal.before_end is not None:
        await deal.before_end()
    # The end is CRLF.CRLF: from its first octet on the server may have a whole message (RFC 5321 section 4.1.1.4).
    deal.end_at = session.link.offered + len(waiting) - 5
    session.step(Step.END)
    talk.owe()
    await talk.pour(waiting)
    return await deal.conclude()


async def _send_some(deal: Transaction, data: bytearray) -> None:
    await deal.session.talk.pour(data)
    await interrupted_by(deal)


async def interrupted_by(deal: Transaction) -> None:
    """Stop the body when the server spoke in the middle of it: it refuses, or it is leaving."""
    early = await deal.session.talk.early()
    if early is not None:
        raise MessageRefused(f"in the middle of the message: {early}", reply=early)


async def send_group(deal: Transaction, *commands: Command) -> None:
    """Send MAIL, RCPT and the whole small message as one BDAT chunk, in one write; no reply is waited for."""
    chunk = bytearray()
    async for part in Carrier(deal).parts():
        chunk += part
    await _send_last(deal, chunk, *commands)


async def send_chunks(deal: Transaction, started: bool) -> Reply:
    """Send the message as BDAT chunks and return the server's last word.

    Args:
        deal: The transaction.
        started: Whether all of it went out already, with ``send_group``.
    """
    session = deal.session
    session.step(Step.DATA)
    if started:
        session.step(Step.END)
        return await deal.conclude()
    chunk = bytearray()
    unheard = 0
    async for part in Carrier(deal).parts():
        chunk += part
        while len(chunk) > WRITE:  # what stays is the last chunk, or the beginning of the next one
            with memoryview(chunk) as whole:
                size = Command(b"BDAT %d\r\n" % WRITE, f"BDAT {WRITE}")
                await session.talk.say(size, body=whole[:WRITE])
            del chunk[:WRITE]
            unheard = await _heard(deal, unheard + 1, _ahead(deal))
    await _heard(deal, unheard, 0)
    session.step(Step.END)
    await _send_last(deal, chunk)
    return await deal.conclude()


async def _send_last(deal: Transaction, chunk: bytearray, *commands: Command) -> None:
    last = Command(b"BDAT %d LAST\r\n" % len(chunk), f"BDAT {len(chunk)} LAST")
    head = sum(len(said.data) for said in (*commands, last))
    if deal.before_end is not None:
        await deal.before_end()
    # The server has the whole message once it has the last octet of the last chunk.
    deal.end_at = deal.session.link.offered + head + len(chunk) - 1
    await deal.session.talk.say(*commands, last, body=chunk)


def _ahead(deal: Transaction) -> int:
    """How many chunks may be on their way before their replies were read (RFC 3030 section 4.2)."""
    pipelining = deal.session.plan.settings.use_pipelining and "PIPELINING" in deal.session.extensions
    return _AHEAD if pipelining else 0


async def _heard(deal: Transaction, unheard: int, ahead: int) -> int:
    """Read replies to chunks until at most ``ahead`` are outstanding; return how many are.

    Raises:
        MessageRefused: A chunk was refused; the replies behind it were read, and the transaction is reset.
    """
    talk = deal.session.talk
    while unheard > ahead:
        reply = await talk.hear()
        unheard -= 1
        if reply.code != 250:
            for _ in range(unheard):
                await talk.hear()
            raise await deal.refused(reply, "BDAT")
    return unheard
