"""``postwright probe``: what is shown of a server, and when it is good."""

import datetime as dt
import re
import ssl
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from postwright.cli.probe_facts import Facts
from postwright.cli.probe_report import rows
from postwright.wire.extensions import Extensions
from tests.cli.conftest import Program
from tests.cli.proxy import Proxy
from tests.cli.server import DROP, HANG, Server
from tests.cli.terminal import terminal
from tests.cli.test_terminal import WITHOUT_RICH

ALL = ("SIZE 20000000", "8BITMIME", "PIPELINING")


def codes(faults: list[dict[str, Any]]) -> list[str]:
    return [fault["code"] for fault in faults]


@pytest.fixture
def good(tls_server: Server, ca_file: str) -> list[str]:
    """The arguments for a server with which nothing is wrong."""
    tls_server.extensions = ALL
    return ["probe", tls_server.address, "--starttls", "--ca-file", ca_file]


def test_a_good_server(run: Program, tls_server: Server, good: list[str]) -> None:
    done = run(*good)
    assert done.code == 0
    assert done.err == ""
    lines = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert lines["server"] == f"127.0.0.1 port {tls_server.port} (127.0.0.1)"
    assert lines["greeting"] == "220 test ESMTP"
    assert lines["before"] == "TLS   SIZE 20000000, 8BITMIME, PIPELINING, STARTTLS"
    assert lines["TLS"].startswith("TLSv1.3 by STARTTLS, TLS_AES_")
    assert "O=trustme" in lines["certificate"]
    assert lines["for"] == "mail.example.org, 127.0.0.1"
    assert "days left" in lines["valid"]
    assert lines["verdict"] == "trusted"
    assert lines["after"] == "TLS    SIZE 20000000, 8BITMIME, PIPELINING, AUTH PLAIN LOGIN"
    assert lines["logins"] == "none without TLS; PLAIN, LOGIN with TLS"
    assert lines["good"] == "nothing is wrong"


def test_no_mail_and_no_login(run: Program, tls_server: Server, good: list[str]) -> None:
    assert run(*good).code == 0
    assert [command.split()[0] for command in tls_server.commands] == ["EHLO", "STARTTLS", "EHLO", "QUIT"]
    assert tls_server.connections == 1


def test_json(run: Program, tls_server: Server, good: list[str], certificate: trustme.LeafCert) -> None:
    found = run(*good, "--json").json
    assert found["exit"] == 0
    assert found["server"] == {
        "host": "127.0.0.1",
        "port": tls_server.port,
        "address": "127.0.0.1",
        "proxy": None,
    }
    assert found["greeting"] == {"code": 220, "enhanced": None, "text": "test ESMTP"}
    before = {"SIZE": ["20000000"], "8BITMIME": [], "PIPELINING": []}
    assert found["extensions"] == {
        "before_tls": {**before, "STARTTLS": []},
        "after_tls": {**before, "AUTH": ["PLAIN", "LOGIN"]},
    }
    assert found["auth"] == {"before_tls": [], "after_tls": ["PLAIN", "LOGIN"]}
    assert found["tls"]["start"] == "starttls"
    assert found["tls"]["protocol"] == "TLSv1.3"
    assert found["tls"]["cipher"].startswith("TLS_AES_")
    assert found["tls"]["key_exchange"]
    assert found["verdict"] == {"trusted": True, "text": "OK"}
    assert (found["wrong"], found["better"], found["error"]) == ([], [], None)
    assert found["logged_in"] is False
    shown = found["certificates"][0]
    assert shown["hosts"] == ["mail.example.org"]
    assert shown["addresses"] == ["127.0.0.1"]
    assert dt.datetime.fromisoformat(shown["not_before"]) < dt.datetime.now(dt.UTC)
    assert dt.datetime.fromisoformat(shown["not_after"]) > dt.datetime.now(dt.UTC)
    assert "trustme" in shown["issuer"]


def test_the_names_in_the_object_are_always_the_same(run: Program, good: list[str]) -> None:
    with_answer = run(*good, "--json").json
    without = run("probe", "127.0.0.1:1", "--json").json
    assert with_answer.keys() == without.keys()


