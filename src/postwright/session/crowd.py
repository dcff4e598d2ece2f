"""A message for more recipients than one transaction takes: the rest goes in further ones (RFC 5321 section 4.5.3.1.10).

A server says so in answer to RCPT (452, or 552 of an old one), or beforehand (LIMITS, RFC 9422). No recipient is named
in two transactions of which both could succeed. A message is spread only where it can be sent more than once, and where
a refusal of those who come later could not have stopped it: once the first have it, it can't be stopped any more.
"""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING

from postwright.enums import Outcome
from postwright.errors import ExtensionMissing, RecipientsRefused, SMTPError
from postwright.flow import Call
from postwright.message.addresses import addr_spec
from postwright.session.allowance import no_room
from postwright.session.transaction import stop_rules
from postwright.words import Envelope, RecipientResult, SendResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from postwright.flow import Flow
    from postwright.message.draft import Draft
    from postwright.session.session import Session
    from postwright.words import Recipient


def is_open(result: RecipientResult) -> bool:
    """Whether a recipient of a message that was taken was not asked about, or there was no room."""
    return not result.accepted and (result.reply is None or no_room(result.reply))


async def to_everyone(
    session: Session, envelope: Envelope, draft: Draft, transact: Callable[[Envelope], Flow[SendResult]]
) -> SendResult:
    """Send one message in as many transactions as its recipients need.

    Args:
        session: The connection.
        envelope: Who sends and who receives.
        draft: The message; its body is open.
        transact: Sends it in one transaction.

    Raises:
        SMTPError: The first transaction failed; or a further one, then the outcome is SENT or UNKNOWN.
    """
    result = await _share(session, envelope, draft, transact)
    while any(map(is_open, result.recipients)) and draft.body.repeatable:
        rest = rest_of(envelope, result)
        await rewind(draft)
        try:
            answer: SendResult | SMTPError = await _share(session, rest, draft, transact)
        except SMTPError as error:
            answer = error
        merged = joined(result, answer)
        if isinstance(merged, SMTPError):
            raise merged
        if isinstance(answer, SMTPError) and any(r.reply and is_open(r) for r in answer.recipients):
            return merged  # there was no room even for the first of the rest
        result = merged
    return result


async def rewind(draft: Draft) -> None:
    """Bring an open body back to its start."""
    if draft.body.blocking:
        await Call(draft.body.open)
    else:
        draft.body.open()


async def _share(
    session: Session, envelope: Envelope, draft: Draft, transact: Callable[[Envelope], Flow[SendResult]]
) -> SendResult:
    """Send the message to as many recipients as one transaction takes; the others have no reply in the result."""
    everyone = envelope.recipients
    allowance = session.allowance
    if allowance.domains is None and (allowance.recipients is None or len(everyone) <= allowance.recipients):
        return await transact(envelope)
    chosen = allowance.share(everyone)
    if len(chosen) == len(everyone):
        return await transact(envelope)
    check_spread(session, [r for index, r in enumerate(everyone) if index not in set(chosen)], draft)
    try:
        result = await transact(Envelope(envelope.reverse_path, tuple(everyone[index] for index in chosen)))
    except SMTPError as error:
        error.recipients = _placed(everyone, chosen, error.recipients)
        raise
    return SendResult(result.reply, result.message_id, _placed(everyone, chosen, result.recipients), result.earlier)


def check_spread(session: Session, later: Iterable[Recipient], draft: Draft) -> None:
    """Make sure that a message may go in more than one transaction.

    Raises:
        ExtensionMissing: It may not; nothing was sent.
    """
    limits = session.allowance
    told = f"the server takes at most {limits.recipients} recipients" if limits.recipients else "the server takes"
    told += f" of {limits.domains} domains" if limits.domains else ""
    told += " in one transaction (LIMITS, RFC 9422)"
    if not draft.body.repeatable:
        raise ExtensionMissing(f"{told}, and this body can be read only once")
    stops = stop_rules(session.plan.settings)
    if stopping := next((r for r in later if stops[r.type]), None):
        raise ExtensionMissing(
            f"{told}, and a refusal of <{addr_spec(stopping.address)}> could not stop the message any more once the "
            f"first have it: set the StopOn{stopping.type.name.title()}Errors setting to False, or send it in parts"
        )


def _placed(
    everyone: Sequence[Recipient], chosen: Sequence[int], results: Sequence[RecipientResult]
) -> tuple[RecipientResult, ...]:
    rows = [RecipientResult(addr_spec(r.address), r.type, accepted=False, reply=None) for r in everyone]
    for index, result in zip(chosen, results, strict=False):
        rows[index] = result
    return tuple(rows)


def rest_of(envelope: Envelope, result: SendResult) -> Envelope:
    """Return the envelope of those who are left."""
    pairs = zip(envelope.recipients, result.recipients, strict=True)
    return Envelope(envelope.reverse_path, tuple(recipient for recipient, told in pairs if is_open(told)))


def joined(first: SendResult, answer: SendResult | SMTPError) -> SendResult | SMTPError:
    """Return what became of a message that went in one more transaction to the rest of its recipients.

    Where all of the rest were refused that is no error: their refusal could not stop the message.
    """
    news = iter(answer.recipients)
    rows = tuple(next(news, row) if is_open(row) else row for row in first.recipients)
    if isinstance(answer, SendResult):
        return SendResult(answer.reply, first.message_id, rows, (*first.earlier, first.reply, *answer.earlier))
    if isinstance(answer, RecipientsRefused):
        return SendResult(first.reply, first.message_id, rows, first.earlier)
    error = copy(answer)
    error.recipients = rows
    error.outcome = Outcome.UNKNOWN if answer.outcome is Outcome.UNKNOWN else Outcome.SENT
    return error
