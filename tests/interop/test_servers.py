"""The servers do what ports.txt and README.md say, shown with the standard library alone."""

import base64
import contextlib
import smtplib
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.interop import servers
from tests.interop.servers import Authority, Exim, OldVerbs, OpenSMTPD, Postfix, Sendmail, Sink, new_token

pytestmark = pytest.mark.interop

TRUSTED = ("good-ed", "idn", "revoked")
REFUSED = ("expired", "notyet", "wronghost", "selfsigned", "unknownca", "weakkey", "sha1", "noint", "wrongeku", "nosan")
SPECIAL_RECIPIENTS = {"reject": 554, "temp": 450, "quota": 452, "full": 552, "bye": 421}
SPECIAL_SENDERS = {"badsender": 550, "nodata": 554, "nobody": 554, "tempdata": 451}


@pytest.fixture(params=["postfix", "exim"])
def server(request: pytest.FixtureRequest) -> Postfix | Exim:
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Postfix | Exim)
    return found


def connect(port: int, host: str = "localhost") -> smtplib.SMTP:
    return smtplib.SMTP(host, port, timeout=10)


def letter(token: str) -> bytes:
    """A message with all that relays like to damage."""
    head = f"From: <a@example.test>\r\nSubject: {token}\r\nX-Folded:  one\r\n\ttwo  \r\n\r\n".encode()
    return head + b".dot\r\n..dots\r\n8bit \xe9\xff\r\nblank at the end \r\n" + b"y" * 998 + b"\r\n\r\nlast\r\n"


def handshake(port: int, context: ssl.SSLContext, name: str = "localhost") -> None:
    with connect(port) as client:
        client.ehlo()
        assert client.docmd("STARTTLS")[0] == 220
        assert client.sock
        with context.wrap_socket(client.sock, server_hostname=name):
            pass


def keywords(client: smtplib.SMTP) -> set[str]:
    assert client.ehlo()[0] == 250
    return set(client.esmtp_features)


def code_of(call: Callable[[], object]) -> int:
    """The code of the reply that made the call fail."""
    with pytest.raises((smtplib.SMTPResponseException, smtplib.SMTPRecipientsRefused)) as caught:
        call()
    match caught.value:
        case smtplib.SMTPRecipientsRefused(recipients=refused):
            return next(code for code, _ in refused.values())
        case smtplib.SMTPResponseException(smtp_code=code):
            return code
    pytest.fail("neither of the two")


def test_a_captured_message_is_the_sent_one_byte_for_byte(server: Postfix | Exim) -> None:
    token = new_token()
    recipients = ["x@capture.test", "y+z@capture.test", '"q r"@capture.test']
    with connect(server.plain) as client:
        client.sendmail("a@example.test", recipients, letter(token), ["BODY=8BITMIME"])
    raw, sender, received_by = server.newest_capture(token)
    assert raw == letter(token)
    assert sender == "a@example.test"
    assert sorted(received_by) == sorted(recipients)


def test_bytes_sent_in_chunks_are_captured_too(server: Postfix | Exim) -> None:
    token = new_token()
    message = letter(token)
    with connect(server.plain) as client:
        client.ehlo()
        client.mail("", ["BODY=8BITMIME"])
        client.rcpt("x@capture.test")
        for verb, chunk in (("BDAT 50", message[:50]), (f"BDAT {len(message) - 50} LAST", message[50:])):
            client.send(verb.encode() + b"\r\n" + chunk)
            assert client.getreply()[0] == 250
    assert server.newest_capture(token) == (message, "", ["x@capture.test"])


def test_starttls_and_implicit_tls_verify_against_the_authority(server: Postfix | Exim) -> None:
    context = server.ca.context()
    with connect(server.plain) as client:
        client.starttls(context=context)
        assert "auth" in keywords(client)
    with smtplib.SMTP_SSL("localhost", server.implicit, context=context, timeout=10) as client:
        assert client.noop()[0] == 250


def test_a_client_is_authenticated(server: Postfix | Exim) -> None:
    for method in ("auth_plain", "auth_login", "auth_cram_md5")[: 2 if isinstance(server, Postfix) else 3]:
        with connect(server.plain) as client:
            client.starttls(context=server.ca.context())
            client.ehlo()
            client.user, client.password = "alice", "alicepw"
            assert (
                client.auth(method.removeprefix("auth_").replace("_", "-").upper(), getattr(client, method))[0] == 235
            )
        with connect(server.plain) as client:
            assert code_of(lambda: client.login("alice", "wrong")) == 535


