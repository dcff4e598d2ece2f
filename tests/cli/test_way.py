"""The way to the server: proxies and their passwords, the local end, kinds of addresses, the rate."""

import time
from collections.abc import Iterator

import pytest

from postwright.cli.arguments import parse
from postwright.cli.connecting import client_of
from postwright.enums import UseIPv6
from tests.cli.conftest import Program
from tests.cli.proxy import Proxy
from tests.cli.server import Server
from tests.cli.terminal import terminal
from tests.support.ports import held


@pytest.fixture
def proxy(server: Server) -> Iterator[Proxy]:
    """A proxy that lets everybody through."""
    made = Proxy(server.port)
    yield made
    made.close()


@pytest.fixture
def guarded(server: Server) -> Iterator[Proxy]:
    """A proxy with one user."""
    made = Proxy(server.port, "me@home", "open sesame")
    yield made
    made.close()


def mail(*words: str) -> list[str]:
    """The arguments of a mail to a server that only the proxy knows."""
    return [
        *("send", "-s", "192.0.2.25:25", "--tls", "none", "-f", "me@example.org", "-t", "you@example.org"),
        *("--text", "x", "--timeout", "10", *words),
    ]


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("socks5://", "socks5"),
        ("socks5h://", "socks5"),
        ("socks4://", "socks4"),
        ("http://", "http"),
        ("HTTP://", "http"),
        ("", "http"),
    ],
)
def test_proxies(run: Program, server: Server, proxy: Proxy, url: str, kind: str) -> None:
    assert run(*mail("--proxy", f"{url}{proxy.address}")).code == 0
    assert [(asked.kind, asked.target) for asked in proxy.asked] == [(kind, "192.0.2.25:25")]
    assert len(server.mails) == 1


@pytest.mark.parametrize("command", [["verify", "a@example.org"], ["expand", "team"]])
def test_questions_go_through_proxies_too(run: Program, server: Server, proxy: Proxy, command: list[str]) -> None:
    server.replies = {"EXPN": "250 <a@example.org>"}
    words = ["-s", "192.0.2.25:25", "--tls", "none", "-4", "-x", f"socks5://{proxy.address}"]
    assert run(*command, *words).code == 0
    assert [asked.target for asked in proxy.asked] == ["192.0.2.25:25"]


def test_the_proxy_resolves_the_name(run: Program, server: Server, proxy: Proxy) -> None:
    words = ["-s", "mail.example.invalid:26", "--tls", "none", "-f", "a@example.org", "-t", "b@example.org"]
    for scheme in ("socks4a", "socks5", "http"):
        assert run("send", *words, "--text", "x", "--proxy", f"{scheme}://{proxy.address}").code == 0
    assert [(asked.kind, asked.target) for asked in proxy.asked] == [
        (kind, "mail.example.invalid:26") for kind in ("socks4a", "socks5", "http")
    ]


@pytest.mark.parametrize("scheme", ["socks5", "http"])
@pytest.mark.parametrize("place", ["default", "env", "command"])
def test_where_the_password_is(
    run: Program, server: Server, guarded: Proxy, monkeypatch: pytest.MonkeyPatch, scheme: str, place: str
) -> None:
    monkeypatch.setenv("POSTWRIGHT_PROXY_PASSWORD", "open sesame" if place == "default" else "wrong")
    monkeypatch.setenv("ELSEWHERE", "open sesame")
    words = {
        "default": [],
        "env": ["--proxy-password-env", "ELSEWHERE"],
        "command": ["--proxy-password-command", "echo 'open sesame'; echo more"],
    }[place]
    done = run(*mail("--proxy", f"{scheme}://me%40home@{guarded.address}", *words))
    assert done.code == 0, done.err
    assert (guarded.asked[0].user, guarded.asked[0].password) == ("me@home", "open sesame")


def test_a_wrong_password_of_the_proxy(run: Program, guarded: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTWRIGHT_PROXY_PASSWORD", "close sesame")
    for scheme in ("socks5", "http"):
        done = run(*mail("--proxy", f"{scheme}://me%40home@{guarded.address}"))
        assert done.code == 74
        assert "Nothing was sent. Check --proxy, the user and password" in done.words
        assert "close sesame" not in done.err


def test_the_terminal_is_asked(server: Server, guarded: Proxy) -> None:
    with terminal(*mail("--proxy", f"socks5://me%40home@{guarded.address}")) as shown:
        shown.wait_for(lambda: "Proxy's password for me@home at 127.0.0.1: " in shown.shown)
        shown.type("open sesame\n")
        assert shown.end() == 0, shown.shown
        assert "open sesame" not in shown.shown
    assert guarded.asked[0].password == "open sesame"


def test_without_a_terminal_the_places_are_named(process: Program, guarded: Proxy) -> None:
    code = (
        "import os, sys; from unittest import mock; from postwright.cli import main, secrets\n"
        "secrets._has_terminal = lambda: False\nsys.exit(main(sys.argv[1:]))"
    )
    done = process(*mail("--proxy", f"socks5://me@{guarded.address}"), code=code)
    assert done.code == 64
    assert "there is no proxy's password for me" in done.words
    assert "--proxy-password-command or $POSTWRIGHT_PROXY_PASSWORD" in done.words
    assert guarded.asked == []


def test_socks4_has_users_without_passwords(run: Program, proxy: Proxy) -> None:
    assert run(*mail("--proxy", f"socks4://me@{proxy.address}")).code == 0
    assert proxy.asked[0].user == "me"


@pytest.mark.parametrize(
    "words",
    [
        ["--proxy", "socks5://me:hunter2@127.0.0.1:1"],
        ["--proxy", "http://:hunter2@127.0.0.1:1"],
        ["--proxy-password", "hunter2"],
        ["--proxy-password=hunter2"],
        ["--proxy-user", "me:hunter2"],
        ["--proxy-paswword", "hunter2"],
        ["--proxy", "http://127.0.0.1:1", "--proxy-header", "proxy-authorization: hunter2"],
    ],
)
def test_its_password_is_never_on_the_command_line(run: Program, words: list[str]) -> None:
    done = run(*mail(*words))
    assert done.code == 64
    assert "the proxy's password is not taken from the command line" in done.words
    assert "list of processes" in done.words
    assert "hunter2" not in done.err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--proxy", "ftp://proxy"], "known are http, socks"),
        (["--proxy", "http://a b"], "scheme://user@host:port"),
        (["--proxy", "socks5://proxy:0"], "port"),
        (["--proxy-password-env", "A", "--proxy", "socks5://proxy"], "no --proxy URL with a user"),
        (["--proxy-password-env", "A", "--proxy", "socks4://me@proxy"], "no --proxy URL with a user"),
        (["--proxy-password-command", "true"], "no --proxy URL with a user"),
        (["--proxy", "socks5://proxy", "--proxy-header", "A: b"], "--proxy http://HOST:PORT"),
        (["--proxy-header", "A: b"], "--proxy http://HOST:PORT"),
        (["--source", "eth0"], "an address of this host"),
        (["--source", "127.0.0.1:70000"], "65535"),
        (["--limit-rate", "0"], "200k"),
        (["--limit-rate", "fast"], "200k"),
        (["-4", "-6"], "not allowed with"),
    ],
)
def test_what_is_wrong(run: Program, words: list[str], told: str) -> None:
    done = run(*mail(*words))
    assert done.code == 64
    assert told in done.words


