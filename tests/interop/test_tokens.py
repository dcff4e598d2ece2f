"""OAuth 2 tokens against Dovecot, which checks them, and an issuer that signs them; both clients."""

import asyncio
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from postwright import AsyncSMTP, AuthMechanism, Direction
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
