"""Passwords and client certificates against servers that others have written, with both clients."""

import pytest

from postwright import AuthMechanism, SSLStartMode
from postwright.errors import ExtensionMissing
from tests.interop.both import Client
from tests.interop.logins import PASSWORDS, Make, refused, used
from tests.interop.servers import Dovecot, Exim, Postfix, Sendmail, Sink, new_token

pytestmark = pytest.mark.interop


def knows_alice_alone(alice: Make, port: int, mechanism: AuthMechanism) -> str:
    """Log in with the right password and with a wrong one; return the mechanism that was used."""
    error = refused(alice(port, auth_mechanism=mechanism, password="wrong"))
    assert error.reply is not None
    assert error.reply.code in {535, 501}  # Cyrus SASL takes a wrong DIGEST-MD5 for an error of syntax
    assert not error.is_transient
    return used(alice(port, auth_mechanism=mechanism))


# Dovecot


@pytest.mark.parametrize("mechanism", PASSWORDS)
def test_dovecot_takes_the_right_password_alone(alice: Make, dovecot: Dovecot, mechanism: AuthMechanism) -> None:
    assert knows_alice_alone(alice, dovecot.plain, mechanism)


def test_the_strongest_of_dovecot_is_taken(alice: Make, dovecot: Dovecot) -> None:
    assert used(alice(dovecot.implicit, ssl_start_mode=SSLStartMode.IMPLICIT)) == "SCRAM-SHA-256"


@pytest.mark.parametrize(
    "mechanism", [mechanism for mechanism in PASSWORDS if mechanism is not AuthMechanism.SASL_DIGEST_MD5]
)
def test_names_and_passwords_may_be_in_any_script(alice: Make, dovecot: Dovecot, mechanism: AuthMechanism) -> None:
    # DIGEST-MD5 in Dovecot hashes UTF-8 where RFC 2831 section 2.1.2.1 wants ISO 8859-1, and GNU SASL does so for the
    # password alone. Cyrus SASL, which Postfix has here, does as the RFC says.
    assert used(alice(dovecot.plain, auth_mechanism=mechanism, user="jürgen", password="pässwörd"))


def test_a_long_secret_is_sent_by_itself(alice: Make, dovecot: Dovecot) -> None:
    assert refused(alice(dovecot.plain, auth_mechanism=AuthMechanism.SASL_PLAIN, password="x" * 3000)).reply is not None


def test_after_a_login_dovecot_offers_more_and_it_is_used(alice: Make, dovecot: Dovecot, sink: Sink) -> None:
    token = new_token()
    client = alice(dovecot.plain, from_="alice@example.test", send_to="x@example.test", subject=token)
    client.message_recipients[0].options = "NOTIFY=NEVER"
    assert client.send().reply.code == 250
    assert any("NOTIFY=NEVER" in argument for argument in sink.newest_arguments(token))


def with_certificate(alice: Make, server: Dovecot | Sendmail) -> Client:
    client = alice(server.plain, auth_mechanism=AuthMechanism.EXTERNAL, user="", password="")
    client.ssl_cert_store_type = 6  # PEM file with certificate and key
    client.ssl_cert_store = str(server.ca.path("client.combined.pem"))
    client.ssl_cert_subject = "*"
    return client


def test_a_client_certificate_logs_in(alice: Make, dovecot: Dovecot) -> None:
    assert used(with_certificate(alice, dovecot)) == "EXTERNAL"


def test_a_client_certificate_logs_in_nobody_else(alice: Make, dovecot: Dovecot) -> None:
    client = with_certificate(alice, dovecot)
    client.user = "bob"
    assert refused(client).reply is not None
    client.user = "alice"
    assert used(client) == "EXTERNAL"


def test_an_administrator_acts_as_somebody_else(alice: Make, dovecot: Dovecot) -> None:
    for mechanism in (AuthMechanism.SASL_PLAIN, AuthMechanism.SCRAM_SHA_256, AuthMechanism.SASL_DIGEST_MD5):
        client = alice(dovecot.plain, auth_mechanism=mechanism, user="admin", password="adminpw")
        client.settings.authorization_identity = "bob"
        assert used(client)
        client.user, client.password = "alice", "alicepw"
        assert refused(client).reply is not None


def test_without_a_certificate_external_is_refused(alice: Make, dovecot: Dovecot) -> None:
    client = alice(dovecot.plain, auth_mechanism=AuthMechanism.EXTERNAL, user="", password="")
    assert refused(client).reply is not None


