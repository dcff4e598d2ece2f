"""Time: every wait ends, interrupt() ends any of them, and the object is usable afterwards."""

from __future__ import annotations

import io
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from postwright import Outcome
from postwright.errors import (
    AlreadyConnecting,
    Busy,
    InactivityTimeout,
    Interrupted,
    NetworkError,
    OperationTimeout,
    SMTPError,
)
from postwright.events import HANDLERS, ConnectionStatus
from tests.support.clients import KINDS, World, failure, still_usable
from tests.support.polite import PolitePeer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.clients import Client
    from tests.support.server import Wire

BIG = b"A line of a message that is long.\r\n" * 200000
SOON = 10
"""Seconds, on a machine that has much else to do; a limit that was not kept would take far longer, or for ever."""


@pytest.fixture(params=["sync", "async"])
def real(request: pytest.FixtureRequest) -> Iterator[World]:
    """Clients on sockets; at the end each of them has sent one more message."""
    with World(str(request.param)) as made:
        yield made


class Stuck:
    """An attack: the server says nothing more at some phase, and reads nothing more of a body.

    Args:
        phase: One of PHASES.

    Attributes:
        reached: Set when the server has come to that phase.
        over: Set it when the client has left: a server that does not read does not see that.
    """

    def __init__(self, phase: str) -> None:
        self.phase = phase
        self.reached = threading.Event()
        self.over = threading.Event()

    def __call__(self, wire: Wire) -> None:
        if self.phase == "greeting":
            self._say_nothing(wire)
        if self.phase == "handshake":
            wire.receive()
            self._say_nothing(wire)
        if self.phase == "body":
            wire.shrink()
        wire.hello()
        wire.expect("MAIL")
        if self.phase == "reply":
            self._say_nothing(wire)
        wire.say("250 ok")
        wire.expect("RCPT")
        wire.say("250 ok")
        wire.expect("DATA")
        wire.say("354 go")
        if self.phase == "body":
            self.reached.set()
            while not self.over.is_set():
                wire.delay(0.02)
            wire.reset()
            return
        wire.body()
        self._say_nothing(wire)

    def _say_nothing(self, wire: Wire) -> None:
        self.reached.set()
        wire.silence()


PHASES = ["greeting", "handshake", "reply", "body", "end"]
FATES = {"end": Outcome.UNKNOWN}


def stuck(world: World, phase: str, **values: Any) -> tuple[Client, Stuck]:
    """A client, and its server, which will say nothing more at some phase."""
    server = Stuck(phase)
    client = world.attack(server, ssl_start_mode=1 if phase == "handshake" else 3, **values)
    if phase == "body":
        client.settings.out_buffer_size = 4096
        client.set_message_stream(io.BytesIO(BIG))
    return client, server


def took(started: float) -> float:
    return time.monotonic() - started


@pytest.mark.parametrize("phase", PHASES)
def test_silence_ends_with_the_inactivity_timeout(real: World, phase: str) -> None:
    client, server = stuck(real, phase, timeout=1)
    client.settings.final_reply_timeout = 1
    started = time.monotonic()
    error = failure(client)
    server.over.set()
    assert isinstance(error, InactivityTimeout)
    assert isinstance(error, TimeoutError)
    assert error.outcome is FATES.get(phase, Outcome.NOT_SENT)
    assert 0.9 < took(started) < SOON
    assert not client.connected
    client.timeout = client.settings.final_reply_timeout = 5


def test_a_silent_greeting_names_the_setting(real: World) -> None:
    client, _ = stuck(real, "greeting", timeout=1)
    assert "ssl_start_mode=1" in str(failure(client))
    client.timeout = 5


def test_the_absolute_timeout_ends_a_method_on_which_bytes_trickle(real: World) -> None:
    def attack(wire: Wire) -> None:
        while True:
            wire.say("220-wait")
            wire.delay(0.1)

    client = real.attack(attack, timeout=1)
    client.settings.absolute_timeout = True
    started = time.monotonic()
    assert isinstance(failure(client), OperationTimeout)
    assert 0.9 < took(started) < SOON
    assert not client.connected
    client.settings.absolute_timeout = False
    client.timeout = 5


def test_the_connection_timeout_ends_dialing(real: World) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.1", port))
        try:
            client = real.play(timeout=30)
            own, client.mail_port = client.mail_port, port
            client.settings.connection_timeout = 1
            started = time.monotonic()
            error = failure(client)
            assert isinstance(error, NetworkError)
            assert error.code == 10060
            assert error.is_transient
            assert f"127.0.0.1:{port}" in str(error)
            assert 0.9 < took(started) < SOON
        finally:
            for each in waiting:
                each.close()
        client.mail_port = own


def test_the_final_reply_has_its_own_time(real: World) -> None:
    def attack(wire: Wire) -> None:
        wire.to_body()
        wire.body()
        wire.delay(1.3)
        wire.say("250 taken")
        wire.quit()

    client = real.attack(attack, timeout=1)
    assert client.send().reply.text == "taken"
    client.timeout = 5


