"""What is sent beside the text: attachments, a stream, an attached file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import os

    from postwright.message.mime import Attachment


class Bodies:
    """The parts of a message that are no plain values."""

    __slots__ = ("attached_file", "attachments", "stream")

    def __init__(self) -> None:
        self.attachments: list[Attachment] = []
        self.attached_file: str | os.PathLike[str] = ""
        self.stream: Any = None

    @property
    def plain(self) -> bool:
        """Whether there is nothing that stands behind the text, or in its place."""
        return self.stream is None and not self.attached_file
