"""HTTP CONNECT: the request of RFC 9110, answers of all kinds and sizes, and no way to smuggle or to leak."""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from postwright.enums import FirewallType
from postwright.errors import ForbiddenCharacter, InvalidHeader, InvalidValue
from postwright.proxy.tunnel import MAX_ANSWER, MAX_LINES
from tests.unit.proxy.playing import GREETING, dialogue, every_way, play, refused

if TYPE_CHECKING:
    from tests.unit.proxy.playing import Outcome

TUNNEL = FirewallType.TUNNEL
OK = b"HTTP/1.1 200 Connection established\r\n\r\n"


def ask(answer: bytes, host: str = "mx.example", **values: str) -> Outcome:
    return every_way(lambda: dialogue(TUNNEL, host, **values), answer)


def request(**values: str) -> list[str]:
    return play(dialogue(TUNNEL, "mx.example", **values), [OK]).sent.decode().split("\r\n")


@pytest.mark.parametrize(
    ("host", "written"),
    [
        ("mx.example", b"mx.example:25"),
        ("192.0.2.1", b"192.0.2.1:25"),
        ("2001:DB8::1", b"[2001:db8::1]:25"),
        ("[::1]", b"[::1]:25"),
        ("bücher.example", b"xn--bcher-kva.example:25"),
    ],
)
def test_the_request(host: str, written: bytes) -> None:
    assert ask(OK, host) == (b"CONNECT " + written + b" HTTP/1.1\r\nHost: " + written + b"\r\n\r\n", b"", "")


def test_basic_authentication_is_in_utf8() -> None:
    # The example of RFC 7617 section 2.1: user "test" and password "123" with a pound sign.
    assert "Proxy-Authorization: Basic dGVzdDoxMjPCow==" in request(user="test", password="123£")
    assert "Proxy-Authorization: Basic " + base64.b64encode(b":token").decode() in request(password="token")
    assert not [line for line in request() if line.startswith("Proxy-")]


def test_the_users_own_headers() -> None:
    lines = request(headers="X-One: 1\nX-Two:two\r\nX-Tab: a\tb\rX-Utf: Grüße\r\n\r\n")
    assert lines[2:] == ["X-One: 1", "X-Two:two", "X-Tab: a\tb", "X-Utf: Grüße", "", ""]


def test_the_users_own_headers_take_the_place_of_ours() -> None:
    lines = request(user="me", password="hush", headers="proxy-authorization: Bearer abc\nHOST: other.example")
    assert lines[1:] == ["proxy-authorization: Bearer abc", "HOST: other.example", "", ""]


@pytest.mark.parametrize(
    ("headers", "error", "match"),
    [
        ("X: 1\r\n\r\nY: 2", InvalidHeader, "line 2 .* not of the form"),
        ("\r\nX: 1", InvalidHeader, "line 1"),
        ("X: 1\r\nGET / HTTP/1.1", InvalidHeader, "line 2"),
        ("X : 1", InvalidHeader, "line 1"),
        (" X: 1", InvalidHeader, "line 1"),
        ("X: 1\r\n folded", InvalidHeader, "line 2"),
        (": 1", InvalidHeader, "line 1"),
        ("Bü: 1", InvalidHeader, "line 1"),
        ("Content-Length: 5", InvalidHeader, "where the request ends"),
        ("transfer-encoding: chunked", InvalidHeader, "where the request ends"),
        ("X: a\0b", ForbiddenCharacter, "line 1"),
        ("X: a\x0bb", ForbiddenCharacter, "line 1"),
        ("X: a\udc80", InvalidHeader, "no UTF-8"),
        ("X: y\n" * (MAX_LINES + 1), InvalidHeader, "lines"),
        ("X: " + "y" * MAX_ANSWER, InvalidHeader, "characters"),
    ],
)
def test_headers_that_are_none_are_refused_unsent_and_unshown(headers: str, error: type[Exception], match: str) -> None:
    refused(TUNNEL, error, match, headers=headers)
    if headers.endswith("1"):
        assert "hush" not in refused(TUNNEL, error, match, headers=headers.replace("1", "hush"))


