"""What can be overlapped: which messages of a batch, with which server, and what is said for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from postwright.events import EndTransfer, PITrail, StartTransfer, Transfer
from postwright.message.addresses import wire_path
from postwright.session.delivery import SMALL
from postwright.session.transaction import stop_rules
from postwright.wire.commands import group
from postwright.wire.dots import Dots

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.errors import SMTPError
    from postwright.flow import Flow
    from postwright.message.draft import Draft
    from postwright.session.hearing import Hearing
    from postwright.session.session import Session
    from postwright.session.tally import Tally
    from postwright.words import Address, Envelope, SendResult

    Understood: TypeAlias = tuple[Envelope, Draft]

_SHOWN = frozenset({PITrail, StartTransfer, Transfer, EndTransfer})  # who listens gets them message by message

RSET = b"RSET\r\n"

overlap: dict[tuple[str, int], bool] = {}
"""By server: whether it understands commands behind a final dot in the same write; learned by trying."""


class Item:
    """One message of a batch, and where its end stands in the stream.

    Args:
        key: What its result is called.
        message: Its envelope and its draft, or a function that makes them when they are needed.
        alone: Whether it can't be overlapped.

    Attributes:
        body: All of it as DATA carries it, where that was made ahead.
        commands: What is said for it up to DATA, where that was made ahead.
        data: All of it, once it is known that it can be overlapped.
        eight_bit: Whether that has octets above 127.
        ways: For which line that is known.
        end_at: Where in the stream its end begins to be possible; None before that was offered.
        tries: How often it was offered.
        unread: What makes envelope and draft, as long as nobody looked at the message.
        earlier: What became of it in a transaction that had no room for those who are in this envelope.
    """

    __slots__ = (
        "alone",
        "body",
        "commands",
        "data",
        "draft",
        "earlier",
        "eight_bit",
        "end_at",
        "envelope",
        "key",
        "tries",
        "unread",
        "ways",
    )
    envelope: Envelope
    draft: Draft

    def __init__(self, key: int, message: Understood | Callable[[], Understood], *, alone: bool = False) -> None:
        self.key = key
        self.unread: Callable[[], Understood] | None = None
        if isinstance(message, tuple):
            self.envelope, self.draft = message
        else:
            self.unread = message
        self.alone = alone
        self.data = self.body = self.commands = b""
        self.eight_bit = False
        self.ways: Ways | None = None
        self.end_at: int | None = None
        self.tries = 0
        self.earlier: SendResult | None = None

    def understand(self) -> None:
        """Make envelope and draft of what was given, where that was put off.

        Raises:
            InvalidValue: It can't be sent; the subclass and the text say why.
        """
        if self.unread is not None:
            self.envelope, self.draft = self.unread()
            self.unread = None


class Ways:
    """What is the same for all messages over one connection; looked at once, when it is new.

    Args:
        session: The connection.

    Attributes:
        server: Its name and port.
        offered: The extensions that this was read from.
        overlapped: Whether the server and the settings let messages be overlapped.
        chunked: Whether bodies go as BDAT.
        counted: Whether the messages over this connection are limited in number.
    """

    __slots__ = (
        "_eight",
        "_limit",
        "_mail",
        "_most",
        "_sender",
        "_session",
        "_size",
        "_stops",
        "chunked",
        "counted",
        "offered",
        "overlapped",
        "server",
    )

    def __init__(self, session: Session) -> None:
        settings = session.plan.settings
        self._session = session
        self.server = session.server
        self.offered = session.extensions
        self.chunked = "CHUNKING" in self.offered and settings.use_chunking
        self.overlapped = (
            "PIPELINING" in self.offered
            and settings.use_pipelining
            and settings.send_rset
            and not (settings.body_type or settings.dsn_return or settings.envelope_id)
            and session.wanted.isdisjoint(_SHOWN)
            and session.allowance.domains is None
        )
        self.counted = session.allowance.counts(settings.max_messages_per_connection)
        self._most = session.allowance.recipients
        self._sender: Address | None = None  # many messages have the same one
        self._mail = ""
        self._stops = stop_rules(settings)
        self._limit = min(SMALL, self.offered.size_limit or SMALL)
        self._eight = "8BITMIME" in self.offered
        self._size = "SIZE" in self.offered

    def admits(self, item: Item) -> bool:
        """Whether a message can be overlapped, on this line and now."""
        return (item.ways is self or self._fits(item)) and not (self.counted and self._session.used_up)

    def _fits(self, item: Item) -> bool:
        """Whether a message can be overlapped: small, in memory, plain, and no refusal of a recipient can stop it."""
        draft, recipients = item.draft, item.envelope.recipients
        data = None if item.alone or item.earlier is not None else draft.whole
        if data is None or len(data) > self._limit:
            return False
        item.eight_bit = not data.isascii()
        if item.eight_bit and (draft.needs_utf8 or not self._eight):
            return False
        if not item.envelope.reverse_path.local_part.isascii():  # it needs SMTPUTF8
            return False
        single = len(recipients) == 1
        if not single and self._most and len(recipients) > self._most:
            return False
        for recipient in recipients:
            if recipient.options or not recipient.address.local_part.isascii():
                return False
            if not single and self._stops[recipient.type]:
                return False
        item.data, item.ways, item.commands = data, self, b""
        return True

    def group(self, item: Item) -> bytes:
        """Return MAIL, and RCPT for each recipient, in octets that the choke point passed."""
        sender = item.envelope.reverse_path
        if sender is not self._sender:
            self._sender, self._mail = sender, f"MAIL FROM:<{sender.spec or wire_path(sender)}>"
        size = f" SIZE={len(item.data)}" if self._size else ""
        lines = [f"{self._mail}{size} BODY=8BITMIME" if item.eight_bit else f"{self._mail}{size}"]
        for recipient in item.envelope.recipients:
            address = recipient.address
            lines.append(f"RCPT TO:<{address.spec or wire_path(address)}>")
        return group(lines)

    def chunks(self, items: list[Item], at: int) -> bytes:
        """Return what is written for messages with BDAT, and note where each of them ends.

        Args:
            items: The messages.
            at: Where in the stream this goes.
        """
        out: list[bytes] = []
        for item in items:
            size = len(item.data)
            head = self.group(item) + b"BDAT %d LAST\r\n" % size
            out += (head, item.data, RSET)
            item.end_at = at + len(head) + size - 1  # its last octet makes the message whole
            item.tries += 1
            at += len(head) + size + len(RSET)
        return b"".join(out)


class Way:
    """What both ways have in common.

    Args:
        session: The connection.
        ways: What can be overlapped on it.
        tally: The messages.
        ears: The replies.
        forbidden: Awaited with messages in flight before their ends are offered; settles those whose end must not be, and
            returns why; None where nobody wants to know.
    """

    def __init__(
        self,
        session: Session,
        ways: Ways,
        tally: Tally,
        ears: Hearing,
        forbidden: Callable[[list[Item]], Flow[list[SMTPError]]] | None,
    ) -> None:
        self._session, self._ways = session, ways
        self._tally, self._ears = tally, ears
        self._forbidden = forbidden


def dotted(data: bytes) -> bytes:
    """Return a whole message as DATA carries it, with the dot that ends it."""
    if b"\n." not in data and data[-2:] == b"\r\n" and data[0] != 46:  # as most are
        return data + b".\r\n"
    dots = Dots()
    return dots.feed(data) + dots.finish()
