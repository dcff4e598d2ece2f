"""One test body for both clients: AsyncSMTP's coroutines are run to their end on a loop of their own."""

import asyncio
import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from postwright import SMTP, AsyncSMTP


async def _collected(results: Any) -> list[Any]:
    return [result async for result in results]


class Client:
    """An SMTP or AsyncSMTP whose methods can be called the same way."""

    def __init__(self, runner: asyncio.Runner | None, values: dict[str, Any]) -> None:
        object.__setattr__(self, "smtp", AsyncSMTP(**values) if runner else SMTP(**values))
        object.__setattr__(self, "runner", runner)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.smtp, name)
        if name == "send_many":
            return self._send_many
        if not inspect.iscoroutinefunction(found):
            return found
        return lambda *args, **kwargs: self.runner.run(found(*args, **kwargs))

    def _send_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        results = self.smtp.send_many(*args, **kwargs)
        return self.runner.run(_collected(results)) if self.runner else list(results)

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.smtp, name, value)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the connection that a test opens, and disconnect at the end."""
        try:
            yield
        finally:
            self.disconnect()
