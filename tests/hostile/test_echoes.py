"""A server that repeats the secret which it was told, in any of its replies and in any dress, does not get it shown."""

from __future__ import annotations

import base64
import pickle
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from postwright.errors import LoginRefused, SMTPError
from postwright.events import HANDLERS
from tests.hostile.test_secrets import PASSWORD
from tests.support.clients import failure
from tests.support.polite import PolitePeer
from tests.support.scripts import hello

if TYPE_CHECKING:
    from postwright.drive.transcripts import Deed
    from tests.support.clients import Client, World

RESPONSE = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()
DRESSES = {
    "plain": PASSWORD,
    "with the user": f"alice:{PASSWORD}",
    "in base64": base64.b64encode(PASSWORD.encode()).decode(),
    "in base64, one octet later": base64.b64encode(f":{PASSWORD}:more".encode()).decode(),
    "in base64, two octets later": base64.b64encode(f"::{PASSWORD}".encode()).decode(),
    "in hexadecimal": PASSWORD.encode().hex(),
    "the response": RESPONSE,
    "the response without its padding": RESPONSE.rstrip("="),
    "the whole line": f"AUTH PLAIN {RESPONSE}",
    "twice": f"{PASSWORD}{PASSWORD}",
    "with blanks": " ".join(PASSWORD),
    "cut by a line's end": f"{PASSWORD[:5]}\n{PASSWORD[5:]}",
    "cut by many": "\n".join(PASSWORD),
    "cut behind status codes": f"5.7.8 no: {PASSWORD[:5]}\n5.7.8 {PASSWORD[5:9]}\n5.7.8 {PASSWORD[9:]}, alice",
    "base64 in lines": f"{RESPONSE[:10]}\n {RESPONSE[10:20]} \n{RESPONSE[20:]}",
}


def said(code: int, text: str) -> str:
    """A reply of the server, a line for each of the text."""
    *lines, last = text.split("\n")
    return "".join(f"S: {code}-{line}\n" for line in lines) + f"S: {code} {last}\n"


def play(world: World, talk: str, **values: Any) -> Client:
    client = world.play(hello("AUTH PLAIN LOGIN CRAM-MD5 XOAUTH2 DIGEST-MD5") + talk, **values)
    client.settings.allow_cleartext_auth = True
    client.listen(*HANDLERS)
    client.on_ssl_server_authentication = None
    return client


def plain(world: World, talk: str) -> Client:
    return play(world, f"C: AUTH PLAIN {RESPONSE}\n" + talk, user="alice", password=PASSWORD, auth_mechanism=4)


def squeezed(text: str) -> str:
    """The text as somebody could put it together again: without blanks, line ends and masks."""
    return "".join(text.split())


def assert_hidden(client: Client, error: BaseException | None = None, *, secret: str = PASSWORD) -> None:
    """Nothing that can be seen holds the secret, nor five characters of it in one piece."""
    places = [repr(client.events), client.last_reply, repr(client._session.__dict__)]
    if error is not None:
        deep = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        places += [
            str(error),
            repr(error),
            repr(error.__dict__),
            deep,
            repr(pickle.loads(pickle.dumps(error)).__dict__),
        ]
    data = secret.encode()
    forms = {secret, data.hex(), base64.b64encode(data).decode()[:-4], RESPONSE[:-4]}
    forms |= {base64.b64encode(bytes(before) + data).decode()[4:-4] for before in range(3)}
    forms |= {secret[at : at + 5] for at in range(len(secret) - 4)}
    for place in places:
        for form in forms:
            assert form not in place
        assert secret not in squeezed(place)


@pytest.mark.parametrize("dress", DRESSES.values(), ids=DRESSES.keys())
def test_in_a_refusal(world: World, dress: str) -> None:
    client = plain(world, said(535, f"bad: {dress} (bad)") + "C: QUIT\nS: 221 bye")
    error = failure(client, "connect")
    assert isinstance(error, LoginRefused)
    assert error.reply is not None
    assert error.reply.lines[0].startswith("bad: ") or "5.7.8" in error.reply.lines[0]
    assert "********" in str(error)
    assert_hidden(client, error)


@pytest.mark.parametrize("code", [235, 421, 454, 501, 220, 354, 250])
@pytest.mark.parametrize("dress", ["plain", "in base64", "cut by a line's end"])
def test_in_any_answer_to_auth(world: World, code: int, dress: str) -> None:
    client = plain(world, said(code, DRESSES[dress]) + "C: EHLO client.example\nS: 250 hello" * (code == 235))
    error = None if code == 235 else failure(client, "connect")
    if code == 235:
        client.connect()
    assert_hidden(client, error)


