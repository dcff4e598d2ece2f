"""Several generators at once, each in a thread of its own, merged into one: results as they come.

It owns the threads. None is left when the merged generator is closed, whoever closes it.
"""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, cast

from postwright.drive.clock import monotonic
from postwright.drive.loop import carry
from postwright.flow import Wait

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postwright.errors import SMTPError
    from postwright.flow import Effect, Flow

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

AHEAD = 16
"""Results that wait to be fetched before the work rests."""

Guard = threading.Lock
"""What threads take turns by for a moment."""


class ThreadTurn:
    """A thread that waits until it is woken."""

    def __init__(self) -> None:
        self.refused: SMTPError | None = None
        self._event = threading.Event()

    def wake(self) -> None:
        """Let the thread go on."""
        self._event.set()

    def wait(self, seconds: float | None) -> bool:
        """Wait; say whether somebody woke this."""
        return self._event.wait(seconds)


class ThreadSweeper:
    """A thread that does something now and then, as long as there is a reason; it keeps no program from ending."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, sweep: Callable[[], Flow[float | None]]) -> None:
        """Begin: a flow is run, which says after how many seconds again; None ends it."""

        def go_on() -> None:
            while (pause := run(sweep())) is not None and not self._stop.wait(pause):
                pass

        self._thread = threading.Thread(target=go_on, name="postwright-pool", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """End it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()


def _user_call(effect: Effect[Any]) -> Any:
    assert isinstance(effect, Wait)
    return effect.function(*effect.args)


def run(flow: Flow[T]) -> T:
    """Run a flow that asks for nothing but calls."""
    return carry(flow, _user_call)


SLOW: Final = 0.02
"""Seconds for which a user may take to give items before nobody is kept waiting for more of them."""


def handful(items: Iterator[T], count: int) -> list[T]:
    """Take so many items from an iterator, fewer where that takes long, none at its end."""
    late = monotonic() + SLOW
    taken = []
    for item in items:
        taken.append(item)
        if len(taken) >= count or monotonic() > late:
            break
    return taken


class Items(Generic[S, T]):
    """What a user's iterator gives, up to where it raises: what was given before that is worked at to its end.

    Args:
        items: The user's iterator.
        keep: Makes of each item, as soon as it is given, what is handed on.

    Attributes:
        error: What the iterator raised.
    """

    def __init__(self, items: Iterator[S], keep: Callable[[S], T]) -> None:
        self._items = items
        self._keep = keep
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[T]:
        return self

    def __next__(self) -> T:
        if self.error is None:
            try:
                return self._keep(next(self._items))
            except StopIteration:
                raise
            except Exception as error:  # noqa: BLE001 - it is the user's, who gets it in ``check``
                self.error = error
        raise StopIteration

    def check(self) -> None:
        """Raise what the iterator raised, if it did."""
        if self.error is not None:
            raise self.error


class Shared(Generic[T]):
    """One iterator that several threads take from; each item goes to one of them, with its number."""

    def __init__(self, items: Iterator[T]) -> None:
        self._items = enumerate(items)
        self._lock = threading.Lock()
        self.stopped = False

    def take(self, count: int) -> list[tuple[int, T]]:
        """Return at most so many of the next items with their numbers, none at the end."""
        with self._lock:
            if self.stopped:
                return []
            taken = handful(self._items, count)
            self.stopped = not taken
            return taken


def merged(works: Sequence[Iterator[T]], stop: Callable[[], None]) -> Iterator[T]:
    """Yield what the iterators give, each of which runs in a thread.

    Args:
        works: The iterators; what they give may be an error, which is a result like any other.
        stop: Called when the caller wants no more: it must make the iterators end soon.
    """
    results: queue.Queue[tuple[bool, T | BaseException | None]] = queue.Queue(AHEAD)

    def run(work: Iterator[T]) -> None:
        try:
            for result in work:
                results.put((True, result))
        except BaseException as error:  # noqa: BLE001 - it is raised where the results are fetched
            results.put((False, error))
        else:
            results.put((False, None))

    threads = [threading.Thread(target=run, args=(work,), name="postwright-batch", daemon=True) for work in works]
    for thread in threads:
        thread.start()
    running = len(threads)
    try:
        while running:
            given, result = results.get()
            running -= not given
            if given:
                yield cast("T", result)
            elif isinstance(result, BaseException):
                raise result
    finally:
        stop()
        while running:  # also makes room in the queue, or the threads could not end
            running -= not results.get()[0]
        for thread in threads:
            thread.join()


def side_by_side(function: Callable[[T], R], items: Sequence[T], most: int = 8) -> list[R]:
    """Call a function with each item, several at a time, and return the answers in order.

    It is for waiting, as for a disk, which has less to do for many who wait than for one after the other.

    Args:
        function: What is called; it must not raise.
        items: What it is called with.
        most: How many calls may be in progress.
    """
    answers: dict[int, R] = {}
    left = iter(range(len(items)))  # taking a number from it is one step for all threads

    def work() -> None:
        for index in left:
            answers[index] = function(items[index])

    count = min(most, len(items) // 2) - 1
    threads = [threading.Thread(target=work, name="postwright-wait", daemon=True) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
        work()
    finally:  # a signal's handler may raise; what the threads work with must outlast them
        for thread in threads:
            if thread.ident is not None:
                thread.join()
    return [answers[index] for index in range(len(items))]


class Threads:
    """Functions that run beside the caller's, each in a thread."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._threads: list[threading.Thread] = []
        self._errors: list[BaseException] = []

    def begin(self, function: Callable[..., object], *args: Any) -> None:
        """Let one more run."""

        def run() -> None:
            try:
                function(*args)
            except BaseException as error:  # noqa: BLE001 - it is raised where it is waited for
                self._errors.append(error)

        thread = threading.Thread(target=run, name=self._name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def finish(self) -> None:
        """Wait for all of them, and raise what one of them raised."""
        self.join()
        if self._errors:
            raise self._errors.pop(0)

    def join(self) -> None:
        """Wait for those that still run."""
        while self._threads:
            self._threads.pop().join()
