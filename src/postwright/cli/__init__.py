"""The program ``postwright``: send, verify, expand, probe, demo."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from postwright.cli.exits import Exit
from postwright.cli.problems import Problem
from postwright.cli.screen import Screen, finish
from postwright.errors import SMTPError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Run the program.

    Args:
        argv: The arguments without the program's name; by default those of the process.

    Returns:
        The exit code; ``exits.py`` says what each one means.
    """
    words = sys.argv[1:] if argv is None else list(argv)
    try:
        return int(_run(words))
    finally:
        finish()


def _run(words: Sequence[str]) -> Exit | int:
    from postwright.cli import reports
    from postwright.cli.arguments import parse, parser

    screen = Screen(as_json="--json" in words)
    if not words:
        parser().print_help(sys.stderr)
        return Exit.USAGE
    try:
        args = parse(words)
        screen.quiet = getattr(args, "quiet", False)
        return _command(args, screen)
    except SystemExit as end:  # --help and --version
        return end.code if isinstance(end.code, int) else Exit.OK
    except Problem as problem:
        return reports.problem(screen, problem.text, problem.exit_code)
    except SMTPError as error:
        return reports.failure(screen, error)
    except KeyboardInterrupt:
        return reports.problem(screen, "interrupted. Nothing was sent.", Exit.INTERRUPTED)
    except Exception as error:  # noqa: BLE001 - a person is told in words, not by a traceback
        return reports.bug(screen, error)


def _command(args: argparse.Namespace, screen: Screen) -> Exit:
    if args.command == "send":
        from postwright.cli.sending import send

        return send(args, screen)
    if args.command == "probe":
        from postwright.cli.probe import probe

        return probe(args, screen)
    if args.command == "queue":
        from postwright.cli import queue

        return queue.queue(args, screen)
    if args.command == "demo":
        from postwright.cli.demo import demo

        return demo(args.svg)
    from postwright.cli import asking

    return asking.verify(args, screen) if args.command == "verify" else asking.expand(args, screen)
