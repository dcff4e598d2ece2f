"""How the server is reached: ports, TLS, certificates, names, times, settings, login."""

import ssl
import time
from pathlib import Path
from typing import Self

import pytest
import trustme

from postwright.cli.arguments import parse
from postwright.cli.connecting import client_of
from postwright.enums import AuthMechanism, SSLStartMode
from tests.cli.conftest import Program
from tests.cli.server import HANG, Server
from tests.support.ports import held

MAIL = ["-f", "me@example.org", "-t", "you@example.org", "--text", "x"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("-s mx", ("mx", 25, SSLStartMode.AUTOMATIC)),
        ("-s mx:2525", ("mx", 2525, SSLStartMode.AUTOMATIC)),
        ("--host mx -p 587", ("mx", 587, SSLStartMode.AUTOMATIC)),
        ("-s mx:submissions", ("mx", 465, SSLStartMode.AUTOMATIC)),
        ("-s [::1]:26", ("::1", 26, SSLStartMode.AUTOMATIC)),
        ("-s ::1", ("::1", 25, SSLStartMode.AUTOMATIC)),
        ("-s mx -u me", ("mx", 587, SSLStartMode.AUTOMATIC)),
        ("-s mx -u me --tls implicit", ("mx", 465, SSLStartMode.IMPLICIT)),
        ("-s mx --tlsc", ("mx", 465, SSLStartMode.IMPLICIT)),
        ("-s mx --tls-on-connect", ("mx", 465, SSLStartMode.IMPLICIT)),
        ("-s mx -tls", ("mx", 25, SSLStartMode.EXPLICIT)),
        ("-s mx --starttls", ("mx", 25, SSLStartMode.EXPLICIT)),
        ("-s mx --ssl-reqd", ("mx", 25, SSLStartMode.EXPLICIT)),
        ("-s mx --tls opportunistic", ("mx", 25, SSLStartMode.OPPORTUNISTIC)),
        ("-s mx --no-tls", ("mx", 25, SSLStartMode.NONE)),
        ("--url smtps://mx", ("mx", 465, SSLStartMode.IMPLICIT)),
        ("--url smtp://mx:587/me", ("mx", 587, SSLStartMode.AUTOMATIC)),
    ],
)
def test_server_port_and_tls(words: str, expected: tuple[str, int, SSLStartMode]) -> None:
    client = client_of(parse(["send", *words.split()]))
    assert (client.mail_server, client.mail_port, client.ssl_start_mode) == expected


@pytest.mark.parametrize(
    "words",
    [
        "-s mx:0",
        "-s mx:",
        "-s :25",
        "-s mx -p 70000",
        "-s http://mx",
        "-s me:pw@mx",
        "-s mx:25 -p 26",
        "-s mx --timeout -1",
    ],
)
def test_what_is_no_server(run: Program, words: str) -> None:
    assert run("send", *words.split(), *MAIL).code == 64


def test_starttls_is_verified(run: Program, tls_server: Server, ca_file: str) -> None:
    start = ["send", "-s", tls_server.address, "--starttls", *MAIL]
    done = run(*start)
    assert done.code == 77
    assert "Nothing was sent." in done.words
    assert "--ca-file" in done.words
    assert tls_server.mails == []
    assert run(*start, "--ca-file", ca_file).code == 0
    assert run(*start, "--ca-file", ca_file, "--server-name", "mail.example.org").code == 0
    assert [mail.encrypted for mail in tls_server.mails] == [True, True]
    done = run(*start, "--ca-file", ca_file, "--server-name", "other.example.org")
    assert done.code == 77
    assert "--server-name" in done.words


def test_tls_from_the_first_byte(run: Program, implicit_server: Server, ca_file: str) -> None:
    assert run("send", "-s", implicit_server.address, *MAIL, "--ca-file", ca_file).code == 0
    assert implicit_server.mails[0].encrypted
    assert not implicit_server.said("STARTTLS")


def test_one_certificate_can_be_accepted_whatever_is_wrong_with_it(
    run: Program, tls_server: Server, certificate: trustme.LeafCert, tmp_path: Path
) -> None:
    pinned, other = tmp_path / "this.pem", tmp_path / "other.pem"
    pinned.write_bytes(certificate.cert_chain_pems[0].bytes())
    other.write_bytes(trustme.CA().issue_cert("127.0.0.1").cert_chain_pems[0].bytes())
    start = ["send", "-s", tls_server.address, "--starttls", *MAIL, "--insecure-accept-cert"]
    assert run(*start, str(other)).code == 77
    assert run(*start, str(pinned)).code == 0
    assert run(*start, str(tmp_path / "none")).code == 66


