"""What a batch and a pool do when the server has too much to do: fewer connections, slower, later; each message once."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP, AsyncPool, AsyncSMTP, Outcome, SendResult, SMTPError, errors
from postwright.component import pooling
from postwright.session import asking
from postwright.session.ways import overlap
from tests.crash.moody import MoodySink, letters
from tests.interop.both import Client, Lender
from tests.support.ports import held
from tests.support.server import HostileServer

if TYPE_CHECKING:
    import socket
    from collections.abc import AsyncIterator, Callable, Iterator

    from tests.support.server import Wire

    Make = Callable[..., Client]

WAYS = {
    "dotted": ("PIPELINING", "SIZE"),
    "chunked": ("PIPELINING", "CHUNKING"),
    "one by one": ("SIZE",),
}


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    overlap.clear()
    yield
    overlap.clear()


@pytest.fixture(params=["SMTP", "AsyncSMTP"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner | None]:
    if request.param == "SMTP":
        yield None
        return
    with asyncio.Runner() as made:
        yield made


@pytest.fixture
def make(runner: asyncio.Runner | None) -> Make:
    return lambda port: Client(
        runner, {"mail_server": "127.0.0.1", "mail_port": port, "ssl_start_mode": 3, "timeout": 5}
    )


@pytest.fixture
def lend(runner: asyncio.Runner | None) -> Iterator[Callable[..., Lender]]:
    """Makes pools that are closed at the end."""
    made: list[Lender] = []

    def pool(sink: MoodySink, size: int, **values: Any) -> Lender:
        values = {"mail_server": "127.0.0.1", "mail_port": sink.port, "ssl_start_mode": 3, "timeout": 5} | values
        made.append(Lender(runner, size, values))
        return made[-1]

    yield pool
    for each in made:
        each.close()


def outcomes(results: list[Any]) -> Counter[str]:
    return Counter("SENT" if isinstance(result, SendResult) else result.outcome.name for result in results)


def check(sink: MoodySink, results: list[Any], count: int) -> Counter[str]:
    """See that each message has its result in order, and that what is SENT was taken once and the rest was not."""
    assert len(results) == count
    for number, result in enumerate(results):
        taken = sink.taken[f"<{number}@example.org>"]
        if isinstance(result, SendResult):
            assert result.message_id == f"<{number}@example.org>"
            assert taken == 1, f"{number} is SENT, and was taken {taken} times"
        elif result.outcome is Outcome.NOT_SENT:
            assert taken == 0, f"{number} is NOT_SENT, and was taken"
        else:
            assert taken <= 1
    return outcomes(results)


@pytest.mark.parametrize("way", WAYS)
def test_a_server_with_few_connections_gets_few(make: Make, way: str) -> None:
    with MoodySink(most=3, extensions=WAYS[way]) as sink:
        results = make(sink.port).send_many(letters(200), connections=10)
        assert check(sink, results, 200) == {"SENT": 200}
        assert sink.peak <= 3
        assert sink.refused <= 10


class SlowToRefuse(MoodySink):
    """Says its 421 to the second connection too many only when all that it let in are gone."""

    def _refuse(self, line: socket.socket) -> None:
        end = time.monotonic() + 10
        while self.refused == 2 and self.open > 1 and time.monotonic() < end:
            time.sleep(0.002)
        super()._refuse(line)


@pytest.mark.parametrize("way", WAYS)
def test_a_refusal_that_comes_when_the_others_are_gone_is_for_now(make: Make, way: str) -> None:
    with SlowToRefuse(most=1, extensions=WAYS[way]) as sink:
        results = make(sink.port).send_many(letters(300), connections=3)
        assert check(sink, results, 300) == {"SENT": 300}
        assert sink.refused <= 10


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("place", ["GREETING", "EHLO", "MAIL", "RCPT", "AFTER"])
@pytest.mark.parametrize("connections", [1, 4])
def test_421_anywhere_loses_nothing_and_doubles_nothing(make: Make, way: str, place: str, connections: int) -> None:
    often = 2 if place in {"GREETING", "EHLO"} else 11
    with MoodySink(closing={place: often, **({"MAIL": 30} if often == 2 else {})}, extensions=WAYS[way]) as sink:
        client = make(sink.port)
        client.settings.max_retries, client.settings.retry_delay = 8, 0
        results = client.send_many(letters(60), connections=connections)
        found = check(sink, results, 60)
        # With whole messages in flight behind the one that is answered with 421, nobody knows about those.
        assert found["SENT"] + found["UNKNOWN"] == 60
        assert way == "chunked" or found == {"SENT": 60}


@pytest.mark.parametrize(("often", "wanted"), [(10, {"SENT": 10}), (1, {"NOT_SENT": 10})])
def test_421_to_the_body_is_a_refusal_and_a_new_connection_is_tried_once(
    make: Make, often: int, wanted: dict[str, int]
) -> None:
    with MoodySink(closing={"BODY": often}, extensions=WAYS["one by one"]) as sink:
        assert check(sink, make(sink.port).send_many(letters(10)), 10) == wanted


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("refusal", ["450 4.2.1 busy", "451 4.3.0 not now", "452 4.3.1 disk full"])
def test_what_is_refused_for_now_goes_again_when_that_is_wanted(make: Make, refusal: str, connections: int) -> None:
    with MoodySink() as sink:
        client = make(sink.port)
        client.settings.max_retries, client.settings.retry_delay = 3, 0
        results = client.send_many(itertools.chain(letters(30, f"X-Fail: 2 {refusal}\r\n")), connections=connections)
        assert check(sink, results, 30) == {"SENT": 30}
        sink.forget()
        results = client.send_many(letters(30, f"X-Fail: 9 {refusal}\r\nX-Other: yes\r\n"), connections=connections)
        assert check(sink, results, 30) == {"NOT_SENT": 30}
        assert {str(result.reply) for result in results} == {refusal}


def test_nothing_goes_again_unless_that_is_wanted(make: Make) -> None:
    with MoodySink() as sink:
        results = make(sink.port).send_many([*letters(5, "X-Fail: 1 451 not now\r\n"), *letters(0)])
        assert check(sink, results, 5) == {"NOT_SENT": 5}


def test_what_will_never_be_taken_does_not_go_again(make: Make) -> None:
    with MoodySink() as sink:
        client = make(sink.port)
        client.settings.max_retries, client.settings.retry_delay = 3, 0
        results = client.send_many(letters(5, "X-Fail: 1 554 never\r\n"))
        assert check(sink, results, 5) == {"NOT_SENT": 5}


def test_results_that_are_known_do_not_wait_for_those_that_go_again(make: Make) -> None:
    with MoodySink() as sink:
        client = make(sink.port)
        client.settings.max_retries, client.settings.retry_delay = 1, 1
        mixed = [*letters(1, "X-Fail: 1 450 not now\r\n"), *list(letters(6))[1:]]
        began = time.monotonic()
        results = client.send_many(mixed, ordered=False)
        took = time.monotonic() - began
        assert [result.message_id for result in results] == [f"<{n}@example.org>" for n in (1, 2, 3, 4, 5, 0)]
        assert 0.7 < took < 5


def test_a_server_that_comes_back_gets_everything(make: Make) -> None:
    with held() as port, contextlib.ExitStack() as stack:
        client = make(port)
        client.settings.max_retries, client.settings.retry_delay = 4, 1
        sinks: list[MoodySink] = []
        timer = threading.Timer(1.5, lambda: sinks.append(stack.enter_context(MoodySink(port=port))))
        timer.start()
        results = client.send_many(letters(40))
        timer.join()
    assert check(sinks[0], results, 40) == {"SENT": 40}


def test_messages_per_second_are_limited_over_all_connections(make: Make) -> None:
    for connections in (1, 4):
        with MoodySink() as sink:
            client = make(sink.port)
            client.settings.max_message_rate = 40
            began = time.monotonic()
            results = client.send_many(letters(21), connections=connections)
            took = time.monotonic() - began
            assert check(sink, results, 21) == {"SENT": 21}
            assert 0.49 <= took < 4


def test_single_messages_are_limited_too(lend: Callable[..., Lender]) -> None:
    with MoodySink() as sink:
        pool = lend(sink, 3)
        pool.settings.max_message_rate = 20
        began = time.monotonic()
        results = pool.send_together(list(letters(11)))
        assert check(sink, results, 11) == {"SENT": 11}
        assert 0.49 <= time.monotonic() - began < 4


def test_a_pool_under_421_at_the_greeting_uses_those_that_it_has(lend: Callable[..., Lender]) -> None:
    with MoodySink(most=2) as sink:
        pool = lend(sink, 8)
        for _ in range(3):
            results = pool.send_together(list(letters(40)))
            assert check(sink, results, 40) == {"SENT": 40}
            sink.forget()
        assert pool.width <= 2
        assert sink.peak <= 2
        assert sink.refused <= 8


def test_a_pool_sends_a_batch_and_keeps_its_connections(lend: Callable[..., Lender]) -> None:
    with MoodySink(most=3) as sink:
        pool = lend(sink, 3)
        opened: list[Any] = []
        pool.template.on_connection_status = opened.append
        for _ in range(3):
            assert check(sink, pool.send_many(letters(100)), 100) == {"SENT": 100}
            sink.forget()
        assert pool.idle == 3
        assert sum(event.connection_event == "Connected" for event in opened) == 3
        assert pool.send_many([]) == []


def test_an_idle_connection_makes_room_for_one_of_a_batch(lend: Callable[..., Lender]) -> None:
    with MoodySink(most=1) as sink:
        pool = lend(sink, 3)
        for _ in range(3):
            assert check(sink, [pool.send_message(next(letters(1)))], 1) == {"SENT": 1}
            sink.forget()
            assert check(sink, pool.send_many(letters(20)), 20) == {"SENT": 20}
            sink.forget()
        assert sink.peak == 1


def test_a_pool_that_lends_all_it_has_says_so_before_a_batch_begins(lend: Callable[..., Lender]) -> None:
    with MoodySink() as sink:
        pool = lend(sink, 1, wait=0.1)
        with pool.connection(), pytest.raises(errors.PoolTimeout):
            pool.send_many(letters(3))
        assert check(sink, pool.send_many(letters(3)), 3) == {"SENT": 3}


@pytest.mark.parametrize("connections", [1, 4])
def test_interrupt_ends_the_waiting_and_tells_the_last_refusal(connections: int) -> None:
    with MoodySink(most=2) as sink:
        client = SMTP(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3)
        client.settings.max_retries, client.settings.retry_delay = 1, 1000
        results: list[SendResult | SMTPError] = []
        thread = threading.Thread(
            target=lambda: results.extend(
                client.send_many(letters(3, "X-Fail: 1 451 not now\r\n"), connections=connections)
            )
        )
        thread.start()
        while thread.is_alive():
            client.interrupt()
            thread.join(0.05)
        assert outcomes(results) == {"NOT_SENT": 3}


@pytest.mark.parametrize("connections", [1, 4])
def test_who_wants_no_more_results_is_not_kept_waiting(connections: int) -> None:
    with MoodySink() as sink:
        client = SMTP(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3)
        client.settings.max_retries, client.settings.retry_delay = 5, 1000
        mixed = itertools.chain(letters(3, "X-Fail: 1 450 not now\r\n"), letters(100_000))
        results: Any = client.send_many(mixed, connections=connections, ordered=False)
        for _ in range(5):
            assert isinstance(next(results), SendResult)
        began = time.monotonic()
        results.close()
        assert time.monotonic() - began < 5


def test_a_task_that_is_cancelled_in_a_batch_leaves_nothing_behind() -> None:
    async def scenario() -> None:
        with MoodySink(most=2) as sink:
            async with AsyncPool(4, mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3) as pool:

                async def batch() -> int:
                    return len([result async for result in pool.send_many(letters(300))])

                for delay in [n / 500 for n in range(30)]:
                    task = asyncio.create_task(batch())
                    await asyncio.sleep(delay)
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                    assert pool.in_use == 0
                sink.forget()
                results = [result async for result in pool.send_many(letters(50))]
                assert check(sink, results, 50) == {"SENT": 50}

    asyncio.run(scenario())


def test_a_pool_outlives_its_server(lend: Callable[..., Lender]) -> None:
    with held() as port:
        with MoodySink(port=port) as first:
            pool = lend(first, 3)
            assert check(first, pool.send_together(list(letters(9))), 9) == {"SENT": 9}
        for refused in pool.send_together(list(letters(3))):
            assert isinstance(refused, errors.NetworkError)
            assert refused.outcome is Outcome.NOT_SENT
        for _ in range(3):
            with MoodySink(port=port) as again:
                assert check(again, pool.send_together(list(letters(9))), 9) == {"SENT": 9}
                assert again.open <= 3


@pytest.mark.parametrize("warm", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_cancelled_at_any_step_a_message_goes_once_at_most_and_the_pool_goes_on(way: str, warm: bool) -> None:
    async def scenario(sink: MoodySink) -> int:
        async with AsyncPool(2, mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3) as pool:
            for step in itertools.count():
                if warm:
                    await pool.send_message(b"From: a@example.org\r\nTo: b@example.net\r\n\r\nwarm\r\n")
                number = 2 * step
                message, other = itertools.islice(letters(number + 2), number, number + 2)
                task = asyncio.create_task(pool.send_message(message))
                for _ in range(step):
                    await asyncio.sleep(0)
                done = task.done()
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
                assert pool.in_use == 0
                await pool.send_message(other)
                assert sink.taken[f"<{number}@example.org>"] <= 1
                assert sink.taken[f"<{number + 1}@example.org>"] == 1
                if done or step > 4000:
                    return step
        raise AssertionError("the loop has no end")

    with MoodySink(extensions=WAYS[way]) as sink:
        assert asyncio.run(scenario(sink)) > 3


@pytest.mark.parametrize("kind", ["Pool", "AsyncPool"])
def test_a_connection_that_was_silent_for_long_must_answer_first(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pooling, "PROBE_AFTER", 0.0)
    monkeypatch.setattr(asking, "ANSWER", 0.3)

    def forgotten(wire: Wire) -> None:  # as behind a firewall that has lost its memory: nothing ever comes back
        wire.hello("PIPELINING", "CHUNKING")
        wire.expect("MAIL")
        wire.expect("RCPT")
        size = int(wire.expect("BDAT").split()[1])
        while len(wire.heard.partition(b"LAST\r\n")[2]) < size:
            wire.receive()
        wire.say("250 ok", "250 ok", "250 2.0.0 taken")
        wire.until_gone()

    with contextlib.ExitStack() as stack:
        server = stack.enter_context(HostileServer(forgotten))
        runner = stack.enter_context(asyncio.Runner()) if kind == "AsyncPool" else None
        pool = Lender(runner, 2, {"mail_server": "127.0.0.1", "mail_port": server.port, "ssl_start_mode": 3})
        first, second = letters(2)
        pool.send_message(first)
        began = time.monotonic()
        assert pool.send_message(second).queue_id == "POLITE"
        assert 0.25 < time.monotonic() - began < 5
        assert server.wire is not None
        assert server.wire.heard.endswith(b"NOOP\r\n")  # nothing of the second message went that way
        pool.close()


def test_at_the_end_of_the_program_servers_are_left_in_order() -> None:
    with MoodySink() as sink:
        program = (
            "from postwright import Pool\n"
            f"pool = Pool(2, mail_server='127.0.0.1', mail_port={sink.port}, ssl_start_mode=3)\n"
            "pool.send_message(b'From: a@example.org\\r\\nTo: b@example.net\\r\\n\\r\\nHello\\r\\n')\n"
        )
        ran = subprocess.run(
            [sys.executable, "-X", "dev", "-W", "error", "-c", program], capture_output=True, text=True, check=True
        )
        assert ran.stderr == ""
        assert sink.quits == 1


def chaos(seed: int, count: int, runner: asyncio.Runner | None) -> Counter[str]:
    """Send through a server that closes and refuses at random places; see that nothing is lost and nothing is doubled."""
    dice = random.Random(seed)
    closing = {place: dice.randint(8, 60) for place in ("GREETING", "EHLO", "MAIL", "RCPT", "DATA", "BODY", "AFTER")}
    way = dice.choice(list(WAYS))
    with MoodySink(most=dice.randint(2, 6), closing=closing, extensions=WAYS[way]) as sink:
        pool = Lender(runner, 8, {"mail_server": "127.0.0.1", "mail_port": sink.port, "ssl_start_mode": 3})
        pool.settings.max_retries, pool.settings.retry_delay = 30, 0
        mixed = [
            message if dice.random() < 0.8 else failing
            for message, failing in zip(letters(count), letters(count, "X-Fail: 2 451 later\r\n"), strict=True)
        ]
        half = count // 2
        results = pool.send_many(mixed[:half]) + pool.send_together(mixed[half:])
        pool.close()
        found = check(sink, results, count)
        assert pool.in_use == 0
        # A batch tries until all is done; nobody but a 421 behind whole messages in flight may leave one unknown.
        assert all(result.outcome is not Outcome.NOT_SENT for result in results[:half] if isinstance(result, SMTPError))
        assert way == "chunked" or not found["UNKNOWN"]
        return found


@pytest.mark.parametrize("seed", range(4))
def test_chaos(seed: int, runner: asyncio.Runner | None) -> None:
    assert chaos(seed, 120, runner)["SENT"] > 40


@pytest.mark.slow
def test_chaos_for_long(runner: asyncio.Runner | None) -> None:
    total = sum((chaos(seed, 400, runner) for seed in range(100, 200)), Counter())
    assert sum(total.values()) == 40_000


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_a_task_that_waits_for_a_result_before_it_gives_the_next_message(way: str, connections: int) -> None:
    async def scenario(sink: MoodySink) -> list[Any]:
        client = AsyncSMTP(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3)
        told = asyncio.Event()

        async def given() -> AsyncIterator[bytes]:
            for message in letters(4):
                told.clear()
                yield message
                await asyncio.wait_for(told.wait(), 5)

        results = []
        async for result in client.send_many(given(), connections=connections):
            results.append(result)
            told.set()
        return results

    with MoodySink(extensions=WAYS[way]) as sink:
        assert check(sink, asyncio.run(scenario(sink)), 4) == {"SENT": 4}


@pytest.mark.parametrize("connections", [1, 3])
@pytest.mark.parametrize("way", WAYS)
def test_messages_that_come_slowly_go_out_as_they_come(way: str, connections: int) -> None:
    with MoodySink(extensions=WAYS[way]) as sink:
        behind: list[int] = []

        def given() -> Iterator[bytes]:
            for number, message in enumerate(letters(4)):
                yield message
                time.sleep(0.15)  # long, for who takes messages
                end = time.monotonic() + 5
                while number and len(sink.taken) <= number and time.monotonic() < end:
                    time.sleep(0.005)
                behind.append(number + 1 - len(sink.taken))

        client = SMTP(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3)
        results = list(client.send_many(given(), connections=connections))
        assert check(sink, results, 4) == {"SENT": 4}
        assert behind[1:] == [0, 0, 0]  # nobody can know of the first one that the next one takes time
