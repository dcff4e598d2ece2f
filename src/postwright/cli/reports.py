"""Results and failures, as text and as the JSON object of ``--json``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from postwright.cli.exits import Exit, exit_for
from postwright.cli.explaining import explain, fate
from postwright.enums import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable

    from postwright.cli.screen import Screen
    from postwright.errors import SMTPError
    from postwright.words import RecipientResult, Reply, SendResult


def reply_object(reply: Reply | None) -> dict[str, Any] | None:
    """Return a reply for JSON."""
    return None if reply is None else {"code": reply.code, "enhanced": reply.enhanced, "text": reply.text}


def recipient_objects(recipients: Iterable[RecipientResult]) -> list[dict[str, Any]]:
    """Return the recipients for JSON."""
    return [
        {"address": r.address, "type": r.type.name.lower(), "accepted": r.accepted, "reply": reply_object(r.reply)}
        for r in recipients
    ]


def error_object(error: SMTPError) -> dict[str, Any]:
    """Return an error for JSON."""
    return {
        "type": type(error).__name__,
        "code": error.code,
        "message": error.message,
        "transient": error.is_transient,
    }


def result_object(
    code: int,
    outcome: Outcome,
    *,
    message_id: str = "",
    reply: Reply | None = None,
    recipients: Iterable[RecipientResult] = (),
    error: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the JSON object of a mail; it always has the same names."""
    return {
        "outcome": outcome.value,
        "exit": int(code),
        "message_id": message_id or None,
        "queue_id": reply.queue_id if reply is not None else None,
        "reply": reply_object(reply),
        "recipients": recipient_objects(recipients),
        "error": error,
    }


def sent(screen: Screen, result: SendResult) -> Exit:
    """Report a mail that was sent."""
    code = Exit.PARTLY if result.refused else Exit.OK
    count = len(result.accepted)
    screen.say(f"sent to {count} recipient{'' if count == 1 else 's'}: {result.reply}")
    screen.say(f"Message-ID: {result.message_id or 'none'}")
    if result.refused:
        people = "; ".join(f"<{r.address}> ({r.type.name.capitalize()}): {r.reply}" for r in result.refused)
        screen.complain(f"sent, but not to everybody. The server refused {people}")
    screen.answer(
        result_object(
            code, Outcome.SENT, message_id=result.message_id, reply=result.reply, recipients=result.recipients
        )
    )
    return code


def failure(screen: Screen, error: SMTPError, message_id: str = "") -> Exit:
    """Report a mail that was not sent, or may not have been."""
    code = exit_for(error)
    screen.complain(explain(error, message_id))
    screen.answer(
        result_object(
            code,
            error.outcome,
            message_id=message_id,
            reply=error.reply,
            recipients=error.recipients,
            error=error_object(error),
        )
    )
    return code


def interrupted(screen: Screen, outcome: Outcome, message_id: str) -> Exit:
    """Report a mail that the keyboard stopped."""
    return problem(screen, f"interrupted. {fate(outcome, message_id)}", Exit.INTERRUPTED, outcome, message_id)


def bug(screen: Screen, error: Exception, outcome: Outcome = Outcome.NOT_SENT, message_id: str = "") -> Exit:
    """Report an error that nobody expected; with POSTWRIGHT_DEBUG=1 it goes through as it is."""
    if os.environ.get("POSTWRIGHT_DEBUG"):
        raise error
    code = {Outcome.UNKNOWN: Exit.PROTOCOL, Outcome.SENT: Exit.OK}.get(outcome, Exit.INTERNAL)
    what = f"this is a bug: {type(error).__name__}: {error}. {fate(outcome, message_id)}"
    return problem(screen, f"{what} With POSTWRIGHT_DEBUG=1 you get what its author needs.", code, outcome, message_id)


def problem(screen: Screen, text: str, code: Exit, outcome: Outcome = Outcome.NOT_SENT, message_id: str = "") -> Exit:
    """Report something that went wrong in the program itself."""
    screen.complain(text)
    error = {"type": code.name, "code": 0, "message": text, "transient": False}
    screen.answer(result_object(code, outcome, message_id=message_id, error=error))
    return code
