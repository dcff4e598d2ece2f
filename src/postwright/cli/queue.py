"""``postwright queue``: add, list, show, run, retry, remove, stats."""

from __future__ import annotations

import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from postwright.cli import options, run_progress
from postwright.cli.composing import compose
from postwright.cli.connecting import client_of, need_server, unlock
from postwright.cli.exits import Exit, exit_for
from postwright.cli.problems import Problem
from postwright.cli.screen import is_terminal
from postwright.cli.trail import Trail
from postwright.component.rooms import enqueueing
from postwright.component.wishes import Wishes
from postwright.drive import clock
from postwright.enums import Outcome
from postwright.errors import QueueIncomplete, QueueUnusable, SMTPError
from postwright.spool import care

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from postwright.cli.client import Client
    from postwright.cli.composing import Finished
    from postwright.cli.run_progress import RunProgress
    from postwright.cli.screen import Screen
    from postwright.words import QueueEntry, QueueReport

_USAGE = "postwright queue COMMAND DIRECTORY [options]"
_DESCRIPTION = """\
Keep mail in a directory until it is sent. What is in it survives a loss of power, and nothing goes out twice.

  postwright queue add outgoing --from me@example.org --to you@example.org --subject Hello --text Hi
  postwright queue run outgoing --server mail.example.org --user me
"""


def add_to(commands: Any) -> None:
    """Add the command and its own commands to the program's parser."""
    made = commands.add_parser(
        "queue", help="keep mail in a directory, and send it later", usage=_USAGE, description=_DESCRIPTION
    )
    verbs = made.add_subparsers(dest="verb", metavar="COMMAND", title="commands", required=True)
    _add(verbs)
    _run(verbs)
    for name, names, doc in (
        ("list", None, "list what is in it"),
        ("stats", None, "count what is in it"),
        ("show", 1, "show what is known of one message, and its head"),
        ("retry", "+", "let messages be sent again, also those of which nobody knows whether they were sent"),
        ("remove", "+", "remove messages"),
    ):
        verb = verbs.add_parser(name, help=doc, description=doc)
        verb.add_argument("directory", metavar="DIRECTORY", help="the queue")
        if names is not None:
            verb.add_argument("names", metavar="NAME", nargs=names, help="a file in the queue")
        output = options.Group(verb, "output")
        output.add("--json", "give the result as one JSON object on standard output", action="store_true")
        output.add("-q --quiet", "say only what went wrong", action="store_true")


def _add(verbs: Any) -> None:
    verb = verbs.add_parser("add", help="put one mail into it", description="Put one mail into a queue.")
    verb.add_argument("directory", metavar="DIRECTORY", help="the queue, which must exist; - writes the file's content")
    options.people(options.Group(verb, "who"))
    options.content(options.Group(verb, "what"))
    options.server(verb)
    options.delivery(options.Group(verb, "delivery"))
    verb.add_argument("--priority", type=int, default=5, metavar="0-9", help="0 goes first; default: 5")
    options.output(options.Group(verb, "output"), trail={})


def _run(verbs: Any) -> None:
    verb = verbs.add_parser("run", help="send what is in it", description="Send what is in a queue.")
    verb.add_argument("directory", metavar="DIRECTORY", help="the queue")
    options.server(verb)
    verb.add_argument("--retry", action="store_true", help="keep what the server refuses for now (4xx) for a later run")
    verb.add_argument("--keep", action="store_true", help="keep what was sent, as .sent")
    verb.add_argument(
        "--watch", type=float, metavar="SECONDS", help="run again and again, until SIGTERM; implies --retry"
    )
    verb.add_argument(
        "--connections", type=int, default=1, metavar="COUNT", help="send over so many connections at once"
    )
    options.output(options.Group(verb, "output"), trail={})


def queue(args: argparse.Namespace, screen: Screen) -> Exit:
    """Do what is asked of a queue."""
    verbs = {
        "add": add,
        "run": run,
        "list": show_list,
        "stats": stats,
        "show": show,
        "retry": retry,
        "remove": remove,
    }
    return verbs[args.verb](args, screen)