def test_names_and_passwords_may_be_utf8(server: Postfix | Exim) -> None:
    credentials = base64.b64encode("\0jürgen\0pässwörd".encode()).decode()
    with connect(server.plain) as client:
        client.ehlo()
        assert client.docmd("AUTH", f"PLAIN {credentials}")[0] == 235


def test_submission_wants_tls_and_then_a_login(postfix: Postfix) -> None:
    token = new_token()
    with connect(postfix.submission) as client:
        assert code_of(lambda: client.sendmail("alice@example.test", ["x@capture.test"], letter(token))) == 530
        client.starttls(context=postfix.ca.context())
        assert code_of(lambda: client.sendmail("alice@example.test", ["x@capture.test"], letter(token))) == 554
        client.login("alice", "alicepw")
        client.sendmail("alice@example.test", ["x@capture.test"], letter(token), ["BODY=8BITMIME"])
    assert "Authenticated sender: alice" in postfix.newest_trace(token)


def test_the_plain_port_is_on_ipv6_too(server: Postfix | Exim) -> None:
    if not servers.has_ipv6():
        servers.missing("no IPv6 on this machine")
    with connect(server.plain, server.host6) as client:
        assert client.noop()[0] == 250


def test_a_delivery_report_reaches_the_sender(server: Postfix | Exim) -> None:
    token = new_token()
    with connect(server.plain) as client:
        client.sendmail(
            "bob@example.test", ["alice@example.test"], letter(token), ["ENVID=QQ123"], ["NOTIFY=SUCCESS,FAILURE"]
        )
    assert b"\r\nAction: delivered\r\n" in server.mailbox("bob", token, "multipart/report")
    assert token.encode() in server.mailbox("alice", token)


def test_mail_for_elsewhere_comes_back(postfix: Postfix) -> None:
    token = new_token()
    with connect(postfix.plain) as client:
        client.sendmail("bob@example.test", ["someone@elsewhere.test"], letter(token))
    assert b"\r\nAction: failed\r\n" in postfix.mailbox("bob", token, "multipart/report")


def test_addresses_and_headers_may_be_utf8(server: Postfix | Exim) -> None:
    token = new_token()
    message = f"From: <jürgen@bücher.example>\r\nSubject: Grüße {token}\r\n\r\nGrüße\r\n".encode()
    recipients = ["jürgen@bücher.example", "grün@capture.test"]
    with connect(server.plain) as client:
        client.ehlo()
        client.sendmail("jürgen@bücher.example", recipients, message, ["SMTPUTF8", "BODY=8BITMIME"])
    assert "Grüße".encode() in server.mailbox("jürgen@bücher.example", token)
    assert server.newest_capture(token) == (message, "jürgen@bücher.example", ["grün@capture.test"])


def test_the_two_spellings_of_a_domain_are_one_mailbox(server: Postfix | Exim) -> None:
    token = new_token()
    with connect(server.plain) as client:
        client.sendmail("a@example.test", ["user@xn--bcher-kva.example"], letter(token), ["BODY=8BITMIME"])
    assert token.encode() in server.mailbox("user@bücher.example", token)


def test_the_small_port_refuses_by_size(server: Postfix | Exim) -> None:
    with connect(server.small) as client:
        client.ehlo()
        assert client.esmtp_features["size"] == "10000"
        assert client.mail("a@example.test", ["SIZE=20000"])[0] == 552
        client.rset()  # Postfix remembers the size until then, and refuses the next MAIL as well
        client.mail("a@example.test")
        client.rcpt("x@capture.test")
        assert client.data(b"y\r\n" * 10000)[0] == 552


def test_the_bare_ports_offer_next_to_nothing(postfix: Postfix, exim: Exim) -> None:
    with connect(postfix.bare) as client:
        assert keywords(client) == set()
    with connect(exim.bare) as client:
        assert keywords(client) <= {"size", "8bitmime", "prdr", "help", "etrn", "vrfy", "expn"}


def test_the_full_ports_offer_what_they_are_for(postfix: Postfix, exim: Exim) -> None:
    common = {"size", "vrfy", "etrn", "starttls", "auth", "pipelining", "8bitmime", "dsn", "smtputf8", "chunking"}
    with connect(postfix.plain) as client:
        assert keywords(client) >= common | {"enhancedstatuscodes"}
        assert client.docmd("ETRN etrn.test")[0] == 250
    with connect(exim.plain) as client:
        assert keywords(client) >= common | {"expn", "prdr"}


