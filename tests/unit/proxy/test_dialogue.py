"""What all kinds have in common: checks before the first octet, secrets that stay secret, errors that travel."""

from __future__ import annotations

import pickle

import pytest

from postwright.enums import FirewallType, Outcome
from postwright.errors import FirewallError, ForbiddenCharacter, InvalidValue, RemotePortInvalid
from postwright.proxy import begin, needs_address
from postwright.proxy.dialogue import REGISTER, Destination, Proxy, Talk
from tests.unit.proxy.playing import dialogue, play, refused

KINDS = [FirewallType.TUNNEL, FirewallType.SOCKS4, FirewallType.SOCKS4A, FirewallType.SOCKS5]
CONTROLS = ["\r\n", "\n", "\r", "\0", "\t", "\x1b", "\x7f"]


def test_every_type_but_none_is_registered() -> None:
    assert set(REGISTER) == set(KINDS) == set(FirewallType) - {FirewallType.NONE}
    with pytest.raises(InvalidValue, match="no proxy of type"):
        begin(Proxy(FirewallType.NONE, "proxy.example", 1080), "mx.example", 25)


@pytest.mark.parametrize("control", CONTROLS)
@pytest.mark.parametrize("kind", KINDS)
def test_control_characters_are_refused_before_an_octet_is_sent(kind: FirewallType, control: str) -> None:
    # begin() itself raises: the session calls it before it dials.
    refused(kind, ForbiddenCharacter, "host may not hold", host=f"mx.example{control}x")
    refused(kind, ForbiddenCharacter, "user name for the proxy may not hold", host="192.0.2.1", user=f"a{control}b")
    with pytest.raises(ForbiddenCharacter, match="name of the proxy"):
        begin(Proxy(kind, f"proxy{control}", 1080), "192.0.2.1", 25)
    if kind in {FirewallType.TUNNEL, FirewallType.SOCKS5}:
        shown = refused(kind, ForbiddenCharacter, "password for the proxy may not", user="a", password=f"hush{control}")
        assert "hush" not in shown


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "host", ["", "mx example", "mx.example/x", "user@mx.example", "mx.example:25", "mx..example", "*"]
)
def test_what_is_no_host_is_refused(kind: FirewallType, host: str) -> None:
    refused(kind, InvalidValue, "neither a host name nor an IP address", host=host)


@pytest.mark.parametrize("kind", KINDS)
def test_a_host_has_255_octets_at_most(kind: FirewallType) -> None:
    refused(kind, InvalidValue, "256 octets", host="x" * 256)
    refused(kind, InvalidValue, "no UTF-8", host="mx\udc80.example")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("port", [0, -1, 65536])
def test_a_port_fits_its_two_octets(kind: FirewallType, port: int) -> None:
    with pytest.raises(RemotePortInvalid):
        dialogue(kind, "192.0.2.1", port)


def test_headers_are_for_tunnels() -> None:
    for kind in KINDS[1:]:
        refused(kind, InvalidValue, "FirewallData", host="192.0.2.1", headers="X: y")


def test_a_proxy_shows_no_secrets() -> None:
    shown = repr(Proxy(FirewallType.TUNNEL, "proxy.example", 80, "me", "hush", "X-Token: hush"))
    assert "hush" not in shown
    assert "user='me'" in shown


@pytest.mark.parametrize(
    ("kind", "host", "needs"),
    [
        (FirewallType.SOCKS4, "mx.example", True),
        (FirewallType.SOCKS4, "192.0.2.1", False),
        (FirewallType.SOCKS4, "[2001:db8::1]", False),  # begin() then says that SOCKS4 can't
        (FirewallType.SOCKS4A, "mx.example", False),
        (FirewallType.SOCKS5, "mx.example", False),
        (FirewallType.TUNNEL, "mx.example", False),
    ],
)
def test_only_socks4_needs_an_address(kind: FirewallType, host: str, needs: bool) -> None:
    assert needs_address(Proxy(kind, "proxy.example", 1080), host) is needs


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("octet", "says"),
    [(b"2", "mail server"), (b"H", "HTTP"), (b"\5", "SOCKS5"), (b"\0", "SOCKS4"), (b"\x15", "TLS"), (b"?", "0x3f")],
)
def test_another_protocol_is_recognised_by_its_first_octet(kind: FirewallType, octet: bytes, says: str) -> None:
    own = {FirewallType.TUNNEL: b"H", FirewallType.SOCKS5: b"\5"}.get(kind, b"\0")
    if octet != own:
        fault = play(dialogue(kind), [octet]).fault
        assert f"its answer starts with octet 0x{octet[0]:02x}" in fault
        assert says in fault


@pytest.mark.parametrize("kind", KINDS)
def test_a_proxy_that_hangs_up_at_once(kind: FirewallType) -> None:
    found = play(dialogue(kind), [])
    assert found.sent
    assert found.fault.endswith("it closed the connection before its answer was complete")


def test_an_error_names_the_proxy_and_the_destination_and_travels() -> None:
    talk = Talk("SOCKS5", Proxy(FirewallType.SOCKS5, "proxy.example", 1080), Destination("2001:db8::1", 25))
    error = pickle.loads(pickle.dumps(talk.fault("no")))
    assert type(error) is FirewallError
    assert (error.code, error.outcome) == (118, Outcome.NOT_SENT)
    assert "SOCKS5 at proxy.example:1080, asked for [2001:db8::1]:25: no" in str(error)


def test_words_of_a_proxy_are_cut_made_printable_and_freed_of_secrets() -> None:
    talk = Talk("X", Proxy(FirewallType.TUNNEL, "p", 80), Destination("mx", 25), ("hush", "hush-hush", ""))
    assert talk.quote("a\x1b[31mb\r\n") == r"'a\x1b[31mb\r\n'"
    assert talk.quote("it was hush-hush, hush") == "'it was ********, ********'"
    assert talk.quote("y" * 198 + "hush") == "'" + "y" * 198 + "**'..."
