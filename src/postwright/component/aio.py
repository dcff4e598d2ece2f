"""AsyncSMTP: the asyncio client. Its methods are those of SMTP, as coroutines; see there for what they do."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from postwright.component.base import Component
from postwright.component.helpers_aio import Helpers
from postwright.component.many_aio import many
from postwright.component.rooms import enqueueing
from postwright.component.wishes import MAX_AGE, Manner, Wishes
from postwright.drive.aio import AsyncDriver
from postwright.enums import Direction
from postwright.errors import ConnectionDropped, NotPossibleNow, SMTPError
from postwright.events import ConnectionStatus, Error, PITrail
from postwright.session import asking
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
    from datetime import datetime
    from email.message import Message
    from types import TracebackType
    from typing import Any, Self

    from postwright.component.batching import Letter
    from postwright.component.composed import Composed
    from postwright.flow import Flow
    from postwright.options import Plan
    from postwright.words import QueueEntry, QueueReport, Reply, SendResult

T = TypeVar("T")


class AsyncSMTP(Component):
    """A client that sends mail from an asyncio task.

    It has the members of ``SMTP``; every method that talks to a server is a coroutine. Handlers of events may be plain
    or coroutine functions. Cancelling a method closes the connection.

    Args:
        **values: Any property, or event handler, by its Python name.
    """

    def __init__(self, **values: Any) -> None:
        self._driver: AsyncDriver = AsyncDriver(self._dispatch)
        super().__init__(**values)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._driver.busy:  # left from inside a handler: the method in progress owns the line
            return
        if error is None:
            await self.disconnect()
        else:
            self._drop()

    async def _run(self, plan: Plan, flow: Flow[T]) -> T:
        busy = self._driver.busy
        try:
            if not busy:
                self._store.locked = True
            return await self._driver.run(self._operations.guarded(plan, flow), self._limit(plan))
        except Exception:
            raise
        except BaseException:  # cancelled: nobody knows how far the dialogue was
            if not busy:
                self._drop()
            raise
        finally:
            flow.close()
            if not busy:
                self._store.locked = self._session.connected
                # In the middle of a batch replies are owed: what comes then is no idle event.
                if self._session.in_order and plan.settings.process_idle_events:
                    self._driver.on_idle = self._idle_event

    def _idle_event(self, data: bytes) -> None:
        """Close a connection on which the server speaks, or which it leaves, while nothing was asked."""
        try:
            said = self._session.link.take(data) if data else b""
        except SMTPError as error:
            said = error.message.encode()
        if said is None:  # a record without text, such as a session ticket of TLS 1.3
            return
        self._drop()
        reason = said.decode("utf-8", "replace").strip() or "the server closed the connection"
        for event in (
            *([PITrail(Direction.SERVER, printable(line)) for line in reason.splitlines()] if said else ()),
            ConnectionStatus("Disconnected", ConnectionDropped.code, printable(reason)),
            Error(ConnectionDropped.code, printable(reason)),
        ):
            self._driver.fire_idle(event)

    @property
    def connected(self) -> bool:
        """Whether a connection is open; it can't be assigned here."""
        return self._session.connected

    @connected.setter
    def connected(self, value: bool) -> None:
        raise NotPossibleNow(
            f"connected can't be assigned on AsyncSMTP: await {'connect' if value else 'disconnect'}()"
        )

    @staticmethod
    def _another() -> AsyncSMTP:
        return AsyncSMTP()

    def _send_command(self, _: str) -> None:
        raise NotPossibleNow("command can't be assigned on AsyncSMTP: await send_command()")

    command = property(None, _send_command, doc="Can't be assigned here: await ``send_command``.")

    async def connect(self) -> None:
        """Connect to the mail server, secure the line, say EHLO, and log in where a user is set."""
        plan = self._ready_to_connect()
        await self._run(plan, self._operations.connect())

    async def disconnect(self) -> None:
        """Say QUIT and close the connection; without one, do nothing."""
        await self._run(self._plan(), self._operations.disconnect())

    async def send(self) -> SendResult:
        """Send the message that the properties describe."""
        return await self._send("MAIL")

    async def _send(self, verb: str) -> SendResult:
        plan = self._ready()
        envelope, draft = self._prepared(plan)
        return await self._run(plan, self._operations.send(envelope, draft, verb))

    async def send_message(
        self,
        message: Message | bytes | Composed,
        from_addr: str | None = None,
        to_addrs: str | Iterable[str] | None = None,
    ) -> SendResult:
        """Send a finished message."""
        plan = self._ready()
        envelope, draft = self._adopted(plan, message, from_addr, to_addrs)
        return await self._run(plan, self._operations.send(envelope, draft))

    def send_many(
        self, messages: Iterable[Letter] | AsyncIterable[Letter], *, connections: int = 1, ordered: bool = True
    ) -> AsyncIterator[SendResult | SMTPError]:
        """Send finished messages, overlapped where the server can, and give a result for each."""
        return many(self, messages, connections, ordered=ordered)

    async def send_to_terminal_only(self) -> SendResult:
        """Send to the user's terminal (SEND FROM, RFC 821)."""
        return await self._to_terminal("SEND")

    async def send_to_terminal_or_email(self) -> SendResult:
        """Send to the user's terminal, or to the mailbox if that is not possible (SOML FROM, RFC 821)."""
        return await self._to_terminal("SOML")

    async def send_to_terminal_and_email(self) -> SendResult:
        """Send to the user's terminal and to the mailbox (SAML FROM, RFC 821)."""
        return await self._to_terminal("SAML")

    async def _to_terminal(self, verb: str) -> SendResult:
        if not self.allow_extensions:
            raise NotPossibleNow("terminal messages need AllowExtensions")
        return await self._send(verb)

    async def verify(self, email_address: str) -> Reply:
        """Ask the server whether a mailbox exists (VRFY)."""
        return await self._run(self._ready(), self._operations.ask(asking.verify, email_address))

    async def expand(self, email_address: str) -> tuple[str, ...]:
        """Ask the server for the members of a list (EXPN)."""
        return await self._run(self._ready(), self._operations.ask(asking.expand, email_address))

    async def send_command(self, command: str) -> Reply:
        """Send one line exactly as it is, and return the reply, whatever it is."""
        return await self._run(self._plan(), self._operations.say(command))

    async def do_events(self) -> None:
        """Look for at most SelectWaitMillis what the server did meanwhile."""
        plan = self._plan()
        await self._run(plan, self._operations.do_events(plan.settings.select_wait_millis / 1000))

    async def queue(
        self, queue_dir: str | os.PathLike[str], *, priority: int = 5, not_before: datetime | None = None
    ) -> str:
        """Put the message into a queue directory; once this returns, it survives a loss of power.

        Cancelled while it writes, the message is in the queue as a whole, or not at all.
        """
        plan = self._plan()
        wishes = Wishes(priority, not_before)
        return await self._run(plan, enqueueing.put(plan, os.fspath(queue_dir), *self._prepared(plan), wishes))

    async def queue_many(
        self,
        queue_dir: str | os.PathLike[str],
        messages: Iterable[Message | bytes | Composed],
        *,
        priority: int = 5,
        not_before: datetime | None = None,
    ) -> list[str | SMTPError]:
        """Put finished messages into a queue directory, many of them with one wait for the disk."""
        plan = self._plan()
        flow = enqueueing.put_many(
            plan, os.fspath(queue_dir), messages, self._session.host_name, Wishes(priority, not_before)
        )
        return await self._run(plan, flow)

    async def process_queue(
        self,
        queue_dir: str | os.PathLike[str],
        *,
        retry: bool = False,
        max_age: float = MAX_AGE,
        stop: Callable[[], bool] | None = None,
        progress: Callable[[QueueEntry, int], object] | None = None,
    ) -> QueueReport:
        """Send the messages of a queue directory, overlapped where the server can."""
        plan = self._ready()
        manner = Manner(retry, max_age, stop, progress)
        async with Helpers(self, plan) as helpers:
            return await self._run(plan, self._queueing.process(plan, os.fspath(queue_dir), manner, helpers))
