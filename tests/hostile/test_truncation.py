"""A TLS connection that is cut looks like one that ended; no reply and no mail may come of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from postwright import Outcome
from postwright.errors import ConnectionDropped, NetworkError, SecurityError
from tests.support.clients import failure

if TYPE_CHECKING:
    from tests.support.clients import World
    from tests.support.server import Wire

STEPS = (("EHLO", "250 ok"), ("MAIL", "250 ok"), ("RCPT", "250 ok"), ("DATA", "354 go"))


@pytest.mark.parametrize("orderly", [True, False])
@pytest.mark.parametrize("said", [b"250 2.0.0 queued", b"250 2.0.0 queued\r", b"250-2.0.0 queued\r\n", b"250", b""])
def test_a_reply_that_is_cut_is_none(world: World, said: bytes, orderly: bool) -> None:
    def attack(wire: Wire) -> None:
        line = wire.secure()
        line.send(b"220 hostile.example\r\n")
        line.converse(*STEPS)
        line.until(b"\r\n.\r\n")
        line.send(said)
        if orderly:
            line.farewell()

    error = failure(world.secure(world.attack(attack, ssl_start_mode=1)))
    assert isinstance(error, ConnectionDropped | NetworkError | SecurityError)
    assert error.outcome is Outcome.UNKNOWN


@pytest.mark.parametrize(
    "bytes_beside", [b"\x17\x03\x03\x00\x20" + b"\x41" * 32, b"250 ok\r\n", b"\x15\x03\x03\x00\x02\x02\x28"]
)
def test_what_comes_beside_tls_is_no_reply(world: World, bytes_beside: bytes) -> None:
    def attack(wire: Wire) -> None:
        line = wire.secure()
        line.send(b"220 hostile.example\r\n")
        line.converse(*STEPS[:2])
        wire.send(bytes_beside)
        wire.until_gone()

    error = failure(world.secure(world.attack(attack, ssl_start_mode=1)))
    assert isinstance(error, SecurityError)
    assert error.outcome is Outcome.NOT_SENT


def test_plaintext_in_place_of_a_greeting_through_tls_is_no_greeting(world: World) -> None:
    def attack(wire: Wire) -> None:
        wire.secure()
        wire.say("220 plain.example")
        wire.until_gone()

    error = failure(world.secure(world.attack(attack, ssl_start_mode=1)))
    assert isinstance(error, SecurityError)
    assert b"EHLO" not in world.wire.heard
