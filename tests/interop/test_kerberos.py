"""Kerberos and NTLM against servers that others have written, with both clients."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from postwright import AsyncSMTP, AuthMechanism, Outcome, SSLStartMode, errors
from postwright.sasl import Credentials
from postwright.sasl.conformance import conform
from postwright.sasl.mechanism import find
from tests.interop import servers
from tests.interop.both import Client
from tests.interop.logins import Make, needs, refused, used
from tests.interop.servers import Dovecot, Exim, Kdc, Postfix, Sendmail

pytestmark = pytest.mark.interop


@pytest.fixture
def realm(kdc: Kdc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where the ticket cache is, which is empty."""
    needs("kerberos", "spnego", "gssapi", "krb5")
    cache = tmp_path / "tickets"
    monkeypatch.setenv("KRB5_CONFIG", str(kdc.configuration))
    monkeypatch.setenv("KRB5CCNAME", f"FILE:{cache}")
    monkeypatch.delenv("KRB5_CLIENT_KTNAME", raising=False)
    return cache


def kerberos(alice: Make, dovecot: Dovecot, **values: Any) -> Client:
    return alice(dovecot.plain, auth_mechanism=AuthMechanism.KERBEROS, **values)


@pytest.mark.parametrize("user", ["", "alice", "alice@EXAMPLE.TEST"])
def test_a_ticket_logs_in(alice: Make, dovecot: Dovecot, kdc: Kdc, realm: Path, user: str) -> None:
    kdc.get_ticket("alice", "alicepw", realm)
    assert used(kerberos(alice, dovecot, user=user, password="")) == "GSSAPI"


def test_a_password_gets_a_ticket(alice: Make, dovecot: Dovecot, realm: Path) -> None:
    assert used(kerberos(alice, dovecot)) == "GSSAPI"
    assert not realm.exists(), "it is kept in memory"


