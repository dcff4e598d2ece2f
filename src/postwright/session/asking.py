"""Everything that is said between messages: VRFY, EXPN, RSET, QUIT, and whatever the user wants to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import ConnectionDropped, Refused, ServiceClosing, SMTPError
from postwright.events import Expand
from postwright.session.states import State, Step
from postwright.wire.commands import command, masked

if TYPE_CHECKING:
    from postwright.session.session import Session
    from postwright.wire.commands import Command
    from postwright.words import Reply

FAREWELL = 10.0
"""Seconds to wait for the answer to QUIT; nothing depends on it."""

ANSWER = 10.0
"""Seconds to wait for the answer to NOOP; a new connection is opened where none comes."""


async def verify(session: Session, text: str) -> Reply:
    """Ask whether a mailbox exists (VRFY, RFC 5321 section 3.5.1); 252 means that the server won't say.

    Raises:
        Refused: There is no such mailbox, or the server does not answer the question.
    """
    session.step(Step.ASK)
    reply = await session.talk.ask(_question(session, "VRFY", text))
    if not reply.is_positive:
        raise Refused(f"VRFY {text}: {reply}", reply=reply)
    return reply


async def expand(session: Session, text: str) -> tuple[str, ...]:
    """Ask for the members of a list (EXPN, RFC 5321 section 3.5.2), and fire Expand for each of them.

    Raises:
        Refused: There is no such list, or the server does not answer the question.
    """
    session.step(Step.ASK)
    reply = await session.talk.ask(_question(session, "EXPN", text))
    if not reply.is_positive:
        raise Refused(f"EXPN {text}: {reply}", reply=reply)
    skip = len(reply.enhanced or "")
    addresses = tuple(line[skip:].strip() for line in reply.lines if line[skip:].strip())
    for address in addresses:
        await session.fire(Expand(address))
    return addresses


def _question(session: Session, verb: str, text: str) -> Command:
    # RFC 6531 section 3.7.4.2: a question that is not ASCII says SMTPUTF8.
    utf8 = not text.isascii() and "SMTPUTF8" in session.extensions
    return command(f"{verb} {text} SMTPUTF8" if utf8 else f"{verb} {text}", utf8=utf8)


async def say(session: Session, text: str) -> Reply:
    """Send a line exactly as it is and return the reply, whatever it is."""
    last = session.last_reply
    after_challenge = last is not None and last.code == 334
    words = text.split()
    if words and (after_challenge or (len(words) > 2 and words[0].upper() == "AUTH")):
        session.veil(masked=False).hide_line(words[-1])  # the challenges are the user's to answer
    line = command(text, utf8=True)
    if session.plan.settings.mask_sensitive:
        line = masked(text, after_challenge=after_challenge)
    reply = await session.talk.ask(line)
    await _follow(session, text, reply)
    return reply


async def _follow(session: Session, text: str, reply: Reply) -> None:
    """Note what a user's own command did to the connection."""
    verb = text.split(" ", 1)[0].upper()
    if verb == "QUIT" and reply.code == 221:
        await session.hang_up("QUIT")
    elif verb in {"RSET", "HELO", "EHLO"} and reply.code == 250:
        session.state = State.READY
    elif verb in {"MAIL", "SEND", "SOML", "SAML"} and reply.code == 250:
        session.state = State.OPEN


async def reset(session: Session) -> None:
    """End a transaction without sending anything: RSET, or a new EHLO where SendRSET is off.

    It is said after a refusal, which is what the caller tells the user; so it never raises, and a line on which it
    fails is closed.
    """
    try:
        reply = await session.talk.ask(_end_of_transaction(session))
    except SMTPError as error:
        await session.hang_up(f"the transaction could not be reset: {error.message}", error.code)
        return
    if reply.code != 250:
        await session.hang_up(f"the transaction could not be reset: {reply}")
        return
    session.state = State.READY


def _end_of_transaction(session: Session) -> Command:
    if session.plan.settings.send_rset:
        return command("RSET")
    # EHLO does what RSET does (RFC 5321 section 4.1.4), for servers that can't stand RSET.
    return command(f"{session.facts['hello_verb']} {session.facts['hello_name']}")


async def still_there(session: Session) -> None:
    """Ask for an answer, whatever it is (NOOP, RFC 5321 section 4.1.1.9).

    Raises:
        SMTPError: None came, or the server is leaving.
    """
    session.step(Step.ASK)
    await session.talk.ask(command("NOOP"), ANSWER)


async def part(session: Session) -> None:
    """Say QUIT and close the line without waiting for the answer: nothing is lost, and nobody has to wait."""
    if session.in_order:
        try:
            await session.talk.say(command("QUIT"))
            await session.link.close()
        except SMTPError as error:
            await session.talk.note(f"QUIT failed, which changes nothing: {error.message}")
    await session.hang_up()


async def quit_line(session: Session) -> None:
    """Say QUIT and close the line; whatever goes wrong with it changes nothing that was done before."""
    try:
        if session.state not in {State.CLOSED, State.DIALED, State.BODY, State.ENDED} and not session.talk.dropped:
            await session.talk.ask(command("QUIT"), FAREWELL)
            await session.link.close()
    except (ServiceClosing, ConnectionDropped):
        pass
    except SMTPError as error:
        await session.talk.note(f"QUIT failed, which changes nothing: {error.message}")
    await session.hang_up()
