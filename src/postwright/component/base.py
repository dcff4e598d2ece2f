"""What SMTP and AsyncSMTP have in common: properties, settings, recipients, attachments, the last message.

Nothing in this module talks to a server.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from postwright import events
from postwright.component.addressing import Addressing
from postwright.component.attachments import Bodies
from postwright.component.composed import Composing
from postwright.component.recipients import MessageRecipients, View
from postwright.component.rooms import clock, configuring, mime, operations, sessions, states, writing
from postwright.component.signals import Signal, Signals
from postwright.errors import AlreadyConnecting, Busy
from postwright.events import HANDLERS
from postwright.options import PROPERTIES, Plan, Properties, Settings, Store

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable
    from email.message import Message
    from typing import BinaryIO

    from postwright.component.composed import Composed
    from postwright.component.pooling import Pooling
    from postwright.component.queueing import Helpers, Queueing
    from postwright.drive import Driver
    from postwright.enums import Outcome
    from postwright.message.draft import Draft
    from postwright.message.mime import Attachment
    from postwright.session.session import Session
    from postwright.words import Envelope

_HEADER_OPTIONS = (
    "delivery_notification_to",
    "from_",
    "importance",
    "message_date",
    "message_id",
    "other_headers",
    "priority",
    "read_receipt_to",
    "reply_to",
    "return_path",
    "sensitivity",
    "subject",
)


class Component(Addressing, Composing, Properties, Signals):
    """The properties, settings and events of an SMTP client.

    Args:
        **values: Any property, or event handler, by its Python name.

    Raises:
        TypeError: A keyword is no property.
    """

    _writable: ClassVar = frozenset(
        {"send_to", "cc", "bcc", "attached_file", "address_check", "message_recipient_count"}
    )

    _driver: Driver
    _run: Callable[..., Any]
    _crew: Pooling[Any] | Helpers | None = None
    """The further connections of a method in progress."""

    on_connection_status = Signal[events.ConnectionStatus]()
    on_end_transfer = Signal[events.EndTransfer]()
    on_error = Signal[events.Error]()
    on_expand = Signal[events.Expand]()
    on_pi_trail = Signal[events.PITrail]()
    on_ssl_server_authentication = Signal[events.SSLServerAuthentication]()
    on_ssl_status = Signal[events.SSLStatus]()
    on_start_transfer = Signal[events.StartTransfer]()
    on_transfer = Signal[events.Transfer]()

    def __init__(self, **values: Any) -> None:
        store = Store()
        store.host_name = clock.host_name
        super().__init__(store)
        self._settings = Settings(store)
        self._recipients = MessageRecipients()
        self._bodies = Bodies()
        self._listen()
        self._last_plan = Plan.of(store)
        self._present = Plan(self, self._settings)
        """All options as they are, for what is done at once."""
        session = sessions.Session(
            self._last_plan, clock=clock.monotonic, host_name=clock.host_name(), wanted=self._wanted
        )
        self._operations = operations.Operations(session)
        store.live = self._live
        for name, value in values.items():
            if name not in PROPERTIES and name not in HANDLERS and name not in self._writable:
                raise TypeError(f"{type(self).__name__}() has no property '{name}'")
            setattr(self, name, value)

    def __repr__(self) -> str:
        state = "connected" if self._session.connected else "not connected"
        return f"<{type(self).__name__} {self.mail_server or 'without a server'}:{self.mail_port}, {state}>"

    @property
    def _queueing(self) -> Queueing:
        from postwright.component.queueing import Queueing  # noqa: PLC0415 - most programs send no queue

        return Queueing(self._operations)

    @property
    def _session(self) -> Session:
        return self._operations.session

    def _live(self, key: str) -> Any:
        """Return a value that is known only while connected, or after sending."""
        sent = self._operations.sent
        if key == "message_headers_string":
            return sent.headers.decode("utf-8", "surrogateescape")
        if key == "transfer_text":
            return sent.text()
        fact = self._session.facts.get(key)
        return fact() if callable(fact) else fact

    # Settings

    @property
    def settings(self) -> Settings:
        """Every setting as a typed attribute: ``smtp.settings.max_header_length = 100``."""
        return self._settings

    def config(self, configuration_string: str) -> str:
        """Set or read a setting by the reference's name.

        Args:
            configuration_string: "Name=Value" sets, "Name" reads; names match in any case.

        Returns:
            The setting's value as text.

        Raises:
            UnknownSetting: There is no such setting.
            InvalidValue: The value is not allowed; the old one stays.
        """
        return configuring.config(self._store, configuration_string)

    # What is sent beside the text

    @property
    def attachments(self) -> list[Attachment]:
        """The attachments, in order; see ``add_attachment``."""
        return self._bodies.attachments

    def add_attachment(
        self,
        source: str | os.PathLike[str] | bytes | BinaryIO,
        name: str | None = None,
        content_type: str | None = None,
        content_id: str | None = None,
    ) -> Attachment:
        """Add a file to the message; it is read while it is sent, and never held in memory as a whole.

        Args:
            source: A path, bytes, or a binary file object.
            name: The file name that the recipient sees; by default the path's.
            content_type: For example "application/pdf"; by default guessed from the name.
            content_id: Makes it an inline part of ``message_html``, for ``<img src="cid:...">``.

        Returns:
            The attachment, which is in ``attachments`` too.
        """
        made = mime.Attachment(source, name=name, content_type=content_type, content_id=content_id)
        self._bodies.attachments.append(made)
        return made

    @property
    def attached_file(self) -> str:
        """Path of a file that is sent as it is behind the text; "" for none."""
        return str(self._bodies.attached_file)

    @attached_file.setter
    def attached_file(self, value: str | os.PathLike[str]) -> None:
        self._bodies.attached_file = value
        if value:
            self._bodies.stream = None

    def set_message_stream(self, message_stream: Any) -> None:
        """Take the body from a binary stream: all of it, from where it stands to its end.

        It is closed after sending, unless the CloseStreamAfterTransfer setting is False. It replaces
        ``attached_file``.

        Args:
            message_stream: A binary file object, or an iterator of bytes; for AsyncSMTP its ``read`` may be a coroutine
                function, and the iterator an asynchronous one. None for none.
        """
        self._bodies.stream = message_stream
        if message_stream is not None:
            self._bodies.attached_file = ""

    # The last message

    @property
    def message_header_count(self) -> int:
        """How many headers the message had that was sent last."""
        return len(self._operations.sent.fields)

    @property
    def message_header_field(self) -> View[str]:
        """The names of the headers by index, as they were sent."""
        return View(lambda: self._operations.sent.fields, 0, writable=False)

    @property
    def message_header_value(self) -> View[str]:
        """The values of the headers by index, as they were sent, unfolded."""
        return View(lambda: self._operations.sent.fields, 1, writable=False)

    @property
    def last_reply(self) -> str:
        """The server's last reply, line by line as it came."""
        reply = self._session.last_reply
        if reply is None:
            return ""
        last = len(reply.lines) - 1
        return "\r\n".join(f"{reply.code}{' ' if i == last else '-'}{line}" for i, line in enumerate(reply.lines))

    @property
    def last_outcome(self) -> Outcome | None:
        """What became of the message that was sent last, also where a handler's own exception ended the method."""
        return self._operations.sent.outcome

    @property
    def address_check(self) -> Callable[[str], object] | None:
        """A function that is asked with each IP address before it is dialed; what it does not accept is not dialed.

        It is for services whose users choose the mail server: a name may lead to an address inside your own network.
        """
        return self._session.address_check

    @address_check.setter
    def address_check(self, value: Callable[[str], object] | None) -> None:
        self._session.address_check = value

    @property
    def remote_address(self) -> str:
        """The IP address at the other end while connected, else ""; through a proxy it is the proxy's."""
        return str(self._session.facts.get("remote_address", ""))

    # Starting over

    def reset_headers(self) -> None:
        """Set all message headers, and the recipients, to their defaults."""
        for name in _HEADER_OPTIONS:
            self._store.values.pop(name, None)
        self._recipients.clear()

    def reset(self) -> None:
        """Set everything to its default; a connection is closed at once. Event handlers stay.

        Raises:
            Busy: A method is in progress.
        """
        if self._driver.busy:
            raise Busy
        self._drop()
        self._store.reset()
        self._recipients.clear()
        self._bodies = Bodies()
        self._operations.sent = type(self._operations.sent)()

    # The method in progress

    @property
    def idle(self) -> bool:
        """Whether no method is in progress."""
        return not self._driver.busy

    def interrupt(self) -> None:
        """End the method in progress with error 301; from any thread, or from a handler. Else do nothing."""
        self._driver.interrupt()
        if self._crew is not None:
            self._crew.interrupt()

    def _drop(self) -> None:
        """Close the line without a word."""
        self._session.lost()
        self._driver.hang_up()
        self._store.locked = False

    # What the methods of both classes begin with

    def _plan(self) -> Plan:
        """Return the plan of an operation; as long as nothing is set it is the same one."""
        plan = self._last_plan
        if plan.properties._store.values != self._store.values:
            plan = self._last_plan = Plan.of(self._store)
        return plan

    def _ready(self) -> Plan:
        """Return the plan of a new connection.

        Raises:
            MailServerMissing: There is no server to connect to.
        """
        plan = self._plan()
        if not self._session.connected:
            writing.check_server(plan)
        return plan

    def _ready_to_connect(self) -> Plan:
        """Return the plan of a new connection that is asked for by name.

        Raises:
            AlreadyConnecting: Another thread or task is at it.
        """
        if self._driver.busy and self._session.state in {
            states.State.CLOSED,
            states.State.DIALED,
            states.State.GREETED,
        }:
            raise AlreadyConnecting
        return self._ready()

    def _limit(self, plan: Plan) -> float | None:
        """Return the seconds that a whole method may take, where timeouts are absolute."""
        return plan.properties.timeout or None if plan.settings.absolute_timeout else None

    def _prepared(self, plan: Plan) -> tuple[Envelope, Draft]:
        """Return the message that the properties describe; nothing was sent when this raises."""
        return writing.composed(plan, self._recipients, self._bodies, self._operations.session.host_name)

    def _adopted(
        self,
        plan: Plan,
        message: Message | bytes | Composed,
        from_addr: str | None = None,
        to_addrs: str | Iterable[str] | None = None,
    ) -> tuple[Envelope, Draft]:
        """Return a finished message and its envelope; nothing was sent when this raises."""
        return writing.adopted(plan, self._session.host_name, message, from_addr, to_addrs)