def test_tls_from_the_first_byte(run: Program, implicit_server: Server, ca_file: str) -> None:
    implicit_server.extensions = ALL
    done = run("probe", "-s", implicit_server.address, "--ca-file", ca_file, "--json")
    assert done.code == 0
    assert done.json["tls"]["start"] == "implicit"
    assert done.json["extensions"]["before_tls"] is None
    assert done.json["auth"] == {"before_tls": None, "after_tls": ["PLAIN", "LOGIN"]}


@pytest.mark.parametrize("password", [False, True])
def test_a_port_that_does_not_begin_with_tls_is_found_out(
    run: Program, tls_server: Server, ca_file: str, monkeypatch: pytest.MonkeyPatch, password: bool
) -> None:
    """On a port that nobody knows, TLS is tried at once; then as it is offered, or by STARTTLS alone for a login."""
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "hunter two")
    tls_server.extensions = ALL
    login = ["-u", "me@example.org"] if password else []
    done = run("probe", tls_server.address, "--ca-file", ca_file, "--json", *login)
    assert (done.code, done.json["logged_in"]) == (0, password)
    assert done.json["tls"]["start"] == "starttls"
    assert codes(done.json["better"]) == ["begins_in_plaintext"]
    assert "--tls starttls" in done.json["better"][0]["text"]
    tls_server.extensions = ()
    assert codes(run("probe", tls_server.address, "--ca-file", ca_file, "--json").json["better"])[0] == (
        "begins_in_plaintext"
    )


def test_what_is_said_twice_is_shown_once() -> None:
    before, after = {"SIZE": (), "STARTTLS": (), "AUTH": ("PLAIN",)}, {"SIZE": (), "AUTH": ("PLAIN",)}
    for end in ({}, {"HELP": ()}):
        facts = Facts("mail.example.org", 25, before=Extensions(before | end), after=Extensions(after | end))
        shown = {row.label: row.text for row in rows(facts, [], dt.datetime.now(dt.UTC))}
        assert shown["after TLS"] == "the same, without STARTTLS"
        assert shown["logins"] == "PLAIN, with and without TLS"


def test_without_tls(run: Program, server: Server) -> None:
    server.users["me"] = "x"
    done = run("probe", server.address, "--starttls", "--json")
    assert done.code == 1
    assert codes(done.json["wrong"]) == ["no_starttls", "auth_in_plaintext"]
    assert codes(done.json["better"]) == ["no_pipelining"]
    assert done.json["tls"] is None
    text = run("probe", server.address, "--starttls")
    assert text.code == 1
    assert "\nwrong        STARTTLS is not offered" in text.out
    assert "\nwrong        without TLS a login by PLAIN, LOGIN is offered" in text.out
    assert "\nbetter       PIPELINING is not offered" in text.out
    assert "nothing is wrong" not in text.out


def test_a_certificate_that_is_not_trusted_does_not_end_the_probe(
    run: Program, tls_server: Server, good: list[str]
) -> None:
    done = run(*good[:3], "--json")
    assert done.code == 1
    assert codes(done.json["wrong"]) == ["certificate"]
    assert done.json["verdict"]["trusted"] is False
    assert "add the authority with --ca-file" in done.json["verdict"]["text"]
    assert done.json["auth"]["after_tls"] == ["PLAIN", "LOGIN"]
    other = run(*good, "--server-name", "other.example.org")
    assert other.code == 1
    assert "\nverdict      not trusted: it was issued for another name than other.example.org" in other.out


def test_nothing_secret_goes_to_a_server_that_is_not_trusted(
    run: Program, tls_server: Server, good: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "hunter two")
    done = run(*good[:3], "-u", "me@example.org", "--json")
    assert done.code == 1
    assert codes(done.json["wrong"]) == ["certificate"]
    assert done.json["certificates"]
    assert done.json["auth"]["after_tls"] is None
    assert not tls_server.said("AUTH")


