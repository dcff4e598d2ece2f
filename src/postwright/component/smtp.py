"""SMTP: the synchronous client."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from postwright.component.base import Component
from postwright.component.rooms import asking, enqueueing, helpers, many, sync
from postwright.component.wishes import MAX_AGE, Manner, Wishes
from postwright.errors import ConnectFirst, NotAvailable, NotPossibleNow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from email.message import Message
    from types import TracebackType
    from typing import Any, Self

    from postwright.component.batching import Letter
    from postwright.component.composed import Composed
    from postwright.errors import SMTPError
    from postwright.flow import Flow
    from postwright.options import Plan
    from postwright.words import QueueEntry, QueueReport, Reply, SendResult

T = TypeVar("T")


class SMTP(Component):
    """A client that sends mail, and waits for each answer.

    Every property can be given as a keyword: ``SMTP(mail_server="mail.example.org", from_="me@example.org")``. As a
    context manager it disconnects at the end. One method at a time may be in progress; ``interrupt`` ends it from
    another thread.

    Args:
        **values: Any property, or event handler, by its Python name.
    """

    def __init__(self, **values: Any) -> None:
        self._driver: sync.SyncDriver = sync.SyncDriver(self._dispatch)
        super().__init__(**values)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._driver.busy:  # left from inside a handler: the method in progress owns the line
            return
        if error is None:
            self.disconnect()
        else:
            self._drop()

    def _run(self, plan: Plan, flow: Flow[T]) -> T:
        busy = self._driver.busy
        try:
            if not busy:
                self._store.locked = True
            return self._driver.run(self._operations.guarded(plan, flow), self._limit(plan))
        except Exception:
            raise
        except BaseException:  # the keyboard: nobody knows how far the dialogue was
            self._drop()
            raise
        finally:
            flow.close()
            if not busy:
                self._store.locked = self._session.connected

    @property
    def connected(self) -> bool:
        """Whether a connection is open; assigning True connects, False disconnects."""
        return self._session.connected

    @connected.setter
    def connected(self, value: bool) -> None:
        if value and not self._session.connected:
            self.connect()
        elif not value:
            self.disconnect()

    @staticmethod
    def _another() -> SMTP:
        return SMTP()

    def _send_command(self, value: str) -> None:
        if not self._session.connected:
            raise ConnectFirst
        self.send_command(value)

    command = property(None, _send_command, doc="Assigning sends a command of your own; see ``send_command``.")

    def connect(self) -> None:
        """Connect to the mail server, secure the line, say EHLO, and log in where a user is set.

        Raises:
            MailServerMissing: mail_server is empty.
            AlreadyConnected: A connection is open.
            NetworkError: The server can't be reached; the text has the attempt at each of its addresses.
            SecurityError: TLS failed, or the server's certificate is not trusted.
            GreetingRefused: The server does not want to talk to this client.
            LoginRefused: The server refused the user or the password.
        """
        plan = self._ready_to_connect()
        self._run(plan, self._operations.connect())

    def disconnect(self) -> None:
        """Say QUIT and close the connection; without one, do nothing."""
        self._run(self._plan(), self._operations.disconnect())

    def send(self) -> SendResult:
        """Send the message that the properties describe.

        Without a connection one is opened for the message and closed after it.

        Returns:
            The server's reply, and the result for each recipient.

        Raises:
            SenderMissing: from_ is empty.
            RecipientMissing: There is no recipient.
            AttachedFileUnreadable: A file can't be opened; nothing was sent.
            SenderRefused: The server refused the sender.
            RecipientsRefused: A recipient was refused and the StopOn...Errors settings say stop, or none is left.
            MessageRefused: The server refused the message.
            SMTPError: Anything else that goes wrong; ``outcome`` says what became of the mail.
        """
        return self._send("MAIL")

    def _send(self, verb: str) -> SendResult:
        plan = self._ready()
        envelope, draft = self._prepared(plan)
        if draft.body.awaits:
            raise NotAvailable("an asynchronous stream can't be read by SMTP; use AsyncSMTP")
        return self._run(plan, self._operations.send(envelope, draft, verb))

    def send_message(
        self,
        message: Message | bytes | Composed,
        from_addr: str | None = None,
        to_addrs: str | Iterable[str] | None = None,
    ) -> SendResult:
        """Send a finished message.

        Args:
            message: An ``email.message.EmailMessage``, or all bytes of a message. Bcc headers are not sent.
            from_addr: The envelope's sender; by default Sender or From. "<>" is the null sender.
            to_addrs: The recipients; by default those in To, Cc and Bcc.

        Returns:
            The server's reply, and the result for each recipient.

        Raises:
            SMTPError: As for ``send``.
        """
        plan = self._ready()
        envelope, draft = self._adopted(plan, message, from_addr, to_addrs)
        return self._run(plan, self._operations.send(envelope, draft))

    def send_many(
        self, messages: Iterable[Letter], *, connections: int = 1, ordered: bool = True
    ) -> Iterator[SendResult | SMTPError]:
        """Send finished messages, overlapped where the server can, and give a result for each.

        A message that fails gives its error as the result, and the others are sent. Where the connection breaks, what
        the server can't have taken goes again over a new one. Without a connection one is opened for all of them and
        closed at the end.

        Args:
            messages: What ``send_message`` takes; or tuples of message, sender and recipients, where None means those
                of the headers. They are taken as they are needed. Where the iterable raises, what it gave before is sent,
                and the error comes behind its results.
            connections: With more than one, so many new connections are used, each in a thread; handlers of events
                are called there too.
            ordered: Whether results come in the order of the messages, or as they are known.

        Returns:
            An iterator: messages are sent while results are fetched.
        """
        return many.many(self, iter(messages), connections, ordered=ordered)

    def send_to_terminal_only(self) -> SendResult:
        """Send to the user's terminal (SEND FROM, RFC 821); few servers still can.

        Raises:
            SMTPError: As for ``send``.
        """
        return self._to_terminal("SEND")

    def send_to_terminal_or_email(self) -> SendResult:
        """Send to the user's terminal, or to the mailbox if that is not possible (SOML FROM, RFC 821).

        Raises:
            SMTPError: As for ``send``.
        """
        return self._to_terminal("SOML")

    def send_to_terminal_and_email(self) -> SendResult:
        """Send to the user's terminal and to the mailbox (SAML FROM, RFC 821).

        Raises:
            SMTPError: As for ``send``.
        """
        return self._to_terminal("SAML")

    def _to_terminal(self, verb: str) -> SendResult:
        if not self.allow_extensions:
            raise NotPossibleNow("terminal messages need AllowExtensions")
        return self._send(verb)

    def verify(self, email_address: str) -> Reply:
        """Ask the server whether a mailbox exists (VRFY); a reply of 252 means that it won't say.

        Args:
            email_address: The address or user name.

        Raises:
            Refused: There is no such mailbox, or the server does not answer the question.
        """
        return self._run(self._ready(), self._operations.ask(asking.verify, email_address))

    def expand(self, email_address: str) -> tuple[str, ...]:
        """Ask the server for the members of a list (EXPN); each also fires the Expand event.

        Args:
            email_address: The list's name or address.

        Returns:
            The members, each an address, perhaps with a name.

        Raises:
            Refused: There is no such list, or the server does not answer the question.
        """
        return self._run(self._ready(), self._operations.ask(asking.expand, email_address))

    def send_command(self, command: str) -> Reply:
        """Send one line exactly as it is, and return the reply, whatever it is.

        Args:
            command: The line without its end; control characters are refused.

        Raises:
            NotConnected: There is no connection.
            ForbiddenCharacter: The line holds a control character.
        """
        return self._run(self._plan(), self._operations.say(command))

    def do_events(self) -> None:
        """Look for at most SelectWaitMillis what the server did meanwhile; a connection it closed is closed here."""
        plan = self._plan()
        self._run(plan, self._operations.do_events(plan.settings.select_wait_millis / 1000))

    def queue(self, queue_dir: str | os.PathLike[str], *, priority: int = 5, not_before: datetime | None = None) -> str:
        """Put the message into a queue directory; once this returns, it survives a loss of power.

        No server is needed; ``process_queue`` sends it. Streams and files are copied into the queue.

        Args:
            queue_dir: The directory, which must exist. "*" gives the queue file as text and writes nothing.
            priority: 0 to 9; 0 goes first.
            not_before: It is not sent before that moment.

        Returns:
            The name of the new file, which ends with ".queued"; for "*" its content.

        Raises:
            QueueUnusable: There is no such directory, or the disk is full or broken; nothing was queued.
            SenderMissing: from_ is empty.
            RecipientMissing: There is no recipient.
        """
        plan = self._plan()
        wishes = Wishes(priority, not_before)
        return self._run(plan, enqueueing.put(plan, os.fspath(queue_dir), *self._prepared(plan), wishes))

    def queue_many(
        self,
        queue_dir: str | os.PathLike[str],
        messages: Iterable[Message | bytes | Composed],
        *,
        priority: int = 5,
        not_before: datetime | None = None,
    ) -> list[str | SMTPError]:
        """Put finished messages into a queue directory, many of them with one wait for the disk.

        Args:
            queue_dir: The directory, which must exist.
            messages: What ``send_message`` takes. Where the iterable raises, what it gave before is queued, and the error
                goes on.
            priority: 0 to 9; 0 goes first.
            not_before: None of them is sent before that moment.

        Returns:
            For each message, in order, the name of its file, or the error because of which it is not queued.

        Raises:
            QueueUnusable: There is no such directory.
        """
        plan = self._plan()
        flow = enqueueing.put_many(
            plan, os.fspath(queue_dir), messages, self._session.host_name, Wishes(priority, not_before)
        )
        return self._run(plan, flow)

    def process_queue(
        self,
        queue_dir: str | os.PathLike[str],
        *,
        retry: bool = False,
        max_age: float = MAX_AGE,
        stop: Callable[[], bool] | None = None,
        progress: Callable[[QueueEntry, int], object] | None = None,
    ) -> QueueReport:
        """Send the messages of a queue directory, overlapped where the server can.

        A message that was sent is removed, or called ".sent" with KeepQueue. One that was not becomes ".failed", fires
        Error, and the run goes on. When nobody knows whether it was taken it becomes ".failed" too, and is never sent
        again by itself. What can't be sent because of the server stays ".queued". Many processes and threads may work
        at one directory. With the QueueConnections setting several connections are used; handlers of events are called
        in their threads.

        Args:
            queue_dir: The directory.
            retry: Whether messages that the server refuses for now (4xx) wait for a later run instead of failing.
            max_age: Seconds after which a message is not tried again.
            stop: Asked between two messages; when it is true, what is in flight is finished, and the rest stays queued.
            progress: Called with what became of each message, and the number of those that still wait.

        Returns:
            What became of each message.

        Raises:
            QueueUnusable: There is no such directory.
            QueueIncomplete: Not everything was sent; ``report`` has what became of each message.
        """
        plan = self._ready()
        manner = Manner(retry, max_age, stop, progress)
        with helpers.Helpers(self, plan) as others:
            return self._run(plan, self._queueing.process(plan, os.fspath(queue_dir), manner, others))
