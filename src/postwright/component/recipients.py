"""The recipient list: records, the reference's flat views of them, and send_to, cc and bcc as text."""

from __future__ import annotations

import re
from collections.abc import MutableSequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

from postwright.component.rooms import addresses, xtext
from postwright.enums import RecipientType
from postwright.errors import ForbiddenCharacter, InvalidValue
from postwright.lazy import pattern
from postwright.words import Address, Recipient, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


T = TypeVar("T")

_NOBODY = Address("", "")
_NEW = Recipient(_NOBODY)
_KEYWORD = pattern(r"[A-Za-z0-9][A-Za-z0-9-]*", re.ASCII)  # esmtp-keyword (RFC 5321 section 4.1.2)
_VALUE = pattern(r"[!-<>-~]+", re.ASCII)  # esmtp-value
_ENCODED = pattern(r"(?:[^+]|\+[0-9A-F]{2})*\+[0-9A-F]{2}(?:[^+]|\+[0-9A-F]{2})*")
_NOTIFY = {"SUCCESS", "FAILURE", "DELAY"}


class MessageRecipient:
    """One recipient of the message.

    Args:
        address: A mailbox, with or without a display name.
        name: The display name, in place of the one in ``address``.
        type: To, Cc or Bcc.
        options: ESMTP parameters for RCPT, such as ``NOTIFY=SUCCESS,FAILURE`` (RFC 3461).
    """

    __slots__ = ("_frozen",)

    def __init__(self, address: str = "", name: str = "", type: int = RecipientType.TO, options: str = "") -> None:  # noqa: A002 - the reference's name
        self._frozen = _NEW
        self.address = address
        if name:
            self.name = name
        self.type = type
        self.options = options

    @classmethod
    def of(cls, recipient: Recipient) -> MessageRecipient:
        """Return a record of a recipient that was read already."""
        made = cls.__new__(cls)
        made._frozen = recipient
        return made

    @property
    def address(self) -> str:
        """The email address, without a display name."""
        mailbox = self.mailbox
        return addresses.addr_spec(mailbox) if mailbox.local_part else ""

    @address.setter
    def address(self, value: str) -> None:
        parsed = addresses.parse_mailbox(value) if value else _NOBODY
        self._set(mailbox=parsed if parsed.name else Address(parsed.local_part, parsed.domain, self.name))

    @property
    def name(self) -> str:
        """The display name."""
        return self.mailbox.name

    @name.setter
    def name(self, value: str) -> None:
        if any(ord(c) < 32 or c == "\x7f" for c in value):
            raise ForbiddenCharacter(f"a name may not hold control characters: '{printable(value)}'")
        self._set(mailbox=Address(self.mailbox.local_part, self.mailbox.domain, value))

    @property
    def type(self) -> RecipientType:
        """To, Cc or Bcc."""
        return self._frozen.type

    @type.setter
    def type(self, value: int) -> None:
        try:
            self._set(kind=RecipientType(value))
        except ValueError:
            raise InvalidValue("the type of a recipient is 0 (To), 1 (Cc) or 2 (Bcc)") from None

    @property
    def options(self) -> str:
        """ESMTP parameters for RCPT, as they will be sent."""
        return " ".join(f"{key}={value}" if value else key for key, value in self._frozen.options)

    @options.setter
    def options(self, value: str) -> None:
        self._set(options=parse_options(value))

    @property
    def mailbox(self) -> Address:
        """The address and name as one value."""
        return self._frozen.address

    def frozen(self) -> Recipient:
        """Return the recipient as the envelope has it."""
        return self._frozen

    def _set(
        self,
        mailbox: Address | None = None,
        kind: RecipientType | None = None,
        options: tuple[tuple[str, str], ...] | None = None,
    ) -> None:
        old = self._frozen
        self._frozen = Recipient(
            old.address if mailbox is None else mailbox,
            old.type if kind is None else kind,
            old.options if options is None else options,
        )

    def __repr__(self) -> str:
        return f"MessageRecipient({self.address!r}, {self.name!r}, {self.type!r}, {self.options!r})"


def parse_options(text: str) -> tuple[tuple[str, str], ...]:
    """Return RCPT's parameters; ``NOTIFY SUCCESS`` is taken as ``NOTIFY=SUCCESS``.

    Raises:
        InvalidValue: It is no list of ESMTP parameters, or NOTIFY has a value that RFC 3461 section 4.1 does not know.
    """
    words = text.split(" ")
    pairs: list[tuple[str, str]] = []
    index = 0
    while index < len(words):
        key, equals, value = words[index].partition("=")
        index += 1
        if not (key or equals):
            continue
        key = key.upper()
        if not equals and key in {"NOTIFY", "ORCPT"} and index < len(words):
            value = words[index]
            index += 1
        value = _orcpt(value) if key == "ORCPT" else value
        if not _KEYWORD.fullmatch(key) or (value and not _VALUE.fullmatch(value)) or (equals and not value):
            raise InvalidValue(f"recipient options must be KEYWORD=value words: '{printable(text)}'")
        pairs.append((key, _notify(value) if key == "NOTIFY" else value))
    return tuple(pairs)


