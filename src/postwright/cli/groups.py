"""How a group of options is made, and how a secret on the command line is refused."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from postwright.cli import texts
from postwright.cli.exits import Exit
from postwright.cli.problems import Problem


class Refused(argparse.Action):
    """An option for a secret on the command line: it is known, so that its value is never repeated."""

    def __call__(self, *_: Any) -> NoReturn:
        """Refuse it; ``const`` says why, and what there is in its place."""
        raise Problem(str(self.const or texts.NOT_HERE), Exit.USAGE)


class Group:
    """One titled group of options.

    Args:
        parser: Whose group it is.
        title: Its title.
        description: What stands below the title.
    """

    def __init__(self, parser: argparse.ArgumentParser, title: str, description: str = "") -> None:
        self._group = parser.add_argument_group(title, description or None)

    def add(self, names: str, doc: str, *, also: str = "", within: Any = None, **how: Any) -> None:
        """Add an option.

        Args:
            names: Its names.
            doc: Its help.
            also: What users of other programs call it; that is not in the help.
            within: The group of options that exclude each other.
            **how: As for ``add_argument``.
        """
        home = within or self._group
        first = home.add_argument(*names.split(), help=doc, **how)
        if also:
            home.add_argument(*also.split(), help=argparse.SUPPRESS, **{**how, "dest": first.dest})

    def refuse(self, names: str, why: str) -> None:
        """Add an option that is refused, with or without a value."""
        self._group.add_argument(*names.split(), nargs="?", action=Refused, const=why, help=argparse.SUPPRESS)

    def one_of(self) -> Any:
        """Return a group whose options exclude each other."""
        return self._group.add_mutually_exclusive_group()
