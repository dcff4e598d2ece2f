"""AsyncSMTP among other tasks: cancellation, two loops, two tasks, an idle line that the server closes."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, Any

import pytest

from postwright import AsyncSMTP, Outcome
from postwright.errors import Busy, NotPossibleNow
from tests.dialogues.test_time import BIG, PHASES, Stuck
from tests.support.clients import PLAIN
from tests.support.server import HostileServer, ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from postwright.events import ConnectionStatus
    from tests.support.server import Wire


def client_of(port: int, **values: Any) -> AsyncSMTP:
    made = AsyncSMTP(**PLAIN | {"mail_port": port} | values)
    made.settings.hello = "client.example"
    return made


def run(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a test; at its end no task is left."""

    async def whole() -> None:
        await coroutine
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(whole())


@pytest.mark.parametrize("phase", PHASES)
@pytest.mark.parametrize("how", ["cancel", "timeout"])
def test_cancellation_closes_the_line_and_the_object_is_usable(phase: str, how: str) -> None:
    stuck = Stuck(phase)
    with HostileServer(stuck) as server:

        async def test() -> None:
            smtp = client_of(server.port, timeout=60, ssl_start_mode=1 if phase == "handshake" else 3)
            if phase == "body":
                smtp.settings.out_buffer_size = 4096
                smtp.set_message_stream(io.BytesIO(BIG))
            task = asyncio.ensure_future(smtp.send())
            assert await asyncio.to_thread(stuck.reached.wait, 20)
            await asyncio.sleep(0.1)  # it waits by then; if it does not yet, it is cancelled all the same
            if how == "timeout":
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(task, 0.01)
            else:
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task
            stuck.over.set()
            assert not smtp.connected
            assert smtp.idle
            if phase == "end":
                assert smtp.last_outcome is Outcome.UNKNOWN
            smtp.ssl_start_mode = 3
            smtp.set_message_stream(None)
            assert (await smtp.send()).reply.code == 250

        run(test())


def test_cancellation_during_a_name_lookup_leaves_nothing() -> None:
    async def test() -> None:
        smtp = client_of(25, mail_server="no-such-host.invalid")
        task = asyncio.ensure_future(smtp.send())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert smtp.idle

    run(test())


def test_an_open_line_belongs_to_its_loop() -> None:
    with ScriptedServer() as server:
        smtp = client_of(server.port)
        with asyncio.Runner() as first, asyncio.Runner() as second:
            first.run(smtp.connect())
            with pytest.raises(NotPossibleNow, match="another event loop"):
                second.run(smtp.send())
            assert first.run(smtp.send()).reply.code == 250
            first.run(smtp.disconnect())
            assert second.run(smtp.send()).reply.code == 250


def test_a_second_task_is_refused_and_the_first_goes_on() -> None:
    def attack(wire: Wire) -> None:
        wire.delay(0.2)
        wire.to_body()
        wire.body()
        wire.say("250 taken")
        wire.quit()

    with HostileServer(attack) as server:

        async def test() -> None:
            smtp = client_of(server.port)
            first = asyncio.ensure_future(smtp.send())
            await asyncio.sleep(0.05)
            assert not smtp.idle
            with pytest.raises(Busy):
                await smtp.send()
            assert (await first).reply.text == "taken"

        run(test())


def test_two_objects_share_a_loop() -> None:
    with ScriptedServer() as one, ScriptedServer() as other:

        async def test() -> None:
            results = await asyncio.gather(client_of(one.port).send(), client_of(other.port).send())
            assert [result.reply.code for result in results] == [250, 250]

        run(test())


def test_handlers_may_be_coroutine_functions_and_their_errors_come_through() -> None:
    with ScriptedServer() as server:

        async def test() -> None:
            smtp = client_of(server.port)
            seen: list[object] = []

            async def note(event: object) -> None:
                await asyncio.sleep(0)
                seen.append(event)

            smtp.on_connection_status = note
            await smtp.send()
            assert len(seen) == 2

            async def fail(_: object) -> None:
                await asyncio.sleep(0)
                raise LookupError("mine")

            smtp.on_start_transfer = fail
            with pytest.raises(LookupError, match="mine"):
                await smtp.send()
            assert not smtp.connected
            assert smtp.last_outcome is Outcome.NOT_SENT
            smtp.on_start_transfer = None
            await smtp.send()

        run(test())


def test_a_line_that_the_server_closes_while_idle_is_closed_here_and_told() -> None:
    def attack(wire: Wire) -> None:
        wire.hello()
        wire.delay(0.05)
        wire.say("421 off")

    with HostileServer(attack) as server:

        async def test() -> None:
            smtp = client_of(server.port)
            told = asyncio.Event()
            events: list[ConnectionStatus] = []

            @smtp.on_connection_status
            def note(event: ConnectionStatus) -> None:
                events.append(event)
                if event.connection_event == "Disconnected":
                    told.set()

            await smtp.connect()
            await asyncio.wait_for(told.wait(), 2)
            assert not smtp.connected
            assert "421 off" in events[-1].description
            assert (await smtp.send()).reply.code == 250

        run(test())


def test_an_asynchronous_stream_is_read_and_closed() -> None:
    class Stream:
        closed = False

        def __init__(self) -> None:
            self._left = [b"one\r\n", b"two\r\n"]

        async def read(self, _: int) -> bytes:
            await asyncio.sleep(0)
            return self._left.pop(0) if self._left else b""

        async def close(self) -> None:
            await asyncio.sleep(0)
            self.closed = True

    with ScriptedServer() as server:

        async def test() -> None:
            smtp = client_of(server.port)
            stream = Stream()
            smtp.set_message_stream(stream)
            await smtp.send()
            assert stream.closed

        run(test())
        assert server.peers[0].bodies[0].endswith(b"\r\n\r\none\r\ntwo\r\n.\r\n")


def test_leaving_the_block_after_an_error_closes_the_line_without_a_word() -> None:
    with ScriptedServer() as server:

        async def test() -> None:
            smtp = client_of(server.port)

            async def fail() -> None:
                async with smtp:
                    await smtp.connect()
                    raise LookupError

            with pytest.raises(LookupError):
                await fail()
            assert not smtp.connected
            async with client_of(server.port) as other:
                await other.connect()
            assert not other.connected

        run(test())
        assert b"QUIT" not in server.peers[0].heard
        assert server.peers[1].heard.endswith(b"QUIT\r\n")
