"""OAuth 2 tokens against Dovecot, which checks them, and an issuer that signs them; both clients."""

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from postwright import SMTP, AsyncSMTP, AuthMechanism, Direction, Outcome, errors
from postwright.events import PITrail
from postwright.tokens import ClientCredentials, RefreshToken
from tests.interop.issuer import CLIENT, Issuer
from tests.interop.logins import TOKENS, Make, refused, used
from tests.interop.servers import Authority, Dovecot, Exim, Postfix

pytestmark = pytest.mark.interop


@pytest.fixture
def issuer(dovecot: Dovecot) -> Iterator[Issuer]:
    with Issuer.with_key(dovecot.issuer_key).listening() as listening:
        yield listening


@pytest.mark.parametrize("mechanism", TOKENS)
@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_a_good_token_logs_in(
    alice: Make, dovecot: Dovecot, issuer: Issuer, mechanism: AuthMechanism, scheme: str
) -> None:
    client = alice(dovecot.plain, auth_mechanism=mechanism, password="")
    client.settings.authorization_identity = scheme + issuer.token("alice")
    assert used(client) == mechanism.name


def test_postfix_and_exim_have_dovecot_check_the_token(
    alice: Make, dovecot: Dovecot, postfix: Postfix, exim: Exim, issuer: Issuer
) -> None:
    for port in (postfix.dovecot_sasl, exim.dovecot_sasl):
        client = alice(port, auth_mechanism=AuthMechanism.XOAUTH2, password=issuer.token("alice"))
        assert used(client) == "XOAUTH2"
        expired = issuer.token("alice", lifetime=-100)
        error = refused(alice(port, auth_mechanism=AuthMechanism.XOAUTH2, password=expired))
        assert '"status":"401"' in str(error)
        assert expired not in str(error)


@pytest.mark.parametrize(
    ("mechanism", "said"),
    [(AuthMechanism.XOAUTH2, '"status":"401"'), (AuthMechanism.OAUTHBEARER, '"status":"invalid_token"')],
)
def test_an_expired_token_is_refused_with_the_server_s_reason(
    alice: Make, dovecot: Dovecot, issuer: Issuer, mechanism: AuthMechanism, said: str
) -> None:
    client = alice(dovecot.plain, auth_mechanism=mechanism, password="")
    token = issuer.token("alice", lifetime=-100)
    client.settings.authorization_identity = token
    error = refused(client)
    assert said in str(error)
    assert token not in str(error)


@pytest.mark.parametrize("mechanism", TOKENS)
def test_an_expired_token_is_asked_for_once_more(
    alice: Make, dovecot: Dovecot, issuer: Issuer, mechanism: AuthMechanism
) -> None:
    tokens = [issuer.token("alice", lifetime=-100), issuer.token("alice"), "unused"]
    client = alice(dovecot.plain, auth_mechanism=mechanism, password="")
    client.settings.authorization_identity = lambda: tokens.pop(0)
    client.connect()
    assert tokens == ["unused"]


@pytest.mark.parametrize("kind", [ClientCredentials, RefreshToken])
def test_a_source_of_tokens_logs_in(
    alice: Make, dovecot: Dovecot, issuer: Issuer, kind: type[ClientCredentials | RefreshToken]
) -> None:
    source = (
        ClientCredentials(issuer.address, *CLIENT, scope="alice")
        if kind is ClientCredentials
        else RefreshToken(issuer.address, *CLIENT, "refresh-alice")
    )
    for _ in range(2):
        client = alice(dovecot.plain, auth_mechanism=AuthMechanism.XOAUTH2, password="")
        client.settings.authorization_identity = source
        assert used(client) == "XOAUTH2"
    assert len(issuer.asked) == 1


def test_a_source_renews_a_token_that_the_server_refuses(alice: Make, dovecot: Dovecot, issuer: Issuer) -> None:
    source = RefreshToken(issuer.address, *CLIENT, "refresh-alice")
    issuer.key, right = rsa.generate_private_key(65537, 2048), issuer.key
    source()  # signed by a key that Dovecot does not know
    issuer.key = right
    client = alice(dovecot.plain, auth_mechanism=AuthMechanism.OAUTHBEARER, password="")
    client.settings.authorization_identity = source
    assert used(client) == "OAUTHBEARER"
    assert len(issuer.asked) == 2


