"""Waiting under asyncio: what ends a wait was meant for that one, and for no other."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from postwright.drive.patience import Patience
from postwright.errors import InactivityTimeout, Interrupted, OperationTimeout


def run(scenario: object) -> None:
    asyncio.run(scenario)  # type: ignore[arg-type]


def test_a_wait_without_end_is_not_ended_by_the_timer_of_an_earlier_one() -> None:
    async def scenario() -> None:
        patience = Patience(asyncio.get_running_loop(), None)
        asyncio.get_running_loop().call_later(0.01, patience.wake)
        await patience.wait(0.1, InactivityTimeout)
        started = time.monotonic()
        await patience.beside(time.sleep, 0.3)
        assert time.monotonic() - started >= 0.3
        patience.disarm()

    run(scenario())


def test_a_later_wait_has_all_its_time() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        patience = Patience(loop, None)
        loop.call_later(0.15, patience.wake)
        await patience.wait(0.2, InactivityTimeout)
        started = loop.time()
        with pytest.raises(InactivityTimeout):
            await patience.wait(0.2, InactivityTimeout)
        assert loop.time() - started >= 0.19

    run(scenario())


def test_a_function_that_has_returned_wakes_no_later_wait() -> None:
    """Something else ends the wait in the moment in which the loop hears that the function has returned."""

    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        patience = Patience(loop, None)
        returning = threading.Event()

        def end_both() -> None:
            returning.set()
            worker.submit(int).result()  # the only thread is at this one: it has told the loop of the one before
            patience.wake()

        with ThreadPoolExecutor(1) as worker:
            loop.set_default_executor(worker)
            loop.call_soon(end_both)
            assert await patience.beside(returning.wait)
            with pytest.raises(InactivityTimeout):
                await patience.wait(0.05, InactivityTimeout)
        patience.disarm()

    run(scenario())


def test_a_function_that_was_given_up_wakes_nobody() -> None:
    async def scenario() -> None:
        loop = asyncio.get_running_loop()
        patience = Patience(loop, None)
        returning = threading.Event()

        def fail() -> None:
            returning.wait()
            raise RuntimeError("nobody hears this")

        with ThreadPoolExecutor(1) as worker:
            loop.set_default_executor(worker)
            patience.interrupt()
            with pytest.raises(Interrupted):
                await patience.beside(fail)
            loop.call_soon(returning.set)
            with pytest.raises(InactivityTimeout):
                await patience.wait(0.05, InactivityTimeout)
        patience.disarm()

    run(scenario())


def test_an_interruption_from_a_thread_ends_the_wait_or_the_next_one() -> None:
    async def scenario() -> None:
        patience = Patience(asyncio.get_running_loop(), None)
        thread = threading.Timer(0.05, patience.interrupt)
        thread.start()
        with pytest.raises(Interrupted):
            await patience.wait(None, InactivityTimeout)
        thread.join()
        patience.interrupt()
        with pytest.raises(Interrupted):
            await patience.wait(5, InactivityTimeout)

    run(scenario())


def test_the_whole_operation_has_an_end() -> None:
    async def scenario() -> None:
        patience = Patience(asyncio.get_running_loop(), 0.1)
        with pytest.raises(OperationTimeout):
            await patience.wait(None, InactivityTimeout)
        with pytest.raises(OperationTimeout):
            await patience.wait(5, InactivityTimeout)

    run(scenario())
