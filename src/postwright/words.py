"""The words of RFC 5321 that every room shares: reply, address, recipient, envelope, result."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, ClassVar, NamedTuple

from postwright.enums import Outcome, RecipientType
from postwright.lazy import pattern
from postwright.record import Frozen, Record

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Final

_ENHANCED = pattern(r"([245])\.(\d{1,3})\.(\d{1,3})(?: |\Z)", re.ASCII)
_QUEUE_ID = pattern(
    r"(?:queued as|id[= ]|queued mail for delivery as|\bas id) ?<?([A-Za-z0-9][A-Za-z0-9._-]{4,99})>?"
    r"|([A-Za-z0-9][A-Za-z0-9._-]{4,99}) Message accepted for delivery",  # Sendmail
    re.ASCII,
)


class Reply(Record):
    """One reply of the server (RFC 5321 section 4.2): a code, and one text for each of its lines.

    Bytes of the server that are not UTF-8 stand in the text as surrogate escapes.
    """

    __slots__ = ("code", "lines")

    def __init__(self, code: int, lines: tuple[str, ...]) -> None:
        self.code: Final = code
        self.lines: Final = lines

    @property
    def enhanced(self) -> str | None:
        """The enhanced status code, as "5.1.1" (RFC 2034, RFC 3463), or None."""
        match = _ENHANCED.match(self.lines[0]) if self.lines else None
        return match.group(0).strip() if match else None

    @property
    def text(self) -> str:
        """The reply's text without codes; lines are joined by a line feed."""
        skip = len(self.enhanced or "")
        if not skip:
            return "\n".join(self.lines)
        prefix = self.lines[0][:skip]
        return "\n".join(line[skip:].lstrip(" ") if line.startswith(prefix) else line for line in self.lines)

    @property
    def is_positive(self) -> bool:
        """Whether the command was done (2yz) or may go on (3yz)."""
        return self.code < 400

    @property
    def is_transient(self) -> bool:
        """Whether the refusal is for now only (4yz): trying again later may help."""
        return 400 <= self.code < 500

    @property
    def queue_id(self) -> str | None:
        """The identifier under which the server queued the message, where its text gives one."""
        match = _QUEUE_ID.search(self.lines[-1]) if self.code == 250 and self.lines else None
        return match[match.lastindex or 0] if match else None

    def __str__(self) -> str:
        return f"{self.code} " + " / ".join(printable(line) for line in self.lines)


def printable(text: str) -> str:
    """Return the text with control characters and undecodable bytes escaped, safe for a terminal and a log."""
    if text.isprintable():
        return text
    return "".join(
        c
        if c.isprintable()
        else f"\\x{ord(c) - 0xDC00:02x}"
        if "\udc80" <= c <= "\udcff"
        else c.encode("unicode_escape").decode()
        for c in text
    )


class Address(Record):
    """A mailbox: a local part, a domain and perhaps a display name, all as Unicode text, unquoted.

    ``domain`` is a name or an address literal in brackets. The null reverse-path has two empty strings. ``spec`` is
    the mailbox as headers and commands have it, once ``message.addresses`` has found that it is one; ``written`` is
    that with the display name, once ``message.headers`` has found that nothing of it needs quotes or encoding.
    """

    __slots__ = ("domain", "local_part", "name", "spec", "written")

    def __init__(self, local_part: str, domain: str, name: str = "") -> None:
        self.local_part: Final = local_part
        self.domain: Final = domain
        self.name: Final = name
        self.spec: str | None = None
        self.written: str | None = None

    def __hash__(self) -> int:
        return hash((self.local_part, self.domain, self.name))

    __eq__ = Record.__eq__


