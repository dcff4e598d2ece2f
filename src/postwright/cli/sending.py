"""``postwright send``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from postwright.cli import reports
from postwright.cli.composing import compose
from postwright.cli.connecting import client_of, need_server, unlock
from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.cli.progress import watch
from postwright.cli.screen import is_terminal
from postwright.cli.trail import Trail
from postwright.enums import Outcome
from postwright.errors import SMTPError
from postwright.message.addresses import addr_spec, wire_path

if TYPE_CHECKING:
    import argparse

    from postwright.cli.client import Client
    from postwright.cli.composing import Finished
    from postwright.cli.progress import Progress
    from postwright.cli.screen import Screen
    from postwright.words import SendResult


def send(args: argparse.Namespace, screen: Screen) -> Exit:
    """Send the mail that the arguments describe."""
    client = client_of(args)
    finished = compose(args, client)
    if args.dry_run:
        return _dry_run(client, finished, screen)
    need_server(args)
    unlock(args, client)
    path = "-" if args.verbose and not args.transcript else args.transcript
    try:
        with Trail(client, path), client:
            result = _send(client, finished, _progress(args, screen, client, trail=path == "-"))
    except SMTPError as error:
        return reports.failure(screen, error, client.sent_id)
    except KeyboardInterrupt:
        return reports.interrupted(screen, client.last_outcome or Outcome.NOT_SENT, client.sent_id)
    except Problem:
        raise
    except Exception as error:  # noqa: BLE001 - what became of the mail must be said whatever happened
        return reports.bug(screen, error, client.last_outcome or Outcome.NOT_SENT, client.sent_id)
    return reports.sent(screen, result)


def _send(client: Client, finished: Finished | None, progress: Progress | None) -> SendResult:
    try:
        return client.send() if finished is None else client.send_message(*finished)
    finally:
        if progress is not None:
            progress.close()


def _progress(args: argparse.Namespace, screen: Screen, client: Client, *, trail: bool) -> Progress | None:
    wanted = args.progress
    if wanted is None:
        wanted = is_terminal(sys.stderr) and not (screen.quiet or screen.as_json or trail)
    return watch(client, forced=bool(args.progress)) if wanted else None


def _dry_run(client: Client, finished: Finished | None, screen: Screen) -> Exit:
    message, from_addr, to_addrs = finished or (None, None, None)
    envelope, draft = client.look(message, from_addr, to_addrs)
    sender = wire_path(envelope.reverse_path)
    screen.say(f"envelope from: <{sender}>")
    for recipient in envelope.recipients:
        options = "".join(f" {key}={value}" for key, value in recipient.options)
        screen.say(f"envelope to:   <{addr_spec(recipient.address)}> ({recipient.type.name.capitalize()}){options}")
    screen.say(f"size:          {'not known' if draft.size is None else draft.size} octets\n")
    headers = draft.headers.decode("utf-8", "backslashreplace").replace("\r\n", "\n").rstrip("\n")
    screen.say(headers)
    screen.say("\nThis was a dry run: nothing was sent.")
    screen.answer(
        {
            "dry_run": True,
            "outcome": Outcome.NOT_SENT.value,
            "exit": int(Exit.OK),
            "message_id": draft.message_id or None,
            "envelope": {
                "from": sender,
                "to": [
                    {"address": addr_spec(r.address), "type": r.type.name.lower(), "options": dict(r.options)}
                    for r in envelope.recipients
                ],
            },
            "size": draft.size,
            "headers": headers,
        }
    )
    return Exit.OK
