"""Connections that are kept open between messages: what ``Pool`` and ``AsyncPool`` have in common.

It owns which connections are idle and which are lent, and decides when one is opened, kept and closed. Its methods are
flows that ask for nothing but calls of the clients' methods: made in the calling thread, or awaited.
"""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NamedTuple, TypeVar
from weakref import WeakSet

from postwright.component.batching import refurnish
from postwright.component.places import Places
from postwright.component.throttle import Throttle, burdened, complains
from postwright.drive import clock
from postwright.drive.crew import Guard
from postwright.errors import Interrupted, InvalidValue, NotPossibleNow, PoolTimeout, SMTPError
from postwright.flow import Wait
from postwright.options.kinds import Integer
from postwright.options.message import MessageProperties
from postwright.session.states import State

if TYPE_CHECKING:
    from collections.abc import Callable

    from postwright.component.base import Component
    from postwright.component.places import Turn
    from postwright.options import Settings

C = TypeVar("C", bound="Component")

PROBE_AFTER = 30.0
"""Seconds of idleness after which a connection must answer NOOP before it is used: a firewall may have forgotten it,
and then nothing would ever come back. Below that a look at the socket must do, and costs no round trip."""

_UNWELCOME = frozenset({State.CLOSED, State.DIALED})

_SLACK = 0.01  # seconds, so that what a wait was for is over when it ends

_SIZE = Integer(1, None, "connections")

_pools: WeakSet[Pooling[Any]] = WeakSet()


class Idle(NamedTuple, Generic[C]):
    """A connection that nobody uses, and since when."""

    client: C
    since: float