def test_a_keytab_gets_a_ticket(
    alice: Make, dovecot: Dovecot, kdc: Kdc, realm: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KRB5_CLIENT_KTNAME", str(kdc.keytab))
    assert used(kerberos(alice, dovecot, user="", password="")) == "GSSAPI"
    assert realm.exists()


@pytest.mark.usefixtures("realm")
@pytest.mark.parametrize(("user", "password"), [("", ""), ("alice", "wrong"), ("nobody", "x")])
def test_without_a_ticket_nothing_is_sent(alice: Make, dovecot: Dovecot, user: str, password: str) -> None:
    client = kerberos(alice, dovecot, user=user, password=password)
    events: list[Any] = []
    client.on_pi_trail = events.append
    assert "no ticket" in str(refused(client))
    assert not any(event.message.startswith("AUTH") for event in events)


def test_a_ticket_for_another_server_is_refused(alice: Make, dovecot: Dovecot, realm: Path) -> None:
    client = kerberos(alice, dovecot)
    client.settings.tls_server_name = "mail.example.test"  # a name on the certificate, and unknown to the KDC
    assert "no ticket" in str(refused(client))


@pytest.mark.usefixtures("realm", "dovecot")
def test_kerberos_with_other_servers(alice: Make, postfix: Postfix, exim: Exim, sendmail: Sendmail) -> None:
    # Postfix and Sendmail have Cyrus SASL do it, the other ports of Postfix and Exim Dovecot.
    for port in (postfix.gssapi, postfix.dovecot_sasl, exim.dovecot_sasl, sendmail.plain):
        assert used(alice(port, auth_mechanism=AuthMechanism.KERBEROS)) == "GSSAPI"


@pytest.mark.usefixtures("realm")
def test_a_security_layer_is_offered_without_tls_and_not_taken(alice: Make, sendmail: Sendmail) -> None:
    client = alice(sendmail.plain, auth_mechanism=AuthMechanism.KERBEROS, ssl_start_mode=SSLStartMode.NONE)
    client.settings.allow_cleartext_auth = True
    client.from_, client.send_to = "alice@example.test", "x@capture.test"
    assert client.send().reply.code == 250


@pytest.mark.usefixtures("realm")
def test_nonsense_in_place_of_the_server_s_tokens_ends_the_exchange() -> None:
    mechanism = find("GSSAPI")
    assert mechanism is not None
    conform(mechanism, Credentials("alice", "alicepw", host="localhost"))


# A KDC that says nothing


@pytest.fixture
def silence(realm: Path, kdc: Kdc, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """The KDC takes connections and never answers; the Kerberos library bears that for 25 seconds."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        configuration = tmp_path / "krb5.conf"
        words = kdc.configuration.read_text("ascii").replace(f":{kdc.kdc}", f":{listener.getsockname()[1]}")
        configuration.write_text(words)
        monkeypatch.setenv("KRB5_CONFIG", str(configuration))
        yield


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """See that it takes less than the library's own patience, on a machine that may be busy."""
    started = time.monotonic()
    yield
    assert time.monotonic() - started < seconds


@pytest.mark.usefixtures("silence")
def test_a_silent_kdc_can_be_interrupted(alice: Make, dovecot: Dovecot) -> None:
    client = kerberos(alice, dovecot)
    timer = threading.Timer(0.3, client.interrupt)
    timer.start()
    with within(10), pytest.raises(errors.Interrupted) as caught:
        client.connect()
    timer.join()
    assert caught.value.outcome is Outcome.NOT_SENT
    assert client.idle
    assert not client.connected


@pytest.mark.usefixtures("silence")
def test_a_silent_kdc_is_borne_as_long_as_any_silence(alice: Make, dovecot: Dovecot) -> None:
    with within(10), pytest.raises(errors.InactivityTimeout, match="the KDC did not answer for 2 s"):
        kerberos(alice, dovecot, timeout=2).connect()


@pytest.mark.usefixtures("silence")
def test_a_silent_kdc_does_not_outlast_the_operation(alice: Make, dovecot: Dovecot) -> None:
    client = kerberos(alice, dovecot, timeout=1)
    client.settings.absolute_timeout = True
    with within(10), pytest.raises(errors.OperationTimeout):
        client.connect()


@pytest.mark.usefixtures("silence")
def test_a_task_that_waits_for_a_silent_kdc_can_be_cancelled(dovecot: Dovecot) -> None:
    async def main() -> None:
        client = AsyncSMTP(
            mail_server="localhost", mail_port=dovecot.plain, ssl_start_mode=2, user="alice", password="x"
        )
        client.auth_mechanism = AuthMechanism.KERBEROS
        client.settings.open_ssl_ca_file = str(dovecot.ca.root)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.connect(), 0.5)
        assert client.idle
        assert not client.connected

    with within(10):
        asyncio.run(main())


LEAVING = """
import asyncio, sys, threading
from postwright import AsyncSMTP, SMTP, errors

def client(kind):
    made = kind(mail_server="localhost", mail_port={port}, ssl_start_mode=2, user="alice", password="x", auth_mechanism=6)
    made.settings.open_ssl_ca_file = {ca!r}
    threading.Timer(0.3, made.interrupt).start()
    return made

try:
    if {kind!r} == "SMTP":
        client(SMTP).connect()
    else:
        asyncio.run(client(AsyncSMTP).connect())
except errors.Interrupted:
    print("interrupted", [thread.name for thread in threading.enumerate() if not thread.daemon])
"""


@pytest.mark.usefixtures("silence")
@pytest.mark.parametrize("kind", ["SMTP", "AsyncSMTP"])
def test_a_program_that_gave_up_a_silent_kdc_ends_at_once(dovecot: Dovecot, kind: str) -> None:
    script = LEAVING.format(port=dovecot.plain, ca=str(dovecot.ca.root), kind=kind)
    with within(15):
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "interrupted ['MainThread']\n", "")


# NTLM


@pytest.fixture
def ntlm(dovecot: Dovecot) -> Dovecot:
    needs("ntlm", "spnego")
    if not (dovecot.folder / "ntlm_helper").exists():
        servers.missing("Samba's ntlm_auth is not installed (tests/interop/install.sh)")
    return dovecot


@pytest.mark.parametrize("user", ["alice", "EXAMPLE\\alice"])
def test_samba_takes_ntlmv2(alice: Make, ntlm: Dovecot, user: str) -> None:
    assert used(alice(ntlm.plain, auth_mechanism=AuthMechanism.NTLM, user=user)) == "NTLM"


def test_samba_refuses_a_wrong_password(alice: Make, ntlm: Dovecot) -> None:
    assert refused(alice(ntlm.plain, auth_mechanism=AuthMechanism.NTLM, password="wrong")).reply is not None