def test_the_proxy_of_the_system(run: Program, proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("smtp_proxy", "SMTP_PROXY", "socks_proxy", "SOCKS_PROXY", "no_proxy", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("all_proxy", f"socks5h://{proxy.address}")
    assert run(*mail("--proxy", "auto")).code == 0
    assert [asked.kind for asked in proxy.asked] == ["socks5"]


def test_servers_without_the_proxy(run: Program, server: Server, plain: list[str], proxy: Proxy) -> None:
    words = [*plain, "--text", "x", "--proxy", f"socks5://{proxy.address}", "--no-proxy"]
    assert run(*words, "10.0.0.0/8,127.0.0.1").code == 0
    assert proxy.asked == []
    assert run(*words, "10.0.0.0/8,mx.example.org").code == 0
    assert len(proxy.asked) == 1
    assert run(*words, "10.0.0.0/99").code == 64
    assert len(server.mails) == 2


def test_headers_for_the_proxy(run: Program, proxy: Proxy) -> None:
    words = ["--proxy-header", "User-Agent: reports/1.0", "--proxy-header", "X-Department:sales"]
    assert run(*mail("--proxy", f"http://{proxy.address}", *words)).code == 0
    assert {"User-Agent: reports/1.0", "X-Department: sales"} <= set(proxy.asked[0].headers)


@pytest.mark.parametrize("option", ["--source", "--interface", "--source-ip", "--local-interface", "-li"])
def test_the_local_address(run: Program, server: Server, plain: list[str], option: str) -> None:
    assert run(*plain, "--text", "x", option, "127.0.0.9").code == 0
    assert server.peers[0][0] == "127.0.0.9"


def test_the_local_port(run: Program, server: Server, plain: list[str]) -> None:
    with held("127.0.0.9") as port:
        assert run(*plain, "--text", "x", "--source", f"127.0.0.9:{port}").code == 0
    assert server.peers == [("127.0.0.9", port)]


@pytest.mark.parametrize(
    ("text", "expected"), [("::1", ("::1", 0)), ("[::1]:26", ("::1", 26)), ("127.0.0.1:9", ("127.0.0.1", 9))]
)
def test_forms_of_the_local_end(text: str, expected: tuple[str, int]) -> None:
    client = client_of(parse(["send", "--source", text]))
    assert (client.local_host, client.settings.local_port) == expected


@pytest.mark.parametrize(("text", "octets"), [("50000", 50000), ("200k", 204800), ("1M", 1048576), ("1g", 1 << 30)])
def test_rates(text: str, octets: int) -> None:
    assert client_of(parse(["send", "--limit-rate", text])).settings.max_transfer_rate == octets


def test_the_rate_is_kept(run: Program, server: Server, plain: list[str]) -> None:
    text = "\n".join(["x" * 70] * 800)  # 58 kB
    start = time.monotonic()
    assert run(*plain, "--text", text, "--limit-rate", "50k").code == 0
    assert time.monotonic() - start > 0.8
    assert len(server.mails[0].content) > 56000


@pytest.mark.parametrize(
    ("option", "kind"),
    [
        ("-4", UseIPv6.IPV4_ONLY),
        ("--ipv4", UseIPv6.IPV4_ONLY),
        ("-6", UseIPv6.IPV6_ONLY),
        ("--ipv6", UseIPv6.IPV6_ONLY),
    ],
)
def test_kinds_of_addresses(option: str, kind: UseIPv6) -> None:
    assert client_of(parse(["send", option])).settings.use_ipv6 is kind
    assert client_of(parse(["send"])).settings.use_ipv6 is UseIPv6.BOTH


def test_an_address_of_the_other_kind_is_not_dialed(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "--text", "x", "-6").code != 0
    assert server.connections == 0
    assert run(*plain, "--text", "x", "-4").code == 0


def test_other_numbers_are_still_values(run: Program, server: Server, plain: list[str]) -> None:
    assert run(*plain, "--text", "-5").code == 0
    assert server.mails[0].content.rstrip().endswith(b"-5")
