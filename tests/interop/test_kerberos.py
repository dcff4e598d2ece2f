"""Kerberos and NTLM against servers that others have written, with both clients."""

from pathlib import Path
from typing import Any

import pytest

from postwright import AuthMechanism, SSLStartMode
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
