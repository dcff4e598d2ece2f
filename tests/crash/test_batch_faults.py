"""A batch whose line fails at any octet: each message has its own exact outcome, none is lost, none is taken twice."""

import asyncio
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

import pytest

from postwright import SMTP, AsyncSMTP, Outcome, SendResult
from postwright.session import hearing, ways
from tests.crash.faulty import FINAL_DOT, Failed, Fault, Line, Seen, serving
from tests.crash.sink import Sink

T = TypeVar("T")

COUNT = 6
WAYS = {"dotted": ("PIPELINING", "SIZE"), "chunked": ("PIPELINING", "CHUNKING")}


class Judge:
    """What reached the server whole, and what it said yes to; how often it answers what stands behind a dot, if deaf."""

    def __init__(self, deaf: int | None = None) -> None:
        self.deaf = deaf
        self.whole: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.seen: list[Seen] = []

    def take(self, line: Line, data: bytes) -> None:
        match = re.search(rb"Message-ID: <(\d+)@", data)
        assert match
        number = match[1].decode()
        self.whole[number] += 1
        line.say_at_once("250 2.0.0 taken")
        self.accepted[number] += 1


def converse(line: Line, judge: Judge, extensions: tuple[str, ...]) -> None:
    line.say_at_once("220 faulty.example ESMTP")
    while True:
        words = line.line().decode().split()
        verb = words[0].upper()
        if verb == "EHLO":
            for row in ("-faulty.example", *(f"-{name}" for name in extensions[:-1]), f" {extensions[-1]}"):
                line.say_at_once(f"250{row}")
        elif verb == "DATA":
            line.say_at_once("354 go on")
            judge.take(line, line.until(FINAL_DOT))
            if judge.deaf is not None:
                for _ in line.drop().splitlines()[: judge.deaf]:
                    line.say_at_once("503 5.5.1 bad sequence of commands")
        elif verb == "BDAT":
            judge.take(line, line.take(int(words[1])))
        elif verb == "QUIT":
            line.say_at_once("221 bye")
            return
        else:
            line.say_at_once("250 2.1.0 ok")


@contextmanager
def faulty_once(
    fault: Fault | None, extensions: tuple[str, ...], deaf: int | None = None
) -> Iterator[tuple[int, Judge]]:
    """A server whose first connection fails; the others are healthy."""
    judge = Judge(deaf)

    def serve(listener: socket.socket) -> None:
        ours = fault
        while True:
            sock, _ = listener.accept()
            with sock:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                seen = Seen()
                judge.seen.append(seen)
                with suppress(Failed, OSError):
                    converse(Line(sock, ours, seen, threading.Event()), judge, extensions)
            ours = None

    with serving(serve) as port:
        yield port, judge


def letters() -> list[bytes]:
    return [
        b"From: a@example.org\r\nTo: b@example.org\r\nMessage-ID: <%d@example.org>\r\n\r\none\r\n.two\r\n" % number
        for number in range(COUNT)
    ]


def all_of(results: Iterator[T] | AsyncIterator[T], into: list[T] | None = None) -> list[T]:
    """Return all results; ``into`` has them also where an error comes behind them."""
    found: list[T] = [] if into is None else into
    if isinstance(results, Iterator):
        found.extend(results)
        return found

    async def gather(results: AsyncIterator[T]) -> None:
        async for result in results:
            found.append(result)  # noqa: PERF401 - a comprehension would lose them where there is an error

    asyncio.run(gather(results))
    return found


@pytest.fixture(autouse=True)
def nothing_is_remembered() -> Iterator[None]:
    ways.overlap.clear()
    yield
    ways.overlap.clear()


def send(port: int, kind: type[SMTP | AsyncSMTP] = SMTP) -> list[Outcome]:
    client = kind(mail_server="127.0.0.1", mail_port=port, ssl_start_mode=3, timeout=2)
    client.settings.hello = "me.example"
    results = all_of(client.send_many(letters()))
    assert not client.connected
    assert len(results) == COUNT
    return [Outcome.SENT if isinstance(result, SendResult) else result.outcome for result in results]


