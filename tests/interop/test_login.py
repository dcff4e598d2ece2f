"""Every mechanism against servers that others have written, with both clients."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from postwright import AsyncSMTP, AuthMechanism, Direction, SSLStartMode, errors
from postwright.events import PITrail
from postwright.tokens import ClientCredentials, RefreshToken
from tests.interop import servers
from tests.interop.both import Client
from tests.interop.gsasl import GnuSasl
from tests.interop.issuer import CLIENT, Issuer
from tests.interop.servers import Authority, Dovecot, Exim, Kdc, Postfix, Sink, new_token

pytestmark = pytest.mark.interop

Make = Callable[..., Client]

PASSWORDS = [
    AuthMechanism.USER_PASSWORD,
    AuthMechanism.CRAM_MD5,
    AuthMechanism.SASL_PLAIN,
    AuthMechanism.SASL_DIGEST_MD5,
    AuthMechanism.LOGIN,
    AuthMechanism.SCRAM_SHA_1,
    AuthMechanism.SCRAM_SHA_256,
]
TOKENS = [AuthMechanism.XOAUTH2, AuthMechanism.OAUTHBEARER]


@pytest.fixture
def make(client_factory: Make, ca: Authority) -> Iterator[Make]:
    """A client that trusts the authority of the tests and logs in as alice."""
    made: list[Client] = []

    def factory(port: int, **values: Any) -> Client:
        values = {"user": "alice", "password": "alicepw", "ssl_start_mode": SSLStartMode.EXPLICIT} | values
        client = client_factory(mail_server="localhost", mail_port=port, **values)
        client.settings.open_ssl_ca_file = str(ca.root)
        client.settings.use_ipv6 = 0
        made.append(client)
        return client

    yield factory
    for client in made:
        client.disconnect()


def used(client: Client) -> str:
    """Log in, and return the mechanism that was used."""
    events: list[Any] = []
    client.on_pi_trail = events.append
    client.connect()
    assert client.last_reply.startswith("235 ")
    client.disconnect()
    name: str = next(event.message.split()[1] for event in events if event.message.startswith("AUTH "))
    return name


def refused(client: Client) -> errors.LoginRefused:
    with pytest.raises(errors.LoginRefused) as caught:
        client.connect()
    assert not client.connected
    return caught.value


# Dovecot


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_dovecot_takes_the_right_password(make: Make, dovecot: Dovecot, mechanism: AuthMechanism) -> None:
    assert used(make(dovecot.plain, auth_mechanism=mechanism))


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_dovecot_refuses_a_wrong_password(make: Make, dovecot: Dovecot, mechanism: AuthMechanism) -> None:
    error = refused(make(dovecot.plain, auth_mechanism=mechanism, password="wrong"))
    assert error.reply is not None
    assert error.reply.code == 535


def test_the_strongest_of_dovecot_is_taken(make: Make, dovecot: Dovecot) -> None:
    assert used(make(dovecot.implicit, ssl_start_mode=SSLStartMode.IMPLICIT)) == "SCRAM-SHA-256"


@pytest.mark.parametrize(
    "mechanism", [mechanism for mechanism in PASSWORDS if mechanism is not AuthMechanism.SASL_DIGEST_MD5]
)
def test_names_and_passwords_may_be_in_any_script(make: Make, dovecot: Dovecot, mechanism: AuthMechanism) -> None:
    # DIGEST-MD5 in Dovecot hashes UTF-8 where RFC 2831 section 2.1.2.1 wants ISO 8859-1, and GNU SASL does so for the
    # password alone. Cyrus SASL, which Postfix has here, does as the RFC says.
    assert used(make(dovecot.plain, auth_mechanism=mechanism, user="jürgen", password="pässwörd"))


def test_a_long_secret_is_sent_by_itself(make: Make, dovecot: Dovecot) -> None:
    assert refused(make(dovecot.plain, auth_mechanism=AuthMechanism.SASL_PLAIN, password="x" * 3000)).reply is not None


def test_after_a_login_dovecot_offers_more_and_it_is_used(make: Make, dovecot: Dovecot, sink: Sink) -> None:
    token = new_token()
    client = make(dovecot.plain, from_="alice@example.test", send_to="x@example.test", subject=token)
    client.message_recipients[0].options = "NOTIFY=NEVER"
    assert client.send().reply.code == 250
    assert any("NOTIFY=NEVER" in argument for argument in sink.newest_arguments(token))


def test_a_client_certificate_logs_in(make: Make, dovecot: Dovecot) -> None:
    client = make(dovecot.plain, auth_mechanism=AuthMechanism.EXTERNAL, user="", password="")
    client.ssl_cert_store_type = 6  # PEM file with certificate and key
    client.ssl_cert_store = str(dovecot.ca.path("client.combined.pem"))
    client.ssl_cert_subject = "*"
    assert used(client) == "EXTERNAL"


def test_without_a_certificate_external_is_refused(make: Make, dovecot: Dovecot) -> None:
    client = make(dovecot.plain, auth_mechanism=AuthMechanism.EXTERNAL, user="", password="")
    assert refused(client).reply is not None


# Tokens


@pytest.fixture
def issuer(dovecot: Dovecot) -> Iterator[Issuer]:
    with Issuer.with_key(dovecot.issuer_key).listening() as listening:
        yield listening


@pytest.mark.parametrize("mechanism", TOKENS)
@pytest.mark.parametrize("scheme", ["", "Bearer "])
def test_a_good_token_logs_in(
    make: Make, dovecot: Dovecot, issuer: Issuer, mechanism: AuthMechanism, scheme: str
) -> None:
    client = make(dovecot.plain, auth_mechanism=mechanism, password="")
    client.settings.authorization_identity = scheme + issuer.token("alice")
    assert used(client) == mechanism.name


@pytest.mark.parametrize(
    ("mechanism", "said"),
    [(AuthMechanism.XOAUTH2, '"status":"401"'), (AuthMechanism.OAUTHBEARER, '"status":"invalid_token"')],
)
def test_an_expired_token_is_refused_with_the_server_s_reason(
    make: Make, dovecot: Dovecot, issuer: Issuer, mechanism: AuthMechanism, said: str
) -> None:
    client = make(dovecot.plain, auth_mechanism=mechanism, password="")
    token = issuer.token("alice", lifetime=-100)
    client.settings.authorization_identity = token
    error = refused(client)
    assert said in str(error)
    assert token not in str(error)


@pytest.mark.parametrize("mechanism", TOKENS)
def test_an_expired_token_is_asked_for_once_more(
    make: Make, dovecot: Dovecot, issuer: Issuer, mechanism: AuthMechanism
) -> None:
    tokens = [issuer.token("alice", lifetime=-100), issuer.token("alice"), "unused"]
    client = make(dovecot.plain, auth_mechanism=mechanism, password="")
    client.settings.authorization_identity = lambda: tokens.pop(0)
    client.connect()
    assert tokens == ["unused"]


@pytest.mark.parametrize("kind", [ClientCredentials, RefreshToken])
def test_a_source_of_tokens_logs_in(
    make: Make, dovecot: Dovecot, issuer: Issuer, kind: type[ClientCredentials | RefreshToken]
) -> None:
    source = (
        ClientCredentials(issuer.address, *CLIENT, scope="alice")
        if kind is ClientCredentials
        else RefreshToken(issuer.address, *CLIENT, "refresh-alice")
    )
    for _ in range(2):
        client = make(dovecot.plain, auth_mechanism=AuthMechanism.XOAUTH2, password="")
        client.settings.authorization_identity = source
        assert used(client) == "XOAUTH2"
    assert len(issuer.asked) == 1


def test_a_source_renews_a_token_that_the_server_refuses(make: Make, dovecot: Dovecot, issuer: Issuer) -> None:
    source = RefreshToken(issuer.address, *CLIENT, "refresh-alice")
    issuer.key, right = rsa.generate_private_key(65537, 2048), issuer.key
    source()  # signed by a key that Dovecot does not know
    issuer.key = right
    client = make(dovecot.plain, auth_mechanism=AuthMechanism.OAUTHBEARER, password="")
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


# Kerberos


@pytest.fixture
def realm(kdc: Kdc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the ticket cache is, which is empty."""
    for module in ("spnego", "gssapi", "krb5"):
        try:
            __import__(module)
        except ImportError:
            servers.missing(f"{module} is not installed (pip install 'postwright[kerberos]')")
    cache = tmp_path / "tickets"
    monkeypatch.setenv("KRB5_CONFIG", str(kdc.configuration))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{cache}")
    monkeypatch.delenv("KRB5_CLIENT_KTNAME", raising=False)
    return cache


