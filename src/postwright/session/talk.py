"""The conversation: commands out, replies in, each reply paired with the command that it answers.

It owns the count of replies owed. A byte that comes when none is owed is an error, so that nothing which an attacker
put into the stream early can be taken for an answer (CVE-2021-22947). The trail is fired here and nowhere else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.enums import Direction
from postwright.errors import (
    CommunicationError,
    ConnectionDropped,
    InactivityTimeout,
    MessageRefused,
    NetworkError,
    Refused,
    ServiceClosing,
    SMTPError,
    UnexpectedReply,
)
from postwright.events import PITrail
from postwright.flow import Fire, Poll
from postwright.wire.replies import ReplyReader
from postwright.words import printable

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

    from postwright.flow import Octets
    from postwright.session.link import Link
    from postwright.wire.commands import Command
    from postwright.wire.veil import Veil
    from postwright.words import Reply


_REST = 1.0
"""Seconds to wait for the rest of a reply that nobody asked for."""


class Talk:
    """One conversation over a link.

    Args:
        link: The bytes.
        max_line: The longest line of a reply, in octets.
        patience: Seconds for one whole reply, however slowly it trickles in; None for ever.
        clock: Seconds that only grow.
        wanted: The kinds of events somebody listens to.
    """

    def __init__(
        self,
        link: Link,
        *,
        max_line: int,
        patience: float | None,
        clock: Callable[[], float],
        wanted: Container[type],
    ) -> None:
        self.link = link
        self.last_reply: Reply | None = None
        self.dropped = False
        """Whether nothing more may be said: the server left or says that it does, or what it says can't be trusted."""
        self.last_word = False
        """Whether a 421 was the last that the server said so far."""
        self._reader = ReplyReader(max_line)
        self._patience = patience
        self._clock = clock
        self._wanted = wanted
        self._owed = 0
        self._begun: float | None = None  # when the reply began that is not complete, in a batch

    @property
    def settled(self) -> bool:
        """Whether every reply was heard and nothing else is waiting, on a line that is not known to be gone."""
        return not self._owed and self._reader.empty and not self.dropped

    @property
    def veil(self) -> Veil | None:
        """What is hidden in whatever the server says, from the login on."""
        return self._reader.veil

    @veil.setter
    def veil(self, veil: Veil) -> None:
        self._reader.veil = veil

    @property
    def answered(self) -> bool:
        """Whether a reply, or the beginning of one, was read already and waits to be heard."""
        return not self._reader.empty

    async def note(self, text: str) -> None:
        """Put a remark of our own into the trail."""
        if PITrail in self._wanted:
            await Fire(PITrail(Direction.INFO, text))

    def quiet(self) -> None:
        """Make sure that nothing waits unread while no reply is owed.

        Raises:
            UnexpectedReply: The server said something that nobody asked for.
        """
        self._gather()
        if not (self._owed or self._reader.empty):
            raise self._unasked(self._reader.next())

    def _unasked(self, reply: Reply | None) -> SMTPError:
        """Return the error for what came although no reply is owed."""
        self.dropped = True
        if reply is not None and reply.code == 421:
            return ServiceClosing(str(reply), reply=reply)
        return UnexpectedReply(
            f"the server spoke without being asked: {printable(str(reply)) if reply else self._reader.leftover}"
        )

    async def glance(self, seconds: float = 0.0) -> None:
        """Look, before a new group begins, whether the server said something or left meanwhile.

        Raises:
            ServiceClosing: It said 421 (RFC 5321 section 3.8).
            ConnectionDropped: It closed the connection.
            UnexpectedReply: It said something else.
        """
        self._gather()
        came: bool | None = True
        end: float | None = None
        while came:
            if (reply := self._reader.next()) is not None:
                raise self._unasked(reply)
            if not self._reader.empty:  # behind half a reply its rest is coming, if soon
                end = self._clock() + _REST if end is None else end
                seconds = max(0.0, end - self._clock())
            came = await self._look(seconds)
            seconds = 0.0  # behind a TLS record without plaintext there may be another one
        if came is None:
            self.quiet()
            return
        self.dropped = True
        raise ConnectionDropped("while the connection was idle")

    async def say(self, *commands: Command, body: Sequence[Octets] = (), owed: int | None = None) -> None:
        """Send commands as one group, with a body behind them; a reply is owed for each command."""
        self.quiet()
        if PITrail in self._wanted:
            for command in commands:
                await Fire(PITrail(Direction.CLIENT, command.shown))
        self._owed += len(commands) if owed is None else owed
        data = b"".join([command.data for command in commands])
        try:
            await self.link.send(data, *body)
        except NetworkError as error:
            raise self._last_words(error, MessageRefused if body else Refused) from error

    async def pour(self, *buffers: Octets) -> None:
        """Send a part of a body.

        Raises:
            MessageRefused: The server said why it did not want it, and closed the connection.
            NetworkError: The connection broke.
        """
        try:
            await self.link.send(*buffers)
        except NetworkError as error:
            raise self._last_words(error, MessageRefused) from error

    async def early(self) -> Reply | None:
        """Return a reply that came although none is owed yet, or None: a server may refuse in the middle of a body.

        Raises:
            ConnectionDropped: It left in the middle of the body.
        """
        self._gather()
        if await self._look(0.0) is False and self._reader.empty:
            self.dropped = True
            raise ConnectionDropped("in the middle of the message")
        if self._owed or self._reader.empty:
            return None
        self._owed += 1
        return await self.hear()

    def expect(self, count: int) -> None:
        """Count so many more replies as owed, to commands that go out by ``pour``."""
        self._owed += count

    async def several(self, timeout: float) -> list[Reply]:
        """Wait for at least one reply, and return all that are here; a 421 is the last one and closes the line.

        Args:
            timeout: Seconds of silence that are borne; 0 waits for ever.

        Raises:
            ConnectionDropped: The connection ended before a reply.
            InactivityTimeout: None came in time.
            MalformedReply: What came is no reply.
            UnexpectedReply: More came than was asked for.
        """
        while not (replies := self._several()):
            await self._wait(timeout or None)
        return replies

    def _several(self, more: bytes = b"") -> list[Reply]:
        """Return all replies that are here, with those in what arrived just now; see ``several``."""
        replies = self._reader.several(more)
        if not replies:
            self._check_trickle()
            return replies
        self._begun = None
        self._owed -= len(replies)
        self.last_reply = replies[-1]
        for index, reply in enumerate(replies):
            if reply.code == 421:
                self.dropped = True
                self.last_word = index + 1 == len(replies) and self._reader.empty
                return replies[: index + 1]
        if self._owed < 0:
            self.dropped = True
            raise UnexpectedReply("the server sent more replies than there were commands")
        return replies

    def _check_trickle(self) -> None:
        """See that a reply which has begun is not too long in coming (ReplyTimeout)."""
        if self._reader.empty:
            return
        if self._begun is None:
            self._begun = self._clock()
        elif self._patience and self._clock() - self._begun > self._patience:
            raise self._incomplete(self._patience)

    @staticmethod
    def _incomplete(patience: float | None) -> InactivityTimeout:
        return InactivityTimeout(f"the reply was not complete after {patience:g} s")

    async def converse(
        self, answer: Callable[[list[Reply]], bytes | None], timeout: float, ahead: Callable[[], object]
    ) -> None:
        """Send what ``answer`` returns to the replies that come, until it returns None; see ``Converse``.

        Args:
            answer: Takes all replies that are here (first of all those that were read already, if only none), and counts
                those that it calls forth by ``expect``.
            timeout: Seconds of silence that are borne; 0 for ever.
            ahead: Called, as often as not, while answers are on their way.

        Raises:
            MessageRefused: The server said why it did not want what was sent, and closed the connection.
            SMTPError: As ``several`` and ``pour`` raise.
        """

        def respond(data: bytes) -> bytes | None:
            if not data:
                self.dropped = True
                raise ConnectionDropped("before it replied")
            return answer(self._several(data))

        first = answer(self._several())
        if first is None:
            return
        try:
            if first:
                await self.link.send(first)
            await self.link.converse(respond, timeout or None, ahead)
        except NetworkError as error:
            raise self._last_words(error, MessageRefused) from error

    def owe(self) -> None:
        """Count one more reply as owed: a body was sent without a command."""
        self._owed += 1

    def _last_words(self, error: NetworkError, kind: type[Refused]) -> SMTPError:
        """Return the server's own reason, when it said one before it closed the connection."""
        self.dropped = True
        try:
            self._gather()
            while (reply := self._reader.next()) is not None and reply.code < 400:
                pass  # an earlier chunk of the body was taken
        except SMTPError:
            return error
        if reply is None:
            return error
        self.last_reply = reply
        return (ServiceClosing if reply.code == 421 else kind)(f"{reply} ({error.message})", reply=reply)

    async def hear(self, timeout: float | None = None) -> Reply:
        """Wait for the next reply.

        Args:
            timeout: Seconds of patience for this reply in place of the usual ones; 0 waits for ever.

        Raises:
            ServiceClosing: The reply is 421: the server is closing the connection, whatever was asked.
            ConnectionDropped: The connection ended before the reply.
            InactivityTimeout: The reply did not come in time.
            MalformedReply: What came is no reply.
            ReplyTooLong: What came is too much.
        """
        patience = self._patience if timeout is None else timeout
        deadline = self._clock() + patience if patience else None
        silence = self.link.timeout if timeout is None else timeout or None
        if self._owed <= 0:
            raise CommunicationError("no reply is owed")
        while (reply := self._reader.next()) is None:
            await self._wait(silence, deadline, patience)
        self._owed -= 1
        self.last_reply = reply
        if PITrail in self._wanted:
            for index, line in enumerate(reply.lines):
                mark = " " if index == len(reply.lines) - 1 else "-"
                await Fire(PITrail(Direction.SERVER, f"{reply.code}{mark}{printable(line)}"))
        if reply.code == 421:  # RFC 5321 section 3.8: it may come in answer to anything
            self.dropped = True
            raise ServiceClosing(str(reply), reply=reply)
        return reply

    # What arrives goes to the reader from here, and stays in no frame that a traceback could show: it may hold secrets.

    def _gather(self) -> None:
        """Take what is here already."""
        if plain := self.link.arrived():
            self._reader.feed(plain)

    async def _look(self, seconds: float) -> bool | None:
        """Look for more; answer None when nothing came, False at the end of the line or of TLS (close_notify)."""
        data = await Poll(seconds)
        plain = self.link.take(data) if data else data
        if data is None or plain == b"":
            return None if data is None else False
        self._reader.feed(plain or b"")
        return True

    async def _wait(self, silence: float | None, deadline: float | None = None, patience: float | None = None) -> None:
        """Wait for more, for so long a silence, and not beyond the deadline."""
        remaining = None if deadline is None else max(0.0, deadline - self._clock())
        if remaining is None or (silence is not None and silence < remaining):
            data = self.link.arrived() or await self.link.receive(silence)
        else:
            try:
                data = self.link.arrived() or await self.link.receive(remaining)
            except InactivityTimeout:
                raise self._incomplete(patience) from None
        if not data:
            self.dropped = True
            raise ConnectionDropped("before it replied")
        self._reader.feed(data)

    async def ask(self, command: Command, timeout: float | None = None) -> Reply:
        """Send one command and return its reply, whatever it is."""
        await self.say(command)
        return await self.hear(timeout)
