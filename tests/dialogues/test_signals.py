"""A signal whose handler raises (as Ctrl-C does), wherever it comes: the outcome is true, and the object usable."""

from __future__ import annotations

import inspect
import io
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest

import postwright
from postwright import Outcome
from tests.support.clients import World, still_usable
from tests.support.polite import PolitePeer

if TYPE_CHECKING:
    from types import FrameType

PACKAGE = os.path.dirname(postwright.__file__)
DRIVE = os.path.join(PACKAGE, "drive")


class Able(PolitePeer):
    """A polite server that takes everything in as few turns as there can be."""

    def _answer(self, verb: bytes) -> Any:
        return b"250-mx.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n" if verb == b"EHLO" else super()._answer(verb)


class Signal:
    """Comes once, at one of the moments at which Python looks for signals: a call begins, or one to C has ended.

    Args:
        at: At which of them, from 1 on.
        where: Only those in this directory are counted.
    """

    def __init__(self, at: int, where: str) -> None:
        self.left = at
        self._where = where
        self.place = ""

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        if event not in {"call", "c_return"} or not frame.f_code.co_filename.startswith(self._where):
            return
        if (
            event == "call" and frame.f_code.co_flags & inspect.CO_GENERATOR
        ):  # perhaps it is closed, and nobody would hear
            return
        self.left -= 1
        if not self.left:
            self.place = f"{frame.f_code.co_filename}:{frame.f_lineno} ({event})"
            raise KeyboardInterrupt


def send(peer: type[PolitePeer], signal: Signal) -> Outcome | None:
    """Send a message while the signal comes, see that all is well, and return what is said of the message."""
    world = World("sync")
    try:
        client = world.play(peer())
        client.set_message_stream(io.BytesIO(b"line\r\n" * 40_000))
        sys.setprofile(signal)
        try:
            client.send()
        except KeyboardInterrupt:
            pass
        finally:
            sys.setprofile(None)
        outcome: Outcome | None = client.last_outcome
        still_usable(client)
    finally:
        world.close()
    taken = sum(each.taken for each in world.peers if isinstance(each, PolitePeer)) - 1
    assert outcome is Outcome.UNKNOWN or taken == (outcome is Outcome.SENT), signal.place
    return outcome


@pytest.mark.filterwarnings(
    "ignore:coroutine .* was never awaited:RuntimeWarning", "ignore:unclosed.*socket:ResourceWarning"
)
@pytest.mark.parametrize("where", [DRIVE, pytest.param(PACKAGE, marks=pytest.mark.slow)], ids=["drive", "all"])
@pytest.mark.parametrize("peer", [PolitePeer, Able])
def test_a_handler_raises_at_every_moment_of_a_delivery(peer: type[PolitePeer], where: str) -> None:
    outcomes = {send(peer, signal := Signal(0, where))}
    for at in range(1, 1 - signal.left):
        outcomes.add(send(peer, Signal(at, where)))
    assert outcomes >= set(Outcome)
