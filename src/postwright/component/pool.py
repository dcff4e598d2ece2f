"""Pool: connections kept open between messages, shared by threads."""

from __future__ import annotations

import atexit
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from postwright.component.many import over_pool
from postwright.component.pooling import Pooling, _pools
from postwright.component.smtp import SMTP
from postwright.drive.crew import ThreadSweeper, ThreadTurn, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from email.message import Message
    from types import TracebackType
    from typing import Self

    from postwright.component.batching import Letter
    from postwright.component.composed import Composed
    from postwright.errors import SMTPError
    from postwright.words import SendResult


class Pool(Pooling[SMTP]):
    """Connections to one server that are kept open and shared by threads.

    Every property of ``SMTP`` can be given as a keyword. A connection is looked at before it is used again; one that
    went stale is replaced, while nothing of a message was offered. As a context manager the pool is closed at the end;
    otherwise ``close`` it, or leave that to the end of the program. After a fork the child opens connections of its own.

    Args:
        size: The most connections at a time.
        wait: Seconds that a caller waits for a connection that is free.
        max_idle: Seconds after which a connection that nobody used is closed.
        max_age: Seconds after which a connection is replaced by a new one.
        **values: Any property, or event handler, of the connections; handlers are called in the sending thread.

    Attributes:
        template: Each connection begins with the properties, settings and handlers of this client.

    Raises:
        InvalidValue: ``size`` is no number from 1 on, or a time is negative.
    """

    _kind = SMTP
    _turn = ThreadTurn
    _sweeper_kind = ThreadSweeper

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def connection(self, wait: float | None = None) -> Iterator[SMTP]:
        """Lend a connection for the length of a ``with`` block.

        Args:
            wait: Seconds to wait for one that is free; by default those of the pool.

        Returns:
            An ``SMTP`` that is connected, with the properties of the template. What is set on it is gone afterwards.

        Raises:
            PoolTimeout: None became free in time.
            SMTPError: It could not be opened, as for ``SMTP.connect``.
        """
        client = run(self._lend(wait))
        try:
            yield client
        except Exception as error:
            self._note(error)
            run(self._give_back(client))
            raise
        except BaseException:  # the keyboard: no time for a goodbye
            for each in self._take_back(client):
                each._drop()
            raise
        run(self._give_back(client))

    def send_message(
        self,
        message: Message | bytes | Composed,
        from_addr: str | None = None,
        to_addrs: str | Iterable[str] | None = None,
    ) -> SendResult:
        """Send a finished message over a connection of the pool; from any thread.

        Args:
            message: An ``email.message.EmailMessage``, or all bytes of a message. Bcc headers are not sent.
            from_addr: The envelope's sender; by default Sender or From. "<>" is the null sender.
            to_addrs: The recipients; by default those in To, Cc and Bcc.

        Returns:
            The server's reply, and the result for each recipient.

        Raises:
            PoolTimeout: No connection became free in time; nothing was sent.
            SMTPError: As for ``SMTP.send``.
        """
        with self.connection() as smtp:
            return smtp.send_message(message, from_addr, to_addrs)

    def send_many(
        self, messages: Iterable[Letter], *, connections: int | None = None, ordered: bool = True
    ) -> Iterator[SendResult | SMTPError]:
        """Send finished messages over connections of the pool, overlapped; see ``SMTP.send_many``.

        Args:
            messages: What ``send_message`` takes; or tuples of message, sender and recipients.
            connections: The most connections to use, each in a thread; by default all of the pool.
            ordered: Whether results come in the order of the messages, or as they are known.

        Returns:
            An iterator that gives a result, or an error, for each message, while others are sent.

        Raises:
            PoolTimeout: No connection became free in time; nothing was sent.
        """
        return over_pool(self, iter(messages), min(connections or self.size, self.size), ordered=ordered)

    def close(self) -> None:
        """Say QUIT on every connection that is idle and close it; those that are in use follow when they come back."""
        run(self._close())


def _close_all() -> None:
    """Leave the servers in peace at the end of the program."""
    for pool in list(_pools):
        if isinstance(pool, Pool):
            with suppress(Exception):
                for client in pool._shut():
                    run(pool._part(client))


atexit.register(_close_all)
