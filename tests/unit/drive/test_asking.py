"""Items from an asynchronous iterable: by the handful where they are there, and none is kept from whoever waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from postwright.drive.tasks import Asking, Source

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

PATIENCE = 0.01


async def numbers(count: int, *, waits: dict[int, asyncio.Event] | None = None) -> AsyncIterator[str]:
    for number in range(count):
        if waits and number in waits:
            await waits[number].wait()
        yield str(number)


def run(test: Coroutine[object, object, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 10))


@pytest.mark.parametrize("busy", [False, True])
def test_what_is_there_comes_by_the_handful(busy: bool) -> None:
    async def test() -> None:
        asking = Asking(Source(numbers(10), str), lambda: busy, PATIENCE)
        taken = [await asking.take(4) for _ in range(4)]
        assert taken == [
            [(0, "0"), (1, "1"), (2, "2"), (3, "3")],
            [(4, "4"), (5, "5"), (6, "6"), (7, "7")],
            [(8, "8"), (9, "9")],
            [],
        ]

    run(test())


@pytest.mark.parametrize("busy", [False, True])
def test_what_is_there_is_not_kept_for_what_is_waited_for(busy: bool) -> None:
    async def test() -> None:
        event = asyncio.Event()
        asking = Asking(Source(numbers(4, waits={2: event}), str), lambda: busy, PATIENCE)
        assert await asking.take(8) == [(0, "0"), (1, "1")]
        assert asking.begun
        if busy:
            assert await asking.take(8) is None
        asyncio.get_running_loop().call_later(0.02, event.set)
        while (taken := await asking.take(8)) is None:
            assert busy
        assert taken == [(2, "2")]  # others have their turn
        assert await asking.take(8) == [(3, "3")]
        assert await asking.take(8) == []

    run(test())


def test_an_error_comes_behind_what_was_given_before_it() -> None:
    async def failing() -> AsyncIterator[str]:
        yield "0"
        yield "1"
        raise RuntimeError("mine")

    async def test() -> None:
        source = Source(failing(), str)
        asking = Asking(source, lambda: False, PATIENCE)
        assert await asking.take(8) == [(0, "0"), (1, "1")]
        assert await asking.take(8) == []
        with pytest.raises(RuntimeError, match="mine"):
            source.check()

    run(test())


def test_where_items_come_slowly_all_who_ask_have_their_share() -> None:
    async def slow() -> AsyncIterator[int]:
        for number in range(12):
            await asyncio.sleep(0.001)
            yield number

    async def test() -> None:
        source = Source(slow(), int)
        shares: list[list[int]] = [[], [], []]

        async def lane(share: list[int]) -> None:
            asking = Asking(source, lambda: False, PATIENCE)
            while taken := await asking.take(8):
                share += [item for _, item in taken]

        await asyncio.gather(*map(lane, shares))
        assert sorted(item for share in shares for item in share) == list(range(12))
        assert [len(share) for share in shares] == [4, 4, 4]

    run(test())


def test_a_timeout_of_the_user_s_own_goes_off_where_it_was_set() -> None:
    async def impatient() -> AsyncIterator[str]:
        yield "0"
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            yield "late"

    async def test() -> None:
        asking = Asking(Source(impatient(), str), lambda: False, PATIENCE)
        assert [await asking.take(8) for _ in range(3)] == [[(0, "0")], [(1, "late")], []]

    run(test())


def test_who_asks_for_no_more_leaves_nothing_behind() -> None:
    async def test() -> None:
        left = []

        async def endless() -> AsyncIterator[str]:
            try:
                yield "0"
                await asyncio.Event().wait()
            finally:
                left.append(True)

        asking = Asking(Source(endless(), str), lambda: True, PATIENCE)
        assert await asking.take(8) == [(0, "0")]
        asking.end()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert left == [True]

    run(test())
