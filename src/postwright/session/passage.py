"""Through a proxy to the server: whether there is one, and the dialogue with it, before the server's first octet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.enums import FirewallType
from postwright.errors import FirewallError, InactivityTimeout, InvalidValue, NetworkError, NotAvailable
from postwright.events import ConnectionStatus
from postwright.flow import Call, Resolve

if TYPE_CHECKING:
    from postwright.proxy.dialogue import Dialogue, Proxy
    from postwright.session.session import Session
    from postwright.words import Target


async def choose(session: Session) -> Proxy | None:
    """Return the proxy that the settings call for, None for a direct connection.

    The properties come first, then the system's settings where FirewallAutoDetect is on; ProxyExceptionsList counts
    for both.

    Raises:
        InvalidValue: The settings don't fit together.
    """
    properties, settings = session.plan.properties, session.plan.settings
    if not (properties.firewall_type or properties.firewall_host or properties.firewall_auto_detect):
        return None
    from postwright.proxy import dialogue, exceptions, system  # noqa: PLC0415 - few connections need a proxy

    host, port = session.server_host, properties.mail_port
    if exceptions.excepted(settings.proxy_exceptions_list, host, port):
        await session.talk.note(f"no proxy for {host}: it is in ProxyExceptionsList")
        return None
    if properties.firewall_type or properties.firewall_host:
        if not properties.firewall_host:
            raise InvalidValue("firewall_type is set, but firewall_host, the proxy, is not")
        if properties.firewall_type is FirewallType.NONE:
            raise InvalidValue("firewall_host is set, but firewall_type, the kind of proxy, is not")
        return dialogue.Proxy(
            properties.firewall_type,
            properties.firewall_host,
            properties.firewall_port,
            properties.firewall_user,
            properties.firewall_password,
            settings.firewall_data,
        )
    return system.from_system(await Call(_system_settings), host, port)


def _system_settings() -> dict[str, str]:
    """Ask the environment, or the control panel of macOS and Windows."""
    from urllib.request import getproxies  # noqa: PLC0415 - slow to import, and only for FirewallAutoDetect

    return getproxies()


class Passage:
    """The way through one proxy.

    Args:
        session: The connection.
        proxy: The proxy.
    """

    def __init__(self, session: Session, proxy: Proxy) -> None:
        self._session = session
        self._proxy = proxy
        self._dialogue: Dialogue | None = None

    async def prepare(self, target: Target) -> Target:
        """Return whom to dial in place of the server; what the proxy will be told is checked here.

        Raises:
            InvalidValue: The proxy can't be told such a host, user or password.
            NetworkError: The server's name must be resolved here, and can't be.
        """
        from postwright import proxy  # noqa: PLC0415 - few connections need a proxy

        host = target.host
        if proxy.needs_address(self._proxy, host) or target.check is not None:
            host = await self._address(target)
        self._dialogue = proxy.begin(self._proxy, host, target.port)
        return target._replace(host=self._proxy.host, port=self._proxy.port, check=None)

    async def _address(self, target: Target) -> str:
        """Resolve the server's name here, where the proxy can't or an address check wants to see the address."""
        if self._session.plan.properties.mail_server.startswith("*"):
            raise NotAvailable("this proxy, or the address check, needs the address of the server: take the * away")
        only_v4 = self._proxy.type is FirewallType.SOCKS4
        addresses = await Resolve(target._replace(use_ipv6=0) if only_v4 else target)
        for address in addresses:
            if target.check is None or target.check(address):
                return address
        raise NetworkError(f"{target.host}: the address check refused {', '.join(addresses)}", code=10013)

    async def pass_through(self) -> None:
        """Have the proxy connect to the server; what comes behind its answer is kept as the server's first octets.

        Raises:
            FirewallError: The proxy refuses, makes no sense, or takes too long.
        """
        assert self._dialogue is not None
        session, dialogue = self._session, self._dialogue
        patience = session.plan.settings.connection_timeout or session.plan.properties.timeout or None
        deadline = None if patience is None else session.clock() + patience
        try:
            wish = next(dialogue)
            while True:
                wish = dialogue.send(await self._grant(wish, deadline))
        except StopIteration as end:
            session.link.keep(end.value)
        where = f"{self._proxy.host} port {self._proxy.port}"
        await session.talk.note(f"the proxy at {where} has connected to {session.server_host}")
        await session.fire(ConnectionStatus("Firewall", 0, f"connected through the proxy at {where}"))

    async def _grant(self, wish: bytes | None, deadline: float | None) -> bytes:
        link = self._session.link
        if wish is not None:
            await link.send(wish)
            return link.arrived()
        if early := link.arrived():
            return early
        remaining = None if deadline is None else deadline - self._session.clock()
        try:
            if remaining is not None and remaining <= 0:
                raise InactivityTimeout
            return await link.receive(remaining)
        except InactivityTimeout:
            raise FirewallError(
                f"{self._proxy.host} port {self._proxy.port} did not answer in time; "
                f"is firewall_type={int(self._proxy.type)} ({self._proxy.type.name}) right?"
            ) from None