def test_required_tls_is_required(run: Program, server: Server) -> None:
    done = run("send", "-s", server.address, "--starttls", *MAIL)
    assert done.code == 69
    assert "use --tls none or --tls opportunistic" in done.words
    assert not server.said("MAIL")
    assert run("send", "-s", server.address, "--tls", "opportunistic", *MAIL).code == 0


def test_tls_at_the_wrong_moment_names_the_option(run: Program, server: Server) -> None:
    done = run("send", "-s", server.address, *MAIL)
    assert done.code == 76
    assert "--tls starttls" in done.words
    assert "ssl_start_mode" not in done.words


def test_a_port_that_begins_with_tls_names_the_option(run: Program, context: ssl.SSLContext) -> None:
    # Such a server says nothing until the client's first TLS record.
    with Silent(context) as silent:
        done = run("send", "-s", f"127.0.0.1:{silent.port}", "--starttls", "--timeout", "1", *MAIL)
    assert done.code == 75
    assert "use --tls implicit" in done.words


class Silent(Server):
    def __enter__(self) -> Self:
        self.replies["greeting"] = HANG
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


@pytest.mark.parametrize("option", ["--hello", "--ehlo", "--helo"])
def test_hello(run: Program, server: Server, plain: list[str], option: str) -> None:
    assert run(*plain, "--text", "x", option, "laptop.example.net").code == 0
    assert server.commands[0] == "EHLO laptop.example.net"


def test_timeout(run: Program, server: Server, plain: list[str]) -> None:
    server.replies["MAIL"] = HANG
    start = time.monotonic()
    done = run(*plain, "--text", "x", "--timeout", "1")
    assert time.monotonic() - start < 5
    assert done.code == 75
    assert "Nothing was sent." in done.words


def test_any_setting(run: Program, server: Server, plain: list[str]) -> None:
    settings = [
        "--config",
        "MessageIdAlgorithm=SHA256",
        "--config",
        "hello=set.example.net",
        "--config",
        "Charset=iso-8859-1",
    ]
    assert run(*plain, "-S", "Größe", "--text", "x", *settings).code == 0
    assert server.commands[0] == "EHLO set.example.net"
    assert b"=?iso-8859-1?" in server.mails[0].content.lower()


@pytest.mark.parametrize("text", ["MaxHederLength=100", "MaxHeaderLength=few", "MaxHeaderLength", "UsePipelining=2"])
def test_a_setting_that_is_wrong(run: Program, server: Server, plain: list[str], text: str) -> None:
    done = run(*plain, "--text", "x", "--config", text)
    assert done.code == 78
    assert "MaxHeaderLength" in done.words or "UsePipelining" in done.words
    assert server.connections == 0


@pytest.mark.parametrize(("how", "verb"), [("plain", "AUTH PLAIN"), ("LOGIN", "AUTH LOGIN"), ("auto", "AUTH PLAIN")])
def test_how_to_log_in(
    run: Program, tls_server: Server, ca_file: str, monkeypatch: pytest.MonkeyPatch, how: str, verb: str
) -> None:
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "swordfish")
    login = ["-u", "other", "--auth", how, "--starttls", "--ca-file", ca_file]
    assert run("send", "-s", tls_server.address, *login, *MAIL).code == 0
    assert tls_server.said(verb)


def test_the_names_of_the_mechanisms() -> None:
    chosen = [client_of(parse(["send", "--auth", how])).auth_mechanism for how in ("auto", "plain", "login")]
    assert chosen == [AuthMechanism.USER_PASSWORD, AuthMechanism.SASL_PLAIN, AuthMechanism.LOGIN]


def test_no_login_without_tls_unless_it_is_wished(
    run: Program, server: Server, plain: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    server.users["me"] = "hunter two"
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "hunter two")
    done = run(*plain, "--text", "x", "-u", "me")
    assert done.code == 69
    assert "add --allow-cleartext-auth" in done.words
    assert not server.said("AUTH")
    assert run(*plain, "--text", "x", "-u", "me", "--allow-cleartext-auth").code == 0
    assert server.said("AUTH")


def test_a_port_where_nobody_is(run: Program) -> None:
    with held() as port:
        done = run("send", "-s", f"127.0.0.1:{port}", *MAIL)
    assert done.code == 75
    assert "Nothing was sent. Check the port: nothing answers there." in done.words


def test_a_server_must_be_named(run: Program) -> None:
    done = run("send", *MAIL)
    assert done.code == 64
    assert "give --server HOST[:PORT]" in done.words
