"""Several asynchronous generators at once, each in a task of its own, merged into one: results as they come.

It owns the tasks. None is left when the merged generator is closed, whoever closes it.
"""

from __future__ import annotations

import asyncio
import types
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

from postwright.drive.awaitables import is_awaitable
from postwright.drive.crew import AHEAD, Items, handful
from postwright.errors import NotPossibleNow
from postwright.flow import Wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Sequence

    from postwright.errors import SMTPError
    from postwright.flow import Flow

S = TypeVar("S")
T = TypeVar("T")


class Source(Generic[S, T]):
    """What a user gives, in an iterable or an asynchronous one; each item goes to one of several tasks, with its number.

    Args:
        items: The user's iterable; where it raises, it ends, as ``Items`` does.
        keep: Makes of each item, as soon as it is given, what is handed on.
    """

    def __init__(self, items: Iterable[S] | AsyncIterable[S], keep: Callable[[S], T]) -> None:
        self._later = aiter(items) if isinstance(items, AsyncIterable) else None
        self._items: Items[S, T] = Items(iter(()) if isinstance(items, AsyncIterable) else iter(items), keep)
        self._now = enumerate(self._items) if self._later is None else None
        self._keep = keep
        self._turn = asyncio.Lock()  # an asynchronous generator can't be asked by two tasks at once
        self._count = 0

    @property
    def ready(self) -> bool:
        """Whether items come without waiting."""
        return self._now is not None

    def take(self, count: int) -> list[tuple[int, T]]:
        """Return at most so many of the next items with their numbers, none at the end; only where it is ``ready``."""
        assert self._now is not None
        return handful(self._now, count)

    async def fill(self, here: list[tuple[int, T]], count: int, waiting: Callable[[], None]) -> None:
        """Put the next items into a list, with their numbers: so many, or less up to one that had to be waited for.

        Args:
            here: The list; at the end nothing comes into it.
            count: How many are wanted.
            waiting: Called when one has to be waited for.
        """
        assert self._later is not None
        waited = False

        def wait() -> None:
            nonlocal waited
            waited = True
            waiting()

        async with self._turn:
            while len(here) < count and not waited:
                try:
                    item = self._keep(await _noticed(anext(self._later), wait))
                except StopAsyncIteration:
                    return
                except Exception as error:  # noqa: BLE001 - it is the user's, who gets it in ``check``
                    self._items.error = error
                    return
                here.append((self._count, item))
                self._count += 1

    def check(self) -> None:
        """Raise what the iterable raised, if it did."""
        self._items.check()


@types.coroutine
def _noticed(awaitable: Awaitable[T], waiting: Callable[[], None]) -> Generator[Any, None, T]:
    """Wait for something, as ``yield from`` does; call a function first where it is not there at once."""
    steps: Any = awaitable.__await__()
    try:
        wish = next(steps)
        waiting()
        while True:
            try:
                yield wish
            except BaseException as error:  # noqa: BLE001 - a cancellation, mostly: it goes where it was waited
                wish = steps.throw(error)
            else:
                wish = next(steps)
    except StopIteration as stop:
        result: T = stop.value
        return result


