"""Between a message and its queue file: what must be written down so that it can be sent by another process, later."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.component.recipients import parse_options
from postwright.drive import clock
from postwright.enums import RecipientType
from postwright.errors import InvalidValue
from postwright.message.addresses import addr_spec, parse_mailbox, wire_path
from postwright.message.body import Body, Memory
from postwright.message.draft import Draft
from postwright.message.foreign import NOBODY
from postwright.options.option import Store
from postwright.options.plan import Plan
from postwright.options.tables import Properties, Settings
from postwright.spool.record import PRIORITIES, Letter, moment
from postwright.spool.writer import new_id
from postwright.words import Envelope, Recipient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from postwright.component.wishes import Wishes
    from postwright.flow import Flow
    from postwright.message.body import Source
    from postwright.spool.run import Taking

IN_MEMORY = 1024 * 1024
"""Up to this many octets a message that is in memory is written as one piece."""

_KINDS = {RecipientType.TO: "To", RecipientType.CC: "Cc", RecipientType.BCC: "Bcc"}
_TYPES = {name: kind for kind, name in _KINDS.items()}


def present() -> float:
    """Return the seconds since 1970."""
    return clock.now()


def written(plan: Plan, envelope: Envelope, draft: Draft, wishes: Wishes, message: bytes | None) -> Letter:
    """Return what a queue file says about a message.

    Args:
        plan: The settings.
        envelope: Its envelope.
        draft: The message.
        wishes: What else is wanted of it.
        message: All of it, where it is in memory; else sizes and content type are still to be filled in.

    Raises:
        InvalidValue: The priority is none.
    """
    if wishes.priority not in PRIORITIES:
        raise InvalidValue("the priority of a queued message is 0 (first) to 9 (last)")
    created = moment(present())
    said = plan.settings._store.values.get
    return Letter(  # in the order of its fields: for as many names the call would take twice as long
        new_id(created, wishes.priority, clock.randomness(8)),
        created,
        wishes.priority,
        "" if wishes.not_before is None else moment(wishes.not_before.timestamp()),
        draft.message_id,
        wire_path(envelope.reverse_path),
        tuple(
            [
                (_KINDS[r.type], addr_spec(r.address), _shown(r.options) if r.options else "")
                for r in envelope.recipients
            ]
        ),
        said("dsn_return", ""),
        said("envelope_id", ""),
        said("body_type", ""),
        message is not None and not message.isascii() and bool(draft.body.eight_bit),
        len(draft.headers),
        len(message or b""),
    )


def _shown(options: tuple[tuple[str, str], ...]) -> str:
    return " ".join([f"{key}={value}" if value else key for key, value in options])


def bare(plan: Plan) -> Plan:
    """Return the plan of a run: what a message brings with it (RET, ENVID, BODY) is in its own file only."""
    return _with(plan, "", "", "")


def _with(plan: Plan, dsn_return: str, envelope_id: str, body_type: str) -> Plan:
    store = Store()
    store.values.update(plan.settings._store.values)
    settings = Settings(store)
    settings.dsn_return = dsn_return
    settings.envelope_id = envelope_id
    settings.body_type = body_type
    store.frozen = True
    return Plan(Properties(store), settings)


def read(plan: Plan, taking: Taking) -> tuple[Envelope, Draft, Plan]:
    """Return a message that was taken out of the queue, and the plan for sending it.

    Args:
        plan: The ``bare`` plan of the run; it is returned itself where the message has nothing to add.
        taking: The message.

    Raises:
        InvalidValue: The file says what no message may have.
    """
    letter = taking.claim.letter
    rows = letter.recipients
    recipients = tuple(
        Recipient(parse_mailbox(address), _TYPES[kind], parse_options(options))
        for kind, address, options in (rows[place - 1] for place in places(taking))
    )
    envelope = Envelope(parse_mailbox(letter.sender) if letter.sender else NOBODY, recipients)
    body = taking.body
    source: Source = Memory(body, eight_bit=letter.eight_bit) if isinstance(body, bytes) else body
    draft = Draft(taking.header, Body((("text", (source,)),)), letter.message_id)
    if letter.dsn_return or letter.envelope_id or letter.body:
        plan = _with(plan, letter.dsn_return, letter.envelope_id, letter.body)
    return envelope, draft, plan


def places(taking: Taking) -> Sequence[int]:
    """Return the places in the head, from 1, of the recipients to whom a message is still to be sent."""
    everyone = range(1, len(taking.claim.letter.recipients) + 1)
    return [place for place in taking.claim.log.left if place in everyone] or everyone


def at_hand(draft: Draft) -> bytes | None:
    """Return a message where all of it is in memory, and not too large to be written as one piece."""
    small = draft.whole
    if small is not None:
        return small
    body = draft.body
    if not body.at_hand or (body.size or 0) > IN_MEMORY:
        return None
    body.open()
    return b"".join([draft.headers, *_now(body)])


async def parts(body: Body, pull: Callable[[Source], Flow[list[bytes]]]) -> AsyncIterator[bytes]:
    """Yield all of a body, in parts."""
    for source in body.sources:
        while some := await pull(source):
            for part in some:
                yield part


def _now(body: Body) -> Iterator[bytes]:
    for source in body.sources:
        while part := source.read():
            assert isinstance(part, bytes)
            yield part
