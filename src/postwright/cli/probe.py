"""``postwright probe``: what a server is like, and what is wrong with it."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from postwright.cli import probe_report
from postwright.cli.connecting import client_of, need_server, unlock
from postwright.cli.exits import Exit, exit_for
from postwright.cli.options import LOGINS, WITHOUT_SECRET
from postwright.cli.probe_facts import Witness
from postwright.cli.probe_faults import faults
from postwright.cli.problems import Problem
from postwright.cli.trail import Trail
from postwright.enums import SSLStartMode
from postwright.errors import HandshakeFailed, SMTPError
from postwright.session.opening import EXPLICIT_PORTS

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from postwright.cli.client import Client
    from postwright.cli.probe_facts import Facts
    from postwright.cli.screen import Screen
    from postwright.events import PITrail

_OLD_PROTOCOLS = 192 + 768  # TLS 1.0 and 1.1: a server that knows nothing better is told what is wrong with it


def probe(args: argparse.Namespace, screen: Screen) -> Exit:
    """Connect to a server, and show what was learned."""
    if args.where is not None:
        if args.server is not None:
            raise Problem("the server is named twice", Exit.USAGE)
        args.server = args.where
    client = client_of(args)
    need_server(args)
    unlock(args, client)
    facts = _learned(args, client)
    now = dt.datetime.now(dt.UTC)
    found = faults(facts, now, tls_wanted=client.ssl_start_mode is not SSLStartMode.NONE)
    wrong = [fault for fault in found if fault.serious]
    code = Exit.OK if not wrong else Exit.PARTLY
    if facts.error is not None and not facts.reached:
        code = exit_for(facts.error)
    screen.answer(probe_report.as_object(facts, found, code))
    if screen.quiet or not facts.reached:
        for fault in wrong:
            screen.complain(fault.text)
    elif not screen.as_json:
        probe_report.show(probe_report.rows(facts, found, now))
    return code


def _learned(args: argparse.Namespace, client: Client) -> Facts:
    # Without anything secret to lose the probe goes on where send would stop, so that more is learned.
    free = not (args.user or args.cert or client.password or LOGINS[args.auth] in WITHOUT_SECRET)
    if free and _requires_starttls(client):
        client.ssl_start_mode = SSLStartMode.OPPORTUNISTIC
    path = "-" if args.verbose and not args.transcript else args.transcript
    with Trail(client, path):
        trail = client.on_pi_trail.handler
        facts = _looked_at(client, trail, overrule=free)
        if _begins_in_plaintext(client, facts):
            client.ssl_start_mode = SSLStartMode.OPPORTUNISTIC if free else SSLStartMode.EXPLICIT
            facts = _looked_at(client, trail, overrule=free)
            facts.begins_in_plaintext = True
        if free and isinstance(facts.error, HandshakeFailed):
            client.settings.ssl_enabled_protocols = _OLD_PROTOCOLS
            again = _looked_at(client, trail, overrule=True)
            if again.tls is not None:
                again.begins_in_plaintext = facts.begins_in_plaintext
                return again
    return facts


def _begins_in_plaintext(client: Client, facts: Facts) -> bool:
    """Whether nobody said how TLS starts, the port made us try it at once, and that was wrong."""
    guessed = client.ssl_start_mode is SSLStartMode.AUTOMATIC and isinstance(facts.error, HandshakeFailed)
    return guessed and "answered in plaintext" in str(facts.error)


def _looked_at(client: Client, trail: Callable[[PITrail], object] | None, *, overrule: bool) -> Facts:
    witness = Witness(client, trail, overrule=overrule)
    try:
        with client:
            client.connect()
            witness.look()
    except SMTPError as error:
        witness.facts.error = error
    return witness.facts


def _requires_starttls(client: Client) -> bool:
    mode = client.ssl_start_mode
    return mode is SSLStartMode.EXPLICIT or (mode is SSLStartMode.AUTOMATIC and client.mail_port in EXPLICIT_PORTS)