def kerberos(make: Make, dovecot: Dovecot, **values: Any) -> Client:
    return make(dovecot.plain, auth_mechanism=AuthMechanism.KERBEROS, **values)


@pytest.mark.parametrize("user", ["", "alice", "alice@EXAMPLE.TEST"])
def test_a_ticket_logs_in(make: Make, dovecot: Dovecot, kdc: Kdc, realm: Path, user: str) -> None:
    kdc.get_ticket("alice", "alicepw", realm)
    assert used(kerberos(make, dovecot, user=user, password="")) == "GSSAPI"


def test_a_password_gets_a_ticket(make: Make, dovecot: Dovecot, realm: Path) -> None:
    assert used(kerberos(make, dovecot)) == "GSSAPI"
    assert not realm.exists(), "it is kept in memory"


def test_a_keytab_gets_a_ticket(
    make: Make, dovecot: Dovecot, kdc: Kdc, realm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(kdc.keytab))
    assert used(kerberos(make, dovecot, user="", password="")) == "GSSAPI"
    assert realm.exists()


@pytest.mark.usefixtures("realm")
@pytest.mark.parametrize(("user", "password"), [("", ""), ("alice", "wrong"), ("nobody", "x")])
def test_without_a_ticket_nothing_is_sent(make: Make, dovecot: Dovecot, user: str, password: str) -> None:
    client = kerberos(make, dovecot, user=user, password=password)
    events: list[Any] = []
    client.on_pi_trail = events.append
    assert "no ticket" in str(refused(client))
    assert not any(event.message.startswith("AUTH") for event in events)


