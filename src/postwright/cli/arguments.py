"""The command line: commands, options, and what is said about wrong ones.

It never repeats what stands behind an option that it does not know: that may be a password.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shutil
from typing import TYPE_CHECKING, Any, NoReturn

import postwright
from postwright.cli import exits, options, queue, texts, values
from postwright.cli.exits import Exit
from postwright.cli.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence


_WIDEST = 120
_OPTION = re.compile(r"--?[A-Za-z]|-[46]\Z", re.ASCII)


class _Help(argparse.RawDescriptionHelpFormatter):
    """Help that is as wide as the terminal, up to a limit."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30, width=min(_WIDEST, shutil.get_terminal_size().columns) - 2)


class Parser(argparse.ArgumentParser):
    """A parser that raises Problem, and takes no option by its first letters."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(allow_abbrev=False, add_help=False, formatter_class=_Help, **settings)
        self.add_argument("-h", "--help", action="help", help="show this help and exit")

    def _parse_optional(self, arg_string: str) -> Any:
        """Take -5 and -;name=x as values: only -4 and -6 are options that begin with anything but a letter."""
        return super()._parse_optional(arg_string) if _OPTION.match(arg_string) else None

    def error(self, message: str) -> NoReturn:
        """Say what is wrong with the arguments."""
        raise Problem(f"{message} ({self.prog} --help tells more)", Exit.USAGE)


def parser() -> Parser:
    """Return the parser of the whole program."""
    made = Parser(prog="postwright", description=texts.PROGRAM, epilog=f"exit codes:\n{exits.table()}")
    made.add_argument("--version", action="version", version=f"postwright {postwright.__version__}")
    commands = made.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    _send(commands)
    _ask(commands, "verify", "ADDRESS", "ask the server whether mailboxes exist (VRFY)", texts.VERIFY)
    _ask(commands, "expand", "LIST", "ask the server for the members of a list (EXPN)", texts.EXPAND)
    _probe(commands)
    queue.add_to(commands)
    demo = commands.add_parser(
        "demo", help="send a mail to a server inside this process, and watch", description=texts.DEMO
    )
    demo.add_argument("--svg", metavar="FILE", help="write the screen as a picture")
    return made


def parse(words: Sequence[str]) -> argparse.Namespace:
    """Read the command line.

    Raises:
        Problem: It is wrong.
        SystemExit: Help or the version was asked for, and given.
    """
    program = parser()
    if words and words[0].startswith("-") and words[0] not in {"-h", "--help", "--version"}:
        raise Problem(f"the command comes first: postwright send {words[0].partition('=')[0]} ...", Exit.USAGE)
    args, rest = program.parse_known_args(words)
    if rest:
        raise Problem(_unknown(rest, program), Exit.USAGE)
    return args


def _unknown(rest: list[str], program: Parser) -> str:
    """Say which option is unknown, and which was perhaps meant; values are not repeated."""
    option = next((word.partition("=")[0] for word in rest if word.startswith("-")), None)
    if option is None:
        return "there is an argument that belongs to no option: blanks need quotes"
    known = {name: action for command in _commands(program) for name, action in command._option_string_actions.items()}
    close = difflib.get_close_matches(option, known, 1) if option.startswith("--") else []
    if close and isinstance(known[close[0]], options.Refused):
        return str(known[close[0]].const)
    return f"unknown option {option if option.startswith('--') else option[:2]}" + (
        f": did you mean {close[0]}?" if close else ""
    )


def _commands(program: Parser) -> list[argparse.ArgumentParser]:
    return [
        command
        for action in program._actions
        if isinstance(action, argparse._SubParsersAction)
        for command in action.choices.values()
    ]


def _send(commands: Any) -> None:
    made = commands.add_parser(
        "send", help="send one mail", usage=texts.SEND_USAGE, description=texts.SEND, epilog=texts.SEND_EXAMPLES
    )
    options.people(options.Group(made, "who"))
    options.content(options.Group(made, "what"))
    options.server(made)
    options.delivery(options.Group(made, "delivery"))
    output = options.Group(made, "output")
    options.output(output, trail={"nargs": "?", "const": "-"})
    bar = output.one_of()
    output.add(
        "--progress", "show the progress, also where it is no terminal", within=bar, action="store_true", default=None
    )
    output.add("--no-progress", "show none", within=bar, action="store_false", dest="progress")
    output.add("--dry-run", "compose and print, open no connection", action="store_true")


def _ask(commands: Any, name: str, what: str, doc: str, description: str) -> None:
    made = commands.add_parser(
        name, help=doc, usage=f"postwright {name} --server HOST[:PORT] [options] {what}", description=description
    )
    made.add_argument(
        "subjects", metavar=what, nargs="+" if name == "verify" else 1, help="address, or name on the server"
    )
    options.server(made)
    options.output(options.Group(made, "output"), trail={})


def _probe(commands: Any) -> None:
    made = commands.add_parser(
        "probe",
        help="show what a server is like, and what is wrong with it",
        usage="postwright probe HOST[:PORT] [options]",
        description=texts.PROBE,
    )
    made.add_argument("where", nargs="?", metavar="HOST[:PORT]", type=values.server, help="the mail server")
    options.server(made)
    options.output(options.Group(made, "output"), trail={})
