"""Interrupted or cancelled at every single wait of a delivery: the line is closed, nothing is left, the object works."""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP, AsyncSMTP, FirewallType, Outcome, errors
from postwright.drive.patience import Patience
from postwright.drive.sync import SyncDriver
from tests.interop.servers import Postfix

if TYPE_CHECKING:
    from tests.interop.servers import Microsocks

Prepare = Callable[[Any], None]


def values(postfix: Postfix) -> dict[str, Any]:
    return {
        "mail_server": "localhost",
        "mail_port": postfix.submission,
        "from_": "alice@example.test",
        "send_to": "x@capture.test, y@capture.test",
        "message_text": "hello\n" * 1000,
        "user": "alice",
        "password": "alicepw",
        "ssl_start_mode": 2,
    }


@pytest.fixture(params=["direct", "through a proxy"])
def prepare(request: pytest.FixtureRequest, postfix: Postfix) -> Prepare:
    proxy: Microsocks | None = request.getfixturevalue("microsocks") if request.param != "direct" else None

    def prepared(client: SMTP | AsyncSMTP) -> None:
        client.settings.open_ssl_ca_file = str(postfix.ca.root)
        client.settings.use_ipv6 = 0
        if proxy is not None:
            client.firewall_type = FirewallType.SOCKS5
            client.firewall_host = proxy.host
            client.firewall_port = proxy.open

    return prepared


def descriptors() -> int:
    return len(os.listdir("/proc/self/fd"))


def nothing_more_than(before: int) -> bool:
    """Whether no more descriptors are open; a name look-up that was given up ends by itself, a little later."""
    deadline = time.monotonic() + 5
    while descriptors() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    return descriptors() == before


def test_interrupted_at_every_wait(postfix: Postfix, prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    client = SMTP(**values(postfix))
    prepare(client)
    count, at = 0, 0
    real = SyncDriver._ready

    def ready(self: SyncDriver, *arguments: Any) -> Any:
        nonlocal count
        count += 1
        if count == at:
            self.interrupt()
        return real(self, *arguments)

    monkeypatch.setattr(SyncDriver, "_ready", ready)
    client.send()
    total, before, threads = count, descriptors(), threading.active_count()
    assert total > 10
    outcomes = set()
    for at in range(1, total + 1):
        count = 0
        try:
            client.send()
        except errors.Interrupted as error:
            outcomes.add(error.outcome)
        else:
            assert at > total - 3  # while QUIT is said, or never reached: the mail was sent, and stays sent
        assert client.idle
        assert not client.connected
        assert nothing_more_than(before)
    # UNKNOWN shows only where the last reply was waited for: it may be here before it is asked for
    assert Outcome.NOT_SENT in outcomes
    at = 0
    assert client.send().reply.code == 250
    assert threading.active_count() <= threads + 1


def test_cancelled_at_every_wait(postfix: Postfix, prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    count, at = 0, 0
    task: asyncio.Task[Any] | None = None
    real = Patience.allow

    def allow(self: Patience, timeout: float | None) -> bool:  # a wait begins, or goes on for the next answer
        nonlocal count
        count += 1
        if count == at:
            assert task is not None
            task.cancel()
        return real(self, timeout)

    monkeypatch.setattr(Patience, "allow", allow)

    async def explore() -> set[Outcome | None]:
        nonlocal count, at, task
        client = AsyncSMTP(**values(postfix))
        prepare(client)
        await client.send()
        total, before, outcomes = count, descriptors(), set()
        assert total > 10
        for number in range(1, total + 1):
            count, at = 0, number
            task = asyncio.ensure_future(client.send())
            try:
                await task
            except asyncio.CancelledError:
                assert count == number
            else:
                assert count < number  # a reply was here before it was waited for
            outcomes.add(client.last_outcome)
            assert client.idle
            assert not client.connected
            assert nothing_more_than(before)
            assert asyncio.all_tasks() == {asyncio.current_task()}
        at = 0
        assert (await client.send()).reply.code == 250
        return outcomes

    assert Outcome.NOT_SENT in asyncio.run(explore())
