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

    __slots__ = ("_address", "_options", "_type")

    def __init__(self, address: str = "", name: str = "", type: int = RecipientType.TO, options: str = "") -> None:  # noqa: A002 - the reference's name
        self._address = _NOBODY
        self._options: tuple[tuple[str, str], ...] = ()
        self.address = address
        if name:
            self.name = name
        self.type = type
        self.options = options

    @classmethod
    def of(cls, address: Address, kind: RecipientType) -> MessageRecipient:
        """Return a recipient for an address that was parsed already."""
        made = cls.__new__(cls)
        made._address = address
        made._type = kind
        made._options = ()
        return made

    @property
    def address(self) -> str:
        """The email address, without a display name."""
        return addresses.addr_spec(self._address) if self._address.local_part else ""

    @address.setter
    def address(self, value: str) -> None:
        if not value:
            self._address = Address("", "", self._address.name)
            return
        parsed = addresses.parse_mailbox(value)
        self._address = parsed if parsed.name else Address(parsed.local_part, parsed.domain, self._address.name)

    @property
    def name(self) -> str:
        """The display name."""
        return self._address.name

    @name.setter
    def name(self, value: str) -> None:
        if any(ord(c) < 32 or c == "\x7f" for c in value):
            raise ForbiddenCharacter(f"a name may not hold control characters: '{printable(value)}'")
        self._address = Address(self._address.local_part, self._address.domain, value)

    @property
    def type(self) -> RecipientType:
        """To, Cc or Bcc."""
        return self._type

    @type.setter
    def type(self, value: int) -> None:
        try:
            self._type = RecipientType(value)
        except ValueError:
            raise InvalidValue("the type of a recipient is 0 (To), 1 (Cc) or 2 (Bcc)") from None

    @property
    def options(self) -> str:
        """ESMTP parameters for RCPT, as they will be sent."""
        return " ".join(f"{key}={value}" if value else key for key, value in self._options)

    @options.setter
    def options(self, value: str) -> None:
        self._options = parse_options(value)

    @property
    def mailbox(self) -> Address:
        """The address and name as one value."""
        return self._address

    def frozen(self) -> Recipient:
        """Return the recipient as the envelope has it."""
        return Recipient(self._address, self._type, self._options)

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
        self._rows: list[MessageRecipient] = []

    def __len__(self) -> int:
        return len(self._rows)

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

    def resize(self, count: int) -> None:
        """Grow with empty To records, or cut, to the given count."""
        if count < 0:
            raise InvalidValue("a count can't be negative")
        del self._rows[count:]
        self._rows.extend(MessageRecipient() for _ in range(count - len(self._rows)))

    def text(self, kind: RecipientType) -> str:
        """Return the recipients of one type, separated by commas."""
        return ", ".join(_shown(row.mailbox) for row in self._rows if row.type is kind and row.address)

    def replace(self, kind: RecipientType, text: str) -> None:
        """Replace the recipients of one type; a text that can't be parsed changes nothing."""
        fresh = [MessageRecipient.of(address, kind) for address in addresses.parse_mailbox_list(text)]
        self._rows = [*[row for row in self._rows if row._type is not kind], *fresh]


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