@pytest.mark.parametrize("forever", [False, True])
def test_a_timeout_of_zero_waits_for_ever(real: World, forever: bool) -> None:
    def attack(wire: Wire) -> None:
        wire.to_body()
        wire.body()
        wire.delay(0.2)
        wire.say("250 taken")
        wire.quit()

    client = real.attack(attack, timeout=0 if forever else 5)
    client.settings.final_reply_timeout = 0
    client.settings.reply_timeout = 0
    assert client.send().reply.text == "taken"
    client.timeout = 5


@pytest.mark.parametrize("phase", PHASES)
def test_interrupt_from_another_thread_ends_every_wait(real: World, phase: str) -> None:
    client, server = stuck(real, phase, timeout=60)

    def interrupt() -> None:
        assert server.reached.wait(20)
        time.sleep(0.1)  # it waits by then; if it does not yet, it is interrupted all the same
        client.smtp.interrupt()

    thread = threading.Thread(target=interrupt)
    thread.start()
    started = time.monotonic()
    error = failure(client)
    thread.join()
    server.over.set()
    assert isinstance(error, Interrupted)
    assert error.code == 301
    assert error.outcome is FATES.get(phase, Outcome.NOT_SENT)
    assert took(started) < 2 * SOON
    assert not client.connected
    client.timeout = 5


@pytest.mark.parametrize("name", ["on_pi_trail", "on_connection_status", "on_start_transfer", "on_transfer"])
def test_interrupt_from_a_handler_ends_the_method(world: World, name: str) -> None:
    client = world.play()

    def stop(_: object) -> None:
        setattr(client, name, None)
        client.smtp.interrupt()

    setattr(client, name, stop)
    error = failure(client)
    assert isinstance(error, Interrupted)
    assert error.outcome is Outcome.NOT_SENT
    assert not client.connected


@pytest.mark.parametrize("kind", KINDS)
def test_an_interruption_at_any_event_leaves_the_outcome_true(kind: str) -> None:
    seen: list[object] = []
    outcomes = set()
    at = -1
    while at < len(seen):
        at += 1
        seen.clear()
        world = World(kind)
        client = world.play()
        client.set_message_stream(io.BytesIO(b"line\r\n" * 40_000))

        def stop(event: object, client: Client = client, at: int = at) -> None:
            seen.append(event)
            if len(seen) == at:
                client.smtp.interrupt()

        for name in HANDLERS:
            setattr(client, name, stop)
        try:
            outcome = client.send() and Outcome.SENT
        except Interrupted as error:
            outcome = error.outcome
        finally:
            world.close()
        assert outcome is client.last_outcome
        assert connections(seen) == ["Connected", "Disconnected"][: 2 * bool(connections(seen))]
        taken = sum(peer.taken for peer in world.peers if isinstance(peer, PolitePeer))
        assert taken == (outcome is Outcome.SENT), (at, seen[-1])
        outcomes.add(outcome)
    assert outcomes == {Outcome.NOT_SENT, Outcome.SENT}


def connections(seen: list[object]) -> list[str]:
    return [event.connection_event for event in seen if isinstance(event, ConnectionStatus)]


def test_an_interruption_that_comes_when_all_is_done_does_not_reach_the_next_method(world: World) -> None:
    client = world.play(
        "S: 220 mx\nC: EHLO client.example\nS: 250 mx\nC: EXPN staff\nS: 250-<a@x.example>\nS: 250 <b@x.example>"
    )
    client.connect()
    client.on_expand = lambda _: client.smtp.interrupt()
    assert client.expand("staff") == ("<a@x.example>", "<b@x.example>")
    client.on_expand = None
    still_usable(client)


def test_interrupt_while_idle_does_nothing(world: World) -> None:
    client = world.play()
    for _ in range(3):
        client.smtp.interrupt()
    client.connect()
    client.smtp.interrupt()
    client.send()


def test_many_interruptions_are_one(real: World) -> None:
    client, server = stuck(real, "reply", timeout=20)

    def storm() -> None:
        assert server.reached.wait(20)
        for _ in range(1000):
            client.smtp.interrupt()

    thread = threading.Thread(target=storm)
    thread.start()
    assert isinstance(failure(client), Interrupted)
    thread.join()
    client.timeout = 5


@pytest.mark.parametrize("method", ["send", "connect", "disconnect", "do_events", "reset"])
def test_a_method_inside_a_handler_is_refused_and_harms_nothing(world: World, method: str) -> None:
    client = world.play()
    errors: list[SMTPError] = []

    def call(_: object) -> None:
        try:
            answer = getattr(client.smtp, method)()
            if hasattr(answer, "send"):
                answer.send(None)  # a coroutine: up to where it would wait
        except SMTPError as error:
            errors.append(error)

    client.on_start_transfer = call
    assert client.send().reply.code == 250
    assert [type(error) for error in errors] == [Busy]
    assert errors[0].code == 166


@pytest.mark.parametrize("method", ["send", "connect"])
def test_another_thread_is_refused_while_a_method_is_in_progress(method: str) -> None:
    with World("sync") as world:
        client, server = stuck(world, "greeting", timeout=60)
        errors: list[Exception] = []
        thread = threading.Thread(target=lambda: errors.append(failure(client)))
        thread.start()
        assert server.reached.wait(20)
        error = failure(client, method)
        assert isinstance(error, Busy | AlreadyConnecting)
        client.interrupt()
        thread.join()
        assert isinstance(errors[0], Interrupted)
        client.timeout = 5
