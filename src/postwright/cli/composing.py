"""From the message options to a message."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.cli.reading import input_waits, read_file, read_text, standard_input

if TYPE_CHECKING:
    import argparse

    from postwright.cli.client import Client

_DSN_RETURN = {None: "", "full": "FULL", "headers": "HDRS"}


class Finished(NamedTuple):
    """A finished message, and the envelope as far as it was named."""

    message: bytes
    from_addr: str | None
    to_addrs: list[str] | None


def compose(args: argparse.Namespace, client: Client) -> Finished | None:
    """Give the client the message; one that is finished already is returned instead.

    Raises:
        Problem: Something is missing, contradicts, or can't be read.
    """
    _one_reader(args)
    _delivery(args, client)
    if args.raw is not None:
        return _finished(args)
    _people(args, client)
    client.subject = args.subject or ""
    client.other_headers = "\r\n".join(args.header)
    client.message_html = _html(args.html)
    for path, content_type, name in args.attach:
        client.add_attachment(standard_input() if path == "-" else path, name, content_type)
    client.message_text = _text(args)
    return None


def _one_reader(args: argparse.Namespace) -> None:
    """Standard input can be read once."""
    readers = [args.text == "-", args.html == "-", args.raw == "-", *(file.path == "-" for file in args.attach)]
    if sum(readers) > 1:
        raise Problem("only one thing can be read from standard input", Exit.USAGE)


def _delivery(args: argparse.Namespace, client: Client) -> None:
    settings = client.settings
    if args.keep_going:
        settings.stop_on_to_errors = settings.stop_on_cc_errors = settings.stop_on_bcc_errors = False
    if args.strict_recipients:
        settings.stop_on_to_errors = settings.stop_on_cc_errors = settings.stop_on_bcc_errors = True
    if args.no_pipelining:
        settings.use_pipelining = False
    if args.no_chunking:
        settings.use_chunking = False
    if args.dsn_return:
        settings.dsn_return = _DSN_RETURN[args.dsn_return]
    if args.envelope_id:
        settings.envelope_id = args.envelope_id
    client.notify = args.dsn or ""


def _finished(args: argparse.Namespace) -> Finished:
    idle = {
        "--subject": args.subject,
        "--text": args.text,
        "--html": args.html,
        "--attach": args.attach,
        "--header": args.header,
        "--reply-to": args.reply_to,
    }
    if given := [name for name, value in idle.items() if value]:
        raise Problem(f"--raw sends a finished message as it is, so {', '.join(given)} can't change it", Exit.USAGE)
    recipients = [*args.to, *args.cc, *args.bcc]
    return Finished(read_file(args.raw), args.return_path or args.sender, recipients or None)


def _people(args: argparse.Namespace, client: Client) -> None:
    user_is_address = args.user is not None and "@" in args.user
    sender = args.sender or (args.user if user_is_address else None)
    if not sender:
        raise Problem("there is no sender: give --from ADDRESS", Exit.USAGE)
    if not (args.to or args.cc or args.bcc):
        raise Problem("there is no recipient: give --to ADDRESS", Exit.USAGE)
    client.from_ = sender
    client.send_to = ", ".join(args.to)
    client.cc = ", ".join(args.cc)
    client.bcc = ", ".join(args.bcc)
    client.reply_to = args.reply_to
    client.return_path = args.return_path
    if not args.to:
        client.settings.allow_empty_to = True


def _html(value: str | None) -> str:
    """Return the HTML: a value with a tag is the HTML itself, everything else names a file."""
    if not value:
        return ""
    if "<" in value and not os.path.exists(value):
        return value
    return read_text(value.removeprefix("@"))


def _text(args: argparse.Namespace) -> str:
    if args.text is None:
        if not args.html and input_waits() and not any(file.path == "-" for file in args.attach):
            return read_text("-")
        if not args.html and not args.attach:
            raise Problem("there is no text: give --text TEXT (--text '' for none), or pipe it in", Exit.USAGE)
        return ""
    value: str = args.text
    if value == "-":
        return read_text("-")
    if value.startswith("@@"):
        return value[1:]
    return read_text(value[1:]) if value.startswith("@") else value