@pytest.mark.parametrize("odd", ["\u560a", "\u560d", "\u010a", "\u2028", "\x85"])
def test_no_character_turns_into_a_line_end(odd: str) -> None:
    lines = play(dialogue(TUNNEL, user="u" + odd, password=odd, headers=f"X: {odd}"), [OK]).sent.split(b"\n")
    assert len(lines) == 6


def test_credentials_that_can_not_be_said() -> None:
    refused(TUNNEL, InvalidValue, "colon", user="a:b")
    refused(TUNNEL, InvalidValue, "4097 octets", user="x" * 4097)
    assert "hush" not in refused(TUNNEL, InvalidValue, "4100 octets", password="hush" * 1025)


@pytest.mark.parametrize(
    "answer",
    [
        OK,
        b"HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
        b"HTTP/1.1 200\r\n\r\n",
        b"HTTP/1.1 200 \r\n\r\n",
        b"HTTP/1.1 204 whatever\n\n",
        b"HTTP/1.1 299 \xff\r\nX:\r\n folded\r\n\r\n",
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + OK,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",  # to be ignored for CONNECT
    ],
)
def test_what_comes_behind_the_answer_is_the_servers(answer: bytes) -> None:
    for rest in (b"", GREETING, b"\r\n", b"HTTP/1.1 403 no\r\n\r\n"):
        assert (ask(answer + rest).surplus, ask(answer + rest).fault) == (rest, "")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 407 Who?\r\nProxy-Authenticate: Basic realm=x\r\n\r\n",
         "'HTTP/1.1 407 Who?'; it wants a user and password, or refused those it got; it asks for 'Basic realm=x'"),
        (b"HTTP/1.0 401 Unauthorized\r\n\r\n", "'HTTP/1.0 401 Unauthorized'; it refused the user and password"),
        (b"HTTP/1.1 403 Forbidden\r\nX-Squid-Error: ERR_ACCESS_DENIED 0\r\n\r\n",
         "'HTTP/1.1 403 Forbidden'; it does not allow this destination; X-Squid-Error: 'ERR_ACCESS_DENIED 0'"),
        (b"HTTP/1.1 502 Bad\r\nProxy-Status: p; error=dns_error\r\n\r\n",
         "'HTTP/1.1 502 Bad'; Proxy-Status: 'p; error=dns_error'"),
        (b"HTTP/1.1 503 \x1b[31m\r\n\r\n", r"'HTTP/1.1 503 \x1b[31m'"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\n\r\n",
         "'HTTP/1.1 302 Found'; it points elsewhere, and a connection can't follow"),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", "'HTTP/1.1 101 Switching Protocols'"),
        (b"HTTP/1.1 405 No\r\n\r\n", "'HTTP/1.1 405 No'; it is a web server, or no proxy for CONNECT"),
    ],
)  # fmt: skip
def test_refusals_are_told_in_the_proxys_own_words(answer: bytes, words: str) -> None:
    assert ask(answer).fault == f"HTTP CONNECT at proxy.example:1080, asked for mx.example:25: {words}"
    html = answer.replace(b"\r\n\r\n", b"\r\nContent-Type: text/html\r\n\r\n<h1>no</h1>")
    assert ask(html).fault.endswith(words)


def test_a_plain_body_is_shown_as_far_as_it_is_there_and_never_waited_for() -> None:
    head = b"HTTP/1.1 502 Bad\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 999\r\n\r\n"
    assert play(dialogue(TUNNEL), [head + b"no route to mx\n"]).fault.endswith("'HTTP/1.1 502 Bad'; 'no route to mx'")
    assert play(dialogue(TUNNEL), [head, b"no route to mx\n"]).fault.endswith("'HTTP/1.1 502 Bad'")
    long = play(dialogue(TUNNEL), [head + b"y" * 10000]).fault
    assert long.endswith("y" * 200 + "'...")
    assert len(long) < 500