def test_clients_whose_token_is_too_old_renew_it_once(dovecot: Dovecot, ca: Authority, issuer: Issuer) -> None:
    """Threads and tasks share a source; all of them are refused with the old token, and let in with the new one."""
    source = RefreshToken(issuer.address, *CLIENT, "refresh-alice")
    issuer.key, right = rsa.generate_private_key(65537, 2048), issuer.key
    old = source()  # signed by a key that Dovecot does not know
    issuer.key = right
    everybody = threading.Barrier(4)
    trail: list[str] = []

    def prepared(kind: type[SMTP] | type[AsyncSMTP]) -> Any:
        client = kind(
            mail_server="localhost", mail_port=dovecot.plain, ssl_start_mode=2, user="alice", auth_mechanism=7
        )
        client.settings.authorization_identity = source
        client.settings.open_ssl_ca_file = str(ca.root)
        client.settings.use_ipv6 = 0
        client.on_pi_trail = lambda event: trail.append(event.message)
        return client

    def in_a_thread() -> None:
        with prepared(SMTP) as client:
            everybody.wait()
            client.connect()

    async def in_a_task() -> None:
        async with prepared(AsyncSMTP) as client:
            await client.connect()

    async def in_tasks() -> None:
        await asyncio.to_thread(everybody.wait)
        await asyncio.gather(*(in_a_task() for _ in range(3)))

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(asyncio.run, in_tasks()), *(pool.submit(in_a_thread) for _ in range(3))]:
            done.result()
    assert source() != old
    assert len(issuer.asked) == 2
    assert 1 <= sum("535" in line for line in trail) <= 6
    assert sum(line.startswith("235 ") for line in trail) == 6


def test_a_silent_issuer_can_be_interrupted(alice: Make, dovecot: Dovecot, issuer: Issuer) -> None:
    issuer.silent.set()
    client = alice(dovecot.plain, auth_mechanism=AuthMechanism.XOAUTH2, password="")
    client.settings.authorization_identity = RefreshToken(issuer.address, *CLIENT, "refresh-alice")
    timer = threading.Timer(0.3, client.interrupt)
    timer.start()
    started = time.monotonic()
    with pytest.raises(errors.Interrupted):
        client.connect()
    assert time.monotonic() - started < 10  # of the 30 that the source would wait
    timer.join()
    issuer.silent.clear()
    assert used(client) == "XOAUTH2"
    assert len(issuer.asked) == 1, "what was asked for before is used"


@pytest.mark.parametrize(
    ("trouble", "said", "kind"),
    [
        ({"error": "invalid_grant"}, "the user must agree once more", errors.LoginRefused),
        ({"status": 503}, "HTTP 503; try later", errors.CommunicationError),
        (
            {"nonsense": b"<html>", "kind": "text/html"},
            "with text/html, and not with a token",
            errors.CommunicationError,
        ),
    ],
)
def test_an_issuer_in_trouble_ends_the_login_with_advice(
    alice: Make, dovecot: Dovecot, issuer: Issuer, trouble: dict[str, Any], said: str, kind: type[errors.SMTPError]
) -> None:
    vars(issuer).update(trouble)
    client = alice(dovecot.plain, auth_mechanism=AuthMechanism.OAUTHBEARER, password="")
    client.settings.authorization_identity = RefreshToken(issuer.address, *CLIENT, "refresh-alice")
    with pytest.raises(kind, match=said) as caught:
        client.send_message(b"From: a@example.test\r\nTo: b@example.test\r\n\r\nhi\r\n")
    assert caught.value.outcome is Outcome.NOT_SENT
    assert caught.value.is_transient == (kind is errors.CommunicationError)
    assert not client.connected


def test_connections_that_log_in_at_once_ask_once(dovecot: Dovecot, ca: Authority, issuer: Issuer) -> None:
    asked: list[str] = []

    async def all_at_once(count: int) -> None:
        ready, everybody = 0, asyncio.Event()

        def listen(event: PITrail) -> None:
            nonlocal ready
            if event.message.startswith("250-AUTH ") and event.direction is Direction.SERVER:
                ready += 1
                if ready == 2 * count:  # before and after STARTTLS
                    everybody.set()

        async def token() -> str:
            await everybody.wait()
            await asyncio.sleep(0.05)
            asked.append(issuer.token("alice"))
            return asked[-1]

        async def log_in() -> None:
            client = AsyncSMTP(mail_server="localhost", mail_port=dovecot.plain, ssl_start_mode=2, user="alice")
            client.auth_mechanism = AuthMechanism.XOAUTH2
            client.settings.authorization_identity = token
            client.settings.open_ssl_ca_file = str(ca.root)
            client.settings.use_ipv6 = 0
            client.on_pi_trail = listen
            async with client:
                await client.connect()

        await asyncio.gather(*(log_in() for _ in range(count)))

    asyncio.run(all_at_once(5))
    assert len(asked) == 1
