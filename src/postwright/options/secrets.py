"""Secrets that may be functions: a password or a token that is asked for when somebody logs in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from postwright.options.kinds import SECRET, Kind

Source: TypeAlias = Callable[[], str | Awaitable[str]]
"""Gives a secret; on AsyncSMTP it may be a coroutine function."""

Secret: TypeAlias = str | Source


class SecretOrSource(Kind[Secret, Secret]):
    """A secret text, or a function that gives one; neither is ever shown."""

    python = "str"
    allowed = f"{SECRET.allowed}, or a function that gives it"
    secret = True

    def check(self, name: str, value: object) -> Secret:
        """Take texts of one line, and anything that can be called."""
        if callable(value):
            return value
        return SECRET.check(name, value)

    def parse(self, name: str, text: str) -> Secret:
        """Take a text of one line."""
        return SECRET.parse(name, text)

    def show(self, value: Secret) -> str:
        """Show a text as it is, for whoever set it, and nothing of a function."""
        return value if isinstance(value, str) else ""


SECRET_OR_SOURCE = SecretOrSource()
