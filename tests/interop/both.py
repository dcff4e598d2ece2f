"""One test body for both clients: AsyncSMTP's coroutines are run to their end on a loop of their own."""

import asyncio
import inspect
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from postwright import SMTP, AsyncPool, AsyncSMTP, Pool


async def _collected(results: Any) -> list[Any]:
    return [result async for result in results]


class Client:
    """An SMTP or AsyncSMTP whose methods can be called the same way."""

    def __init__(
        self, runner: asyncio.Runner | None, values: dict[str, Any], smtp: SMTP | AsyncSMTP | None = None
    ) -> None:
        made = smtp or (AsyncSMTP(**values) if runner else SMTP(**values))
        object.__setattr__(self, "smtp", made)
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


class Lender:
    """A Pool or AsyncPool whose methods can be called the same way, also many at a time."""

    def __init__(self, runner: asyncio.Runner | None, size: int, values: dict[str, Any]) -> None:
        self.runner = runner
        self.pool: Pool | AsyncPool = AsyncPool(size, **values) if runner else Pool(size, **values)

    def __getattr__(self, name: str) -> Any:
        found = getattr(self.pool, name)
        if name == "send_many":
            return self._send_many
        if not inspect.iscoroutinefunction(found):
            return found
        return lambda *args, **kwargs: self.runner.run(found(*args, **kwargs))  # type: ignore[union-attr]

    def _send_many(self, *args: Any, **kwargs: Any) -> list[Any]:
        results: Any = self.pool.send_many(*args, **kwargs)
        return self.runner.run(_collected(results)) if self.runner else list(results)

    @contextmanager
    def connection(self, wait: float | None = None) -> Iterator[Client]:
        """Lend a connection."""
        if isinstance(self.pool, Pool):
            with self.pool.connection(wait) as smtp:
                yield Client(None, {}, smtp)
            return
        assert self.runner
        loan = self.pool.connection(wait)
        lent = Client(self.runner, {}, self.runner.run(loan.__aenter__()))
        try:
            yield lent
        except BaseException as error:
            if not self.runner.run(loan.__aexit__(type(error), error, error.__traceback__)):
                raise
        else:
            self.runner.run(loan.__aexit__(None, None, None))

    def send_together(self, letters: Iterable[Any]) -> list[Any]:
        """Send each letter in a thread, or task, of its own; return the results, or errors, in order."""
        if isinstance(self.pool, Pool):
            return self._in_threads(list(letters))
        pool, runner = self.pool, self.runner
        assert runner

        async def everything() -> list[Any]:
            return await asyncio.gather(*(pool.send_message(each) for each in letters), return_exceptions=True)

        return runner.run(everything())

    def _in_threads(self, letters: list[Any]) -> list[Any]:
        results: list[Any] = [None] * len(letters)

        def send(number: int) -> None:
            try:
                results[number] = self.pool.send_message(letters[number])
            except Exception as error:
                results[number] = error

        threads = [threading.Thread(target=send, args=(number,)) for number in range(len(letters))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return results