@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
@pytest.mark.parametrize("way", WAYS)
def test_each_message_has_its_own_outcome(
    way: str, kind: type[SMTP | AsyncSMTP], request: pytest.FixtureRequest
) -> None:
    step = 1 if request.config.getoption("--long") else 17
    with faulty_once(None, WAYS[way]) as (port, clean):
        assert send(port, kind) == [Outcome.SENT] * COUNT
    first = clean.seen[0]
    seen_outcomes = set()
    for side, total in (("sent", first.sent), ("received", len(first.received))):
        for end in ("close", "reset"):
            for after in range(1, total, step):
                ways.overlap.clear()
                fault = Fault(side, after, end)
                with faulty_once(fault, WAYS[way]) as (port, judge):
                    outcomes = send(port, kind)
                check(fault, judge, outcomes)
                seen_outcomes.update(outcomes)
    assert {Outcome.SENT, Outcome.UNKNOWN} <= seen_outcomes


@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
@pytest.mark.parametrize("answers", [0, 1, 4])
def test_a_server_that_loses_what_stands_behind_a_dot_gets_all(
    answers: int, kind: type[SMTP | AsyncSMTP], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Courier does, which is silent then, and Haraka, which says 503; both offer PIPELINING."""
    monkeypatch.setattr(hearing, "PROBE", 0.2)
    with faulty_once(None, WAYS["dotted"], deaf=answers) as (port, judge):
        assert send(port, kind) == [Outcome.SENT] * COUNT
        assert judge.whole == judge.accepted == {str(number): 1 for number in range(COUNT)}
        assert ways.overlap["127.0.0.1", port] is False
        assert len(judge.seen) == 2  # it was proven with one message, and the others went one by one
        behind = bytes(judge.seen[0].received).partition(b"RSET\r\n")[2]
        assert behind == b"MAIL FROM:<a@example.org> SIZE=82\r\nRCPT TO:<b@example.org>\r\nDATA\r\n"


def check(fault: Fault, judge: Judge, outcomes: list[Outcome]) -> None:
    for number, outcome in enumerate(outcomes):
        name = str(number)
        assert judge.whole[name] <= 1, f"message {name} was sent twice at {fault}"
        if outcome is Outcome.SENT:
            assert judge.accepted[name] == 1, f"false SENT of message {name} at {fault}"
        elif outcome is Outcome.NOT_SENT:
            assert judge.whole[name] == 0, f"false NOT_SENT of message {name} at {fault}"


def play(listener: socket.socket, script: list[bytes], reset: bool = False) -> None:
    """Say each part of a script once the client has said something; then leave, and serve whoever comes next well."""
    sock, _ = listener.accept()
    with sock:
        for part in script:
            sock.sendall(part)
            if part is script[-1] and not reset:
                sock.shutdown(socket.SHUT_WR)
            if part is not script[-1] or not reset:
                sock.recv(65536)
        if reset:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock, _ = listener.accept()
    with sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        converse(Line(sock, None, Seen(), threading.Event()), Judge(), WAYS["dotted"])


@pytest.mark.parametrize(
    "ends",
    [
        b"250 taken\r\n421 too many messages\r\n",  # in answer to RSET, in one packet with the acceptance
        b"250 taken\r\n250 reset\r\n421 too many messages\r\n",  # in answer to the next MAIL
    ],
)
@pytest.mark.parametrize("proven", [True, None])
def test_an_acceptance_stands_although_a_421_came_with_it(ends: bytes, proven: bool | None) -> None:
    hello = b"250-busy.example\r\n250 PIPELINING\r\n"
    script = [b"220 busy.example\r\n", hello, b"250 ok\r\n250 ok\r\n354 go on\r\n", ends]
    with serving(play, script) as port:
        if proven:
            ways.overlap["127.0.0.1", port] = True
        outcomes = send(port)
    assert outcomes == [Outcome.SENT] * COUNT


def test_a_421_in_answer_to_a_whole_message_refuses_it_and_it_goes_again() -> None:
    hello = b"250-busy.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
    script = [b"220 busy.example\r\n", hello, b"250 ok\r\n250 ok\r\n421 not now\r\n"]
    with serving(play, script) as port:
        outcomes = send(port)
    # The first is refused; the server, which closed the line in order, answered nothing of what was behind it.
    assert outcomes == [Outcome.SENT] * COUNT


@pytest.mark.parametrize("behind", [b"250 ok\r\n", b"25", None])
def test_what_is_behind_a_421_and_not_answered_in_order_is_unknown(behind: bytes | None) -> None:
    """The server goes on behind its 421, or the line breaks: then nobody knows what it took."""
    hello = b"250-busy.example\r\n250-PIPELINING\r\n250 CHUNKING\r\n"
    script = [b"220 busy.example\r\n", hello, b"250 ok\r\n250 ok\r\n421 not now\r\n" + (behind or b"")]
    with serving(play, script, behind is None) as port:
        outcomes = send(port)
    assert outcomes == [Outcome.SENT, *[Outcome.UNKNOWN] * (COUNT - 1)]


def test_a_server_that_takes_so_many_on_a_connection_gets_all_over_several() -> None:
    judge = Judge()
    with serving(serve_two_each, judge) as port:
        outcomes = send(port)
    assert outcomes == [Outcome.SENT] * COUNT
    assert judge.whole == {str(number): 1 for number in range(COUNT)}


def serve_two_each(listener: socket.socket, judge: Judge) -> None:
    """Take two messages on each connection, and answer MAIL with a 421 then."""
    while True:
        sock, _ = listener.accept()
        with sock:
            line = Line(sock, None, Seen(), threading.Event())
            line.say_at_once("220 busy.example")
            line.line()
            line.say_at_once("250-busy.example\r\n250-PIPELINING\r\n250 CHUNKING")
            for _ in range(2):
                for _ in range(2):
                    line.line()
                    line.say_at_once("250 ok")
                judge.take(line, line.take(int(line.line().split()[1])))
                if line.line() == b"QUIT\r\n":
                    break
                line.say_at_once("250 ok")
            line.say_at_once("421 too many messages")
            sock.shutdown(socket.SHUT_WR)
            while sock.recv(65536):
                pass


@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
@pytest.mark.parametrize("way", WAYS)
def test_a_system_that_takes_little_at_a_time(way: str, kind: type[SMTP | AsyncSMTP]) -> None:
    bodies = {f"<{number}@example.org>": b"%d\r\n" % number + b"x" * 76 + b"\r\n.\r\n" * 9000 for number in range(12)}
    whole = {
        name: f"From: a@example.org\r\nTo: b@example.org\r\nMessage-ID: {name}\r\n\r\n".encode() + body
        for name, body in bodies.items()
    }
    with Sink(extensions=(*WAYS[way], "8BITMIME")) as sink:
        client = kind(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3, timeout=10)
        client.settings.hello = "me.example"
        client.settings.out_buffer_size = 4096
        results = all_of(client.send_many(whole.values()))
        assert [result.message_id for result in results if isinstance(result, SendResult)] == list(whole)
        assert sink.taken == dict.fromkeys(whole, 1)
        assert sink.octets == {name: {data} for name, data in whole.items()}


@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
def test_where_the_iterable_raises_all_that_it_gave_goes_over_several_connections(kind: type[SMTP | AsyncSMTP]) -> None:
    def given() -> Iterator[bytes]:
        yield from letters()
        raise RuntimeError("mine")

    results: list[object] = []
    with Sink(extensions=WAYS["dotted"]) as sink:
        client = kind(mail_server="127.0.0.1", mail_port=sink.port, ssl_start_mode=3, timeout=10)
        answers = client.send_many(given(), connections=3)
        with pytest.raises(RuntimeError, match="mine"):
            all_of(answers, results)
        assert [type(result) for result in results] == [SendResult] * COUNT
        assert sink.taken == {f"<{number}@example.org>": 1 for number in range(COUNT)}
