"""Mail through Sendmail, which answers in ways of its own; both clients."""

import pytest

from postwright import Outcome, SSLStartMode, errors
from tests.interop.both import Client
from tests.interop.logins import Make
from tests.interop.servers import Sendmail, new_token

pytestmark = pytest.mark.interop


@pytest.fixture
def client(alice: Make, sendmail: Sendmail) -> Client:
    made = alice(sendmail.plain, user="", password="", from_="bob@example.test", send_to="alice@example.test")
    made.subject = "a test"
    return made


def test_delivery_reports(client: Client, sendmail: Sendmail) -> None:
    token = new_token()
    client.message_recipients[0].options = "NOTIFY=SUCCESS ORCPT=rfc822;alice+original@example.test"
    client.settings.envelope_id = token
    client.settings.dsn_return = "HDRS"
    client.send()
    report = sendmail.mailbox("bob", token, "Original-Recipient").decode()
    assert f"Original-Envelope-Id: {token}" in report
    assert "Original-Recipient: rfc822;alice+original@example.test" in report
    assert "Action: delivered" in report


def test_verify_and_expand(client: Client) -> None:
    assert client.verify("alice@example.test").code == 250
    with pytest.raises(errors.Refused, match="550"):
        client.verify("nosuch@example.test")
    assert client.expand("list") == ("<bob@mail.example.test>", "<alice@mail.example.test>")


def test_commands_of_one_s_own(client: Client) -> None:
    with client.kept():
        client.connect()
        assert client.send_command("ETRN etrn.test").code == 250
        assert client.send_command("MAIL FROM:<bob@example.test> BY=600;RT").code == 250
        assert client.send_command("RSET").code == 250
        assert client.send().reply.code == 250


def test_a_message_that_is_too_large_is_refused_before_mail(client: Client) -> None:
    trail: list[str] = []
    client.on_pi_trail = lambda event: trail.append(event.message)
    client.message_text = ("y" * 70 + "\n") * 80000
    with pytest.raises(errors.MessageRefused, match="at most 5000000") as caught:
        client.send()
    assert caught.value.outcome is Outcome.NOT_SENT
    assert not any(line.startswith("MAIL") for line in trail)


@pytest.mark.parametrize(("who", "code"), [("reject", 554), ("temp", 450), ("quota", 452), ("full", 552)])
def test_refused_recipients_are_told_apart(client: Client, sendmail: Sendmail, who: str, code: int) -> None:
    client.send_to = f"x@capture.test, {who}@example.test, y@capture.test"
    with pytest.raises(errors.RecipientsRefused) as caught:
        client.send()
    assert [r.reply.code for r in caught.value.recipients if r.reply] == [250, code, 250]
    assert caught.value.is_transient == (code < 500)
    token = client.subject = new_token()
    client.settings.stop_on_to_errors = False
    assert [r.address for r in client.send().refused] == [f"{who}@example.test"]
    assert sendmail.newest_capture(token).recipients == ["x@capture.test", "y@capture.test"]


@pytest.mark.parametrize("pipelining", [True, False])
def test_421_in_answer_to_a_recipient_closes_the_line(client: Client, pipelining: bool) -> None:
    client.send_to = "x@capture.test, bye@example.test"
    client.settings.use_pipelining = pipelining
    with pytest.raises(errors.ServiceClosing) as caught:
        client.send()
    assert caught.value.outcome is Outcome.NOT_SENT
    client.send_to = "x@capture.test"
    assert client.send().reply.code == 250


def test_421_on_a_line_that_is_too_long_closes_it_too(client: Client) -> None:
    with client.kept():
        client.connect()
        with pytest.raises(errors.ServiceClosing, match="421"):
            client.send_command("NOOP " + "x" * 5000)
        assert not client.connected
        assert client.send().reply.code == 250


def test_smtputf8_that_is_missing_is_an_error_before_mail(client: Client) -> None:
    client.send_to = "jürgen@capture.test"
    with pytest.raises(errors.ExtensionMissing, match="SMTPUTF8"):
        client.send()


def test_where_starttls_is_not_offered_nothing_is_sent(alice: Make, sendmail: Sendmail) -> None:
    client = alice(sendmail.open, from_="bob@example.test", send_to="alice@example.test")
    with pytest.raises(errors.ExtensionMissing, match="STARTTLS"):
        client.send()
    client.ssl_start_mode = SSLStartMode.NONE
    with pytest.raises(errors.ExtensionMissing, match="AUTH"):
        client.send()


def test_many_messages_on_one_line(client: Client, sendmail: Sendmail) -> None:
    tokens = [new_token() for _ in range(8)]
    head = "From: bob@example.test\r\nTo: x@capture.test\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\n"
    letters = [f"{head}Message-ID: <{token}@example.test>\r\n\r\n.\r\n..dots\r\n".encode() for token in tokens]
    assert [result.reply.code for result in client.send_many(letters)] == [250] * 8
    assert [sendmail.newest_capture(token).raw for token in tokens] == letters
