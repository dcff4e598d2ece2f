"""A flow that the event loop's reader carries on: whatever wakes its task, it goes on where it stands."""

from __future__ import annotations

import asyncio
import socket

from postwright.drive.aio import AsyncDriver
from postwright.flow import Dial, Read
from postwright.words import Target


def test_a_task_that_is_woken_for_nothing_waits_again() -> None:
    async def talk(port: int) -> bytes:
        await Dial(Target("127.0.0.1", port))
        return await Read(5)

    async def scenario(listener: socket.socket) -> bytes:
        driver = AsyncDriver(lambda _: None)
        task = asyncio.ensure_future(driver.run(talk(listener.getsockname()[1])))
        while driver._wish is None:
            await asyncio.sleep(0)
        assert driver._patience is not None
        driver._patience.wake()
        for _ in range(3):
            await asyncio.sleep(0)
        assert not task.done()
        peer, _ = listener.accept()
        with peer:
            peer.send(b"220 here\r\n")
            said = await task
        driver.hang_up()
        return said

    with socket.create_server(("127.0.0.1", 0)) as listener:
        assert asyncio.run(scenario(listener)) == b"220 here\r\n"