def test_a_proxy_that_repeats_our_secrets_does_not_get_them_into_the_error() -> None:
    values = {"user": "me", "password": "hush-hush", "headers": "X-Token: Bearer sesame123"}
    login = base64.b64encode(b"me:hush-hush")
    repeated = b"hush-hush " + login + b" sesame123"
    head = b"HTTP/1.1 403 " + repeated + b"\r\nProxy-Status: " + repeated
    for answer in (
        head + b"\r\nContent-Type: text/plain\r\n\r\n" + b"y" * 195 + repeated,
        head + b"\r\n" + repeated + b"\r\n\r\n",
        repeated.replace(b"hush", b"Hhush") + b"\r\n",
        b"H" + repeated + b"\r\n",
    ):
        fault = play(dialogue(TUNNEL, **values), [answer]).fault
        assert fault
        assert not any(secret in fault for secret in ("hush-hush", login.decode(), "sesame123"))


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/2 200\r\n\r\n", "it does not speak HTTP/1: 'HTTP/2 200'"),
        (b"HTTP/1.1 2000 x\r\n\r\n", "it does not speak HTTP/1"),
        (b"HTTP/1.1 99 x\r\n\r\n", "it does not speak HTTP/1"),
        (b"HTTP/1.1 \xb2\xb2\xb2 x\r\n\r\n", "it does not speak HTTP/1"),
        (b"HTTP/1.1  200 x\r\n\r\n", "it does not speak HTTP/1"),
        (b"HELO\r\n", "it does not speak HTTP/1: 'HELO'"),
        (b"HTTP/1.1 200 OK\r\n220 mx.example ready\r\n", "no header field: '220 mx.example ready'"),
        (b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "no header field"),
        (b"<html>\r\n", "octet 0x3c"),
        (b"HTTP/1.1 200 OK\r\nX: y\r\n", "before its answer was complete"),
        (b"HTTP/1.1 100 Continue\r\n\r\n", "before its answer was complete"),
    ],
)
def test_what_is_no_answer_is_said_to_be_none(answer: bytes, words: str) -> None:
    assert words in ask(answer).fault


def test_the_header_is_limited_in_octets_and_lines() -> None:
    start = b"HTTP/1.1 200 OK\r\nX: "
    room = MAX_ANSWER - len(start) - 4
    exact = start + b"y" * room + b"\r\n\r\n"
    too_long = start + b"y" * (room + 1) + b"\r\n\r\n"
    for chunks in (
        [exact + GREETING],
        [exact[:-1], exact[-1:] + GREETING],
        [exact[i : i + 1] for i in range(len(exact))],
    ):
        assert play(dialogue(TUNNEL), chunks).fault == ""
    for chunks in ([too_long], [too_long[i : i + 1] for i in range(len(too_long))], [b"HTTP" * MAX_ANSWER]):
        assert play(dialogue(TUNNEL), chunks).fault.endswith(f"a header of over {MAX_ANSWER} octets")
    lines = b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_LINES - 2)
    assert play(dialogue(TUNNEL), [lines + b"\r\n"]).fault == ""
    assert play(dialogue(TUNNEL), [lines + b"X: y\r\n\r\n"]).fault.endswith(f"a header of over {MAX_LINES} lines")


def test_interim_answers_without_end_are_cut_off() -> None:
    endless = [b"HTTP/1.1 100 Continue\r\n\r\n"] * 10_000
    for chunks in (endless, [b"".join(endless)]):
        assert play(dialogue(TUNNEL), chunks).fault.endswith(f"a header of over {MAX_LINES} lines")


pieces = st.sampled_from(
    [b"HTTP/1.1 ", b"200", b" OK", b"407", b"100", b"\r\n", b"\n", b"\r", b"X: y", b":", b" ", b"\xff", b"220 mx"]
)


@settings(derandomize=True, max_examples=400, deadline=None)
@given(st.lists(pieces, max_size=16).map(b"".join), st.lists(st.integers(0, 10**6), max_size=6))
def test_whatever_comes_every_cut_gives_the_same(tail: bytes, places: list[int]) -> None:
    data = b"HTTP/1.1 " + tail
    ends = [0, *sorted({place % (len(data) + 1) for place in places} - {0, len(data)}), len(data)]
    chunks = [data[a:b] for a, b in itertools.pairwise(ends)]
    assert play(dialogue(TUNNEL), chunks) == play(dialogue(TUNNEL), [data])