class Recipient(Record):
    """A recipient as the envelope has it; ``options`` are ESMTP parameters such as NOTIFY=SUCCESS."""

    __slots__ = ("address", "options", "type")

    def __init__(
        self,
        address: Address,
        type: RecipientType = RecipientType.TO,  # noqa: A002 - the reference's name
        options: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.address: Final = address
        self.type: Final = type
        self.options: Final = options


class Envelope(Record):
    """Who sends and who receives, apart from what the headers say."""

    __slots__ = ("recipients", "reverse_path")

    def __init__(self, reverse_path: Address, recipients: tuple[Recipient, ...]) -> None:
        self.reverse_path: Final = reverse_path
        self.recipients: Final = recipients


class RecipientResult(Record):
    """What the server said about one recipient; ``reply`` is None when it was never asked."""

    __slots__ = ("accepted", "address", "reply", "type")

    def __init__(self, address: str, type: RecipientType, accepted: bool, reply: Reply | None) -> None:  # noqa: A002 - the reference's name
        self.address: Final = address
        self.type: Final = type
        self.accepted: Final = accepted
        self.reply: Final = reply


class SendResult(Record):
    """A message that the server took; ``recipients`` has every recipient, in the order they were offered.

    ``earlier`` has the replies to earlier transactions, where one did not take all recipients at once.
    """

    __slots__ = ("earlier", "message_id", "recipients", "reply")
    partly_refused: ClassVar[Callable[[SendResult], Exception]]
    """The error of ``raise_for_refused``; it stands a floor above, and puts itself here."""

    def __init__(
        self,
        reply: Reply,
        message_id: str,
        recipients: tuple[RecipientResult, ...],
        earlier: tuple[Reply, ...] = (),
    ) -> None:
        self.reply: Final = reply
        self.message_id: Final = message_id
        self.recipients: Final = recipients
        self.earlier: Final = earlier

    @property
    def queue_id(self) -> str | None:
        """The server's identifier of the message, where its reply gives one."""
        return self.reply.queue_id

    @property
    def accepted(self) -> tuple[RecipientResult, ...]:
        """The recipients that the server took."""
        return tuple(r for r in self.recipients if r.accepted)

    @property
    def refused(self) -> tuple[RecipientResult, ...]:
        """The recipients that the server did not take."""
        return tuple(r for r in self.recipients if not r.accepted)

    def raise_for_refused(self) -> None:
        """Do nothing if the server took every recipient.

        Raises:
            PartlyRefused: It took the message, but not for all of its recipients; ``result`` is this result.
        """
        if self.refused:
            raise type(self).partly_refused(self)


class QueueEntry(Frozen):
    """What became of one file of a queue in a run.

    Attributes:
        name: The file's name when the run found it.
        state: "sent", "failed", "deferred" (it waits for its next attempt; where there is a result, for the recipients
            that were refused for now), or "refused": it is not an ordinary file of ours, and was not touched.
        outcome: What became of the mail.
        error: Why it was not sent.
        result: The server's answers, where it was sent.
    """

    name: str
    state: str
    outcome: Outcome
    error: Exception | None = None
    result: SendResult | None = None


class QueueReport(Frozen):
    """What a run did with a queue.

    Attributes:
        entries: What became of each file that it worked at, in that order.
        left: How many messages were due and stayed in the queue.
        stopped: The error that ended the run before its end, such as a server that can't be reached.
    """

    entries: tuple[QueueEntry, ...] = ()
    left: int = 0
    stopped: Exception | None = None

    @property
    def sent(self) -> tuple[QueueEntry, ...]:
        """What the server took."""
        return self._in("sent")

    @property
    def failed(self) -> tuple[QueueEntry, ...]:
        """What was not sent, or may have been: ``outcome`` says which."""
        return self._in("failed", "refused")

    @property
    def unknown(self) -> tuple[QueueEntry, ...]:
        """What may have been sent; a person must decide, since sending it again may make a second one."""
        return tuple(entry for entry in self.entries if entry.outcome is Outcome.UNKNOWN)

    @property
    def deferred(self) -> tuple[QueueEntry, ...]:
        """What waits for its next attempt."""
        return self._in("deferred")

    def _in(self, *states: str) -> tuple[QueueEntry, ...]:
        return tuple(entry for entry in self.entries if entry.state in states)


class Line(NamedTuple):
    """Both ends of a TCP connection, as numeric addresses and ports."""

    remote_host: str
    remote_port: int
    local_host: str
    local_port: int


class Target(NamedTuple):
    """Whom to dial, and how: everything that a driver must know to open a connection; times in seconds."""

    host: str
    port: int
    timeout: float | None = None
    use_ipv6: int = 2
    local_host: str = ""
    local_port: int = 0
    no_delay: bool = True
    keep_alive: bool = False
    keep_alive_time: int | None = None
    """Milliseconds of silence before the first probe; None leaves it to the system, as below."""
    keep_alive_interval: int | None = None
    """Milliseconds between probes."""
    keep_alive_count: int | None = None
    linger: bool = True
    linger_time: int = 0
    in_buffer: int | None = None
    out_buffer: int | None = None
    check: Callable[[str], object] | None = None
    """Asked with each IP address before it is dialed; an answer that is not true refuses it."""