def test_a_login(run: Program, tls_server: Server, good: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "hunter two")
    done = run(*good, "-u", "me@example.org", "--json")
    assert (done.code, done.json["logged_in"]) == (0, True)
    assert "\nlogin        accepted" in run(*good, "-u", "me@example.org").out
    refused = run(*good, "-u", "other", "--json")
    assert (refused.code, refused.json["logged_in"]) == (1, False)
    assert codes(refused.json["wrong"]) == ["login_refused"]
    assert "hunter" not in refused.out + refused.err


def test_required_starttls_stays_required_where_there_is_a_password(
    run: Program, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.users["me"] = "x"
    monkeypatch.setenv("POSTWRIGHT_PASSWORD", "x")
    words = ["-u", "me", "--starttls", "--allow-cleartext-auth", "--json"]
    done = run("probe", server.address, *words)
    assert done.code == 1
    assert codes(done.json["wrong"]) == ["no_starttls", "auth_in_plaintext"]
    assert not server.said("AUTH")


@pytest.fixture
def context_of(authority: trustme.CA) -> Any:
    def make(**how: Any) -> ssl.SSLContext:
        made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1", **how).configure_cert(made)
        return made

    return make


@pytest.fixture
def server_of(context_of: Any) -> Iterator[Any]:
    made: list[Server] = []

    def make(context: ssl.SSLContext | None = None, **how: Any) -> Server:
        made.append(Server(context=context or context_of(**how), extensions=ALL))
        return made[-1]

    yield make
    for each in made:
        each.close()


def test_a_certificate_that_ends_soon(run: Program, server_of: Any, ca_file: str) -> None:
    now = dt.datetime.now(dt.UTC)
    for days, code in ((5, 1), (40, 0)):
        server = server_of(not_after=now + dt.timedelta(days=days, hours=1))
        done = run("probe", server.address, "--starttls", "--ca-file", ca_file, "--json")
        assert done.code == code
        assert codes(done.json["wrong"]) == ["certificate_expires"] * code
        if code:
            assert "expires in 5 days" in done.json["wrong"][0]["text"]


def test_a_certificate_that_has_ended(run: Program, server_of: Any, ca_file: str) -> None:
    server = server_of(not_after=dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
    done = run("probe", server.address, "--starttls", "--ca-file", ca_file)
    assert done.code == 1
    assert "(expired)" in done.out
    assert "not trusted: it has expired" in done.out


def test_tls_12_could_be_better(run: Program, server_of: Any, context_of: Any, ca_file: str) -> None:
    context = context_of()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    done = run("probe", server_of(context).address, "--starttls", "--ca-file", ca_file, "--json")
    assert done.code == 0
    assert codes(done.json["better"]) == ["not_newest_protocol"]
    assert done.json["tls"]["protocol"] == "TLSv1.2"


def test_an_old_protocol_is_named(run: Program, server_of: Any, context_of: Any, ca_file: str) -> None:
    context = context_of()
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    done = run("probe", server_of(context).address, "--starttls", "--ca-file", ca_file, "--json")
    assert done.code == 1
    assert done.json["tls"]["protocol"] == "TLSv1.1"
    assert "old_protocol" in codes(done.json["wrong"])
    assert done.json["error"] is None


@pytest.mark.parametrize(
    ("replies", "expected"),
    [
        ({"greeting": "554 5.7.1 Go away"}, ["failed"]),
        ({"STARTTLS": "454 4.7.0 Not now"}, ["starttls_refused"]),
        ({"EHLO": "502 5.5.1 What?"}, ["no_ehlo"]),
        ({"EHLO": DROP}, ["failed"]),
        ({"EHLO": "421 4.3.2 Closing"}, ["failed"]),
    ],
)
def test_a_server_that_fails_on_the_way(
    run: Program, tls_server: Server, good: list[str], replies: dict[str, str], expected: list[str]
) -> None:
    tls_server.replies = replies
    done = run(*good, "--json")
    assert done.code == 1
    assert done.err == ""
    assert codes(done.json["wrong"]) == expected
    assert done.json["greeting"]["code"] in {220, 554}


def test_a_second_look_leaves_the_first_as_it_was(run: Program, server_of: Any, context_of: Any, ca_file: str) -> None:
    context = context_of()
    context.set_ciphers("ECDHE-RSA-CHACHA20-POLY1305")  # the key is EC: nothing fits
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    server = server_of(context)
    done = run("probe", server.address, "--starttls", "--ca-file", ca_file, "--json", "-v")
    assert done.code == 1
    assert codes(done.json["wrong"]) == ["failed"]
    assert "handshake failed" in done.json["wrong"][0]["text"]
    assert server.connections == 2
    assert done.err.count("-> STARTTLS") == 2


def test_nothing_was_learned(run: Program, server: Server) -> None:
    nobody = run("probe", "127.0.0.1:1")
    assert nobody.code == 75
    assert nobody.out == ""
    assert "Check the port" in nobody.err
    plaintext = run("probe", server.address, "--tls", "implicit")
    assert plaintext.code == 76
    assert "use --tls starttls" in plaintext.words
    server.replies["greeting"] = HANG
    assert run("probe", server.address, "--starttls", "--timeout", "1").code == 75
    assert run("probe").code == 64
    assert run("probe", "mx", "-s", "mx").code == 64


def test_what_fails_on_this_side(run: Program, good: list[str], tls_server: Server, tmp_path: Path) -> None:
    broken = tmp_path / "broken.pem"
    broken.write_text("nothing")
    done = run(*good, "--cert", str(broken), "--json")
    assert (done.code, done.json["greeting"]) == (78, None)
    assert tls_server.connections == 0
    nowhere = run(*good, "--proxy", "socks5://127.0.0.1:1", "--json")
    assert (nowhere.code, nowhere.json["server"]["proxy"]) == (74, None)
    assert "Check --proxy" in nowhere.json["wrong"][0]["text"]


def test_tls_that_is_not_wanted(run: Program, good: list[str], tls_server: Server) -> None:
    done = run("probe", tls_server.address, "--tls", "none", "--json")
    assert done.code == 0
    assert codes(done.json["better"]) == ["tls_not_tried"]
    assert not tls_server.said("STARTTLS")


def test_quiet_says_only_what_is_wrong(run: Program, server: Server, good: list[str]) -> None:
    assert (run(*good, "--quiet").out, run(*good, "--quiet").err) == ("", "")
    done = run("probe", server.address, "--starttls", "--quiet")
    assert done.code == 1
    assert done.out == ""
    assert done.words.startswith("postwright: STARTTLS is not offered")
    assert "PIPELINING" not in done.err


def test_the_dialogue(run: Program, good: list[str], tmp_path: Path) -> None:
    path = tmp_path / "trail"
    assert run(*good, "--transcript", str(path)).code == 0
    assert "-> EHLO" in path.read_text()
    assert "<- 220 test ESMTP" in path.read_text()
    assert "-> STARTTLS" in run(*good, "-v").err


def test_through_a_proxy(run: Program, tls_server: Server, good: list[str]) -> None:
    proxy = Proxy(tls_server.port)
    try:
        words = [*good, "--proxy", f"socks5://{proxy.address}"]
        assert "(through the proxy at 127.0.0.1)" in run(*words).out
        found = run(*words, "--json").json["server"]
        assert (found["address"], found["proxy"]) == (None, "127.0.0.1")
        assert len(proxy.asked) == 2
    finally:
        proxy.close()


def test_what_a_server_says_does_nothing_to_the_terminal(run: Program, tls_server: Server, good: list[str]) -> None:
    tls_server.replies["greeting"] = "220 \x1b[31mred\x07"
    done = run(*good)
    assert "red" in done.out
    assert "\x1b" not in done.out
    assert "\x07" not in done.out


@pytest.mark.parametrize("code", ["", WITHOUT_RICH])
def test_on_a_terminal(server: Server, code: str) -> None:
    server.extensions = tuple(f"X-EXTENSION-{number}" for number in range(20))
    with terminal("probe", server.address, "--starttls", code=code) as screen:
        assert screen.end() == 1
    assert "STARTTLS is not offered" in screen.shown
    lines = re.sub(r"\x1b\[[0-9;]*m|\r", "", screen.shown).split("\n")
    folded = next(index for index, line in enumerate(lines) if "X-EXTENSION-0" in line)
    assert lines[folded + 1].startswith("   ")
    assert ("\x1b[31m" in screen.shown) is not bool(code)
