"""``postwright-sendmail``: what programs call as sendmail; the message goes into a queue."""

from __future__ import annotations

import argparse
import getpass
import os
import re
import sys
from typing import TYPE_CHECKING

from postwright.cli.client import Client
from postwright.cli.composing import Finished
from postwright.cli.exits import Exit, exit_for
from postwright.cli.problems import Problem
from postwright.cli.queue import queue_finished, show_list
from postwright.cli.reading import standard_input
from postwright.cli.screen import Screen, finish
from postwright.drive import clock
from postwright.errors import QueueUnusable, SMTPError
from postwright.message.addresses import addr_spec
from postwright.message.headers import mailboxes
from postwright.message.stamps import date_header, message_id
from postwright.words import Address

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

HELP = """\
usage: postwright-sendmail [options] [recipient ...] < message

Puts a message into a queue, for programs that know sendmail. `postwright queue run DIRECTORY` sends it.

  -t            recipients are those in To, Cc and Bcc (and those given)
  -i, -oi       a line with a single dot does not end the message
  -f, -r ADDR   the envelope's sender, and the author where the message has no From
  -F NAME       the author's name where the message has no From
  -N WHEN       delivery reports: never, or some of success,failure,delay
  -R WHAT       what a bounce brings back: full or hdrs
  -V ID         an identifier that bounces bring back
  -O QueueDirectory=DIR, -oQ DIR
                the queue; default: POSTWRIGHT_QUEUE, else ~/.local/state/postwright/queue
  -bp           list the queue
  -bm, -n, -odb, -odi, -odq, -oem, -oep, -B TYPE   accepted: they ask for what is done anyway
"""

_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_LOCAL = re.compile(r"[A-Za-z0-9._+-]+", re.ASCII)
_PEOPLE = re.compile(rb"^(?:to|cc|bcc|from|sender|reply-to):[^\n]*$", re.IGNORECASE | re.MULTILINE)
_DONE_ANYWAY = {"-bm", "-odb", "-odi", "-odq", "-oem", "-oep", "-oee", "-em", "-ep", "-om", "-m", "-n", "-G", "-U"}
_WITH_VALUE = "frFNRVOB"


class Wanted:
    """What the arguments ask for."""

    def __init__(self, words: Sequence[str]) -> None:
        self.from_headers = False
        self.dots_end = True
        self.listing = False
        self.values: dict[str, str] = {}
        self.recipients: list[str] = []
        rest = iter(words)
        for word in rest:
            if word == "--":
                self.recipients += rest
            elif not word.startswith("-") or word == "-":
                self.recipients.append(word)
            else:
                self._option(word, rest)

    def _option(self, word: str, rest: Iterator[str]) -> None:
        if word in _DONE_ANYWAY:
            return
        if word in {"-i", "-oi"}:
            self.dots_end = False
        elif word == "-bp":
            self.listing = True
        elif word.startswith("-oQ"):
            self._value("O", f"QueueDirectory={word[3:] or next(rest, '')}")
        elif word.startswith("-q"):
            raise Problem("the queue is not run here: postwright queue run DIRECTORY --server HOST", Exit.USAGE)
        elif word in {"-t", "-ti", "-it"}:
            self.from_headers = True
            self.dots_end = self.dots_end and "i" not in word
        elif word[1] in _WITH_VALUE:
            value = word[2:] or next(rest, None)
            if value is None:
                raise Problem(f"{word} needs a value", Exit.USAGE)
            self._value(word[1], value)
        else:
            raise Problem(f"unknown option {word[:3]}", Exit.USAGE)

    def _value(self, letter: str, value: str) -> None:
        if letter == "O":
            name, _, value = value.partition("=")
            if name.lower() != "queuedirectory":
                raise Problem(f"-O {name} is not possible here", Exit.USAGE)
        self.values["f" if letter == "r" else letter] = value


