"""The root of all errors, and the register of their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from postwright.enums import Outcome

if TYPE_CHECKING:
    from postwright.words import RecipientResult, Reply

REGISTER: dict[int, list[type[SMTPError]]] = {}
"""Every error class by the reference's number; a few numbers mean two things, so there may be two classes."""

_FATE = {
    Outcome.NOT_SENT: "",
    Outcome.UNKNOWN: " It is not known whether the mail was taken: sending it again may deliver it twice.",
    Outcome.SENT: " The mail itself was taken by the server.",
}


class SMTPError(Exception):
    """Something went wrong; the subclass and ``code`` say what, ``outcome`` says what became of the mail.

    Args:
        detail: What happened, appended to the class's own message.
        reply: The server's reply, where there is one.
        outcome: What became of the mail.
        recipients: What is known of each recipient.
    """

    code: ClassVar[int] = 0
    summary: ClassVar[str] = ""
    outcome: Outcome
    reply: Reply | None
    recipients: tuple[RecipientResult, ...]

    def __init_subclass__(cls, code: int = 0, **kwargs: Any) -> None:
        """Give the class its number and take its message from the first line of its docstring."""
        super().__init_subclass__(**kwargs)
        cls.summary = (cls.__doc__ or "").strip().split("\n", 1)[0]
        if code:
            cls.code = code
            REGISTER.setdefault(code, []).append(cls)

    def __init__(
        self,
        detail: str = "",
        *,
        reply: Reply | None = None,
        outcome: Outcome = Outcome.NOT_SENT,
        recipients: tuple[RecipientResult, ...] = (),
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.reply = reply
        self.outcome = outcome
        self.recipients = recipients

    @property
    def message(self) -> str:
        """The error in words, without its number."""
        return f"{self.summary.rstrip('.')}: {self.detail}" if self.detail else self.summary

    @property
    def is_transient(self) -> bool:
        """Whether trying again later may help: a 4yz reply, or a line that failed."""
        return self.reply is not None and self.reply.is_transient

    def __str__(self) -> str:
        fate = _FATE[self.outcome]
        stop = "." if fate and self.message[-1:] not in {".", "!", "?"} else ""
        return f"[{self.code}] {self.message}{stop}{fate}"

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors travel between processes with all that they carry."""
        return _rebuild, (type(self), self.__dict__.copy())


def _rebuild(cls: type[SMTPError], state: dict[str, Any]) -> SMTPError:
    error = cls.__new__(cls, state.get("detail", ""))
    Exception.__init__(error, state.get("detail", ""))
    error.__dict__.update(state)
    return error