# Exim and Postfix, which judge themselves and have Dovecot judge


@pytest.mark.parametrize(
    ("mechanism", "name"),
    [
        (AuthMechanism.USER_PASSWORD, "CRAM-MD5"),
        (AuthMechanism.CRAM_MD5, "CRAM-MD5"),
        (AuthMechanism.SASL_PLAIN, "PLAIN"),
        (AuthMechanism.LOGIN, "LOGIN"),
    ],
)
def test_exim_takes_the_right_password_alone(alice: Make, exim: Exim, mechanism: AuthMechanism, name: str) -> None:
    assert knows_alice_alone(alice, exim.plain, mechanism) == name


@pytest.mark.usefixtures("dovecot")
@pytest.mark.parametrize("mechanism", [AuthMechanism.SASL_DIGEST_MD5, AuthMechanism.SCRAM_SHA_256])
def test_exim_has_dovecot_judge(alice: Make, exim: Exim, mechanism: AuthMechanism) -> None:
    assert knows_alice_alone(alice, exim.dovecot_sasl, mechanism)


@pytest.mark.parametrize("mechanism", [*PASSWORDS, AuthMechanism.SCRAM_SHA_512, AuthMechanism.NTLM])
def test_postfix_takes_the_right_password_alone(alice: Make, postfix: Postfix, mechanism: AuthMechanism) -> None:
    assert knows_alice_alone(alice, postfix.submission, mechanism)


@pytest.mark.usefixtures("dovecot")
@pytest.mark.parametrize("mechanism", [*PASSWORDS, AuthMechanism.NTLM])
def test_postfix_has_dovecot_judge(alice: Make, postfix: Postfix, mechanism: AuthMechanism) -> None:
    assert knows_alice_alone(alice, postfix.dovecot_sasl, mechanism)


def test_the_strongest_of_postfix_is_taken(alice: Make, postfix: Postfix) -> None:
    assert used(alice(postfix.submission)) == "SCRAM-SHA-512"


@pytest.mark.parametrize("mechanism", [*PASSWORDS, AuthMechanism.SCRAM_SHA_512])
def test_cyrus_sasl_takes_any_script(alice: Make, postfix: Postfix, mechanism: AuthMechanism) -> None:
    assert used(alice(postfix.submission, auth_mechanism=mechanism, user="jürgen", password="pässwörd"))


def test_a_password_may_be_typed_in_either_form(alice: Make, postfix: Postfix) -> None:
    decomposed = {"user": "ju\u0308rgen", "password": "pa\u0308sswo\u0308rd"}
    for mechanism in (AuthMechanism.SCRAM_SHA_256, AuthMechanism.SCRAM_SHA_512):  # those have SASLprep
        assert used(alice(postfix.submission, auth_mechanism=mechanism, **decomposed))


# Sendmail


@pytest.mark.parametrize("mechanism", [*PASSWORDS, AuthMechanism.SCRAM_SHA_512, AuthMechanism.NTLM])
def test_sendmail_takes_the_right_password_alone(alice: Make, sendmail: Sendmail, mechanism: AuthMechanism) -> None:
    assert knows_alice_alone(alice, sendmail.plain, mechanism)


def test_the_strongest_of_sendmail_is_taken(alice: Make, sendmail: Sendmail) -> None:
    assert used(alice(sendmail.implicit, ssl_start_mode=SSLStartMode.IMPLICIT)) == "SCRAM-SHA-512"


def test_sendmail_takes_a_client_certificate(alice: Make, sendmail: Sendmail) -> None:
    assert used(with_certificate(alice, sendmail)) == "EXTERNAL"


def test_sendmail_offers_external_to_those_with_a_certificate_alone(alice: Make, sendmail: Sendmail) -> None:
    with pytest.raises(ExtensionMissing, match="EXTERNAL"):
        alice(sendmail.plain, auth_mechanism=AuthMechanism.EXTERNAL, user="", password="").connect()


def test_a_security_layer_is_offered_without_tls_and_not_taken(alice: Make, sendmail: Sendmail) -> None:
    client = alice(sendmail.plain, auth_mechanism=AuthMechanism.SASL_DIGEST_MD5, ssl_start_mode=SSLStartMode.NONE)
    client.settings.allow_cleartext_auth = True
    client.from_, client.send_to = "alice@example.test", "x@capture.test"
    assert client.send().reply.code == 250
