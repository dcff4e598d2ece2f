"""AUTH: the exchange of challenges and answers (RFC 4954), bounded, in base64, and never shown."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from postwright.enums import AuthMechanism
from postwright.errors import CommunicationError, ExtensionMissing, LoginRefused, NotAvailable
from postwright.sasl.mechanism import REGISTER, Credentials
from postwright.sasl.plain import LOGIN, PLAIN
from postwright.session.states import Step
from postwright.wire.commands import MASK, command, secret

if TYPE_CHECKING:
    from collections.abc import Generator

    from postwright.sasl.mechanism import Mechanism
    from postwright.session.session import Session
    from postwright.words import Reply

MAX_ROUNDS = 16
"""Challenges of one login; the longest honest mechanism needs four."""

MAX_LINE = 512
"""Octets of an AUTH command with its initial response; some servers refuse longer ones, a response may be longer."""

_EXACT = {
    AuthMechanism.SASL_PLAIN: PLAIN.name,
    AuthMechanism.LOGIN: LOGIN.name,
}


async def log_in(session: Session) -> None:
    """Log in, if a user or password is set.

    Raises:
        ExtensionMissing: The server offers no login, or not the mechanism that is asked for.
        LoginRefused: The server refused; 535 means wrong credentials, 454 means try later.
        NotAvailable: The credentials would travel without TLS.
    """
    properties = session.plan.properties
    if not (properties.user or properties.password) or session.login_done:
        return
    mechanism = choose(session)
    if not (session.secure or session.plan.settings.allow_cleartext_auth):
        raise NotAvailable(
            "a login without TLS would show the password to everyone on the way; nothing was sent. "
            "Use TLS (ssl_start_mode), or set AllowCleartextAuth=True if the way is safe"
        )
    credentials = Credentials(properties.user, properties.password, session.plan.settings.authorization_identity)
    session.step(Step.AUTH)
    reply = await _exchange(session, mechanism, mechanism.start(credentials))
    if reply.code != 235:
        raise LoginRefused(f"{mechanism.name} as {properties.user}: {reply}", reply=reply)
    session.login_done = True


def choose(session: Session) -> Mechanism:
    """Return the mechanism to use: the exact one asked for, or the strongest that is offered."""
    offered = session.extensions.mechanisms
    if not offered:
        hint = "" if session.secure else " without TLS"
        raise ExtensionMissing(f"the server offers no login (AUTH){hint}")
    asked = AuthMechanism(session.plan.properties.auth_mechanism)
    if asked is not AuthMechanism.USER_PASSWORD:
        name = _EXACT[asked]
        if name not in offered:
            raise ExtensionMissing(f"AuthMechanism asks for {name}; the server offers {', '.join(offered)}")
        return REGISTER[name]
    usable = [REGISTER[name] for name in offered if name in REGISTER]
    if not usable:
        raise ExtensionMissing(
            f"no mechanism in common: the server offers {', '.join(offered)}, this client can {', '.join(REGISTER)}"
        )
    return max(usable, key=lambda mechanism: mechanism.strength)


async def _exchange(session: Session, mechanism: Mechanism, dialogue: Generator[bytes, bytes, None]) -> Reply:
    talk = session.talk
    first = next(dialogue)
    start = f"AUTH {mechanism.name}"
    unsent: bytes | None = None
    if mechanism.client_first:
        # RFC 4954 section 4: an empty initial response is "=", a long one follows an empty challenge instead.
        encoded = base64.b64encode(first).decode("ascii") or "="
        if len(start) + len(encoded) + 3 <= MAX_LINE:
            reply = await talk.ask(secret(f"{start} {encoded}", _shown(session, start, encoded)))
        else:
            unsent = first
            reply = await talk.ask(command(start))
    else:
        reply = await talk.ask(command(start))
    for _ in range(MAX_ROUNDS):
        if reply.code != 334:
            return reply
        try:
            challenge = base64.b64decode(reply.lines[-1].strip().encode("ascii"), validate=True)
            answer = dialogue.send(challenge) if unsent is None else unsent
        except (binascii.Error, UnicodeEncodeError, StopIteration):
            return await _cancel(session, mechanism)
        unsent = None
        encoded = base64.b64encode(answer).decode("ascii")
        reply = await talk.ask(secret(encoded, _shown(session, "", encoded)))
    return await _cancel(session, mechanism)


def _shown(session: Session, start: str, encoded: str) -> str:
    tail = MASK if session.plan.settings.mask_sensitive else encoded
    return f"{start} {tail}".strip()


async def _cancel(session: Session, mechanism: Mechanism) -> Reply:
    """End an exchange that went wrong: "*" cancels it, and the server answers 501 (RFC 4954 section 4)."""
    reply = await session.talk.ask(command("*"))
    if reply.is_positive:
        raise CommunicationError(f"{mechanism.name}: {reply} in answer to a cancelled login", reply=reply)
    raise LoginRefused(f"{mechanism.name}: the challenge makes no sense, the login was cancelled: {reply}", reply=reply)
