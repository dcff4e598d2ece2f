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
        if inspect.isasyncgenfunction(found):
            return lambda *args, **kwargs: self.runner.run(_collected(found(*args, **kwargs)))
        if inspect.isgeneratorfunction(found):
            return lambda *args, **kwargs: list(found(*args, **kwargs))
        if not inspect.iscoroutinefunction(found):
            return found
        return lambda *args, **kwargs: self.runner.run(found(*args, **kwargs))

    def __setattr__(self, name: str, value: object) -> None:
        setattr(self.smtp, name, value)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Keep the connection that a test opens, and disconnect at the end."""
        try:
            yield
        finally:
            self.disconnect()
