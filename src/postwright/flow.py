"""Effects: the few things a dialogue may ask of the world.

A *flow* is a coroutine that awaits effects and nothing else: it never touches a socket, a clock or asyncio. A driver
runs it: it sends the answer in and gets the next effect out, until the flow returns. The synchronous and the asyncio
driver are two small loops over the same flows, so that there is one dialogue, tested once.

An effect that is created but not awaited does nothing; mypy's unused-awaitable check makes that a type error. A
skipped handshake is a hole, so this matters.

Laws:
- Flows never await in ``finally``: after an error the driver hangs up, not the flow.
- A timeout, an interruption and a cancellation are all thrown into the flow at the effect it waits for. An interruption
  that comes between two effects is thrown in at the next one that is not calm.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from postwright.words import Line

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Generator

    from postwright.words import Target

T = TypeVar("T")

Octets: TypeAlias = "bytes | bytearray | memoryview"
"""One buffer."""


class Effect(Generic[T]):
    """One wish of a flow; ``await`` it to have it granted by the driver.

    Attributes:
        calm: Whether no interruption comes before it: it tells or notes what has happened, or closes what is open, and
            an interruption would hide what became of a mail.
    """

    __slots__ = ()
    calm: ClassVar[bool] = False

    def __await__(self) -> Generator[Effect[T], T, T]:
        answer: T = yield self
        return answer


Flow: TypeAlias = Coroutine[Effect[Any], Any, T]
"""What a driver runs: ``async def`` here means *may ask the driver*, not *is asyncio*."""


class Dial(Effect[Line]):
    """Open a TCP connection to a target; answers with both ends' addresses."""

    __slots__ = ("target",)

    def __init__(self, target: Target) -> None:
        self.target = target


class Resolve(Effect["tuple[str, ...]"]):
    """Look a target's host up without dialing it; answers with its addresses in the order to try them."""

    __slots__ = ("target",)

    def __init__(self, target: Target) -> None:
        self.target = target


class Read(Effect[bytes]):
    """Wait for bytes from the peer; answers b"" at end of file.

    ``timeout`` is in seconds of silence; None waits for ever.
    """

    __slots__ = ("timeout",)

    def __init__(self, timeout: float | None) -> None:
        self.timeout = timeout


class Poll(Effect["bytes | None"]):
    """Look for bytes from the peer for at most ``seconds``; answers None when nothing came, b"" at end of file."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Write(Effect[bytes]):
    """Hand all of ``data`` to the operating system; answers with bytes that arrived meanwhile.

    A peer may stop reading until its own replies are read, so the driver reads while it flushes: a large pipelined
    group would deadlock otherwise. ``timeout`` (seconds, None for ever) is measured from the last byte that moved.

    ``data`` is one buffer, or a list of buffers that leave together. The driver keeps ``written`` and ``early`` up to
    date, so that after a fault the flow knows how much the operating system took and what the peer had said.
    """

    __slots__ = ("data", "early", "timeout", "written")

    def __init__(self, data: Octets | list[Octets], timeout: float | None) -> None:
        self.data = data
        self.timeout = timeout
        self.written = 0
        self.early = b""

    def whole(self) -> bytes:
        """Return all of the data in one piece; for drivers without a socket."""
        return b"".join(self.data) if isinstance(self.data, list) else bytes(self.data)


class Converse(Effect["Octets"]):
    """Hand what arrives to ``respond`` and write what it returns, again and again: b"" is nothing yet, None the end.

    It saves a way through the whole dialogue for each turn where that is the same all the time. Answers with what the
    operating system did not take of the last octets, b"" at the end; then a Write goes on. The end of the connection is
    handed over as b"". The driver keeps ``written`` up to date: how much of the last octets the system took; all octets
    before them it took. ``timeout`` is in seconds of silence, as in Read. ``ahead`` is called when something was written:
    there is time until the peer answers. Neither may call what is the user's.
    """

    __slots__ = ("ahead", "respond", "timeout", "written")

    def __init__(
        self, respond: Callable[[bytes], bytes | None], timeout: float | None, ahead: Callable[[], object] = bool
    ) -> None:
        self.respond = respond
        self.timeout = timeout
        self.ahead = ahead
        self.written = 0


class Hangup(Effect[None]):
    """Close the connection, if there is one."""

    __slots__ = ()
    calm = True


class Fire(Effect[None]):
    """Hand an event to the user's handler; a handler's exception is thrown into the flow unchanged."""

    __slots__ = ("event",)
    calm = True

    def __init__(self, event: object) -> None:
        self.event = event


class Call(Effect[T]):
    """Run a function that may block (a disk, a key store) where it disturbs nobody; answers with what it returns."""

    __slots__ = ("args", "function")

    def __init__(self, function: Callable[..., T], *args: Any) -> None:
        self.function = function
        self.args = args


class Finish(Call[T]):
    """Run a function that may block to its end: no interruption or time limit ends the wait, and none comes before it.

    It is for what changes the disk: that would be done in any case, and nobody would hear of it.
    """

    __slots__ = ()
    calm = True


class Apart(Effect[T]):
    """Run a function that waits for others by itself, perhaps for ever (a KDC), and that can be given up at any time.

    ``timeout`` is in seconds, None for no limit; ``whom`` says in the error of a timeout who did not answer.
    """

    __slots__ = ("args", "function", "timeout", "whom")

    def __init__(self, whom: str, timeout: float | None, function: Callable[..., T], *args: Any) -> None:
        self.whom = whom
        self.timeout = timeout
        self.function = function
        self.args = args


class Wait(Effect[T]):
    """Call a function that belongs to the user and may be asynchronous; answers with its (awaited) result."""

    __slots__ = ("args", "function")
    calm = True

    def __init__(self, function: Callable[..., T | Awaitable[T]], *args: Any) -> None:
        self.function = function
        self.args = args


class Sleep(Effect[None]):
    """Do nothing for some seconds; an interruption ends it at once."""

    __slots__ = ("seconds",)

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
