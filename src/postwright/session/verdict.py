"""What the replies to one whole message say: a result, or the error that they call for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import MessageRefused, RecipientsRefused, SenderRefused, UnexpectedReply
from postwright.events import Error
from postwright.message.addresses import addr_spec, wire_path
from postwright.session.crowd import is_open
from postwright.session.transaction import TAKEN, refusal
from postwright.words import RecipientResult, SendResult

if TYPE_CHECKING:
    from postwright.errors import SMTPError
    from postwright.session.session import Session
    from postwright.session.ways import Item
    from postwright.words import Recipient, Reply


def usual(answers: list[Reply]) -> bool:
    """Whether the answers to MAIL, RCPT and a whole message are those that nearly always come: it was taken for all."""
    return answers[0].code == 250 and answers[-1].code == 250 and all_taken(answers)


def all_taken(answers: list[Reply]) -> bool:
    """Whether every recipient was taken; the first answer is the one to MAIL, the last one is not to RCPT."""
    if len(answers) == 3:
        return answers[1].code in TAKEN
    return TAKEN.issuperset([reply.code for reply in answers[1:-1]])


def accepted(item: Item, answers: list[Reply]) -> SendResult:
    """Return the result of a message that was taken for all of its recipients.

    Args:
        item: The message.
        answers: Those to MAIL and to each RCPT, and the last one.
    """
    recipients = item.envelope.recipients
    if len(recipients) == 1:
        results = [_taken(recipients[0], answers[1])]
    else:
        results = [_taken(recipient, reply) for recipient, reply in zip(recipients, answers[1:-1], strict=True)]
    return SendResult(answers[-1], item.draft.message_id, tuple(results))


def _taken(recipient: Recipient, reply: Reply) -> RecipientResult:
    address = recipient.address
    return RecipientResult(address.spec or addr_spec(address), recipient.type, True, reply)


def verdict(item: Item, mail: Reply, rcpts: list[Reply], final: Reply) -> SendResult | SMTPError:
    """Return the result of a message, or the error why it was not taken.

    Args:
        item: The message; ``end_at`` says whether its body went out, and not just a dot or nothing.
        mail: The answer to MAIL.
        rcpts: The answers to RCPT, one for each recipient.
        final: The answer to the body, or to what stood in its place.

    Raises:
        UnexpectedReply: The replies don't fit together: something else is being answered.
    """
    sender_ok = mail.code == 250
    anybody = False
    results = []
    for recipient, reply in zip(item.envelope.recipients, rcpts, strict=True):
        taken = reply.code in TAKEN
        anybody |= taken
        results.append(
            RecipientResult(
                recipient.address.spec or addr_spec(recipient.address),
                recipient.type,
                taken,
                reply if sender_ok else None,
            )
        )
    if sender_ok and item.end_at is not None and final.code == 250 and anybody:
        return SendResult(final, item.draft.message_id, tuple(results))
    error = _problem(item, mail, rcpts, final)
    error.recipients = tuple(results)
    return error


def _problem(item: Item, mail: Reply, rcpts: list[Reply], final: Reply) -> SMTPError:
    if final.code < 400 and item.end_at is not None:
        raise UnexpectedReply(f"{final} in answer to a message that has no sender or recipient", reply=final)
    if mail.code >= 400:
        return SenderRefused(f"<{wire_path(item.envelope.reverse_path)}>: {mail}", reply=mail)
    if mail.code != 250:
        raise UnexpectedReply(f"{mail} in answer to MAIL", reply=mail)
    if all(reply.code >= 400 for reply in rcpts):
        told = "; ".join(refusal(r, reply) for r, reply in zip(item.envelope.recipients, rcpts, strict=True))
        return RecipientsRefused(f"no recipient is left: {told}", reply=rcpts[-1])
    if final.code >= 400:
        return MessageRefused(str(final), reply=final)
    raise UnexpectedReply(f"{rcpts[-1]} in answer to RCPT", reply=rcpts[-1])


async def tell_refusals(session: Session, result: SendResult) -> None:
    """Fire Error for each recipient that was refused although the message was taken."""
    for refused in result.refused:
        if not is_open(refused):
            await session.fire(Error(RecipientsRefused.code, f"<{refused.address}>: {refused.reply}"))
