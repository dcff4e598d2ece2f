"""Pools through real servers: connections are kept, shared, limited and replaced; nothing is lost, nothing goes twice."""

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from postwright import AsyncPool, Outcome, Pool, SendResult, errors
from tests.interop.both import Lender
from tests.interop.servers import Exim, MailServer, Postfix, Sink, new_token
from tests.interop.test_batches import letter

Make = Callable[..., Lender]


@pytest.fixture(params=["Pool", "AsyncPool"])
def pool_factory(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes pools, first of the one class, then of the other; they are closed at the end."""
    made: list[Lender] = []
    runner = asyncio.Runner() if request.param == "AsyncPool" else None

    def make(server: MailServer | Sink, size: int = 4, **values: Any) -> Lender:
        values = {"mail_server": server.host, "mail_port": server.plain, "ssl_start_mode": 3} | values
        made.append(Lender(runner, size, values))
        return made[-1]

    with contextlib.ExitStack() as stack:
        if runner:
            stack.enter_context(runner)
        yield make
        for each in made:
            each.close()


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> MailServer:
    found: MailServer = request.getfixturevalue(request.param)
    return found


def arrived(server: MailServer, token: str, count: int) -> None:
    """Make sure that each of the messages 0, 1, 2, ... with this token is there exactly once, by its Message-ID."""
    assert sorted(each.number for each in server.captures(token, count)) == list(range(count))


def connections(pool: Lender) -> list[str]:
    """Count the connections that are opened from now on."""
    seen: list[str] = []

    def note(event: Any) -> None:
        if event.connection_event == "Connected":
            seen.append(event.description)

    pool.template.on_connection_status = note
    return seen


def test_a_connection_is_kept_between_messages(pool_factory: Make, server: MailServer) -> None:
    pool, token = pool_factory(server), new_token()
    opened = connections(pool)
    for number in range(5):
        assert pool.send_message(letter(number, token)).queue_id
    assert len(opened) == 1
    assert (pool.in_use, pool.idle) == (0, 1)
    arrived(server, token, 5)


def test_fifty_at_a_time_share_four_connections(pool_factory: Make, server: MailServer) -> None:
    pool, token = pool_factory(server, 4), new_token()
    opened = connections(pool)
    results = pool.send_together([letter(number, token) for number in range(50)])
    assert [type(result) for result in results] == [SendResult] * 50
    assert 1 <= len(opened) <= 4
    assert pool.in_use == 0
    arrived(server, token, 50)


def test_a_loan_has_everything_that_smtp_has_and_leaves_no_trace(pool_factory: Make, postfix: Postfix) -> None:
    pool, token = pool_factory(postfix, from_="alice@example.test"), new_token()
    for _ in range(2):
        with pool.connection() as smtp:
            assert smtp.connected
            assert (smtp.from_, smtp.send_to, smtp.subject) == ("alice@example.test", "", "")
            smtp.from_, smtp.subject, smtp.message_text = "bob@example.test", token, "Hello\r\n"
            smtp.send_to = "x@capture.test"
            smtp.on_error = print
            assert smtp.send().accepted
        assert pool.template.on_error.handler is None
        assert pool.idle == 1


def test_a_refusal_leaves_the_connection_in_the_pool(pool_factory: Make, server: MailServer) -> None:
    pool, token = pool_factory(server), new_token()
    opened = connections(pool)
    for address in ("reject@example.test", "temp@example.test", "quota@example.test"):
        with pytest.raises(errors.RecipientsRefused) as caught:
            pool.send_message(letter(0, token, to=address))
        assert caught.value.outcome is Outcome.NOT_SENT
    pool.send_message(letter(0, token))
    assert len(opened) == 1
    assert pool.width == pool.size


def test_421_in_the_middle_costs_the_connection_and_halves_the_width(pool_factory: Make, server: MailServer) -> None:
    pool, token = pool_factory(server, 4), new_token()
    with pytest.raises(errors.ServiceClosing):
        pool.send_message(letter(0, token, to="bye@example.test"))
    assert (pool.width, pool.in_use, pool.idle) == (2, 0, 0)
    pool.send_message(letter(0, token))
    arrived(server, token, 1)


def test_a_connection_that_the_server_closed_is_replaced(pool_factory: Make, postfix: Postfix) -> None:
    pool, token = pool_factory(postfix, mail_port=postfix.hasty), new_token()
    pool.settings.process_idle_events = False
    opened = connections(pool)
    pool.send_message(letter(0, token))
    time.sleep(3.5)  # Postfix says 421 after three silent seconds, and leaves
    pool.send_message(letter(1, token))
    assert len(opened) == 2
    arrived(postfix, token, 2)


def test_idle_connections_are_closed_by_themselves(pool_factory: Make, postfix: Postfix) -> None:
    pool, token = pool_factory(postfix, 4, max_idle=0.3), new_token()
    opened = connections(pool)
    pool.send_together([letter(number, token) for number in range(4)])
    assert pool.idle
    if pool.runner:
        pool.runner.run(asyncio.sleep(0.6))
    deadline = time.monotonic() + 5
    while pool.idle and time.monotonic() < deadline:
        time.sleep(0.05)
    assert pool.idle == 0
    before = len(opened)
    pool.send_message(letter(4, token))
    assert len(opened) == before + 1
    arrived(postfix, token, 5)


def test_a_connection_that_is_old_or_used_up_is_replaced(pool_factory: Make, server: MailServer) -> None:
    pool, token = pool_factory(server), new_token()
    pool.settings.max_messages_per_connection = 2
    opened = connections(pool)
    for number in range(5):
        pool.send_message(letter(number, token))
    assert len(opened) == 3
    aged = pool_factory(server, max_age=0)
    opened = connections(aged)
    for number in range(5, 7):
        aged.send_message(letter(number, token))
    assert len(opened) == 2
    arrived(server, token, 7)


def test_a_connection_made_under_other_settings_is_not_used(pool_factory: Make, postfix: Postfix) -> None:
    pool, token = pool_factory(postfix), new_token()
    opened = connections(pool)
    pool.send_message(letter(0, token))
    pool.settings.use_chunking = False
    pool.send_message(letter(1, token))
    assert len(opened) == 2
    with pool.connection() as smtp:
        smtp.settings.use_pipelining = False
    assert pool.idle == 0
    arrived(postfix, token, 2)


def test_who_waits_too_long_is_told_why(pool_factory: Make, postfix: Postfix) -> None:
    pool, token = pool_factory(postfix, 1, wait=0.1), new_token()
    with pool.connection(), pytest.raises(errors.PoolTimeout, match="all 1 connections are in use") as caught:
        pool.send_message(letter(0, token))
    assert isinstance(caught.value, TimeoutError)
    assert (caught.value.outcome, caught.value.is_transient) == (Outcome.NOT_SENT, True)
    pool.send_message(letter(0, token))
    arrived(postfix, token, 1)


def test_a_closed_pool_lends_nothing(pool_factory: Make, postfix: Postfix) -> None:
    pool = pool_factory(postfix)
    with pool.connection():
        pool.close()
    assert (pool.in_use, pool.idle) == (0, 0)
    with pytest.raises(errors.NotPossibleNow, match="closed"):
        pool.send_message(letter(0, "t"))
    pool.close()


def test_a_server_that_is_not_there_is_an_error_at_once(pool_factory: Make, postfix: Postfix) -> None:
    pool = pool_factory(postfix, mail_port=1)
    for _ in range(3):
        with pytest.raises(errors.NetworkError):
            pool.send_message(letter(0, "t"))
    assert (pool.in_use, pool.idle, pool.width) == (0, 0, 4)


@pytest.fixture(params=["postfix", "exim"])
def narrow(request: pytest.FixtureRequest) -> tuple[MailServer, dict[str, Any]]:
    """A server that bears two connections, and how to reach it."""
    found: Postfix | Exim = request.getfixturevalue(request.param)
    port = found.two_connections
    return found, {"mail_server": found.host, "mail_port": port, "ssl_start_mode": 3, "local_host": own_address()}


def own_address() -> str:
    """An address of this machine that nobody else uses: the servers count what comes from one address."""
    return ".".join(str(octet) for octet in (127, *(1 + octet % 254 for octet in os.urandom(3))))


def test_a_server_that_bears_two_connections_gets_two(pool_factory: Make, narrow: Any) -> None:
    server, reached = narrow
    pool, token = pool_factory(server, 6, **reached), new_token()
    opened = connections(pool)
    results = pool.send_together([letter(number, token) for number in range(30)])
    assert [type(result) for result in results] == [SendResult] * 30
    assert pool.width <= 2
    assert len(opened) <= 8
    results = pool.send_many([letter(number, token) for number in range(30, 60)])
    assert [type(result) for result in results] == [SendResult] * 30
    arrived(server, token, 60)


def test_a_batch_gets_as_many_connections_as_the_server_bears(client_factory: Any, narrow: Any) -> None:
    server, reached = narrow
    client, token = client_factory(**reached), new_token()
    results = client.send_many([letter(number, token) for number in range(60)], connections=6)
    assert [type(result) for result in results] == [SendResult] * 60
    arrived(server, token, 60)


def test_a_server_that_takes_few_messages_at_a_time_gets_the_rest_later(client_factory: Any, postfix: Postfix) -> None:
    reached = {"mail_server": postfix.host, "mail_port": postfix.few_messages, "ssl_start_mode": 3}
    client, token = client_factory(**reached), new_token()
    client.settings.use_pipelining = False  # or Postfix counts those that it refused in one group
    client.local_host = own_address()
    client.settings.max_retries, client.settings.retry_delay = 5, 3
    results = client.send_many([letter(number, token) for number in range(7)])
    assert [type(result) for result in results] == [SendResult] * 7
    arrived(postfix, token, 7)


def test_a_server_that_closes_after_errors_costs_nothing_else(pool_factory: Make, postfix: Postfix) -> None:
    pool, token = pool_factory(postfix, mail_port=postfix.error_limit), new_token()
    for number in range(4):
        for _ in range(4):
            with pytest.raises(errors.Refused) as caught:
                pool.send_message(letter(number, token, to="reject@example.test"))
            assert caught.value.outcome is Outcome.NOT_SENT
        pool.send_message(letter(number, token))
    arrived(postfix, token, 4)


def test_three_recipients_at_a_time_reach_all_of_seven(client_factory: Any, postfix: Postfix) -> None:
    client = client_factory(mail_server=postfix.host, mail_port=postfix.three_recipients, ssl_start_mode=3)
    client.settings.stop_on_to_errors = False
    people = [f"r{number}@capture.test" for number in range(7)]
    token = new_token()
    client.from_, client.send_to, client.subject = "alice@example.test", ", ".join(people), token
    client.message_text = "Hello\r\n"
    result = client.send()
    assert [r.address for r in result.accepted] == people
    assert len({result.queue_id, *(reply.queue_id for reply in result.earlier)}) == 3
    result.raise_for_refused()
    batch = new_token()
    (sent,) = client.send_many([(letter(0, batch), None, people)])
    assert [r.address for r in sent.accepted] == people
    for each in (token, batch):
        assert sorted(reached(postfix, each)) == people


def reached(postfix: Postfix, token: str) -> list[str]:
    """Return the recipients of the three transactions with a message that has this token."""
    return [address for each in postfix.captures(token, 3) for address in each.recipients]


def test_a_partly_refused_message_raises_when_asked(client_factory: Any, server: MailServer) -> None:
    client = client_factory(mail_server=server.host, mail_port=server.plain, ssl_start_mode=3)
    client.settings.stop_on_to_errors = False
    token = new_token()
    (result,) = client.send_many([letter(0, token, to="reject@example.test, x@capture.test, temp@example.test")])
    with pytest.raises(errors.PartlyRefused, match=r"reject@example\.test") as caught:
        result.raise_for_refused()
    assert (caught.value.outcome, caught.value.is_transient) == (Outcome.SENT, False)
    assert [r.accepted for r in caught.value.recipients] == [False, True, False]
    arrived(server, token, 1)


def test_a_login_and_tls_are_done_once(pool_factory: Make, postfix: Postfix) -> None:
    pool = pool_factory(
        postfix,
        mail_server="localhost",
        mail_port=postfix.submission,
        ssl_start_mode=2,
        user="alice",
        password="alicepw",
    )
    pool.settings.ssl_server_ca_certs = postfix.ca.root.read_text()
    token = new_token()
    opened = connections(pool)
    results = pool.send_together([letter(number, token) for number in range(20)])
    assert [type(result) for result in results] == [SendResult] * 20
    assert len(opened) <= 4
    arrived(postfix, token, 20)


def test_fork_leaves_the_connections_to_the_parent(pool_factory: Make, postfix: Postfix) -> None:
    pool, token = pool_factory(postfix, 2), new_token()
    opened = connections(pool)
    pool.send_message(letter(0, token))
    with pool.connection():  # one is in use, one is idle
        pool.send_message(letter(1, token))
        child = os.fork()
        if not child:
            code = 1
            with contextlib.suppress(BaseException):
                assert (pool.in_use, pool.idle) == (0, 0)
                plain = Pool(2, mail_server=postfix.host, mail_port=postfix.plain, ssl_start_mode=3)
                (plain if pool.runner else pool).send_message(letter(2, token))
                code = 0
            os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert pool.idle == 2
    pool.send_message(letter(3, token))
    pool.send_message(letter(4, token))
    assert len(opened) == 2
    arrived(postfix, token, 5)


def test_interrupt_ends_what_is_in_progress_and_what_waits(postfix: Postfix) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as silent:
        pool = Pool(1, mail_server="127.0.0.1", mail_port=silent.getsockname()[1], ssl_start_mode=3)
        told: list[BaseException] = []

        def send() -> None:
            try:
                pool.send_message(letter(0, "t"))
            except errors.SMTPError as error:
                told.append(error)

        threads = [threading.Thread(target=send) for _ in range(3)]
        for thread in threads:
            thread.start()
        deadline = time.monotonic() + 10
        while any(thread.is_alive() for thread in threads) and time.monotonic() < deadline:
            pool.interrupt()
            time.sleep(0.05)
        for thread in threads:
            thread.join(1)
        assert [type(error) for error in told] == [errors.Interrupted] * 3
        assert pool.in_use == 0
        pool.close()


def test_interrupt_reaches_tasks_from_another_thread() -> None:
    import socket

    async def scenario(port: int) -> list[Any]:
        async with AsyncPool(1, mail_server="127.0.0.1", mail_port=port, ssl_start_mode=3) as pool:
            tasks = [asyncio.create_task(pool.send_message(letter(number, "t"))) for number in range(3)]
            for _ in range(100):
                await asyncio.to_thread(pool.interrupt)
                done, _pending = await asyncio.wait(tasks, timeout=0.05)
                if len(done) == 3:
                    break
            assert pool.in_use == 0
            return await asyncio.gather(*tasks, return_exceptions=True)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        told = asyncio.run(scenario(silent.getsockname()[1]))
    assert [type(error) for error in told] == [errors.Interrupted] * 3


def test_values_that_make_no_pool_are_refused() -> None:
    wrong: list[dict[str, Any]] = [{"size": 0}, {"size": "many"}, {"wait": -1}, {"max_idle": None}, {"max_age": "x"}]
    for kind in (Pool, AsyncPool):
        for values in wrong:
            with pytest.raises(errors.InvalidValue):
                kind(**values)
        with pytest.raises(TypeError, match="no property 'mail_sever'"):
            kind(mail_sever="x")
        with pytest.raises(errors.MailServerMissing):
            (asyncio.run if kind is AsyncPool else id)(kind().send_message(letter(0, "t")))  # type: ignore[arg-type]


def test_a_task_that_is_cancelled_gives_its_connection_up(postfix: Postfix) -> None:
    async def scenario() -> None:
        token = new_token()
        async with AsyncPool(2, mail_server=postfix.host, mail_port=postfix.plain, ssl_start_mode=3) as pool:
            for delay in [n / 4000 for n in range(40)]:
                tasks = [asyncio.create_task(pool.send_message(letter(number, "cancelled"))) for number in range(6)]
                await asyncio.sleep(delay)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                assert pool.in_use == 0
            for number in range(4):
                await pool.send_message(letter(number, token))
        await asyncio.to_thread(arrived, postfix, token, 4)

    asyncio.run(scenario())


def test_a_second_event_loop_finds_connections_of_its_own(postfix: Postfix) -> None:
    token = new_token()
    pool = AsyncPool(2, mail_server=postfix.host, mail_port=postfix.plain, ssl_start_mode=3)
    for number in range(3):
        asyncio.run(pool.send_message(letter(number, token)))

    async def end() -> None:
        await pool.send_message(letter(3, token))
        await pool.close()

    asyncio.run(end())
    arrived(postfix, token, 4)