def main(argv: Sequence[str] | None = None) -> int:
    """Put the message on standard input into the queue.

    Args:
        argv: The arguments without the program's name; by default those of the process.

    Returns:
        The exit code, as sendmail has them.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    screen = Screen()
    try:
        if words in (["--help"], ["-h"]):
            screen.say(HELP)
            return Exit.OK
        wanted = Wanted(words)
        if wanted.listing:
            return int(show_list(argparse.Namespace(directory=_directory(wanted)), screen))
        _queue(wanted)
    except Problem as problem:
        screen.complain(problem.text)
        return int(problem.exit_code)
    except QueueUnusable as error:  # for whoever calls it is sendmail's EX_TEMPFAIL: the message is still theirs
        screen.complain(error.message)
        return Exit.TEMPORARY
    except SMTPError as error:
        screen.complain(error.message)
        return int(exit_for(error))
    finally:
        finish()
    return Exit.OK


def _queue(wanted: Wanted) -> None:
    client = Client()
    client.notify = wanted.values.get("N", "").upper()
    settings = client.settings
    if returned := wanted.values.get("R"):
        settings.dsn_return = {"full": "FULL", "hdrs": "HDRS"}.get(returned.lower(), returned)
    settings.envelope_id = wanted.values.get("V", "")
    sender = _qualified(wanted.values.get("f") or getpass.getuser())
    message = _completed(_read(dots_end=wanted.dots_end), sender, wanted.values.get("F", ""))
    recipients = [_qualified(recipient) for recipient in wanted.recipients]
    if wanted.from_headers:
        envelope, _ = client._adopted(client._plan(), message, sender, None)
        recipients += [addr_spec(recipient.address) for recipient in envelope.recipients]
    if not recipients:
        raise Problem("there is no recipient: give one, or -t", Exit.USAGE)
    queue_finished(client, _directory(wanted), Finished(message, sender, list(dict.fromkeys(recipients))))


def _directory(wanted: Wanted) -> str:
    named = wanted.values.get("O") or os.environ.get("POSTWRIGHT_QUEUE")
    if named:
        return named
    path = os.path.expanduser("~/.local/state/postwright/queue")
    os.makedirs(path, mode=0o700, exist_ok=True)
    return path


def _read(*, dots_end: bool) -> bytes:
    data = standard_input().read()
    if dots_end:
        lines = data.splitlines(keepends=True)
        end = next((number for number, line in enumerate(lines) if line.rstrip(b"\r\n") == b"."), len(lines))
        data = b"".join(lines[:end])
    return data


def _qualified(address: str) -> str:
    """Return an address with this host as its domain where it has none: cron writes to root."""
    return f"{address}@{clock.host_name()}" if _LOCAL.fullmatch(address) else address


def _qualify(match: re.Match[bytes]) -> bytes:
    """The same in a header line."""
    host = b"@" + clock.host_name().encode()
    line = re.sub(rb"<([A-Za-z0-9._+-]+)>", rb"<\g<1>" + host + b">", match[0])
    return re.sub(rb"^([A-Za-z-]+:[ \t]*[A-Za-z0-9._+-]+)(\r?)$", rb"\g<1>" + host + rb"\g<2>", line)


def _completed(data: bytes, sender: str, name: str) -> bytes:
    """Return the message with the fields that it must have."""
    if not _FIELD.match(data):
        data = b"\n" + data  # there is only a body
    head = data.partition(b"\n\n")[0].partition(b"\r\n\r\n")[0].lower()
    size = len(head)
    data = _PEOPLE.sub(_qualify, data[:size]) + data[size:]
    names = set(re.findall(rb"^([!-9;-~]+)[ \t]*:", head, re.MULTILINE)) if not data.startswith(b"\n") else set()
    now = clock.now()
    local, _, domain = sender.rpartition("@")
    fields = []
    if b"from" not in names and sender != "<>":
        fields.append(mailboxes("From", (Address(local, domain, name),)))
    if b"date" not in names:
        fields.append(f"Date: {date_header(now, clock.utc_offset(now))}\r\n".encode())
    if b"message-id" not in names:
        made = message_id("SHA1", clock.randomness(16), now, domain or clock.host_name())
        fields.append(f"Message-ID: {made}\r\n".encode())
    return b"".join(fields) + data


if __name__ == "__main__":
    sys.exit(main())
