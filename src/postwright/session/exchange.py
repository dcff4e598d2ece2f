"""The exchange of one login: AUTH, challenges and answers in base64, bounded, and never shown (RFC 4954)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from postwright.errors import CommunicationError, LoginRefused
from postwright.flow import Apart, Call
from postwright.sasl.mechanism import ChallengeError
from postwright.wire.commands import MASK, command, secret

if TYPE_CHECKING:
    from postwright.sasl.mechanism import Credentials, Dialogue, Mechanism
    from postwright.session.session import Session
    from postwright.wire.veil import Veil
    from postwright.words import Reply

MAX_ROUNDS = 16
"""Challenges of one login; the longest honest mechanism needs six."""

MAX_LINE = 512
"""Octets of an AUTH command with its initial response; some servers refuse longer ones, a response may be longer."""


class Exchange:
    """One AUTH command and all that belongs to it.

    Args:
        session: The connection, ready for a command.
        mechanism: How to log in.
        credentials: Who logs in.
        veil: It hides what the server says, and has its challenges.
    """

    def __init__(self, session: Session, mechanism: Mechanism, credentials: Credentials, veil: Veil) -> None:
        self._session = session
        self._mechanism = mechanism
        self._dialogue: Dialogue = mechanism.start(credentials)
        self._veil = veil
        self._public = f"{credentials.user} {credentials.service}/{credentials.host}"

    async def run(self) -> Reply:
        """Log in and return the server's 235.

        Raises:
            LoginRefused: The server refused, or did not prove who it is.
            InvalidValue: The mechanism can't carry the credentials; nothing was sent.
        """
        reply = await self._talk()
        if reply.code != 235:
            raise self._refused(reply)
        try:
            ended = await self._step(b"") is None
            fault = "it says more than there is to say"
        except ChallengeError as error:
            ended, fault = False, str(error)
        if not ended:
            # The server took a login without the proof that the mechanism has for it: it may be anybody.
            await self._session.hang_up("the server left out its proof")
            raise LoginRefused(f"{self._mechanism.name}: {reply}, but {fault}", reply=reply)
        return reply

    async def _step(self, challenge: bytes | None) -> bytes | None:
        """Return the mechanism's next response, None at its end; a challenge of None begins."""
        response: bytes | None
        if self._mechanism.waits_for:
            silence = self._session.link.timeout
            response = await Apart(self._mechanism.waits_for, silence, _next, self._dialogue, challenge)
        elif self._mechanism.blocking:
            response = await Call(_next, self._dialogue, challenge)
        else:
            response = _next(self._dialogue, challenge)
        self._veil.hide_sent(response or b"", self._public)
        return response

    async def _talk(self) -> Reply:
        """Send AUTH and answer challenges; return the reply that ends it."""
        talk = self._session.talk
        first = await self._step(None) or b""
        start = f"AUTH {self._mechanism.name}"
        # RFC 4954 section 4: an empty initial response is "=", a long one follows an empty challenge instead.
        encoded = base64.b64encode(first).decode("ascii") or "="
        pending: bytes | None = None
        if self._mechanism.client_first and len(start) + len(encoded) + 3 <= MAX_LINE:
            reply = await talk.ask(secret(f"{start} {encoded}", self._shown(start, encoded)))
        else:
            pending = first if self._mechanism.client_first else None
            reply = await talk.ask(command(start))
        for _ in range(MAX_ROUNDS):
            if reply.code != 334:
                return reply
            try:
                # What stands in a 334 that only makes room for the initial response does not matter: "NTLM supported".
                answer = pending if pending is not None else await self._answer()
            except ChallengeError as error:
                return await self._cancel(str(error))
            pending = None
            encoded = base64.b64encode(answer).decode("ascii")
            reply = await talk.ask(secret(encoded, self._shown("", encoded)))
        return await self._cancel("there are too many")

    async def _answer(self) -> bytes:
        """Return the response to a challenge.

        Raises:
            ChallengeError: It is not base64, or the mechanism does not accept it.
        """
        try:
            challenge = base64.b64decode(self._veil.challenge.strip().encode("ascii"), validate=True)
        except (binascii.Error, UnicodeEncodeError):
            raise ChallengeError("it is no base64") from None
        answer = await self._step(challenge)
        if answer is None:
            raise ChallengeError("the exchange was at its end")
        return answer

    def _shown(self, start: str, encoded: str) -> str:
        tail = MASK if self._session.plan.settings.mask_sensitive else encoded
        return f"{start} {tail}".strip()

    def _refused(self, reply: Reply) -> LoginRefused:
        """Return the error for a refusal; a mechanism that was told more adds it."""
        error = LoginRefused(f"{self._mechanism.name}{self._as_whom()}: {reply}", reply=reply)
        try:
            self._dialogue.throw(error)
        except LoginRefused as better:
            return better
        except StopIteration:
            pass
        return error

    def _as_whom(self) -> str:
        user = self._session.plan.properties.user
        return f" as {user}" if user else ""

    async def _cancel(self, why: str) -> Reply:
        """End an exchange that went wrong: "*" cancels it, and the server answers 501 (RFC 4954 section 4)."""
        name = self._mechanism.name
        self._dialogue.close()
        reply = await self._session.talk.ask(command("*"))
        if reply.is_positive:
            raise CommunicationError(f"{name}: {reply} in answer to a cancelled login", reply=reply)
        raise LoginRefused(
            f"{name}: the challenge makes no sense, the login was cancelled: {why}: {reply}", reply=reply
        )


def _next(dialogue: Dialogue, challenge: bytes | None) -> bytes | None:
    """Go on with a dialogue; None is its end, as a StopIteration can't leave a coroutine or a thread."""
    try:
        return next(dialogue) if challenge is None else dialogue.send(challenge)
    except StopIteration:
        return None