class Parrot(PolitePeer):
    """Offers a login and a way to send many messages at once, and says the password in every reply after the login."""

    def __init__(self, *keywords: str) -> None:
        super().__init__()
        self._keywords = keywords
        self._knows = False

    def afterwards(self) -> bytes | Deed | None:
        if bytes(self._inbox[:4]) == b"AUTH":
            self._knows = True
            return b"235 welcome\r\n" if self.line() else None
        answer = super().afterwards()
        if not self._knows or not isinstance(answer, bytes):
            return answer
        return answer.replace(b"\r\n", f" {PASSWORD} {PASSWORD}\r\n".encode())

    def _answer(self, verb: bytes) -> bytes | Deed:
        if verb == b"EHLO":
            return "".join(f"250-{keyword}\r\n" for keyword in self._keywords).encode() + b"250 AUTH PLAIN\r\n"
        return super()._answer(verb)


@pytest.mark.parametrize("keywords", [("parrot",), ("parrot", "PIPELINING"), ("parrot", "PIPELINING", "CHUNKING")])
@pytest.mark.parametrize("listening", [True, False])  # with a listener to each line nothing is overlapped
def test_in_all_that_is_said_to_many_messages(world: World, keywords: tuple[str, ...], listening: bool) -> None:
    letter = b"From: a@example.org\r\nTo: b@example.net\r\n\r\nHi\r\n"
    parrot = Parrot(*keywords)
    client = world.play(parrot, user="alice", password=PASSWORD)
    client.settings.allow_cleartext_auth = True
    if listening:
        client.listen(*HANDLERS)
        client.on_ssl_server_authentication = None
    results = list(client.send_many([letter] * 20))
    assert [result.reply.code for result in results] == [250] * 20
    assert parrot.heard.count(b"MAIL FROM") == 20
    assert "********" in repr(results)
    assert PASSWORD not in repr(results)
    assert_hidden(client)


LATER = {
    "EHLO": "C: EHLO client.example\n{}",
    "MAIL": "C: EHLO client.example\nS: 250 hello\nC: MAIL FROM:<a@example.org>\n{}",
    "RCPT": "C: EHLO client.example\nS: 250 hello\nC: MAIL FROM:<a@example.org>\nS: 250 ok\nC: RCPT TO:<b@example.net>\n{}",
}


@pytest.mark.parametrize("verb", LATER)
@pytest.mark.parametrize("dress", ["plain", "in base64", "cut by a line's end"])
@pytest.mark.parametrize("code", [550, 451, 421])
def test_in_a_refusal_later(world: World, verb: str, dress: str, code: int) -> None:
    talk = LATER[verb].format(said(code, DRESSES[dress]))
    if verb == "EHLO" and code != 421:
        talk += f"C: MAIL FROM:<a@example.org>\n{said(code, DRESSES[dress])}"
    client = plain(world, "S: 235 welcome\n" + talk)
    error = failure(client)
    assert_hidden(client, error)
    for recipient in error.recipients:
        assert PASSWORD not in repr(recipient)


@pytest.mark.parametrize("later", ["235 {}", "x {}", "25 {}"])
def test_in_what_is_no_reply_later(world: World, later: str) -> None:
    client = plain(world, "S: 235 welcome\nC: EHLO client.example\nS: 250-hello\nS: " + later.replace("{}", PASSWORD))
    assert_hidden(client, failure(client))


def test_in_what_nobody_asked_for(world: World) -> None:
    client = plain(world, f"S: 235 welcome\nC: EHLO client.example\nS: 250 hello\nS: 250 {PASSWORD}")
    assert_hidden(client, failure(client))


def test_in_the_replies_to_a_message_that_is_sent(world: World) -> None:
    echo = f"ok {PASSWORD}"
    client = plain(
        world,
        f"S: 235 {echo}\nC: EHLO client.example\nS: 250-{echo}\nS: 250 DSN\n"
        f"C: MAIL FROM:<a@example.org>\nS: 250 {echo}\nC: RCPT TO:<b@example.net>\nS: 250 {echo}\n"
        f"C: DATA\nS: 354 {echo}\nC: <body>\nS: 250 {echo}\nC: QUIT\nS: 221 {echo}",
    )
    result = client.send()
    assert "DSN" in client._session.extensions
    assert PASSWORD not in repr(result)
    assert_hidden(client)


def test_in_the_replies_to_several_messages(world: World) -> None:
    letter = b"From: a@example.org\r\nTo: b@example.net\r\n\r\nHi\r\n"
    each = "".join(
        f"C: {line}\nS: {code} {PASSWORD}\n"
        for line, code in (
            ("MAIL FROM:<a@example.org>", 250),
            ("RCPT TO:<b@example.net>", 250),
            ("DATA", 354),
            ("<body>", 250),
        )
    )
    client = plain(world, "S: 235 welcome\nC: EHLO client.example\nS: 250 hello\n" + each * 3)
    results = list(client.send_many([letter] * 3))
    assert [result.reply.code for result in results] == [250] * 3
    assert PASSWORD not in repr(results)
    assert_hidden(client)


@pytest.mark.parametrize(
    "nonsense",
    ["2350 {}", "{}", "5 {}", "x" * 115 + "{}", "235-{}\nS: 535 {}", "235 {}\nS: 250 and {}", "235-\x1b{}\nS: x {}"],
)
def test_in_what_is_no_reply(world: World, nonsense: str) -> None:
    client = plain(world, "S: " + nonsense.replace("{}", PASSWORD))
    error = failure(client, "connect")
    assert isinstance(error, SMTPError)
    assert_hidden(client, error)