def _notify(value: str) -> str:
    asked = value.upper().split(",")
    if asked != ["NEVER"] and not (set(asked) <= _NOTIFY and len(set(asked)) == len(asked)):
        raise InvalidValue(f"NOTIFY is NEVER, or some of SUCCESS, FAILURE and DELAY: '{printable(value)}'")
    return ",".join(asked)


def _orcpt(value: str) -> str:
    """Return an original recipient as xtext (RFC 3461 section 4.2); one that is encoded already is kept."""
    kind, semicolon, address = value.partition(";")
    if not (semicolon and kind and address):
        raise InvalidValue(
            f"ORCPT is a type and an address, as in ORCPT=rfc822;someone@example.org: '{printable(value)}'"
        )
    return value if _ENCODED.fullmatch(address) else f"{kind};{xtext.encode(address)}"


class MessageRecipients(MutableSequence[MessageRecipient]):
    """All recipients, in the order they will be offered to the server."""

    def __init__(self) -> None:
        self._told: tuple[Recipient, ...] = ()  # for as long as nobody has asked for a record
        self._records: list[MessageRecipient] | None = None

    @property
    def _rows(self) -> list[MessageRecipient]:
        if self._records is None:
            self._records = [MessageRecipient.of(recipient) for recipient in self._told]
        return self._records

    def __len__(self) -> int:
        return len(self._told if self._records is None else self._records)

    def __iter__(self) -> Iterator[MessageRecipient]:
        return iter(self._rows)

    @overload
    def __getitem__(self, index: int) -> MessageRecipient: ...
    @overload
    def __getitem__(self, index: slice) -> list[MessageRecipient]: ...
    def __getitem__(self, index: int | slice) -> MessageRecipient | list[MessageRecipient]:
        return self._rows[index]

    def __setitem__(self, index: Any, value: Any) -> None:
        self._rows[index] = value

    def __delitem__(self, index: int | slice) -> None:
        del self._rows[index]

    def insert(self, index: int, value: MessageRecipient) -> None:
        """Insert a recipient."""
        self._rows.insert(index, value)

    def add(self, address: str, name: str = "", type: int = RecipientType.TO, options: str = "") -> MessageRecipient:  # noqa: A002 - the reference's name
        """Add a recipient and return its record; see ``MessageRecipient`` for the arguments."""
        row = MessageRecipient(address, name, type, options)
        self._rows.append(row)
        return row

    def frozen(self) -> tuple[Recipient, ...]:
        """Return the recipients as the envelope has them."""
        rows = self._records
        return self._told if rows is None else tuple([row._frozen for row in rows])

    def resize(self, count: int) -> None:
        """Grow with empty To records, or cut, to the given count."""
        if count < 0:
            raise InvalidValue("a count can't be negative")
        del self._rows[count:]
        self._rows.extend(MessageRecipient() for _ in range(count - len(self._rows)))

    def text(self, kind: RecipientType) -> str:
        """Return the recipients of one type, separated by commas."""
        return ", ".join(_shown(row.mailbox) for row in self._rows if row.type is kind and row.address)

    def replace(self, kind: RecipientType, fresh: Iterable[Recipient]) -> None:
        """Replace the recipients of one type."""
        if self._records is None:
            told = self._told
            self._told = (*[each for each in told if each.type is not kind], *fresh) if told else tuple(fresh)
        else:
            kept = [row for row in self._records if row._frozen.type is not kind]
            self._records = [*kept, *[MessageRecipient.of(each) for each in fresh]]


def _shown(address: Address) -> str:
    spec = addresses.addr_spec(address)
    if not address.name:
        return spec
    name = address.name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{name}" <{spec}>'


class View(Generic[T]):
    """One field of all records as a sequence: ``smtp.message_recipient_address[0]``."""

    __slots__ = ("_field", "_rows", "_writable")

    def __init__(self, rows: Callable[[], Iterable[Any]], field: str | int, *, writable: bool) -> None:
        self._rows = rows
        self._field = field
        self._writable = writable

    def __len__(self) -> int:
        return len(list(self._rows()))

    def __iter__(self) -> Iterator[T]:
        return iter([self._of(row) for row in self._rows()])

    def __getitem__(self, index: int) -> T:
        return self._of(list(self._rows())[index])

    def __setitem__(self, index: int, value: T) -> None:
        if not self._writable:
            raise InvalidValue("this can only be read")
        setattr(list(self._rows())[index], str(self._field), value)

    def _of(self, row: Any) -> T:
        value: T = row[self._field] if isinstance(self._field, int) else getattr(row, self._field)
        return value

    def __repr__(self) -> str:
        return repr(list(self))