@pytest.mark.parametrize(("name", "code"), SPECIAL_RECIPIENTS.items())
def test_special_recipients_are_refused(server: Postfix | Exim, name: str, code: int) -> None:
    with connect(server.plain) as client:
        client.ehlo()
        client.mail("a@example.test")
        assert client.rcpt("x@capture.test")[0] == 250
        assert client.rcpt(f"{name}@capture.test")[0] == code


@pytest.mark.parametrize(("name", "code"), SPECIAL_SENDERS.items())
def test_special_senders_fail_at_their_stage(server: Postfix | Exim, name: str, code: int) -> None:
    with connect(server.plain) as client:
        assert code_of(lambda: client.sendmail(f"{name}@example.test", ["x@capture.test"], b"\r\n")) == code


def test_vrfy_and_expn_answer(postfix: Postfix, exim: Exim, oldverbs: OldVerbs) -> None:
    for server, code in ((postfix, 252), (exim, 250), (oldverbs, 250)):
        with connect(server.plain) as client:
            client.ehlo()
            assert client.verify("alice@example.test")[0] == code
            assert client.verify("nosuch@example.test")[0] == 550
    for lister in (exim, oldverbs):
        with connect(lister.plain) as client:
            client.ehlo()
            code, text = client.expn("list")
            assert code == 250
            assert [b"bob@example.test" in line for line in text.splitlines()] == [False, True]


def test_sendmail_offers_what_it_is_for(sendmail: Sendmail) -> None:
    token = new_token()
    offered = {"auth", "starttls", "expn", "etrn", "deliverby", "dsn", "pipelining", "8bitmime", "size"}
    with connect(sendmail.plain) as client:
        assert keywords(client) >= offered
        assert keywords(client).isdisjoint({"chunking", "smtputf8", "vrfy"})
        client.sendmail(
            "alice@example.test", ["x@capture.test", '"q r"@capture.test'], letter(token), ["BODY=8BITMIME"]
        )
    assert sendmail.newest_capture(token) == (
        letter(token),
        "alice@example.test",
        ["x@capture.test", '"q r"@capture.test'],
    )
    with connect(sendmail.open) as client:
        assert keywords(client) & offered == offered - {"auth", "starttls"}
    with connect(sendmail.plain) as client:
        client.starttls(context=sendmail.ca.context())
        assert "GSSAPI" in (client.ehlo()[1] and client.esmtp_features["auth"])
    with smtplib.SMTP_SSL("localhost", sendmail.implicit, context=sendmail.ca.context(), timeout=10) as client:
        client.sendmail("bob@example.test", ["someone@elsewhere.test"], letter(token), ["BODY=8BITMIME"])
    assert b"\r\nAction: failed\r\n" in sendmail.mailbox("bob", token, "multipart/report")


@pytest.mark.parametrize(("name", "code"), SPECIAL_RECIPIENTS.items())
def test_sendmail_refuses_special_recipients(sendmail: Sendmail, name: str, code: int) -> None:
    with connect(sendmail.plain) as client:
        client.ehlo()
        client.mail("alice@example.test")
        assert client.rcpt(f"{name}@example.test")[0] == code


def test_exim_replies_for_each_recipient_with_prdr(exim: Exim) -> None:
    with connect(exim.plain) as client:
        client.ehlo()
        assert client.mail("a@example.test", ["PRDR"])[0] == 250
        for name in ("alice", "bob"):
            client.rcpt(f"{name}@example.test")
        replies = [client.data(b"Subject: prdr\r\n\r\n")[0]] + [client.getreply()[0] for _ in range(3)]
    assert replies == [353, 250, 550, 250]


def test_opensmtpd_closes_on_who_pipelines(opensmtpd: OpenSMTPD) -> None:
    with connect(opensmtpd.plain) as client:
        assert not keywords(client) & {"pipelining", "chunking"}
        client.send("MAIL FROM:<a@example.test>\r\nRCPT TO:<x@capture.test>\r\nDATA\r\n")
        replies = []
        with contextlib.suppress(smtplib.SMTPServerDisconnected):
            replies += [client.getreply()[0] for _ in range(3)]
    assert replies != [250, 250, 354]


def test_ports_with_a_short_temper(postfix: Postfix) -> None:
    with connect(postfix.error_limit) as client:
        assert [client.docmd("FOO")[0] for _ in range(4)] == [500, 500, 500, 421]
    with connect(postfix.hasty) as client:
        assert client.getreply()[0] == 421
    assert code_of(lambda: connect(postfix.refusing)) == 554
    with connect(postfix.three_recipients) as client:
        client.ehlo()
        client.mail("a@example.test")
        assert [client.rcpt(f"u{n}@capture.test")[0] for n in range(4)] == [250, 250, 250, 452]


