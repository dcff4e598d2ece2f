"""Mail through real servers, with both clients: what arrives is what was meant, and refusals are told apart."""

import hashlib
from collections.abc import Callable
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from postwright import Outcome, SSLStartMode, errors
from postwright.events import PITrail
from tests.interop.both import Client
from tests.interop.servers import Exim, MailServer, OldVerbs, OpenSMTPD, Postfix, Sink, new_token

Make = Callable[..., Client]


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> Postfix | Exim:
    found: Postfix | Exim = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["postfix", "exim", "sendmail"])
def anyone(request: pytest.FixtureRequest) -> MailServer:
    found: MailServer = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def make(client_factory: Make) -> Make:
    """A client for a real server; mail goes from alice to the address whose bytes are kept."""

    def factory(server: MailServer | OldVerbs | OpenSMTPD | Sink, port: int | None = None, **values: Any) -> Client:
        values = {
            "mail_server": "localhost" if hasattr(server, "implicit") else server.host,
            "mail_port": port or server.plain,
            "from_": "alice@example.test",
            "send_to": "x@capture.test",
            "subject": "a test",
            "ssl_start_mode": SSLStartMode.EXPLICIT if hasattr(server, "implicit") else SSLStartMode.NONE,
            **values,
        }
        client = client_factory(**values)
        client.settings.open_ssl_ca_file = str(server.ca.root)
        client.settings.use_ipv6 = 0
        return client

    return factory


RAW = (
    b"From: alice@example.test\r\nTo: x@capture.test\r\nSubject: bytes\r\nX-Token: %b\r\n"
    b"Date: Tue, 24 Nov 2026 04:00:00 +0000\r\nMessage-ID: <%b@example.test>\r\n"
    b"X-Odd:  folded\r\n\tcontinuation  \r\n\r\n"
    b".dot\r\n..dots\r\n.\r\n8bit \xe9\xff\r\ntrailing space \r\n" + b"y" * 998 + b"\r\n\r\nlast\r\n"
)


@pytest.mark.parametrize("chunking", [True, False])
@pytest.mark.parametrize("pipelining", [True, False])
def test_raw_bytes_arrive_as_they_are(make: Make, anyone: MailServer, chunking: bool, pipelining: bool) -> None:
    client, token = make(anyone), new_token()
    client.settings.use_chunking = chunking
    client.settings.use_pipelining = pipelining
    raw = RAW % (token.encode(), token.encode())
    result = client.send_message(raw, "alice@example.test", ["x@capture.test", "y@capture.test"])
    assert [r.reply.code for r in result.recipients] == [250, 250]
    assert result.queue_id
    captured = anyone.newest_capture(token)
    assert captured.raw == raw
    assert captured.sender == "alice@example.test"
    assert sorted(captured.recipients) == ["x@capture.test", "y@capture.test"]