def test_a_ticket_for_another_server_is_refused(make: Make, dovecot: Dovecot, realm: Path) -> None:
    client = kerberos(make, dovecot)
    client.settings.tls_server_name = "mail.example.test"  # a name on the certificate, and unknown to the KDC
    assert "no ticket" in str(refused(client))


# NTLM


@pytest.fixture
def ntlm(dovecot: Dovecot) -> Dovecot:
    try:
        __import__("spnego")
    except ImportError:
        servers.missing("pyspnego is not installed (pip install 'postwright[ntlm]')")
    if not (dovecot.folder / "ntlm_helper").exists():
        servers.missing("Samba's ntlm_auth is not installed (tests/interop/install.sh)")
    return dovecot


@pytest.mark.parametrize("user", ["alice", "EXAMPLE\\alice"])
def test_samba_takes_ntlmv2(make: Make, ntlm: Dovecot, user: str) -> None:
    assert used(make(ntlm.plain, auth_mechanism=AuthMechanism.NTLM, user=user)) == "NTLM"


def test_samba_refuses_a_wrong_password(make: Make, ntlm: Dovecot) -> None:
    assert refused(make(ntlm.plain, auth_mechanism=AuthMechanism.NTLM, password="wrong")).reply is not None


# Exim and Postfix


@pytest.mark.parametrize(
    ("mechanism", "name"),
    [
        (AuthMechanism.USER_PASSWORD, "CRAM-MD5"),
        (AuthMechanism.CRAM_MD5, "CRAM-MD5"),
        (AuthMechanism.SASL_PLAIN, "PLAIN"),
        (AuthMechanism.LOGIN, "LOGIN"),
    ],
)
def test_exim_takes_the_right_password_alone(make: Make, exim: Exim, mechanism: AuthMechanism, name: str) -> None:
    assert used(make(exim.plain, auth_mechanism=mechanism)) == name
    assert refused(make(exim.plain, auth_mechanism=mechanism, password="wrong")).reply is not None


