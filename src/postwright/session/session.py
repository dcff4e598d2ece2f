"""One connection's memory: where it stands, what the server offers, what may be read while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.events import ConnectionStatus
from postwright.flow import Fire, Hangup
from postwright.session.allowance import Allowance, limits
from postwright.session.link import Link
from postwright.session.pace import Pace
from postwright.session.states import State, move
from postwright.session.talk import Talk
from postwright.wire.extensions import Extensions
from postwright.wire.veil import Veil

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from postwright.options.plan import Plan
    from postwright.session.states import Step
    from postwright.words import Reply


class Session:
    """A connection to one server, from dialing to QUIT.

    Args:
        plan: The settings in force; ``adopt`` changes them between operations.
        clock: Seconds that only grow.
        host_name: This machine's own name.
        wanted: The kinds of events somebody listens to; it may change at any time.
    """

    def __init__(self, plan: Plan, *, clock: Callable[[], float], host_name: str, wanted: AbstractSet[type]) -> None:
        self.plan = plan
        self.clock = clock
        self.host_name = host_name
        self.wanted = wanted
        self.state = State.CLOSED
        self.extensions = Extensions()
        self.allowance = Allowance()
        self.facts: dict[str, object] = {}
        """Values that are known only while connected, or what says them, by the name of the option that shows them."""
        self.link = Link(None)
        self.talk = Talk(self.link, max_line=2048, patience=None, clock=clock, wanted=wanted)
        self.login_done = False
        self.since = clock()
        """When this line was begun."""
        self.address_check: Callable[[str], object] | None = None
        """Asked before an address is dialed, see ``Target.check``."""
        self.link.timeout = plan.properties.timeout or None

    def adopt(self, plan: Plan) -> None:
        """Take the settings of the next operation."""
        if plan is self.plan:
            return
        rate = plan.settings.max_transfer_rate
        if rate != self.plan.settings.max_transfer_rate:
            self.link.pace = Pace(rate, self.clock) if rate else None
        self.plan = plan
        self.link.timeout = plan.properties.timeout or None

    def renew(self) -> None:
        """Forget everything about an earlier connection."""
        settings = self.plan.settings
        self.state = State.CLOSED
        self.extensions = Extensions()
        self.allowance = Allowance()
        self.facts.clear()
        self.login_done = False
        self.since = self.clock()
        rate = settings.max_transfer_rate
        self.link = Link(self.plan.properties.timeout or None, Pace(rate, self.clock) if rate else None)
        self.talk = Talk(
            self.link,
            max_line=settings.max_line_length,
            patience=settings.reply_timeout or None,
            clock=self.clock,
            wanted=self.wanted,
        )

    @property
    def connected(self) -> bool:
        """Whether the line is open, as far as is known."""
        return self.state is not State.CLOSED

    @property
    def server_host(self) -> str:
        """The server's name or address; the reference's "*" in front of it is for the proxy, not part of it."""
        return self.plan.properties.mail_server.removeprefix("*")

    @property
    def server(self) -> tuple[str, int]:
        """The server by name and port, for what is remembered about it."""
        return self.server_host, self.plan.properties.mail_port

    @property
    def in_order(self) -> bool:
        """Whether the next command may be said: no reply is owed, nothing is half said, and the server is there."""
        return self.state in {State.GREETED, State.READY} and self.talk.settled

    @property
    def secure(self) -> bool:
        """Whether TLS is on."""
        return self.link.tls is not None

    @property
    def last_reply(self) -> Reply | None:
        """The last reply of the server."""
        return self.talk.last_reply

    def offer(self, extensions: Extensions) -> None:
        """Note what the server offers."""
        self.extensions = extensions
        self.allowance.renew(limits(extensions))

    @property
    def used_up(self) -> bool:
        """Whether no further transaction may begin on this line, by the server's word or by the settings."""
        return not self.allowance.more(self.plan.settings.max_messages_per_connection)

    def veil(self, *, masked: bool) -> Veil:
        """Return the veil over what the server says; from here on that may be what it was told."""
        veil = self.talk.veil
        if veil is None:
            said = self.last_reply.lines if self.last_reply is not None else ()
            veil = self.talk.veil = Veil(said, masked=masked)
        return veil

    def step(self, step: Step) -> None:
        """Go on in the table of states."""
        self.state = move(self.state, step)

    async def fire(self, event: object) -> None:
        """Hand an event to whoever listens."""
        if type(event) in self.wanted:
            await Fire(event)

    async def hang_up(self, reason: str = "", code: int = 0) -> None:
        """Close the line and say so."""
        was_open = self.state is not State.CLOSED
        self.lost()
        await Hangup()
        if was_open and self.wanted:
            await self.fire(ConnectionStatus("Disconnected", code, reason or "OK"))

    def lost(self) -> None:
        """Note that the line is gone."""
        self.state = State.CLOSED
        self.facts.clear()
        self.login_done = False