class Pooling(Generic[C]):
    """Connections to one server, shared by threads or tasks.

    Args:
        size: The most connections at a time.
        wait: Seconds that a caller waits for a connection that is free.
        max_idle: Seconds after which a connection that nobody used is closed.
        max_age: Seconds after which a connection is replaced by a new one.
        **values: Any property, or event handler, of the connections.

    Attributes:
        template: Each connection begins with the properties, settings and handlers of this client.

    Raises:
        InvalidValue: ``size`` is no number from 1 on, or a time is negative.
    """

    _kind: ClassVar[Callable[..., Any]]
    _turn: ClassVar[Callable[[], Any]]
    _sweeper_kind: ClassVar[Callable[[], Any]]
    template: C

    def __init__(
        self, size: int = 8, *, wait: float = 30.0, max_idle: float = 60.0, max_age: float = 600.0, **values: Any
    ) -> None:
        self.template = type(self)._kind(**values)
        self._wait, self._max_idle = _seconds("wait", wait), _seconds("max_idle", max_idle)
        self._max_age = _seconds("max_age", max_age)
        self._throttle = Throttle(_SIZE.check("size", size), clock.monotonic)
        self._begin()
        _pools.add(self)

    def _begin(self) -> None:
        """Begin without any connection."""
        self._lock = Guard()
        self._places = Places(lambda: self._throttle.width, self._lock)
        self._idle: list[Idle[C]] = []
        self._lent: set[C] = set()
        self._closed = self._swept = False
        self._keeping = True
        self._sweeper = type(self)._sweeper_kind()

    def __repr__(self) -> str:
        server = f"{self.template.mail_server or 'no server'}:{self.template.mail_port}"
        state = "closed" if self._closed else f"{len(self._lent)} in use, {len(self._idle)} idle"
        return f"<{type(self).__name__} of {self.size} to {server}, {state}>"

    @property
    def size(self) -> int:
        """The most connections at a time."""
        return self._throttle.most

    @property
    def width(self) -> int:
        """The most connections that there may be now: fewer than ``size`` for a while after the server complained."""
        return self._throttle.width

    @property
    def in_use(self) -> int:
        """How many connections are lent out now."""
        return len(self._lent)

    @property
    def idle(self) -> int:
        """How many connections are open and wait to be used."""
        return len(self._idle)

    @property
    def settings(self) -> Settings:
        """Every setting of the connections as a typed attribute; connections opened earlier are replaced."""
        return self.template.settings

    def config(self, configuration_string: str) -> str:
        """Set or read a setting of the connections by the reference's name; see ``SMTP.config``."""
        return self.template.config(configuration_string)

    def interrupt(self) -> None:
        """End with error 301 whatever is in progress on any connection, and all waiting for one."""
        self._places.send_away(lambda: Interrupted("while it waited for a connection"))
        for client in list(self._lent):
            client.interrupt()

    # Lending

    async def _lend(self, wait: float | None) -> C:
        """Return a connection that is open and works, once there is a place for it.

        Raises:
            PoolTimeout: None became free in time.
            SMTPError: It could not be opened.
        """
        seconds = self._wait if wait is None else wait
        end = clock.monotonic() + seconds
        while True:
            await self._take_place(end, seconds)
            client: C | None = None
            try:
                client, leaving, probe = self._pick()
                for each in leaving:
                    await self._part(each)
                await Wait(client._run, client._ready(), client._operations.ready(probe=probe))
            except BaseException as error:
                others = self._forget(client)
                if not (complains(error) and others):
                    raise
                self._throttle.refused(self._greeted())  # it bears these, so one of them will do
            else:
                return client

    async def _take_place(self, end: float, seconds: float) -> None:
        if self._closed:
            raise NotPossibleNow("the pool is closed")
        turn: Turn = type(self)._turn()
        if self._places.ask(turn):
            return
        try:
            woken = await Wait(turn.wait, max(0.0, end - clock.monotonic()))
        except BaseException:
            self._places.give_up(turn)
            raise
        if turn.refused is not None:
            raise turn.refused
        if not woken:
            self._places.give_up(turn)
            raise PoolTimeout(
                f"all {self.width} connections are in use, and none became free in {seconds:g} s; use fewer at a time, "
                "or raise size or wait"
                + (f" (size is {self.size}, but the server complained)" * (self.width < self.size))
            )

    def _pick(self) -> tuple[C, list[C], bool]:
        """Return the connection that was used last, else a new one; those that are to be closed; whether to probe."""
        now, leaving, found = clock.monotonic(), [], None
        with self._lock:
            while self._idle and found is None:
                last = self._idle.pop()
                if self._keeps(last.client, now, last.since):
                    found = last
                else:
                    leaving.append(last.client)
            leaving += self._expired(now)
            client = type(self)._kind() if found is None else found.client
            self._lent.add(client)
        if found is None:
            refurnish(self.template, client)
        return client, leaving, found is not None and now - found.since > PROBE_AFTER

    def _expired(self, now: float) -> list[C]:
        """Take out the connections that are idle for too long; those are at the bottom."""
        old: list[C] = []
        while self._idle and now - self._idle[0].since > self._max_idle:
            old.append(self._idle.pop(0).client)
        return old

    def _keeps(self, client: C, now: float, since: float) -> bool:
        """Whether a connection may be used once more."""
        session = client._session
        return (
            session.in_order
            and not session.used_up
            and now - since <= self._max_idle
            and now - session.since <= self._max_age
            and _way(client) == _way(self.template)
        )

    @staticmethod
    async def _part(client: C) -> None:
        """Say goodbye on a connection that is not kept; whatever goes wrong with it concerns nobody."""
        with suppress(SMTPError):
            await Wait(client._run, client._plan(), client._operations.part())

    def _spare(self) -> C | None:
        """Take out a connection that nobody uses, if there is one."""
        with self._lock:
            return self._idle.pop().client if self._idle else None

    def _greeted(self) -> int:
        """Return how many connections the server has welcomed."""
        with self._lock:
            clients = (*self._lent, *(each.client for each in self._idle))
        return sum(client._session.state not in _UNWELCOME for client in clients)

    def _forget(self, client: C | None) -> int:
        """Give up a connection that could not be opened, and its place; return how many others may be had instead."""
        if client is not None:
            client._drop()
            with self._lock:
                self._lent.discard(client)
        return self._places.leave() + len(self._idle)

    async def _give_back(self, client: C) -> None:
        """Take a connection back, and close it if it can't be used again."""
        for each in self._take_back(client):
            await self._part(each)

    def _take_back(self, client: C) -> list[C]:
        """Take a connection back; return those that are to be closed."""
        if client not in self._lent:  # this process is a child of the one that lent it
            client._drop()
            return []
        now = clock.monotonic()
        keep = self._keeping and not self._closed and not client._driver.busy and self._keeps(client, now, now)
        refurnish(self.template, client)
        with self._lock:
            self._lent.discard(client)
            leaving = self._expired(now)
            if keep:
                self._idle.append(Idle(client, now))
            unswept, self._swept = not self._swept and bool(self._idle), bool(self._idle)
        self._places.leave()
        if unswept:
            self._sweeper.start(self._sweep)
        return leaving if keep else [*leaving, client]

    async def _sweep(self) -> float | None:
        """Close what is idle for too long; return the seconds until there may be more, None when nothing is idle."""
        now = clock.monotonic()
        with self._lock:
            leaving = self._expired(now)
            pause = self._idle[0].since + self._max_idle - now if self._idle else None
            self._swept = pause is not None
        for each in leaving:
            await self._part(each)
        return None if pause is None else pause + _SLACK

    def _note(self, error: BaseException) -> None:
        """Note what a server said in the course of a loan."""
        if burdened(error):
            self._throttle.burdened()

    # The end

    async def _close(self) -> None:
        idle = self._shut()
        await Wait(self._sweeper.end)
        for client in idle:
            await Wait(client._run, client._plan(), client._operations.disconnect())

    def _shut(self) -> list[C]:
        """Lend nothing any more; return the connections that are to be closed."""
        self._closed = True
        self._places.send_away(lambda: NotPossibleNow("the pool is closed"))
        with self._lock:
            idle, self._idle = self._idle, []
        return [each.client for each in idle]

    def _forked(self) -> None:
        """Begin anew in a child process: the connections are the parent's, and are neither used nor closed here."""
        for client in (*self._lent, *(each.client for each in self._idle)):
            client._session.lost()
            client._store.locked = False
            client._driver.disown()
        closed = self._closed
        self._begin()
        self._closed = closed


def _seconds(name: str, value: object) -> float:
    if isinstance(value, int | float) and value >= 0:
        return value
    raise InvalidValue(f"{name} is {value!r}; allowed is a number of seconds from 0 on")


def _way(client: Component) -> dict[str, object]:
    """Return what makes a connection: everything that was set, but for what describes a message."""
    return {key: value for key, value in client._store.values.items() if key not in MessageProperties._options}


def _after_fork() -> None:
    for pool in list(_pools):
        pool._forked()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_after_fork)