def add(args: argparse.Namespace, screen: Screen) -> Exit:
    """Put one mail into a queue."""
    client = client_of(args)
    finished = compose(args, client)
    where = "*" if args.directory == "-" else args.directory
    if finished is None:
        name = client.queue(where, priority=args.priority)
    else:
        name = queue_finished(client, where, finished, args.priority)
    screen.say(name)
    screen.answer({"exit": int(Exit.OK), "name": name, "message_id": client.sent_id or None})
    return Exit.OK


def queue_finished(client: Client, where: str, finished: Finished, priority: int = 5) -> str:
    """Put a finished message into a queue, with the envelope that was named."""
    plan = client._plan()
    envelope, draft = client._adopted(plan, *finished)
    return client._run(plan, enqueueing.put(plan, where, envelope, draft, Wishes(priority)))


class _Until:
    """SIGTERM and the keyboard end a run between two messages, unless they were to be ignored (as in the background)."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def __enter__(self) -> threading.Event:
        heard = [each for each in (signal.SIGTERM, signal.SIGINT) if signal.getsignal(each) is not signal.SIG_IGN]
        self._before = {number: signal.signal(number, self._end) for number in heard}
        return self.event

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _end(self, *_: object) -> None:
        self.event.set()


def run(args: argparse.Namespace, screen: Screen) -> Exit:
    """Send what is in a queue, once or again and again."""
    if args.connections < 1:
        raise Problem("--connections takes a number from 1 on", Exit.USAGE)
    need_server(args)
    client = client_of(args)
    unlock(args, client)
    client.settings.keep_queue = args.keep
    client.settings.queue_connections = args.connections
    trail = "-" if args.verbose and not args.transcript else args.transcript
    seen = is_terminal(sys.stderr) and not (args.quiet or args.json or trail == "-")
    with Trail(client, trail), _Until() as ending:
        while True:
            code = _one_run(args, screen, client, ending, run_progress.shown() if seen else None)
            if args.watch is None or ending.wait(args.watch):
                return code


def _one_run(
    args: argparse.Namespace, screen: Screen, client: Client, ending: threading.Event, shown: RunProgress | None
) -> Exit:
    """Run once; what became of each message is said at once, or behind the progress that is shown."""

    def told(entry: QueueEntry, left: int) -> None:
        if shown is None:
            _tell(screen, entry)
        else:
            shown.moved(entry, left)

    try:
        report = client.process_queue(
            args.directory, retry=args.retry or args.watch is not None, stop=ending.is_set, progress=told
        )
    except QueueIncomplete as error:
        report = error.report
    finally:
        if shown is not None:
            shown.close()
    if shown is not None:
        for entry in report.entries:
            _tell(screen, entry)
    stopped = getattr(report.stopped, "message", "")
    if stopped:
        screen.complain(f"{stopped}. {_stay(report.left)} in the queue.")
    code = _code(report)
    screen.answer({"exit": int(code), **_report_object(report), "stopped": stopped or None})
    return code


def _code(report: QueueReport) -> Exit:
    if report.unknown:
        return Exit.PROTOCOL
    first = report.stopped or next((entry.error for entry in report.failed), None)
    return Exit.OK if first is None else exit_for(first) if isinstance(first, SMTPError) else Exit.UNAVAILABLE


def _stay(left: int) -> str:
    return "1 message stays" if left == 1 else f"{left} messages stay"


def _tell(screen: Screen, entry: QueueEntry) -> None:
    if entry.state == "sent":
        screen.say(f"sent {entry.name}: {entry.result.reply if entry.result else ''}")
    elif entry.state == "deferred":
        why = getattr(entry.error, "message", "") or _who_waits(entry)
        screen.say(f"deferred {entry.name}: {why}")
    else:
        fate = " It may have been sent: you decide." if entry.outcome is Outcome.UNKNOWN else ""
        screen.complain(f"{entry.name}: {getattr(entry.error, 'message', '')}{fate}")


def _who_waits(entry: QueueEntry) -> str:
    refused = entry.result.refused if entry.result else ()
    return "sent, but not yet to " + ", ".join(f"{each.address} ({each.reply})" for each in refused)


def _report_object(report: QueueReport) -> dict[str, Any]:
    return {
        "sent": len(report.sent),
        "failed": len(report.failed),
        "unknown": len(report.unknown),
        "deferred": len(report.deferred),
        "left": report.left,
        "entries": [
            {
                "name": entry.name,
                "state": entry.state,
                "outcome": entry.outcome.value,
                "error": getattr(entry.error, "message", None),
            }
            for entry in report.entries
        ],
    }


def _object(row: care.Row) -> dict[str, Any]:
    letter = row.letter
    return {
        "name": row.name,
        "state": row.state,
        "outcome": "unknown" if row.log.committed else row.log.outcome or None,
        "attempts": row.log.attempts,
        "created": letter and letter.created,
        "from": letter and letter.sender,
        "to": [address for _, address, _ in letter.recipients] if letter else [],
        "size": letter and letter.size,
        "message_id": letter and (letter.message_id or None),
        "not_before": row.log.not_before or (letter.not_before if letter else "") or None,
        "fault": row.fault or None,
    }


def show_list(args: argparse.Namespace, screen: Screen) -> Exit:
    """List what is in a queue."""
    found = [_object(row) for row in care.rows(args.directory)]
    lines = [
        (
            row["state"],
            row["outcome"] or "-",
            str(row["size"] or "-"),
            row["name"],
            ", ".join(row["to"]) or row["fault"],
        )
        for row in found
    ]
    head = ("STATE", "OUTCOME", "SIZE", "NAME", "TO")
    widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
    for line in (head, *lines) if lines else ():
        screen.say("  ".join(word.ljust(width) for word, width in zip(line, widths, strict=True)).rstrip())
    screen.answer({"exit": int(Exit.OK), "messages": found})
    return Exit.OK


def stats(args: argparse.Namespace, screen: Screen) -> Exit:
    """Count what is in a queue."""
    counts = {state.removeprefix("."): 0 for state in care.STATES}
    unknown = octets = 0
    for row in care.rows(args.directory):
        counts[row.state] += 1
        unknown += row.state == "failed" and (row.log.committed or row.log.outcome == "unknown")
        octets += row.letter.size if row.letter else 0
    for state, count in counts.items():
        screen.say(
            f"{state}: {count}" + (f" ({unknown} of them may have been sent)" if state == "failed" and unknown else "")
        )
    screen.say(f"octets: {octets}")
    screen.answer({"exit": int(Exit.OK), **counts, "unknown": unknown, "octets": octets})
    return Exit.OK


def show(args: argparse.Namespace, screen: Screen) -> Exit:
    """Show what is known of one message."""
    (name,) = args.names
    row = care.row(args.directory, name)
    if row is None:
        raise Problem(f"there is no {name} in {args.directory}", Exit.NO_INPUT)
    for key, value in _object(row).items():
        if value not in (None, []):
            screen.say(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
    for key, value in row.log.entries:
        screen.say(f"{key}: {value}")
    screen.answer({"exit": int(Exit.OK), **_object(row), "log": [list(entry) for entry in row.log.entries]})
    return Exit.OK


def retry(args: argparse.Namespace, screen: Screen) -> Exit:
    """Let messages be sent again."""
    return _each(args, screen, lambda name: care.requeue(args.directory, name, clock.now()))


def remove(args: argparse.Namespace, screen: Screen) -> Exit:
    """Remove messages."""

    def gone(name: str) -> str:
        care.remove(args.directory, name)
        return name

    return _each(args, screen, gone)


def _each(args: argparse.Namespace, screen: Screen, do: Callable[[str], str]) -> Exit:
    code, done = Exit.OK, []
    for name in args.names:
        try:
            done.append(do(name))
            screen.say(done[-1])
        except QueueUnusable:
            raise
        except SMTPError as error:
            code = Exit.NO_INPUT
            screen.complain(error.message)
    screen.answer({"exit": int(code), "names": done})
    return code
