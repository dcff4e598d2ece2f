"""One mail transaction: MAIL, RCPT for each recipient, the body, and the server's last word (RFC 5321 section 3.3).

It owns the mail's fate: what became of every recipient, and where in the stream the end of the body stands, so that
after a fault the outcome is exact. Three ways lead through it, by what the server offers:

- commands one by one;
- PIPELINING (RFC 2920): MAIL and all RCPTs in one group, and DATA with them where a refusal can't call for a stop;
- CHUNKING (RFC 3030): the body as BDAT, in the same group too when it is small.

Every reply of a group is read before anything is judged. A refused recipient that must stop the message stops it
before the body; DATA that was accepted with no recipient left is ended by a bare dot, never by the body.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.enums import Outcome, RecipientType
from postwright.errors import (
    ConnectionDropped,
    ExtensionMissing,
    MessageRefused,
    RecipientsRefused,
    SenderRefused,
    ServiceClosing,
    SMTPError,
    UnexpectedReply,
)
from postwright.events import Error
from postwright.flow import Call
from postwright.message.addresses import addr_spec, needs_utf8, wire_path
from postwright.session.allowance import no_room
from postwright.session.asking import reset
from postwright.session.delivery import send_chunks, send_data, send_group, small
from postwright.session.states import State, Step
from postwright.wire.commands import command, path_command
from postwright.wire.xtext import encode as xtext
from postwright.words import RecipientResult, SendResult

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.flow import Flow
    from postwright.message.draft import Draft
    from postwright.options import Settings
    from postwright.session.session import Session
    from postwright.wire.commands import Command
    from postwright.words import Envelope, Recipient, Reply

TAKEN = frozenset({250, 251, 252})
"""Replies that accept a recipient (RFC 5321 section 4.3.2)."""


class Transaction:
    """One message on its way to its recipients.

    Args:
        session: A connection that is ready.
        envelope: Who sends and who receives.
        draft: The headers and the body.
        verb: MAIL, or SEND, SOML, SAML (RFC 821).
    """

    def __init__(self, session: Session, envelope: Envelope, draft: Draft, verb: str = "MAIL") -> None:
        self.session = session
        self.envelope = envelope
        self.draft = draft
        self.verb = verb
        self.answers: list[Reply | None] = [None] * len(envelope.recipients)
        self.end_at: int | None = None
        """Where in the link's count the end of the body begins to be possible; None before it was offered."""
        self.final: Reply | None = None
        self.kept: list[bytes] | None = []
        """The body as it went out, None once it is longer than TransferTextLimit."""
        self.eight_bit_ok = False
        """Whether octets above 127 may be in the body."""
        self.before_end: Callable[[], Flow[None]] | None = None
        """Awaited just before the end of the body is offered: from then on the server may have the message."""
        self._stop = stop_rules(session.plan.settings)
        self._utf8 = False
        self._dsn = False

    @property
    def outcome(self) -> Outcome:
        """What became of the mail, as far as anyone can know (see ``Outcome``)."""
        if self.final is not None:
            return Outcome.SENT if self.final.code == 250 else Outcome.NOT_SENT
        if self.end_at is not None and self.session.link.taken > self.end_at:
            return Outcome.UNKNOWN
        return Outcome.NOT_SENT

    @property
    def results(self) -> tuple[RecipientResult, ...]:
        """What is known of each recipient."""
        return tuple(
            RecipientResult(
                addr_spec(recipient.address), recipient.type, reply is not None and reply.code in TAKEN, reply
            )
            for recipient, reply in zip(self.envelope.recipients, self.answers, strict=True)
        )

    async def run(self) -> SendResult:
        """Send the message.

        Raises:
            ExtensionMissing: The server can't take this message; nothing was sent.
            SenderRefused: MAIL was refused.
            RecipientsRefused: A recipient was refused that must not be, or none is left.
            MessageRefused: The message itself was refused.
        """
        try:
            await self._look_through()
            parameters = self._parameters()
            await self.session.talk.glance()
            self.session.step(Step.MAIL)
            self.session.allowance.use(self.envelope.recipients)
            chunked = self._chunked()
            started = await self._offer(parameters, chunked=chunked)
            deliver = send_chunks if chunked else send_data
            reply = await deliver(self, started)
        except SMTPError as error:
            gone = isinstance(error, ServiceClosing | ConnectionDropped if all(self.answers) else ServiceClosing)
            if gone and not any(reply and reply.code in TAKEN for reply in self.answers):
                self.end_at = None  # a body that went with the group has no recipient
            error.outcome = self.outcome
            error.recipients = self.results
            raise
        return SendResult(reply, self.draft.message_id, self.results)

    def _chunked(self) -> bool:
        """Whether the body goes as BDAT; BINARYMIME can't go any other way (RFC 3030 section 3)."""
        settings = self.session.plan.settings
        return "CHUNKING" in self.session.extensions and (settings.use_chunking or settings.body_type == "BINARYMIME")

    async def _look_through(self) -> None:
        """Read a file once before MAIL, where the server can't take octets above 127 and it is not known if it has any."""
        body = self.draft.body
        if "8BITMIME" not in self.session.extensions and body.eight_bit is None and body.repeatable:
            await Call(body.survey)

    # What the message needs, and what is said with MAIL and RCPT

    def _parameters(self) -> tuple[tuple[str, str], ...]:
        """Return MAIL's parameters.

        Raises:
            ExtensionMissing: The message needs an extension that the server does not offer.
            MessageRefused: The message is larger than the server takes (RFC 1870).
        """
        offered, settings, draft = self.session.extensions, self.session.plan.settings, self.draft
        parameters: list[tuple[str, str]] = []
        limit = offered.size_limit
        if draft.size is not None and "SIZE" in offered:
            if limit is not None and draft.size > limit:
                raise MessageRefused(f"it has {draft.size} octets, and the server takes at most {limit}")
            parameters.append(("SIZE", str(draft.size)))
        everyone = (self.envelope.reverse_path, *(r.address for r in self.envelope.recipients))
        if draft.needs_utf8 or any(map(needs_utf8, everyone)):
            if "SMTPUTF8" not in offered or not settings.use_smtputf8:
                raise ExtensionMissing(
                    "an address has characters that are not ASCII before the @, and the server does not offer "
                    "SMTPUTF8" + ("" if settings.use_smtputf8 else " (or UseSMTPUTF8 is off)")
                )
            parameters.append(("SMTPUTF8", ""))
            self._utf8 = True
        if body := self._body_type():
            parameters.append(("BODY", body))
        self.eight_bit_ok = body in {"8BITMIME", "BINARYMIME"}
        return (*parameters, *self._notification())

    def _body_type(self) -> str:
        """Return BODY's value (RFC 6152, RFC 3030), "" for none."""
        offered, asked = self.session.extensions, self.session.plan.settings.body_type
        if asked == "BINARYMIME":
            if "BINARYMIME" not in offered or "CHUNKING" not in offered:
                raise ExtensionMissing("BodyType is BINARYMIME, and the server does not offer BINARYMIME with CHUNKING")
            return asked
        eight = self.draft.eight_bit
        if eight is False and asked != "8BITMIME":
            return asked
        if "8BITMIME" in offered and asked != "7BIT":
            return "8BITMIME"
        if eight or asked == "8BITMIME":
            raise ExtensionMissing(
                "the message holds octets above 127, and "
                + ("BodyType is 7BIT" if asked == "7BIT" else "the server does not offer 8BITMIME")
            )
        return asked  # a stream: it is not known yet; octets above 127 end the transfer when they show up

    def _notification(self) -> list[tuple[str, str]]:
        """Return RET and ENVID (RFC 3461 sections 4.3 and 4.4)."""
        settings = self.session.plan.settings
        self._dsn = "DSN" in self.session.extensions
        wanted = [
            *([("RET", settings.dsn_return)] if settings.dsn_return else []),
            *([("ENVID", xtext(settings.envelope_id))] if settings.envelope_id else []),
        ]
        options = {key for recipient in self.envelope.recipients for key, _ in recipient.options}
        if not self._dsn and (wanted or options & {"NOTIFY", "ORCPT"}):
            raise ExtensionMissing("delivery notifications (DSN) are asked for, and the server does not offer them")
        return wanted

    def _commands(self, parameters: tuple[tuple[str, str], ...]) -> tuple[Command, list[Command]]:
        path = wire_path(self.envelope.reverse_path)
        first = path_command(f"{self.verb} FROM", path, parameters, utf8=self._utf8)
        return first, [
            path_command("RCPT TO", wire_path(recipient.address), recipient.options, utf8=self._utf8)
            for recipient in self.envelope.recipients
        ]

    # The policy on refused recipients

    def _tolerant(self) -> bool:
        """Whether no refusal can stop the message while another recipient is left."""
        recipients = self.envelope.recipients
        return len(recipients) == 1 or not any(self._stop[recipient.type] for recipient in recipients)

    # The dialogue up to the body

    async def _offer(self, parameters: tuple[tuple[str, str], ...], *, chunked: bool) -> bool:
        """Say MAIL and RCPT; return whether DATA or BDAT went out with them.

        Raises:
            SenderRefused: MAIL was refused.
            RecipientsRefused: A recipient was refused that must not be, or none is left.
        """
        talk = self.session.talk
        mail, rcpts = self._commands(parameters)
        if not (self.session.plan.settings.use_pipelining and "PIPELINING" in self.session.extensions):
            await self._one_by_one(mail, rcpts)
            return False
        eager = self._tolerant() and (not chunked or small(self.draft))
        if eager and chunked:
            await send_group(self, mail, *rcpts)
        else:
            await talk.say(mail, *rcpts, *((command("DATA"),) if eager else ()))
        sender = await talk.hear()
        for index in range(len(rcpts)):
            self.answers[index] = await talk.hear()
        if sender.code != 250:
            self.answers = [None] * len(rcpts)  # what RCPT is told without MAIL says nothing about the recipient
        problem = self._sender_problem(sender) or self._recipient_problem(ask_all=True)
        if problem is not None:
            await self._abandon(started=eager, chunked=chunked)
            raise problem
        await self._report_refusals()
        return eager

    async def _one_by_one(self, mail: Command, rcpts: list[Command]) -> None:
        talk = self.session.talk
        if problem := self._sender_problem(await talk.ask(mail)):
            await self._abandon(started=False, chunked=False)
            raise problem
        for index, rcpt in enumerate(rcpts):
            self.answers[index] = await talk.ask(rcpt)
            if problem := self._recipient_problem(ask_all=index == len(rcpts) - 1):
                await self._abandon(started=False, chunked=False)
                raise problem
        await self._report_refusals()

    def _sender_problem(self, reply: Reply) -> SMTPError | None:
        if reply.code == 250:
            return None
        sender = wire_path(self.envelope.reverse_path)
        if reply.code >= 400:
            return SenderRefused(f"<{sender}>: {reply}", reply=reply)
        return UnexpectedReply(f"{reply} in answer to {self.verb}", reply=reply)

    def _recipient_problem(self, *, ask_all: bool) -> SMTPError | None:
        """Return the error that the replies so far call for."""
        for recipient, reply in zip(self.envelope.recipients, self.answers, strict=True):
            if reply is None or reply.code in TAKEN:
                continue
            if reply.code < 400:
                return UnexpectedReply(f"{reply} in answer to RCPT", reply=reply)
            if self._stop[recipient.type]:
                hint = f" (with StopOn{recipient.type.name.title()}Errors=False they follow in a further transaction)"
                return RecipientsRefused(refusal(recipient, reply) + (hint if no_room(reply) else ""), reply=reply)
        answered = [reply for reply in self.answers if reply is not None]
        if ask_all and not any(reply.code in TAKEN for reply in answered):
            last = answered[-1]
            text = "; ".join(refusal(r, a) for r, a in zip(self.envelope.recipients, self.answers, strict=True) if a)
            return RecipientsRefused(f"no recipient is left: {text}", reply=last)
        return None

    async def _report_refusals(self) -> None:
        """Fire Error for each refused recipient that does not stop the message; who had no room may have it later."""
        for recipient, reply in zip(self.envelope.recipients, self.answers, strict=True):
            if reply is not None and reply.code not in TAKEN and not no_room(reply):
                await self.session.fire(Error(RecipientsRefused.code, refusal(recipient, reply)))

    async def _abandon(self, *, started: bool, chunked: bool) -> None:
        """Leave the transaction so that the next one can begin; the line is closed where that can't be done."""
        session, talk = self.session, self.session.talk
        if started:
            reply = await talk.hear()
            if not chunked and reply.code == 354:
                # The server takes a body although no recipient is left (RFC 2920 section 3.1): nothing but a dot.
                talk.owe()
                await session.link.send(b".\r\n")
                await talk.hear()
            elif reply.code < 400:
                raise UnexpectedReply(f"{reply} in answer to a body without recipients", reply=reply)
            else:
                self.final = reply  # the body that went out with the group was not taken
        session.state = State.OPEN
        await reset(session)

    # Called by the delivery

    async def refused(self, reply: Reply, what: str) -> SMTPError:
        """Return the error for a refused DATA, BDAT or body, with the line ready for the next message."""
        if reply.code >= 400:
            if self.session.state is not State.READY:
                await reset(self.session)
            return MessageRefused(str(reply), reply=reply)
        return UnexpectedReply(f"{reply} in answer to {what}", reply=reply)

    async def conclude(self) -> Reply:
        """Wait for the server's last word about the message."""
        try:
            reply = await self.session.talk.hear(self.session.plan.settings.final_reply_timeout)
        except ServiceClosing as error:  # 421 is a refusal too (RFC 5321 section 4.2.1)
            self.final = error.reply
            raise
        if reply.code != 250 and reply.code < 400:
            # Not an answer to the end of a body: something else is being answered, and the fate is not known.
            raise UnexpectedReply(f"{reply} in answer to the end of the message", reply=reply)
        self.final = reply
        self.session.step(Step.DONE)
        if reply.code != 250:
            # RFC 5321 says that the transaction is over now, but Postfix keeps it open after some refusals.
            await reset(self.session)
            raise MessageRefused(str(reply), reply=reply)
        return reply


def stop_rules(settings: Settings) -> dict[RecipientType, bool]:
    """Return whether a refused recipient of each type stops the message (the StopOn...Errors settings)."""
    return {
        RecipientType.TO: settings.stop_on_to_errors,
        RecipientType.CC: settings.stop_on_cc_errors,
        RecipientType.BCC: settings.stop_on_bcc_errors,
    }


def refusal(recipient: Recipient, reply: Reply) -> str:
    """Return one recipient's refusal in words."""
    return f"<{addr_spec(recipient.address)}>: {reply}"
