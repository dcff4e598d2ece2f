"""The methods as flows: what each of them does, once, for both clients.

A flow here brings the connection into the state that it needs, and decides after an error whether the line may be
used again. It owns the session.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, TypeVar

from postwright.component.cadence import Cadence
from postwright.component.sent import Sent
from postwright.drive.crew import Guard
from postwright.enums import Outcome
from postwright.errors import (
    AlreadyConnected,
    ConnectionDropped,
    Interrupted,
    NotConnected,
    OperationTimeout,
    ServiceClosing,
    SMTPError,
    UnexpectedReply,
)
from postwright.events import Error
from postwright.flow import Call, Hangup, Sleep, Wait
from postwright.session import asking, opening
from postwright.session.crowd import to_everyone
from postwright.session.login import log_in
from postwright.session.transaction import Transaction

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.flow import Flow
    from postwright.message.body import Body
    from postwright.message.draft import Draft
    from postwright.options.plan import Plan
    from postwright.session.session import Session
    from postwright.session.ways import Item
    from postwright.words import Envelope, Reply, SendResult

T = TypeVar("T")


class Operations:
    """The dialogue side of one SMTP or AsyncSMTP object.

    Args:
        session: Its connection, open or not.
    """

    def __init__(self, session: Session) -> None:
        self.session = session
        self.cadence = Cadence(session.clock, Guard())
        """When the next message may begin (MaxMessageRate); connections that work together share it."""
        self.sent = Sent()
        """The message that went out last."""
        self.no_line: SMTPError | None = None
        """Why the last line that was to be opened could not be."""

    async def guarded(self, plan: Plan, flow: Flow[T]) -> T:
        """Run a flow; after an error the line is kept only where the dialogue is in order, else it is closed."""
        session = self.session
        session.adopt(plan)
        try:
            return await flow
        except SMTPError as error:
            if not session.in_order:
                await session.hang_up(error.message, error.code)
            raise
        except Exception:  # a handler's or a stream's own error: it goes through as it is
            if not session.in_order:
                session.lost()
                await Hangup()
            raise

    async def connect(self) -> None:
        """Connect, secure the line, log in."""
        if self.session.connected:
            raise AlreadyConnected
        await self.open()

    async def ready(self, *, probe: bool) -> None:
        """Make sure that there is a line and that it works; one that the server left while it was idle is replaced.

        Args:
            probe: Whether to ask the server for an answer: a line that was silent for long may be gone without a word.
        """
        session = self.session
        if session.connected:
            try:
                await session.talk.glance()
                if probe:
                    await asking.still_there(session)
            except (Interrupted, OperationTimeout):
                raise
            except SMTPError as error:
                await session.hang_up(error.message, error.code)
        if not session.connected:
            await self.open()

    async def part(self) -> None:
        """Say QUIT and close the line, without waiting for the answer."""
        await asking.part(self.session)

    async def disconnect(self) -> None:
        """Say QUIT and close the line."""
        if self.session.connected:
            await asking.quit_line(self.session)

    async def open(self) -> None:
        """Open the line; one on which the login fails is closed again."""
        try:
            await opening.open_line(self.session)
            await log_in(self.session)
        except SMTPError as error:
            self.no_line = error
            if self.session.in_order:  # the server answered in good order, but there is no use for the line
                await asking.quit_line(self.session)
            raise

    async def send(self, envelope: Envelope, draft: Draft, verb: str = "MAIL") -> SendResult:
        """Send one message; a connection that was opened for it is closed after it.

        Files are opened before anything is sent, and closed whatever happens.
        """
        self.sent.outcome = Outcome.NOT_SENT
        return await with_open_body(draft.body, self._deliver(envelope, draft, verb))

    async def _deliver(self, envelope: Envelope, draft: Draft, verb: str) -> SendResult:
        """Send over the line that is open, or over one for this message; an open one that went stale is replaced once."""
        session = self.session
        if rate := session.plan.settings.max_message_rate:
            while wait := self.cadence.take(rate):
                await Sleep(wait)
        if not session.connected:
            await self.open()
            return await self._and_leave(self._transact(envelope, draft, verb))
        link, offered = session.link, session.link.offered
        try:
            return await self._transact(envelope, draft, verb)
        except (ConnectionDropped, ServiceClosing):
            if session.link is not link or link.offered != offered:
                raise
        # Nothing of the message was offered, so sending it on a new line can't make a second one.
        await session.talk.note("the idle connection was closed by the server: connecting again")
        await session.hang_up("closed by the server while idle")
        await self.open()
        return await self._transact(envelope, draft, verb)

    async def send_alone(self, item: Item) -> SendResult:
        """Send one message of a batch over the open line, by a transaction of its own."""
        return await with_open_body(item.draft.body, self._transact(item.envelope, item.draft, "MAIL"))

    async def _and_leave(self, flow: Flow[T]) -> T:
        """Run a flow on a line that was opened for it, and say QUIT after it, also when the server refused."""
        try:
            answer = await flow
        except SMTPError:
            if self.session.in_order:
                await asking.quit_line(self.session)
            raise
        await asking.quit_line(self.session)
        return answer

    def _transact(self, envelope: Envelope, draft: Draft, verb: str) -> Flow[SendResult]:
        if len(envelope.recipients) == 1:
            return self.transact(envelope, draft, verb)
        return to_everyone(self.session, envelope, draft, lambda share: self.transact(share, draft, verb))

    async def transact(
        self, envelope: Envelope, draft: Draft, verb: str = "MAIL", before_end: Callable[[], Flow[None]] | None = None
    ) -> SendResult:
        """Send one message in one transaction, over the open line or, where that has carried what it may, a new one."""
        session = self.session
        if session.used_up or not session.allowance.admits(envelope.recipients):
            await session.talk.note("the connection has carried what it may: connecting again")
            await asking.quit_line(session)
            await self.open()
        deal = Transaction(session, envelope, draft, verb)
        deal.before_end = before_end
        # So that it is never false: what a signal's handler raises may even keep remember() from being called.
        self.sent.outcome = Outcome.UNKNOWN
        try:
            result = await deal.run()
        finally:
            self.sent.remember(deal)
        return result

    async def ask(self, question: Callable[[Session, str], Flow[T]], text: str) -> T:
        """Ask the server something; a connection that was opened for it is closed after it."""
        if self.session.connected:
            return await question(self.session, text)
        await self.open()
        return await self._and_leave(question(self.session, text))

    async def say(self, text: str) -> Reply:
        """Send a user's own command."""
        if not self.session.connected:
            raise NotConnected("connect() first")
        return await asking.say(self.session, text)

    async def do_events(self, seconds: float) -> None:
        """Look for what the server did meanwhile; a connection that it closed is closed here too."""
        session = self.session
        if not session.connected:
            await Sleep(seconds)
            return
        try:
            await session.talk.glance(seconds)
        except (ConnectionDropped, ServiceClosing, UnexpectedReply) as error:
            await session.hang_up(error.message, error.code)
            await session.fire(Error(error.code, error.message))


def with_open_body(body: Body, flow: Flow[T]) -> Flow[T]:
    """Return a flow that opens a body, runs a flow that reads it, and closes it whatever happens."""
    if not body.at_hand:
        return _with_open_files(body, flow)
    body.open()
    return flow


async def _with_open_files(body: Body, flow: Flow[T]) -> T:
    try:
        if body.blocking:
            await Call(body.open)
        else:
            body.open()
        result = await flow
    except Exception:
        flow.close()
        await Wait(body.close)
        raise
    except BaseException:  # cancelled or interrupted by the keyboard: nothing may be waited for any more
        flow.close()
        closing = body.close()
        if isinstance(closing, Coroutine):
            closing.close()
        raise
    await Wait(body.close)
    return result
