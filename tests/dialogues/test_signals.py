"""A signal whose handler raises (as Ctrl-C does), wherever it comes: the outcome is true, and the object usable."""

from __future__ import annotations

import inspect
import io
import os
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

import postwright
from postwright import SMTP, Outcome
from postwright.component import enqueueing
from postwright.spool.record import read_head
from tests.support.clients import World, still_usable
from tests.support.polite import PolitePeer

if TYPE_CHECKING:
    from pathlib import Path
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


def descriptors() -> set[str]:
    """Return those that are open, without the listing's own."""
    return {number for number in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{number}")}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="there is no /proc")
def test_a_handler_raises_at_every_moment_while_messages_are_queued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """A batch is at the disk in threads then; nothing half is ever visible, and no thread is left."""
    monkeypatch.setattr(enqueueing, "BATCH", 4)
    client = SMTP()
    letters = [b"From: a@example.org\r\nTo: b@example.org\r\n\r\n%d\r\n" % number for number in range(6)]
    client.queue_many(str(tmp_path), letters)
    before, at, step = descriptors(), 1, 1 if request.config.getoption("--long") else 5
    while True:
        for path in tmp_path.iterdir():
            path.unlink()
        signal = Signal(at, PACKAGE)
        sys.setprofile(signal)
        try:
            client.queue_many(str(tmp_path), letters)
        except KeyboardInterrupt:
            pass
        finally:
            sys.setprofile(None)
        assert not [thread for thread in threading.enumerate() if thread.name == "postwright-wait"], signal.place
        assert {path.suffix for path in tmp_path.iterdir()} <= {".queued", ".new"}, signal.place
        assert all(read_head(path.read_bytes()) for path in tmp_path.glob("*.queued")), signal.place
        if signal.left > 0:
            break
        # A descriptor is lost where the signal comes between the system's call and Python, or before the call to close it.
        more = [int(number) for number in descriptors() - before]
        for number in more:
            os.close(number)
        assert not more or os.path.join("spool", "directory.py") in signal.place, signal.place
        assert isinstance(client.queue_many(str(tmp_path), letters[:1])[0], str), signal.place
        at += step
    assert at > 500