@pytest.mark.parametrize("mechanism", [*PASSWORDS, AuthMechanism.SCRAM_SHA_512, AuthMechanism.NTLM])
def test_postfix_takes_the_right_password_alone(make: Make, postfix: Postfix, mechanism: AuthMechanism) -> None:
    assert used(make(postfix.submission, auth_mechanism=mechanism))
    assert refused(make(postfix.submission, auth_mechanism=mechanism, password="wrong")).reply is not None


def test_the_strongest_of_postfix_is_taken(make: Make, postfix: Postfix) -> None:
    assert used(make(postfix.submission)) == "SCRAM-SHA-512"


@pytest.mark.parametrize("mechanism", [*PASSWORDS, AuthMechanism.SCRAM_SHA_512])
def test_cyrus_sasl_takes_any_script(make: Make, postfix: Postfix, mechanism: AuthMechanism) -> None:
    assert used(make(postfix.submission, auth_mechanism=mechanism, user="jürgen", password="pässwörd"))


# GNU SASL

BARE = ["PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"]


@pytest.fixture
def judge(ca: Authority) -> Iterator[Callable[..., GnuSasl]]:
    opened: list[Any] = []

    def serve(*offered: str, tls13: bool = True, binds: bool = False) -> GnuSasl:
        serving = GnuSasl(ca, *offered, tls13=tls13, binds=binds).serving()
        opened.append(serving)
        return serving.__enter__()

    yield serve
    for serving in opened:
        serving.__exit__(None, None, None)


@pytest.mark.parametrize("name", BARE)
def test_gnu_sasl_agrees(make: Make, judge: Callable[..., GnuSasl], name: str) -> None:
    assert used(make(judge(name).port)) == name


@pytest.mark.parametrize("name", [name for name in BARE if name != "DIGEST-MD5"])
def test_gnu_sasl_agrees_in_any_script(make: Make, judge: Callable[..., GnuSasl], name: str) -> None:
    assert used(make(judge(name).port, user="jürgen", password="pässwörd")) == name


@pytest.mark.parametrize("name", BARE)
def test_gnu_sasl_refuses_a_wrong_password(make: Make, judge: Callable[..., GnuSasl], name: str) -> None:
    assert refused(make(judge(name).port, password="wrong")).reply is not None


@pytest.mark.parametrize("bits", [1, 256])
def test_channel_binding_comes_first_where_it_can_be_had(make: Make, judge: Callable[..., GnuSasl], bits: int) -> None:
    name = f"SCRAM-SHA-{bits}"
    server = judge("PLAIN", name, f"{name}-PLUS", tls13=False, binds=True)
    assert used(make(server.port)) == f"{name}-PLUS"
    assert refused(make(server.port, password="wrong")).reply is not None


def test_channel_binding_with_tls_1_3(make: Make, judge: Callable[..., GnuSasl]) -> None:
    client = make(judge("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS", binds=True).port)
    client.ssl_provider = 2  # the one that can export keys
    assert used(client) == "SCRAM-SHA-256-PLUS"


def test_who_offers_no_channel_binding_any_more_is_found_out(make: Make, judge: Callable[..., GnuSasl]) -> None:
    # The server can do it, the offer does not have it: as if somebody in the middle had taken it out.
    client = make(judge("SCRAM-SHA-256", tls13=False, binds=True).port)
    assert refused(client).reply is not None