@pytest.mark.parametrize("name", REFUSED)
def test_bad_certificates_fail_verification(server: Postfix | Exim, name: str) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        handshake(server.certificates[name], server.ca.context())


@pytest.mark.parametrize("name", TRUSTED)
def test_good_certificates_pass(server: Postfix | Exim, name: str) -> None:
    handshake(server.certificates[name], server.ca.context())


def test_the_wildcard_and_the_revoked_certificate(server: Postfix | Exim) -> None:
    context = server.ca.context()
    handshake(server.certificates["wildcard"], context, "mail.example.test")
    with pytest.raises(ssl.SSLCertVerificationError, match="mismatch"):
        handshake(server.certificates["wildcard"], context)
    context.load_verify_locations(server.ca.root_with_crls)
    context.verify_flags |= ssl.VerifyFlags.VERIFY_CRL_CHECK_CHAIN
    handshake(server.certificates["good-ed"], context)
    with pytest.raises(ssl.SSLCertVerificationError, match="revoked"):
        handshake(server.certificates["revoked"], context)


def test_each_port_of_ports_txt_shows_a_certificate_that_is_tested(server: Postfix | Exim) -> None:
    assert set(server.certificates) == {*TRUSTED, *REFUSED, "wildcard"}


@contextmanager
def tls_client(port: int, context: ssl.SSLContext) -> Iterator[smtplib.SMTP]:
    with connect(port) as client:
        client.starttls(context=context)
        client.ehlo()
        yield client


def test_client_certificates_are_asked_for_and_required(postfix: Postfix, ca: Authority) -> None:
    known = ca.context()
    known.load_cert_chain(ca.path("client.chain"), ca.path("client.key"))
    for context, code in ((known, 250), (ca.context(), 554)):
        with tls_client(postfix.ask_certificate, context) as client:
            client.mail("alice@example.test")
            assert client.rcpt("someone@elsewhere.test")[0] == code
    with tls_client(postfix.require_certificate, known) as client:
        assert client.noop()[0] == 250


@pytest.mark.parametrize(("verb", "code"), [("SEND", 250), ("SOML", 250), ("SAML", 250), ("TURN", 502)])
def test_the_old_verbs(oldverbs: OldVerbs, verb: str, code: int) -> None:
    token = new_token()
    with connect(oldverbs.plain) as client:
        client.ehlo()
        assert client.docmd(f"{verb} FROM:<a@example.test>")[0] == code
        if code != 250:
            return
        assert client.rcpt("bob@example.test")[0] == 250
        assert client.data(letter(token))[0] == 250
    assert oldverbs.newest_capture(token) == (letter(token), "a@example.test", ["bob@example.test"], verb)


def test_the_sink_keeps_messages_and_parameters(sink: Sink) -> None:
    token = new_token()
    with connect(sink.plain) as client:
        client.sendmail("a@example.test", ["x@y.test"], letter(token), ["BODY=8BITMIME"], ["NOTIFY=NEVER"])
        assert sink.newest_capture(token) == (letter(token), "a@example.test", ["x@y.test"])
    assert sink.newest_arguments(token) == ["<a@example.test> BODY=8BITMIME", "<x@y.test> NOTIFY=NEVER"]


def test_the_other_sinks(sink: Sink) -> None:
    with connect(sink.helo) as client:
        assert client.ehlo()[0] == 500
        assert client.helo()[0] == 250
    with connect(sink.discard) as client:
        assert client.sendmail("a@example.test", ["x@y.test"], b"\r\n") == {}
    with smtplib.LMTP("localhost", sink.lmtp) as client:
        client.sendmail("a@example.test", ["x@y.test", "z@y.test"], b"\r\n")
        assert client.getreply()[0] == 250
    with sink.failing("-r", "rcpt") as port, connect(port) as client:
        client.ehlo()
        client.mail("a@example.test")
        assert client.rcpt("x@y.test")[0] == 450


def test_what_is_missing_is_skipped_or_fails_if_it_was_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POSTWRIGHT_REQUIRE_SERVERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="no carrier pigeon"):
        servers.missing("no carrier pigeon")
    monkeypatch.setenv("POSTWRIGHT_REQUIRE_SERVERS", "1")
    with pytest.raises(pytest.fail.Exception, match="no carrier pigeon"):
        servers.missing("no carrier pigeon")