class Asking(Generic[T]):
    """One task that takes items from a source, and does something else where that takes time.

    Args:
        source: The source.
        busy: Whether there is something else to do.
        patience: Seconds to wait for an item while there is.
    """

    def __init__(self, source: Source[Any, T], busy: Callable[[], bool], patience: float) -> None:
        self._source = source
        self._busy = busy
        self._patience = patience
        self._here: list[tuple[int, T]] = []
        self._coming: asyncio.Task[None] | None = None
        self._halt: asyncio.Future[None] | None = None  # done when some are here and the next one is waited for

    @property
    def begun(self) -> bool:
        """Whether items were asked for and are not here."""
        return self._coming is not None

    async def take(self, count: int) -> list[tuple[int, T]] | None:
        """Return at most so many of the next items with their numbers, none at the end.

        None says that they are not here, and that there is something else to do.
        """
        if self._source.ready:
            return self._source.take(count)
        if self._coming is None:
            self._halt = asyncio.get_running_loop().create_future()
            self._coming = asyncio.ensure_future(self._source.fill(self._here, count, self._waiting))
        coming, halt = self._coming, self._halt
        if not coming.done():
            timeout = self._patience if self._busy() else None
            either = (coming,) if halt is None else (coming, halt)
            await asyncio.wait(either, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                return self._hand_over() or None
        if self._here:
            if not coming.cancelled() and coming.exception() is None:
                self._coming = None
            return self._hand_over()  # an error comes behind them
        self._coming = None
        coming.result()
        return []

    def _waiting(self) -> None:
        if self._here and self._halt is not None:
            self._halt.set_result(None)
        self._halt = None  # it waits once only

    def _hand_over(self) -> list[tuple[int, T]]:
        taken = self._here[:]
        self._here.clear()
        return taken

    def end(self) -> None:
        """Ask for no more."""
        if self._coming is not None:
            self._coming.cancel()


class Home:
    """The event loop to which something belongs from its first use on."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def moved(self) -> bool:
        """Whether it belonged to another loop, which has ended, and belongs to the running one from now on.

        Raises:
            NotPossibleNow: The other loop has not ended.
        """
        loop, before = asyncio.get_running_loop(), self._loop
        if before is loop:
            return False
        if before is not None and not before.is_closed():
            raise NotPossibleNow("its connections belong to another event loop")
        self._loop = loop
        return before is not None


class TaskTurn:
    """A task that waits until it is woken."""

    def __init__(self) -> None:
        self.refused: SMTPError | None = None
        self._loop = asyncio.get_running_loop()
        self._woken = self._loop.create_future()

    def wake(self) -> None:
        """Let the task go on; may be called from any thread."""
        if asyncio._get_running_loop() is self._loop:
            self._let_go()
        else:
            self._loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        if not self._woken.done():
            self._woken.set_result(None)

    async def wait(self, seconds: float | None) -> bool:
        """Wait; say whether somebody woke this."""
        done, _ = await asyncio.wait((self._woken,), timeout=seconds)
        return bool(done)


class TaskSweeper:
    """A task that does something now and then, as long as there is a reason."""

    def __init__(self) -> None:
        self._task: asyncio.Task[None] | None = None

    def start(self, sweep: Callable[[], Flow[float | None]]) -> None:
        """Begin: a flow is run, which says after how many seconds again; None ends it."""

        async def go_on() -> None:
            pause = await run(sweep())
            while pause is not None:
                await asyncio.sleep(pause)
                pause = await run(sweep())

        self._task = asyncio.ensure_future(go_on())

    async def end(self) -> None:
        """End it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait((self._task,))


async def run(flow: Flow[T]) -> T:
    """Run a flow that asks for nothing but calls, each of which may be a coroutine."""
    answer: Any = None
    error: BaseException | None = None
    while True:
        try:
            effect = flow.send(answer) if error is None else flow.throw(error)
        except StopIteration as stop:
            result: T = stop.value
            return result
        answer = error = None
        try:
            assert isinstance(effect, Wait)
            answer = effect.function(*effect.args)
            if is_awaitable(answer):
                answer = await answer
        except BaseException as caught:  # noqa: BLE001 - it goes into the flow, and out of it if unhandled
            error = caught


async def merged_tasks(works: Sequence[AsyncIterator[T]]) -> AsyncIterator[T]:
    """Yield what the iterators give, each of which runs in a task."""
    results: asyncio.Queue[tuple[bool, T | BaseException | None]] = asyncio.Queue(AHEAD)

    async def run(work: AsyncIterator[T]) -> None:
        try:
            async for result in work:
                await results.put((True, result))
        except Exception as error:  # noqa: BLE001 - it is raised where the results are fetched
            await results.put((False, error))
        else:
            await results.put((False, None))

    tasks = [asyncio.ensure_future(run(work)) for work in works]
    running = len(tasks)
    try:
        while running:
            given, result = await results.get()
            if given:
                yield cast("T", result)
            elif isinstance(result, BaseException):
                raise result
            else:
                running -= 1
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Tasks:
    """Coroutines that run beside the caller's."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Future[None]] = []

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Let one more run."""
        self._tasks.append(asyncio.ensure_future(work))

    async def finish(self) -> None:
        """Wait for all of them, and raise what one of them raised."""
        results = await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def end(self, *, cancel: bool) -> None:
        """Wait for those that still run."""
        for task in self._tasks:
            if cancel:
                task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
