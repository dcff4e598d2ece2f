"""Counters that stand between a client and the world: its effects, its calls to the system, the functions it calls."""

from __future__ import annotations

import asyncio
import contextlib
import select
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any
from unittest import mock

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from postwright import SMTP, AsyncSMTP

_CALLS = {
    "send": "send",
    "sendall": "send",
    "sendmsg": "send",
    "sendto": "send",
    "recv": "recv",
    "recv_into": "recv",
    "recvmsg": "recv",
}


class CountedSocket:
    """A socket that counts; a send takes all, as what a slow receiver makes of it is no cost of the client."""

    def __init__(self, real: socket.socket, calls: Counter[str]) -> None:
        self._real = real
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        kind = _CALLS.get(name)
        if kind is None:
            return value

        def counted(*arguments: Any, **more: Any) -> Any:
            self._calls[kind] += 1
            return value(*arguments, **more)

        return counted

    def send(self, data: bytes | memoryview, *_: int) -> int:
        """Hand over all of it."""
        self._calls["send"] += 1
        return self._take(memoryview(data))

    def sendmsg(self, buffers: list[bytes | memoryview], *_: object) -> int:
        """Hand over all of them."""
        self._calls["send"] += 1
        return sum(self._take(memoryview(buffer)) for buffer in buffers)

    def _take(self, view: memoryview) -> int:
        octets = len(view)
        while view:
            try:
                view = view[self._real.send(view) :]
            except BlockingIOError:
                select.select([], [self._real], [], 10)
        return octets


class _CountedPoll:
    """What select.poll() makes, counting its waits."""

    def __init__(self, real: select.poll, calls: Counter[str]) -> None:
        self._real = real
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)

    def poll(self, timeout: float | None = None) -> list[tuple[int, int]]:
        self._calls["poll"] += 1
        return self._real.poll(timeout)


class _CountedFlow:
    """A flow that counts the effects that it asks for."""

    def __init__(self, flow: Any, effects: Counter[str]) -> None:
        self._flow = flow
        self._effects = effects
        self.close = flow.close

    def send(self, answer: Any) -> Any:
        return self._noted(self._flow.send(answer))

    def throw(self, error: BaseException) -> Any:
        return self._noted(self._flow.throw(error))

    def _noted(self, effect: Any) -> Any:
        self._effects[type(effect).__name__] += 1
        return effect


class Watch:
    """What one client does from now on.

    Attributes:
        effects: How often it asked for each effect.
        calls: How often it called the system: send, recv, poll (any wait) and control (of an epoll set).
    """

    def __init__(self) -> None:
        self.effects: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()

    def clear(self) -> None:
        """Begin anew."""
        self.effects.clear()
        self.calls.clear()


@contextlib.contextmanager
def _held(client: SMTP | AsyncSMTP, watch: Watch) -> Iterator[None]:
    """Put the counters around a connected client's driver, until the block ends."""
    driver: Any = client._driver
    run: Callable[..., Any] = driver.run
    real = driver._sock
    driver._sock = CountedSocket(real, watch.calls)
    driver.run = lambda flow, limit=None: run(_CountedFlow(flow, watch.effects), limit)
    try:
        yield
    finally:
        driver.run = run
        if driver._sock is not None:
            driver._sock = real


@contextlib.contextmanager
def watched(client: SMTP) -> Iterator[Watch]:
    """Count what a connected client does until the block ends."""
    watch = Watch()
    real = select.poll

    def counted() -> _CountedPoll:
        return _CountedPoll(real(), watch.calls)

    client._driver._listening = None  # it is made anew, and counted
    with _held(client, watch), mock.patch.object(select, "poll", counted):
        yield watch
    client._driver._listening = None


@contextlib.contextmanager
def watched_async(client: AsyncSMTP) -> Iterator[Watch]:
    """Count what a connected client, and the event loop that runs it, do until the block ends."""
    watch = Watch()
    loop: Any = asyncio.get_running_loop()
    selector: Any = loop._selector
    with contextlib.ExitStack() as stack:
        stack.enter_context(_held(client, watch))
        for name, kind in {
            "select": "poll",
            "register": "control",
            "modify": "control",
            "unregister": "control",
        }.items():
            counted = _counted(getattr(selector, name), kind, watch.calls)
            stack.enter_context(mock.patch.object(selector, name, counted))
        yield watch


def _counted(function: Callable[..., Any], kind: str, calls: Counter[str]) -> Callable[..., Any]:
    def counted(*arguments: Any, **more: Any) -> Any:
        calls[kind] += 1
        return function(*arguments, **more)

    return counted


def calls(work: Callable[[], object]) -> int:
    """Return how many functions some work calls, those in C too: the same on every machine, and near to its time."""
    count = 0

    def note(_: object, event: str, __: object) -> None:
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count
