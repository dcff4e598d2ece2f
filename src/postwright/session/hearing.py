"""The replies to messages in flight over one connection."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.errors import (
    CommunicationError,
    ConnectionDropped,
    InactivityTimeout,
    NetworkError,
    SecurityError,
    ServiceClosing,
    UnexpectedReply,
)
from postwright.flow import Read
from postwright.session.transaction import TAKEN
from postwright.session.ways import overlap

if TYPE_CHECKING:
    from postwright.options.plan import Plan
    from postwright.session.session import Session
    from postwright.session.ways import Item
    from postwright.words import Reply

CLOSING = 5.0
"""Seconds to wait for the end of a line on which the server said 421."""

PROBE = 5.0
"""Seconds to wait for what stands behind the first final dot: two known servers lose it."""


class Hearing:
    """The replies to what a batch has in flight.

    Args:
        session: The connection.

    Attributes:
        heard: Replies that were read and belong to messages whose replies are not all here.
        resetting: Whether the next reply is the one to the RSET behind a message that is settled.
    """

    __slots__ = ("_plan", "_session", "_timeout", "heard", "resetting")

    def __init__(self, session: Session) -> None:
        self._session = session
        self._plan: Plan | None = None
        self._timeout = 0.0
        self.heard: list[Reply] = []
        self.resetting = False

    def clear(self) -> None:
        """Forget all of a line that is gone."""
        self.heard.clear()
        self.resetting = False

    def here(self, count: int) -> list[Reply] | None:
        """Return the next replies, so many of them, if they were read already."""
        heard = self.heard
        if len(heard) < count:
            return None
        answers = heard[:count]
        del heard[:count]
        return answers

    async def more(self, timeout: float | None = None) -> list[Reply]:
        """Wait for more replies, and return all that were read and not used.

        Args:
            timeout: Seconds of silence that are borne; None for those of a final reply, which is among them.
        """
        self.heard += await self._session.talk.several(self.timeout if timeout is None else timeout)
        return self.heard

    @property
    def timeout(self) -> float:
        """Seconds of silence that are borne before a final reply; 0 for ever."""
        session = self._session
        if session.plan is not self._plan:
            self._plan = session.plan
            self._timeout = max(session.plan.settings.final_reply_timeout, session.link.timeout or 0)
        return self._timeout

    async def hear(self, count: int, timeout: float | None = None) -> list[Reply]:
        """Return the next replies, so many of them; the last of them may be a 421, behind which nothing comes."""
        while (answers := self.here(count)) is None:
            check_closing(self.heard)
            await self.more(timeout)
        return answers

    async def nothing_behind(self) -> bool:
        """Say whether a server that said 421 closes the line in order, and says nothing more.

        Then it took nothing of what was sent behind the command that it refused so: it does one command after the
        other and answers each (RFC 5321 section 2.1), and what it answered would have come before the end of the line.
        A line that breaks, and TLS that is cut off, prove nothing.
        """
        link = self._session.link
        try:
            while self._session.talk.last_word and not link.arrived():
                data = await Read(CLOSING)
                if not data:
                    return link.tls is None
                if (plain := link.take(data)) is not None:
                    return plain == b"" and link.tls is not None
        except (NetworkError, InactivityTimeout, SecurityError):
            pass
        return False

    async def prove(self) -> bool:
        """Hear the first answer to RSET; it proves that the server understands what stands behind a dot.

        Returns:
            Whether it does; if not, the line is closed.
        """
        session = self._session
        try:
            check_reset((await self.hear(1, PROBE))[0])
        except (CommunicationError, ConnectionDropped, InactivityTimeout):
            overlap[session.server] = False
            self.clear()
            await session.hang_up("it does not understand commands behind the end of a message")
            return False
        overlap[session.server] = True
        return True


def check_closing(heard: list[Reply]) -> None:
    """See that the last reply is not a 421.

    Raises:
        ServiceClosing: It is.
    """
    if heard and heard[-1].code == 421:
        raise ServiceClosing(str(heard[-1]), reply=heard[-1])


def check_reset(reply: Reply) -> None:
    """See that RSET was answered as it must be.

    Raises:
        ServiceClosing: It is a 421.
        UnexpectedReply: It is anything but 250.
    """
    check_closing([reply])
    if reply.code != 250:
        raise UnexpectedReply(f"{reply} in answer to RSET", reply=reply)


def closed_early(item: Item, heard: list[Reply]) -> None:
    """See that a message is not answered by a 421 before its end: that refuses it where no recipient was accepted.

    Raises:
        ServiceClosing: It is.
    """
    if heard and heard[-1].code == 421 and not any(reply.code in TAKEN for reply in heard[1:-1]):
        item.end_at = None
    check_closing(heard)


def refused_by_closing(item: Item, final: Reply) -> None:
    """See that a whole message is not answered by a 421: that refuses it, and it may go again on another line.

    Raises:
        ServiceClosing: It is.
    """
    if final.code == 421:
        item.end_at = None
        raise ServiceClosing(str(final), reply=final)
