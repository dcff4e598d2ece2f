"""What the replies to one whole message say: a result, or the error that they call for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from postwright.errors import MessageRefused, RecipientsRefused, SenderRefused, UnexpectedReply
from postwright.events import Error
from postwright.message.addresses import addr_spec, wire_path
from postwright.session.crowd import is_open
from postwright.session.transaction import TAKEN, refusal
from postwright.words import RecipientResult, SendResult

if TYPE_CHECKING:
    from postwright.errors import SMTPError
    from postwright.message.draft import Draft
    from postwright.session.session import Session
    from postwright.words import Envelope, Reply


class Answers(NamedTuple):
    """All replies to one message; ``whole`` says whether its body went out, and not just a dot or nothing."""

    mail: Reply
    rcpts: list[Reply]
    final: Reply
    whole: bool


def verdict(envelope: Envelope, draft: Draft, answers: Answers) -> SendResult | SMTPError:
    """Return the result of a message, or the error why it was not taken.

    Raises:
        UnexpectedReply: The replies don't fit together: something else is being answered.
    """
    sender_ok = answers.mail.code == 250
    results = tuple(
        RecipientResult(addr_spec(r.address), r.type, reply.code in TAKEN, reply if sender_ok else None)
        for r, reply in zip(envelope.recipients, answers.rcpts, strict=True)
    )
    if sender_ok and answers.whole and answers.final.code == 250 and any(result.accepted for result in results):
        return SendResult(answers.final, draft.message_id, results)
    error = _problem(envelope, answers)
    error.recipients = results
    return error


def _problem(envelope: Envelope, answers: Answers) -> SMTPError:
    mail, rcpts, final, whole = answers
    if final.code < 400 and whole:
        raise UnexpectedReply(f"{final} in answer to a message that has no sender or recipient", reply=final)
    if mail.code >= 400:
        return SenderRefused(f"<{wire_path(envelope.reverse_path)}>: {mail}", reply=mail)
    if mail.code != 250:
        raise UnexpectedReply(f"{mail} in answer to MAIL", reply=mail)
    if all(reply.code >= 400 for reply in rcpts):
        told = "; ".join(refusal(r, reply) for r, reply in zip(envelope.recipients, rcpts, strict=True))
        return RecipientsRefused(f"no recipient is left: {told}", reply=rcpts[-1])
    if final.code >= 400:
        return MessageRefused(str(final), reply=final)
    raise UnexpectedReply(f"{rcpts[-1]} in answer to RCPT", reply=rcpts[-1])


async def tell_refusals(session: Session, result: SendResult) -> None:
    """Fire Error for each recipient that was refused although the message was taken."""
    for refused in result.refused:
        if not is_open(refused):
            await session.fire(Error(RecipientsRefused.code, f"<{refused.address}>: {refused.reply}"))
