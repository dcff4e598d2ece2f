"""The properties that say who receives the message: records, flat views, and comma-separated text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.component.recipients import View
from postwright.enums import RecipientType
from postwright.options import COMPUTED

if TYPE_CHECKING:
    from postwright.component.recipients import MessageRecipients


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
        self._recipients.replace(RecipientType.TO, COMPUTED["send_to"].kind.check("SendTo", value))

    @property
    def cc(self) -> str:
        """The Cc recipients, separated by commas; setting it replaces them."""
        return self._recipients.text(RecipientType.CC)

    @cc.setter
    def cc(self, value: str) -> None:
        self._recipients.replace(RecipientType.CC, COMPUTED["cc"].kind.check("Cc", value))

    @property
    def bcc(self) -> str:
        """The Bcc recipients, who are in no header; setting it replaces them."""
        return self._recipients.text(RecipientType.BCC)

    @bcc.setter
    def bcc(self, value: str) -> None:
        self._recipients.replace(RecipientType.BCC, COMPUTED["bcc"].kind.check("BCc", value))

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
