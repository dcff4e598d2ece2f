"""``postwright verify`` and ``postwright expand``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from postwright.cli import reports
from postwright.cli.connecting import client_of, need_server, unlock
from postwright.cli.exits import Exit, exit_for
from postwright.cli.trail import Trail
from postwright.errors import Refused, ServiceClosing, SMTPError

if TYPE_CHECKING:
    import argparse

    from postwright.cli.client import Client
    from postwright.cli.screen import Screen
    from postwright.words import Reply

_WONT_SAY = 252
_NOBODY = {550, 551, 553}  # RFC 5321 section 3.5.3; 502 and 504 are about the command


def verify(args: argparse.Namespace, screen: Screen) -> Exit:
    """Ask for each address whether it exists."""
    client = _client(args)
    with Trail(client, _trail_path(args)), client:
        client.connect()
        answers = [(address, _verified(client, address)) for address in args.subjects]
    screen.answer(
        {"exit": int(_worst(answers)), "addresses": [_object(address, answer) for address, answer in answers]}
    )
    for address, answer in answers:
        screen.say(f"{address}: {_words(answer)}")
    return _worst(answers)


def _verified(client: Client, address: str) -> Reply | SMTPError:
    try:
        return client.verify(address)
    except ServiceClosing:
        raise
    except Refused as error:
        return error


def _words(answer: Reply | SMTPError) -> str:
    reply = answer.reply if isinstance(answer, SMTPError) else answer
    exists = _exists(reply)
    verdict = "the server won't say" if exists is None else "yes" if exists else "no"
    return f"{verdict} ({reply or answer})"


def _exists(reply: Reply | None) -> bool | None:
    if reply is None or reply.code == _WONT_SAY:
        return None
    return True if reply.is_positive else False if reply.code in _NOBODY else None


def _object(address: str, answer: Reply | SMTPError) -> dict[str, Any]:
    reply = answer.reply if isinstance(answer, SMTPError) else answer
    return {"address": address, "exists": _exists(reply), "reply": reports.reply_object(reply)}


def _worst(answers: list[tuple[str, Reply | SMTPError]]) -> Exit:
    codes = [_code(answer) for _, answer in answers if isinstance(answer, SMTPError)]
    return min(codes, default=Exit.OK)


def _code(error: SMTPError) -> Exit:
    """A mailbox that is not there is no user; a server that does not know VRFY is something else."""
    return Exit.NO_USER if _exists(error.reply) is False else exit_for(error)


def expand(args: argparse.Namespace, screen: Screen) -> Exit:
    """Ask who is on a list."""
    client = _client(args)
    name = args.subjects[0]
    with Trail(client, _trail_path(args)), client:
        try:
            members = client.expand(name)
        except ServiceClosing:
            raise
        except Refused as error:
            code = _code(error)
            screen.complain(f"{name}: {error.message}")
            screen.answer({"exit": int(code), "list": name, "members": [], "reply": reports.reply_object(error.reply)})
            return code
    for member in members:
        screen.say(member)
    screen.answer({"exit": int(Exit.OK), "list": name, "members": list(members), "reply": None})
    return Exit.OK


def _client(args: argparse.Namespace) -> Client:
    client = client_of(args)
    need_server(args)
    unlock(args, client)
    return client


def _trail_path(args: argparse.Namespace) -> str | None:
    path: str | None = args.transcript
    return "-" if args.verbose and not path else path