@pytest.mark.parametrize("dress", ["plain", "in base64"])
@pytest.mark.parametrize("end", ["S: 535 no\nC: QUIT\nS: 221 bye", "S: <close>", "S: nonsense", "S: 235 welcome"])
def test_in_a_challenge(world: World, dress: str, end: str) -> None:
    challenge = base64.b64encode(f"<{DRESSES[dress]}>".encode()).decode()
    talk = f"C: AUTH CRAM-MD5\nS: 334 {challenge}\nC: *\n{end}"
    client = play(world, talk, user="alice", password=PASSWORD, auth_mechanism=1)
    if "235" in end:
        client.connect()
        assert_hidden(client)
    else:
        assert_hidden(client, failure(client, "connect"))


@pytest.mark.parametrize("dress", ["plain", "in base64", "in base64, two octets later", "cut"])
def test_in_the_reasons_for_refusing_a_token(world: World, dress: str) -> None:
    forms = DRESSES | {"cut": f"{PASSWORD[:6]} {PASSWORD[6:]}"}
    reasons = base64.b64encode(f'{{"status":"401","token":"{forms[dress]}"}}'.encode()).decode()
    talk = f"C: AUTH XOAUTH2 *\nS: 334 {reasons}\nC: \nS: 535 {PASSWORD}\nC: QUIT\nS: 221 bye"
    client = play(world, talk, user="alice", password=PASSWORD, auth_mechanism=7)
    error = failure(client, "connect")
    assert '"status":"401"' in str(error)
    assert_hidden(client, error)


def test_the_proof_is_a_secret_too(world: World) -> None:
    challenge = base64.b64encode(b"<1896.697170952@postoffice.example>").decode()
    import hmac

    proof = hmac.new(PASSWORD.encode(), b"<1896.697170952@postoffice.example>", "md5").hexdigest()
    talk = f"C: AUTH CRAM-MD5\nS: 334 {challenge}\nC: *\nS: 535 alice {proof} is wrong\nC: QUIT\nS: 221 bye"
    client = play(world, talk, user="alice", password=PASSWORD, auth_mechanism=1)
    error = failure(client, "connect")
    assert "535 alice ******** is wrong" in str(error)
    assert_hidden(client, error, secret=proof)


def test_without_masking_the_trail_has_challenges_and_errors_still_hide(world: World) -> None:
    talk = f"C: AUTH CRAM-MD5\nS: 334 PGFiYz4=\nC: *\nS: 535 {PASSWORD}\nC: QUIT\nS: 221 bye"
    client = play(world, talk, user="alice", password=PASSWORD, auth_mechanism=1)
    client.settings.mask_sensitive = False
    error = failure(client, "connect")
    assert "334 PGFiYz4=" in repr(client.events)
    assert PASSWORD not in f"{error} {client.last_reply} {client.events}"


@pytest.mark.parametrize("password", ["SIZE", "mail", "DSN", "x"])
def test_what_the_server_said_before_is_no_secret(world: World, password: str) -> None:
    response = base64.b64encode(f"\0alice\0{password}".encode()).decode()
    talk = f"C: AUTH PLAIN {response}\nS: 235 welcome\nC: EHLO client.example\nS: 250-mail.example\nS: 250-DSN\nS: 250 SIZE 70000\n"
    client = world.play(hello("AUTH PLAIN", "SIZE 70000", "MAIL") + talk, user="alice", password=password)
    client.settings.allow_cleartext_auth = True
    client.connect()
    assert client._session.extensions.size_limit == 70000
    assert "DSN" in client._session.extensions


@pytest.mark.parametrize("dress", ["plain", "in base64", "the response", "cut by a line's end"])
def test_in_the_answers_to_a_login_by_hand(world: World, dress: str) -> None:
    word = base64.b64encode(PASSWORD.encode()).decode()
    echo = said(535, DRESSES[dress])
    talk = f"C: AUTH PLAIN {RESPONSE}\n{echo}C: AUTH LOGIN\nS: 334 VXNlcg==\nC: YWxpY2U=\nS: 334 UGFzcw==\nC: {word}\n{echo}"
    client = play(world, talk)
    client.connect()
    for line in (f"AUTH PLAIN {RESPONSE}", "AUTH LOGIN", "YWxpY2U=", word):
        reply = client.send_command(line)
        assert PASSWORD not in repr(reply)
        assert reply.code == 535 or reply.lines[0] in {"VXNlcg==", "UGFzcw=="}
    assert_hidden(client)


def test_the_next_connection_begins_without_a_veil(world: World) -> None:
    client = play(
        world,
        f"C: AUTH PLAIN {RESPONSE}\nS: 535 no\nC: QUIT\nS: 221 bye",
        user="alice",
        password=PASSWORD,
        auth_mechanism=4,
    )
    failure(client, "connect")
    assert client._session.talk.veil is not None
    client.user = client.password = ""
    client.connect()
    assert client._session.talk.veil is None
