"""The system's settings: which variable counts, what it may say, and what no_proxy takes back."""

from __future__ import annotations

import urllib.request

import pytest

from postwright.enums import FirewallType
from postwright.errors import InvalidValue
from postwright.proxy.dialogue import Proxy
from postwright.proxy.system import from_system, parse


def proxy(proxies: dict[str, str], host: str = "mx.example.org") -> Proxy | None:
    return from_system(proxies, host, 25)


def host_of(proxies: dict[str, str]) -> str:
    found = proxy(proxies)
    return found.host if found else ""


def test_smtp_goes_before_all_and_all_before_socks_and_the_web_does_not_count() -> None:
    every = {
        "smtp": "http://one",
        "all": "http://two",
        "socks": "http://three",
        "http": "http://x",
        "https": "http://y",
    }
    assert host_of(every) == "one"
    del every["smtp"]
    assert host_of(every) == "two"
    every["all"] = ""
    assert host_of(every) == "three"
    del every["socks"]
    assert proxy(every) is None


def test_the_variables_are_those_that_python_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("smtp_proxy", "SMTP_PROXY", "all_proxy", "ALL_PROXY", "socks_proxy", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ALL_PROXY", "socks5h://proxy.example")
    monkeypatch.setenv("NO_PROXY", "other.example")
    assert proxy(urllib.request.getproxies()) == Proxy(FirewallType.SOCKS5, "proxy.example", 1080)
    monkeypatch.setenv("no_proxy", "example.org")
    assert proxy(urllib.request.getproxies()) is None


@pytest.mark.parametrize("no", ["example.org", "x, .example.org", "*", "mx.example.org:25"])
def test_no_proxy_takes_back(no: str) -> None:
    assert proxy({"all": "http://p", "no": no}) is None
    assert proxy({"all": "http://p", "no": no}, "mx.example.net") is None or no != "*"


def test_no_proxy_for_another_host_does_not() -> None:
    assert host_of({"all": "http://p", "no": "example.net,10.0.0.0/8"}) == "p"


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("http://p", Proxy(FirewallType.TUNNEL, "p", 80)),
        ("p", Proxy(FirewallType.TUNNEL, "p", 80)),
        ("p:3128", Proxy(FirewallType.TUNNEL, "p", 3128)),
        ("HTTP://p:3128//", Proxy(FirewallType.TUNNEL, "p", 3128)),
        ("socks://p", Proxy(FirewallType.SOCKS4, "p", 1080)),
        ("socks4://me@p", Proxy(FirewallType.SOCKS4, "p", 1080, "me")),
        ("socks4a://p:9", Proxy(FirewallType.SOCKS4A, "p", 9)),
        ("socks5://me:hush@p", Proxy(FirewallType.SOCKS5, "p", 1080, "me", "hush")),
        ("socks5h://m%40e:h%3Au%2fs%C3%BC@[::1]:9", Proxy(FirewallType.SOCKS5, "::1", 9, "m@e", "h:u/sü")),
        ("socks5://me:a:b@c@192.0.2.1", Proxy(FirewallType.SOCKS5, "192.0.2.1", 1080, "me", "a:b@c")),
        ("socks5://me@p", Proxy(FirewallType.SOCKS5, "p", 1080, "me")),
        (" http://:token@p ", Proxy(FirewallType.TUNNEL, "p", 80, "", "token")),
    ],
)
def test_the_forms_of_a_proxy(url: str, found: Proxy) -> None:
    assert parse(url, "all_proxy") == found
    assert proxy({"all": url}) == found


@pytest.mark.parametrize("url", ["http://p:1", "p:1", "socks5://p:1"])
def test_the_socks_setting_of_a_control_panel_is_socks(url: str) -> None:
    assert proxy({"socks": url}) == Proxy(FirewallType.SOCKS5, "p", 1)


@pytest.mark.parametrize(
    ("url", "match"),
    [
        ("https://me:hush@p", "scheme 'https'; known are http, socks"),
        ("ftp://me:hush@p", "scheme 'ftp'"),
        ("http://", "not of the form"),
        ("http://me:hush@", "not of the form"),
        ("http://me:hush@p/path", "not of the form"),
        ("http://me:hush@a b", "not of the form"),
        ("http://me:hush@::1", "not of the form"),
        ("http://me:hush@p:0", "port 0"),
        ("http://me:hush@p:65536", "port 65536"),
        ("http://me:hush@p:123456", "not of the form"),
        ("http://me:hush%ff@p", "percent-encoded UTF-8"),
    ],
)
def test_what_is_not_understood_is_an_error_without_secrets(url: str, match: str) -> None:
    with pytest.raises(InvalidValue, match=match) as caught:
        proxy({"all": url})
    assert "all_proxy" in str(caught.value)
    assert "hush" not in f"{caught.value}{caught.value!r}{caught.value.__cause__!r}"
