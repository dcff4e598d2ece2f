"""The servers as fixtures: each is started when a test first asks for it, and stopped at the end if it was not up before."""

import asyncio
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from postwright import SSLStartMode
from tests.interop.both import Client
from tests.interop.logins import Make
from tests.interop.servers import (
    HERE,
    STATE,
    Authority,
    Dante,
    Dovecot,
    Exim,
    Kdc,
    Microsocks,
    OldVerbs,
    OpenSMTPD,
    Postfix,
    Sendmail,
    Sink,
    Squid,
    Tinyproxy,
    lacking,
    running,
    start,
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(call: pytest.CallInfo[None]) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    # Skips at one place for one reason are one line of the summary: put all that lack the same thing at one place.
    report = yield
    if report.skipped and call.excinfo and (what := str(call.excinfo.value)) in lacking:
        report.longrepr = (str(HERE / "servers.py"), 0, f"Skipped: {what}")
    return report


@pytest.fixture(scope="session")
def ca() -> Authority:
    start("ca")
    return Authority(STATE / "ca")


@pytest.fixture(scope="session")
def postfix(ca: Authority) -> Iterator[Postfix]:
    with running("postfix"):
        yield Postfix.described(ca)


@pytest.fixture(scope="session")
def exim(ca: Authority) -> Iterator[Exim]:
    with running("exim"):
        yield Exim.described(ca)


@pytest.fixture(scope="session")
def opensmtpd(ca: Authority) -> Iterator[OpenSMTPD]:
    with running("opensmtpd"):
        yield OpenSMTPD.described(ca)


@pytest.fixture(scope="session")
def oldverbs(ca: Authority) -> Iterator[OldVerbs]:
    with running("oldverbs"):
        yield OldVerbs.described(ca)


@pytest.fixture(scope="session")
def sink(ca: Authority) -> Iterator[Sink]:
    with running("sink"):
        yield Sink.described(ca)


@pytest.fixture(scope="session")
def kdc() -> Iterator[Kdc]:
    with running("krb5"):
        yield Kdc.described()


@pytest.fixture(scope="session")
def dovecot(ca: Authority, sink: Sink) -> Iterator[Dovecot]:  # Dovecot hands on to the sink, from the login on
    with running("dovecot"):
        yield Dovecot.described(ca)


@pytest.fixture(scope="session")
def sendmail(
    ca: Authority, kdc: Kdc
) -> Iterator[Sendmail]:  # Cyrus SASL looks for the KDC's keytab when Sendmail starts
    with running("sendmail"):
        yield Sendmail.described(ca)


@pytest.fixture(scope="session")
def dante() -> Iterator[Dante]:
    with running("dante"):
        yield Dante.described()


@pytest.fixture(scope="session")
def microsocks() -> Iterator[Microsocks]:
    with running("microsocks"):
        yield Microsocks.described()


@pytest.fixture(scope="session")
def squid() -> Iterator[Squid]:
    with running("squid"):
        yield Squid.described()


@pytest.fixture(scope="session")
def tinyproxy() -> Iterator[Tinyproxy]:
    with running("tinyproxy"):
        yield Tinyproxy.described()


@pytest.fixture
def alice(client_factory: Make, ca: Authority) -> Iterator[Make]:
    """Makes clients that trust the authority of the tests and log in as alice."""
    made: list[Client] = []

    def make(port: int, **values: Any) -> Client:
        values = {"user": "alice", "password": "alicepw", "ssl_start_mode": SSLStartMode.EXPLICIT} | values
        client = client_factory(mail_server="localhost", mail_port=port, **values)
        client.settings.open_ssl_ca_file = str(ca.root)
        client.settings.use_ipv6 = 0
        made.append(client)
        return client

    yield make
    for client in made:
        client.disconnect()


@pytest.fixture(params=["SMTP", "AsyncSMTP"])
def client_factory(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes clients, first of the one class, then of the other."""
    if request.param == "SMTP":
        yield lambda **values: Client(None, values)
        return
    with asyncio.Runner() as runner:
        yield lambda **values: Client(runner, values)
