"""The properties that say who receives the message: records, flat views, and comma-separated text."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from postwright.component.recipients import View
from postwright.component.rooms import addresses
from postwright.enums import RecipientType
from postwright.options import COMPUTED
from postwright.words import Recipient

if TYPE_CHECKING:
    from postwright.component.recipients import MessageRecipients

_KINDS = {"send_to": RecipientType.TO, "cc": RecipientType.CC, "bcc": RecipientType.BCC}
_LONGEST_KEPT = 320


def _read(text: str, key: str) -> tuple[Recipient, ...]:
    """Return the recipients that a property's text names."""
    option, kind = COMPUTED[key], _KINDS[key]
    checked = option.kind.check(option.name, text)
    return tuple([Recipient(address, kind) for address in addresses.parse_mailbox_list(checked)])


_kept = lru_cache(maxsize=256)(_read)
"""The same for short texts: mail goes to the same people again and again."""


class Addressing:
    """The recipients of the message, in the forms that the reference gives them."""

    _recipients: MessageRecipients

    @property
    def message_recipients(self) -> MessageRecipients:
        """The recipients as records with address, name, type and options."""
        return self._recipients

    @property
    def send_to(self) -> str:
        """The To recipients, separated by commas; setting it replaces them."""
        return self._recipients.text(RecipientType.TO)

    @send_to.setter
    def send_to(self, value: str) -> None:
        self._replace("send_to", value)

    @property
    def cc(self) -> str:
        """The Cc recipients, separated by commas; setting it replaces them."""
        return self._recipients.text(RecipientType.CC)

    @cc.setter
    def cc(self, value: str) -> None:
        self._replace("cc", value)

    @property
    def bcc(self) -> str:
        """The Bcc recipients, who are in no header; setting it replaces them."""
        return self._recipients.text(RecipientType.BCC)

    @bcc.setter
    def bcc(self, value: str) -> None:
        self._replace("bcc", value)

    def _replace(self, key: str, text: str) -> None:
        read = _kept if type(text) is str and len(text) <= _LONGEST_KEPT else _read
        self._recipients.replace(_KINDS[key], read(text, key))

    @property
    def message_recipient_count(self) -> int:
        """How many recipients there are; setting it grows or cuts the list."""
        return len(self._recipients)

    @message_recipient_count.setter
    def message_recipient_count(self, value: int) -> None:
        self._recipients.resize(value)

    @property
    def message_recipient_address(self) -> View[str]:
        """The recipients' addresses by index."""
        return View(lambda: self._recipients, "address", writable=True)

    @property
    def message_recipient_name(self) -> View[str]:
        """The recipients' display names by index."""
        return View(lambda: self._recipients, "name", writable=True)

    @property
    def message_recipient_options(self) -> View[str]:
        """The recipients' ESMTP parameters by index, such as ``NOTIFY=SUCCESS,FAILURE``."""
        return View(lambda: self._recipients, "options", writable=True)

    @property
    def message_recipient_type(self) -> View[RecipientType]:
        """The recipients' types by index."""
        return View(lambda: self._recipients, "type", writable=True)