@pytest.mark.parametrize("chunking", [True, False])
def test_what_is_composed_arrives_and_is_remembered(
    make: Make, anyone: MailServer, tmp_path: Path, chunking: bool
) -> None:
    client, token = make(anyone), new_token()
    client.settings.use_chunking = chunking
    report = tmp_path / "Prüfbericht.bin"
    report.write_bytes(bytes(range(256)) * 9000)
    client.from_ = "Jürgen Groß <alice@example.test>"
    client.subject = f"Grüße {token}"
    client.message_text = "Größe\n.\n.dot\nFrom here\n"
    client.message_html = "<p>Größe</p>\n"
    client.bcc = "hidden@capture.test"
    client.add_attachment(report)
    client.settings.transfer_text_limit = 10_000_000
    client.send()
    captured = anyone.newest_capture(token)
    sent = client.message_headers_string + client.config("TransferText")
    assert captured.raw == sent.encode()
    assert b"hidden" not in captured.raw
    assert "hidden@capture.test" in captured.recipients
    message = message_from_bytes(captured.raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert message["Subject"] == f"Grüße {token}"
    assert message["From"].addresses[0].display_name == "Jürgen Groß"
    attached = next(message.iter_attachments())
    assert attached.get_filename() == "Prüfbericht.bin"
    assert hashlib.sha256(attached.get_payload(decode=True)).digest() == hashlib.sha256(report.read_bytes()).digest()  # type: ignore[arg-type]


def test_starttls_is_verified_and_told(make: Make, anyone: MailServer) -> None:
    client, token = make(anyone), new_token()
    client.subject = token
    with client.kept():
        client.connect()
        assert client.config("SSLNegotiatedVersion") == "TLSv1.3"
        assert client.ssl_server_cert_encoded[:1] == b"\x30"
        assert client.remote_address == "127.0.0.1"
        client.send()
    assert "TLS" in anyone.newest_trace(token)


def test_implicit_tls(make: Make, server: Postfix | Exim) -> None:
    client, token = make(server, server.implicit, ssl_start_mode=SSLStartMode.AUTOMATIC), new_token()
    client.subject = token
    client.send()
    assert "TLS" in server.newest_trace(token)


def test_without_the_authority_nothing_is_sent(make: Make, server: Postfix | Exim) -> None:
    client = make(server)
    client.settings.open_ssl_ca_file = ""
    with pytest.raises(errors.CertificateRejected, match=r"issuer|self-signed|root") as caught:
        client.send()
    assert caught.value.outcome is Outcome.NOT_SENT
    assert not client.connected


BAD = {
    "expired": "expired",
    "notyet": "not valid yet",
    "wronghost": "another name than localhost",
    "selfsigned": "self-signed",
    "unknownca": "issuer is not trusted",
    "weakkey": "too weak",
    "sha1": "too weak",
    "noint": "intermediate",
    "wrongeku": "not meant for servers",
    "nosan": "another name than localhost",
    "wildcard": "another name than localhost",
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_certificate_is_refused_and_can_be_overruled(make: Make, postfix: Postfix, name: str) -> None:
    client = make(postfix, postfix.certificates[name])
    with pytest.raises(errors.CertificateRejected, match=BAD[name]):
        client.send()
    seen: list[Any] = []
    client.on_ssl_server_authentication = seen.append
    with pytest.raises(errors.CertificateRejected, match=BAD[name]):
        client.send()
    assert not seen[0].accept
    assert BAD[name] in seen[0].status

    def overrule(event: Any) -> None:
        event.accept = True

    client.on_ssl_server_authentication = overrule
    assert client.send().reply.code == 250
    pinned = client_with_pin(make, postfix, name, seen[0].cert_encoded)
    assert pinned.send().reply.code == 250


def client_with_pin(make: Make, postfix: Postfix, name: str, der: bytes) -> Client:
    client = make(postfix, postfix.certificates[name], ssl_accept_server_cert_encoded=der)
    other = make(postfix, postfix.plain, ssl_accept_server_cert_encoded=der)
    with pytest.raises(errors.CertificateRejected, match="not the one set"):
        other.send()
    return client


@pytest.mark.parametrize("mechanism", [0, 4, 100])
def test_log_in(make: Make, postfix: Postfix, mechanism: int) -> None:
    trail: list[PITrail] = []
    client, token = make(postfix, postfix.submission, user="alice", password="alicepw"), new_token()
    client.auth_mechanism = mechanism
    client.on_pi_trail = trail.append
    client.subject = token
    client.send()
    assert "Authenticated sender: alice" in postfix.newest_trace(token)
    lines = " ".join(event.message for event in trail)
    assert "alicepw" not in lines
    assert "YWxpY2Vwdw" not in lines  # the password in base64
    assert "********" in lines


def test_a_wrong_password_is_told(make: Make, anyone: MailServer) -> None:
    client = make(anyone, user="alice", password="not-it")
    with pytest.raises(errors.LoginRefused) as caught:
        client.send()
    assert caught.value.reply is not None
    assert caught.value.reply.code == 535
    assert "not-it" not in str(caught.value)
    assert not client.connected


def test_submission_without_login_is_refused(make: Make, postfix: Postfix) -> None:
    with pytest.raises((errors.RecipientsRefused, errors.SenderRefused)) as caught:
        make(postfix, postfix.submission).send()
    assert caught.value.outcome is Outcome.NOT_SENT


def test_delivery_reports(make: Make, postfix: Postfix) -> None:
    client, token = make(postfix, from_="bob@example.test", send_to="alice@example.test"), new_token()
    client.message_recipients[0].options = "NOTIFY=SUCCESS ORCPT=rfc822;alice+original@example.test"
    client.settings.envelope_id = token
    client.settings.dsn_return = "HDRS"
    client.send()
    report = postfix.mailbox("bob", token, "Original-Recipient").decode()
    assert f"Original-Envelope-Id: {token}" in report
    assert "Original-Recipient: rfc822;alice+original@example.test" in report
    assert "Action: delivered" in report


def test_addresses_beyond_ascii(make: Make, postfix: Postfix) -> None:
    token = new_token()
    client = make(postfix, send_to="Jürgen <jürgen@bücher.example>", subject=f"Grüße {token}")
    client.send()
    assert "<jürgen@bücher.example>".encode() in postfix.mailbox("jürgen@bücher.example", token)
    idn = make(postfix, send_to="user@bücher.example", subject=token)
    idn.settings.use_smtputf8 = False  # a domain alone needs no SMTPUTF8: it travels as an A-label
    idn.send()


def test_smtputf8_that_is_missing_is_an_error_before_mail(make: Make, postfix: Postfix) -> None:
    client = make(postfix, postfix.bare, send_to="jürgen@capture.test", ssl_start_mode=SSLStartMode.NONE)
    with pytest.raises(errors.ExtensionMissing, match="SMTPUTF8"):
        client.send()


def test_verify_and_expand(make: Make, exim: Exim, postfix: Postfix) -> None:
    assert make(postfix).verify("alice@example.test").code in {250, 252}
    with pytest.raises(errors.Refused) as caught:
        make(postfix).verify("nosuchuser@example.test")
    assert caught.value.reply is not None
    assert caught.value.reply.code == 550
    client, seen = make(exim), []
    client.on_expand = lambda event: seen.append(event.address)
    members = client.expand("list")
    assert len(members) == 2
    assert seen == list(members)


@pytest.mark.parametrize(("who", "code"), [("reject", 554), ("temp", 450), ("quota", 452), ("full", 552)])
def test_refused_recipients_are_told_apart(make: Make, postfix: Postfix, who: str, code: int) -> None:
    client = make(postfix, send_to=f"x@capture.test, {who}@example.test, y@capture.test")
    with pytest.raises(errors.RecipientsRefused) as caught:
        client.send()
    assert caught.value.reply is not None
    assert caught.value.reply.code == code
    assert caught.value.is_transient == (code < 500)
    assert [r.reply.code for r in caught.value.recipients if r.reply] == [250, code, 250]
    token = new_token()
    client.subject = token
    client.settings.stop_on_to_errors = False
    refusals: list[Any] = []
    client.on_error = refusals.append
    result = client.send()
    assert [r.address for r in result.refused] == [f"{who}@example.test"]
    assert len(refusals) == 1
    assert str(code) in refusals[0].description
    assert sorted(postfix.newest_capture(token).recipients) == ["x@capture.test", "y@capture.test"]


@pytest.mark.parametrize("pipelining", [True, False])
def test_421_in_answer_to_a_recipient_closes_the_line(make: Make, server: Postfix | Exim, pipelining: bool) -> None:
    client = make(server, send_to="x@capture.test, bye@example.test")
    client.settings.use_pipelining = pipelining
    with pytest.raises(errors.ServiceClosing) as caught:
        client.send()
    assert caught.value.is_transient
    assert caught.value.outcome is Outcome.NOT_SENT
    client.send_to = "x@capture.test"
    assert client.send().reply.code == 250


def test_a_message_that_is_too_large_is_refused_before_mail(make: Make, server: Postfix | Exim) -> None:
    client = make(server, server.small, message_text="x" * 70 + "\n" * 1 + "y\n" * 20000)
    trail: list[str] = []
    client.on_pi_trail = lambda event: trail.append(event.message)
    with pytest.raises(errors.MessageRefused, match="at most"):
        client.send()
    assert not any(line.startswith("MAIL") for line in trail)


@pytest.mark.parametrize("sender", ["nodata", "nobody", "tempdata"])
@pytest.mark.parametrize("chunking", [True, False])
def test_a_refused_message_is_not_sent_and_the_line_is_kept(
    make: Make, postfix: Postfix, sender: str, chunking: bool
) -> None:
    client = make(postfix, from_=f"{sender}@example.test", message_text="hello\n")
    client.settings.use_chunking = chunking
    with client.kept():
        client.connect()
        with pytest.raises(errors.Refused) as caught:
            client.send()
        assert caught.value.outcome is Outcome.NOT_SENT
        assert client.connected
        client.from_ = "alice@example.test"
        assert client.send().reply.code == 250


def test_helo_where_ehlo_is_not_known(make: Make, sink: Sink) -> None:
    client, token = make(sink, sink.helo), new_token()
    trail: list[str] = []
    client.on_pi_trail = lambda event: trail.append(event.message)
    client.subject = token
    assert client.send().reply.code == 250
    assert any(line.startswith("HELO ") for line in trail)


def test_a_server_without_extensions(make: Make, server: Postfix | Exim) -> None:
    client, token = make(server, server.bare, ssl_start_mode=SSLStartMode.OPPORTUNISTIC), new_token()
    client.subject = token
    client.send_to = "x@capture.test, y@capture.test"
    client.send()
    assert server.newest_capture(token).sender == "alice@example.test"
    required = make(server, server.bare)
    with pytest.raises(errors.ExtensionMissing, match="STARTTLS"):
        required.send()


def test_a_server_that_takes_one_command_at_a_time(make: Make, opensmtpd: OpenSMTPD) -> None:
    client = make(opensmtpd)
    client.send_to = "x@capture.test, relay@elsewhere.test, y@capture.test"
    client.message_text = f"{(token := new_token())}\n"
    with pytest.raises(errors.RecipientsRefused) as caught:
        client.send()
    assert [r.accepted for r in caught.value.recipients] == [True, False, False]  # the last was not asked for
    assert caught.value.outcome is Outcome.NOT_SENT
    client.settings.stop_on_to_errors = False
    with client.kept():
        client.connect()
        assert [r.address for r in client.send().refused] == ["relay@elsewhere.test"]
        client.send()  # once more on the same line, after RSET
    assert token.encode() in opensmtpd.newest_capture(token).raw


@pytest.mark.parametrize(
    ("method", "verb"),
    [("send_to_terminal_only", "SEND"), ("send_to_terminal_or_email", "SOML"), ("send_to_terminal_and_email", "SAML")],
)
def test_the_old_verbs(make: Make, oldverbs: OldVerbs, method: str, verb: str) -> None:
    client, token = make(oldverbs, send_to="bob@example.test"), new_token()
    client.subject = token
    getattr(client, method)()
    assert oldverbs.newest_capture(token).verb == verb


def test_ipv6(make: Make, server: Postfix | Exim) -> None:
    client = make(server, mail_server="::1")
    client.settings.use_ipv6 = 1
    client.settings.tls_server_name = "localhost"
    with client.kept():
        client.connect()
        assert client.remote_address == "::1"


def test_a_refusing_greeting(make: Make, postfix: Postfix) -> None:
    with pytest.raises(errors.GreetingRefused, match="554"):
        make(postfix, postfix.refusing).send()


def test_an_idle_line_that_the_server_closed_is_replaced_once(make: Make, postfix: Postfix) -> None:
    import time

    client, token = make(postfix, postfix.hasty, subject=new_token()), new_token()
    with client.kept():
        client.connect()
        time.sleep(3.6)
        client.subject = token
        assert client.send().reply.code == 250
    assert postfix.newest_capture(token)


def test_a_thousand_recipients_with_a_small_receive_buffer(make: Make, sink: Sink) -> None:
    client = make(sink, sink.discard)
    client.settings.in_buffer_size = 4096
    client.settings.out_buffer_size = 4096
    client.send_to = ", ".join(f"someone-{i}@example.test" for i in range(1000))
    assert len(client.send().accepted) == 1000


@pytest.mark.parametrize(
    ("options", "error", "outcome"),
    [
        (("-f", "mail"), errors.SenderRefused, Outcome.NOT_SENT),
        (("-r", "rcpt"), errors.RecipientsRefused, Outcome.NOT_SENT),
        (("-f", "data"), errors.MessageRefused, Outcome.NOT_SENT),
        (("-f", "."), errors.MessageRefused, Outcome.NOT_SENT),
        (("-Q", "mail"), errors.ServiceClosing, Outcome.NOT_SENT),
        (("-q", "rcpt"), errors.ConnectionDropped, Outcome.NOT_SENT),
        (("-q", "."), errors.ConnectionDropped, Outcome.UNKNOWN),
    ],
)
def test_every_failure_says_what_became_of_the_mail(
    make: Make, sink: Sink, options: tuple[str, ...], error: type[errors.SMTPError], outcome: Outcome
) -> None:
    with sink.failing(*options) as port:
        client = make(sink, port)
        with pytest.raises(error) as caught:
            client.send()
        assert caught.value.outcome is outcome
        assert not client.connected
    client.mail_port = sink.discard
    assert client.send().reply.code == 250


def test_a_file_with_octets_above_127_is_looked_through_before_mail(
    make: Make, postfix: Postfix, tmp_path: Path
) -> None:
    client = make(postfix, postfix.bare, ssl_start_mode=SSLStartMode.NONE)
    file = tmp_path / "latin1.txt"
    file.write_bytes(b"caf\xe9\n" * 100_000)
    client.attached_file = str(file)
    trail: list[str] = []
    client.on_pi_trail = lambda event: trail.append(event.message)
    with pytest.raises(errors.ExtensionMissing, match="8BITMIME"):
        client.send()
    assert not any(line.startswith("MAIL") for line in trail)
    file.write_bytes(b"cafe\n" * 100_000)
    assert client.send().reply.code == 250
