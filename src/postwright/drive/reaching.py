"""Looking a host up and dialing it, under asyncio."""

from __future__ import annotations

from typing import TYPE_CHECKING

from postwright.drive import dialing
from postwright.drive.race import Race

if TYPE_CHECKING:
    import socket

    from postwright.drive.patience import Patience
    from postwright.words import Target


async def resolve(patience: Patience, target: Target) -> list[dialing.Place]:
    """Look a target's host up, in a thread where a name server must be asked.

    Raises:
        NetworkError: The name has no address, or the name server failed or took too long.
    """
    if dialing.is_numeric(target.host):
        return dialing.resolve(target)
    return await patience.apart(target.timeout, lambda: dialing.late(target), dialing.resolve, target)


async def reach(patience: Patience, target: Target) -> socket.socket:
    """Race the addresses of a target.

    Raises:
        NetworkError: None of them answers; the text has the attempt at each.
    """
    race = Race(await resolve(patience, target), target, patience.loop.time)
    try:
        while True:
            wait = race.advance()
            if race.winner is not None:
                race.close()
                return race.winner
            for sock in await patience.any_writable(list(race.pending), wait):
                race.settle(sock)
    except BaseException:
        race.abandon()
        raise
