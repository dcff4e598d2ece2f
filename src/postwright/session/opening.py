"""From nothing to a connection that is ready: dial, TLS, greeting, EHLO or HELO, STARTTLS, EHLO again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from postwright.enums import SSLStartMode
from postwright.errors import (
    ExtensionMissing,
    FirewallError,
    GreetingRefused,
    InactivityTimeout,
    InvalidValue,
    NetworkError,
)
from postwright.events import ConnectionStatus
from postwright.flow import Dial
from postwright.lazy import pattern
from postwright.session.passage import Passage, choose
from postwright.session.securing import prepare, secure
from postwright.session.states import Step
from postwright.wire.commands import command
from postwright.wire.extensions import Extensions
from postwright.words import Target

if TYPE_CHECKING:
    from postwright.session.session import Session
    from postwright.tls.trust import Trust
    from postwright.words import Line, Reply

EXPLICIT_PORTS = frozenset({25, 587, 2525})
"""The ports on which SSLStartMode AUTOMATIC means STARTTLS; on all others it means TLS from the first byte."""

_DOMAIN = pattern(r"(?!-)[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})+", re.ASCII)


def start_mode(session: Session) -> SSLStartMode:
    """Return how TLS starts on this connection, with AUTOMATIC decided by the port."""
    properties = session.plan.properties
    mode = properties.ssl_start_mode
    if mode is SSLStartMode.AUTOMATIC:
        return SSLStartMode.EXPLICIT if properties.mail_port in EXPLICIT_PORTS else SSLStartMode.IMPLICIT
    return mode


async def open_line(session: Session) -> None:
    """Open a connection and bring it to the point where mail can be sent.

    Raises:
        NetworkError: The server can't be reached.
        GreetingRefused: The server does not want to talk to us.
        ExtensionMissing: TLS is required and the server does not offer it.
        SecurityError: TLS failed, or the certificate is not trusted.
    """
    session.renew()
    mode = start_mode(session)
    rules = await prepare(session) if mode is not SSLStartMode.NONE else None
    line = await _dial(session)
    session.step(Step.DIAL)
    session.facts.update(local_host=line.local_host, local_port=line.local_port, remote_address=line.remote_host)
    if session.wanted:
        await session.talk.note(f"connected to {line.remote_host} port {line.remote_port}")
        await session.fire(ConnectionStatus("Connected", 0, f"connected to {line.remote_host} port {line.remote_port}"))
    if rules and mode is SSLStartMode.IMPLICIT:
        await secure(session, rules)
    await _greeting(session, mode)
    name = hello_name(session, line)
    await hello(session, name)
    offered = mode is SSLStartMode.OPPORTUNISTIC and "STARTTLS" in session.extensions
    if rules and (offered or mode is SSLStartMode.EXPLICIT):
        await _start_tls(session, rules)
        await hello(session, name)


async def _dial(session: Session) -> Line:
    """Dial the server, or the proxy that leads to it."""
    whom = target(session)
    proxy = await choose(session)
    if proxy is None:
        if session.plan.properties.mail_server.startswith("*"):
            raise InvalidValue(
                "the * in front of mail_server leaves the name to a proxy, and there is none for this server"
            )
        return await Dial(whom)
    passage = Passage(session, proxy)
    instead = await passage.prepare(whom)
    try:
        line = await Dial(instead)
        await passage.pass_through()
    except NetworkError as error:
        raise FirewallError(f"the proxy {proxy.host} port {proxy.port}: {error.message}") from error
    return line


_DIALING = {
    "use_ipv6": "use_ipv6",
    "local_host": "local_host",
    "local_port": "local_port",
    "tcp_no_delay": "no_delay",
    "tcp_keep_alive": "keep_alive",
    "keep_alive_time": "keep_alive_time",
    "keep_alive_interval": "keep_alive_interval",
    "keep_alive_retry_count": "keep_alive_count",
    "linger": "linger",
    "linger_time": "linger_time",
    "in_buffer_size": "in_buffer",
    "out_buffer_size": "out_buffer",
}
"""Options that dialing depends on, by their keys, and what they are called in ``Target``; most are never set."""


def target(session: Session) -> Target:
    """Return whom to dial, and with which options."""
    properties = session.plan.properties
    values = properties._store.values
    given = {_DIALING[key]: value for key, value in values.items() if key in _DIALING}
    timeout = values.get("connection_timeout") or properties.timeout or None
    return Target(session.server_host, properties.mail_port, timeout, check=session.address_check, **given)


async def _greeting(session: Session, mode: SSLStartMode) -> None:
    session.talk.owe()
    try:
        reply = await session.talk.hear()
    except InactivityTimeout as error:
        if mode in {SSLStartMode.EXPLICIT, SSLStartMode.NONE, SSLStartMode.OPPORTUNISTIC}:
            raise InactivityTimeout(
                f"{error.detail}; no greeting came. If this port starts with TLS (as 465 does), set ssl_start_mode=1"
            ) from error
        raise
    if reply.code != 220:  # 554: no SMTP service here (RFC 5321 section 3.1)
        raise GreetingRefused(str(reply), reply=reply)
    session.step(Step.GREETING)


def hello_name(session: Session, line: Line) -> str:
    """Return the argument of EHLO: the user's, else a valid full name of this host, else an address literal.

    RFC 5321 section 4.1.4. The name server is never asked: it may be slow, and its answer is often of no use.
    """
    if given := session.plan.settings.hello:
        return given
    name = session.host_name.rstrip(".")
    if _DOMAIN.fullmatch(name) and not name.endswith((".localdomain", ".local")):
        return name
    return f"[IPv6:{line.local_host}]" if ":" in line.local_host else f"[{line.local_host}]"


async def hello(session: Session, name: str) -> Reply:
    """Say EHLO, or HELO where EHLO is not wanted or not understood (RFC 5321 section 3.2)."""
    session.extensions = Extensions()
    if session.plan.properties.allow_extensions:
        reply = await session.talk.ask(command(f"EHLO {name}"))
        if reply.code == 250:
            session.offer(Extensions.of(reply))
            session.step(Step.HELLO)
            session.facts.update(hello_verb="EHLO", hello_name=name)
            return reply
        if reply.code < 500:
            raise GreetingRefused(str(reply), reply=reply)
    reply = await session.talk.ask(command(f"HELO {name}"))
    if reply.code != 250:
        raise GreetingRefused(str(reply), reply=reply)
    session.step(Step.HELLO)
    session.facts.update(hello_verb="HELO", hello_name=name)
    return reply


async def _start_tls(session: Session, rules: Trust) -> None:
    """Say STARTTLS and secure the line (RFC 3207); what was learned in plaintext is forgotten."""
    if "STARTTLS" not in session.extensions:
        raise ExtensionMissing(
            "STARTTLS is not offered, and TLS is required; nothing was sent. If plaintext is acceptable, "
            "set ssl_start_mode=3 (none) or 4 (opportunistic)"
        )
    reply = await session.talk.ask(command("STARTTLS"))
    if reply.code != 220:  # any other code, also another 2yz, is no consent (CVE-2016-0772)
        raise ExtensionMissing(f"STARTTLS was refused: {reply}", reply=reply)
    session.talk.quiet()
    session.step(Step.STARTTLS)
    session.extensions = Extensions()
    await secure(session, rules, greeted=True)
    session.step(Step.GREETING)  # the one in plaintext stands (RFC 3207 section 4.2)
