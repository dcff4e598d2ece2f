"""Every mechanism against a server that follows its RFC, and what becomes of secrets on the way: nobody sees them."""

from __future__ import annotations

import base64
import hashlib
import logging
import pickle
import threading
import traceback
from typing import TYPE_CHECKING, Any

import pytest

from postwright import SMTP, AsyncSMTP
from postwright.errors import (
    ExtensionMissing,
    InvalidValue,
    LoginRefused,
    NotAvailable,
)
from postwright.events import HANDLERS
from postwright.sasl.mechanism import REGISTER, Mechanism, register
from tests.support.clients import failure
from tests.support.polite import PolitePeer
from tests.support.sasl import SALT, SERVERS, Users
from tests.support.scripts import hello

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postwright.drive.transcripts import Deed
    from postwright.sasl.mechanism import Credentials, Dialogue
    from tests.support.clients import Client, World
    from tests.support.sasl import Server

VALUES = {
    "CRAM-MD5": 1,
    "PLAIN": 4,
    "DIGEST-MD5": 5,
    "XOAUTH2": 7,
    "LOGIN": 100,
    "SCRAM-SHA-1": 101,
    "SCRAM-SHA-256": 102,
    "SCRAM-SHA-512": 103,
    "OAUTHBEARER": 104,
    "EXTERNAL": 105,
}
PASSWORD, TOKEN = "correct-horse-battery", "ya29.staple-of-the-token"


class Guard(PolitePeer):
    """A server that asks for a login, by the mechanisms of ``tests.support.sasl``.

    Attributes:
        used: The mechanism that was used last.
        verdicts: What its server decided, login by login.
        refusal: What it answers to a wrong secret.
    """

    def __init__(self, *offered: str, users: Users | None = None, refusal: str = "535 5.7.8 no") -> None:
        super().__init__()
        self.offered = offered
        self.users = users or Users({"alice": PASSWORD}, {"alice": TOKEN})
        self.refusal = refusal
        self.used = ""
        self.verdicts: list[bool] = []
        self.hellos = 0
        self.challenges: set[str] = set()
        self._server: Server | None = None
        self._asking = False

    def afterwards(self) -> bytes | Deed | None:
        if self._server is not None:
            line = self.line()
            return None if line is None else self._respond(line.rstrip(b"\r\n"))
        if bytes(self._inbox[:4]).upper() == b"AUTH" and (line := self.line()) is not None:
            return self._begin(line.decode().split())
        return super().afterwards()

    def _answer(self, verb: bytes) -> bytes | Deed:
        if verb != b"EHLO":
            return super()._answer(verb)
        self.hellos += 1
        more = b"250-DSN\r\n" if self.verdicts else b""
        return b"250-guard.example\r\n" + more + b"250 AUTH " + " ".join(self.offered).encode() + b"\r\n"

    def _begin(self, words: list[str]) -> bytes:
        self.used = words[1]
        self._server = SERVERS[self.used](self.users)
        challenge = next(self._server)
        if len(words) > 2:
            return self._respond(words[2].encode() if words[2] != "=" else b"")
        return self._challenge(challenge)

    def _respond(self, line: bytes) -> bytes:
        assert self._server is not None
        if line == b"*":
            return self._end(b"501 cancelled\r\n", verdict=False)
        try:
            challenge = self._server.send(base64.b64decode(line))
        except StopIteration as stop:
            verdict = stop.value is True
            return self._end(b"235 welcome\r\n" if verdict else self.refusal.encode() + b"\r\n", verdict=verdict)
        return self._challenge(challenge)

    def _challenge(self, challenge: bytes) -> bytes:
        encoded = base64.b64encode(challenge)
        self.challenges.add(encoded.decode())
        return b"334 " + encoded + b"\r\n"

    def _end(self, answer: bytes, *, verdict: bool) -> bytes:
        self.verdicts.append(verdict)
        self._server = None
        return answer


def enter(world: World, guard: PolitePeer, mechanism: str = "", **values: Any) -> Client:
    client = world.play(guard, user="alice", auth_mechanism=VALUES.get(mechanism, 0), **values)
    client.settings.allow_cleartext_auth = True
    if mechanism in {"XOAUTH2", "OAUTHBEARER"}:
        client.settings.authorization_identity = values.get("password", TOKEN)
        client.password = ""
    elif "password" not in values:
        client.password = PASSWORD
    return client


def leave(client: Client) -> None:
    """Go on without a login, as the fixture sends one more message."""
    client.auth_mechanism = 0
    client.settings.authorization_identity = ""
    client.disconnect()


@pytest.mark.parametrize("name", VALUES)
def test_every_mechanism_logs_in(world: World, name: str) -> None:
    guard = Guard(name)
    client = enter(world, guard, name)
    client.connect()
    assert (guard.used, guard.verdicts) == (name, [True])
    assert client.last_reply == "235 welcome"
    leave(client)


@pytest.mark.parametrize("name", sorted(set(VALUES) - {"EXTERNAL"}))
def test_every_mechanism_is_refused_with_a_wrong_secret(world: World, name: str) -> None:
    guard = Guard(name)
    client = enter(world, guard, name, password="wrong")
    error = failure(client, "connect")
    assert isinstance(error, LoginRefused)
    assert error.reply is not None
    assert error.reply.code == 535
    assert guard.verdicts == [False]
    assert not client.connected
    leave(client)


def test_ehlo_is_said_once_more_after_a_login(world: World) -> None:
    guard = Guard("PLAIN")
    client = enter(world, guard)
    client.connect()
    assert guard.hellos == 2
    assert "DSN" in client._session.extensions
    client.send()
    assert guard.hellos == 2


def test_an_old_server_may_refuse_the_second_ehlo(world: World) -> None:
    plain = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()
    talk = f"C: AUTH PLAIN {plain}\nS: 235 welcome\nC: EHLO client.example\nS: 503 once is enough"
    client = enter(world, PolitePeer(hello("AUTH PLAIN", "SIZE 1000") + talk))
    client.connect()
    assert client._session.extensions.size_limit == 1000
    assert client.last_reply == "235 welcome"


ORDER = ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "DIGEST-MD5", "CRAM-MD5", "PLAIN", "LOGIN"]


@pytest.mark.parametrize("best", ORDER)
def test_the_strongest_password_mechanism_is_taken(world: World, best: str) -> None:
    offered = ORDER[ORDER.index(best) :]
    guard = Guard("XOAUTH2", "EXTERNAL", "GSSAPI", "NTLM", "X-NOBODY", "SCRAM-SHA-1-PLUS", *reversed(offered))
    enter(world, guard).connect()
    assert guard.used == best


def test_mechanisms_that_need_more_than_a_password_are_not_tried_with_one(world: World) -> None:
    client = enter(world, Guard("XOAUTH2", "EXTERNAL", "GSSAPI", "NTLM"))
    assert isinstance(failure(client, "connect"), ExtensionMissing)
    assert b"AUTH" not in world.heard


def without_md5(monkeypatch: pytest.MonkeyPatch) -> None:
    real = hashlib.md5

    def md5(data: bytes | None = None, **values: Any) -> object:
        if data is None:
            raise ValueError("[digital envelope routines] unsupported")
        return real(data, **values)

    monkeypatch.setattr(hashlib, "md5", md5)


def test_in_fips_mode_md5_is_passed_over_with_a_reason(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    without_md5(monkeypatch)
    guard = Guard("CRAM-MD5", "DIGEST-MD5", "PLAIN")
    client = enter(world, guard)
    events = client.listen("on_pi_trail")
    client.connect()
    assert guard.used == "PLAIN"
    said = [event.message for event in events if "skipped" in event.message]
    assert [text.split()[0] for text in said] == ["CRAM-MD5", "DIGEST-MD5"]
    assert all("FIPS" in text for text in said)


def test_in_fips_mode_there_may_be_nothing_left(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    without_md5(monkeypatch)
    error = failure(enter(world, Guard("CRAM-MD5")), "connect")
    assert isinstance(error, ExtensionMissing)
    assert "FIPS" in str(error)


@pytest.mark.parametrize("name", ["CRAM-MD5", "DIGEST-MD5"])
def test_in_fips_mode_md5_is_an_error_when_it_is_asked_for(
    world: World, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    without_md5(monkeypatch)
    error = failure(enter(world, Guard(name, "PLAIN"), name), "connect")
    assert isinstance(error, NotAvailable)
    assert "FIPS" in str(error)
    assert b"AUTH" not in world.heard


@pytest.mark.parametrize(("value", "name", "extra"), [(2, "NTLM", "ntlm"), (6, "GSSAPI", "kerberos")])
def test_without_its_library_the_error_names_the_extra(
    world: World, monkeypatch: pytest.MonkeyPatch, value: int, name: str, extra: str
) -> None:
    for module in ("ntlm", "kerberos"):
        monkeypatch.setattr(f"postwright.sasl.{module}.find_spec", lambda _: None)
    client = enter(world, Guard(name, "PLAIN"))
    client.auth_mechanism = value
    error = failure(client, "connect")
    assert isinstance(error, NotAvailable)
    assert f"pip install 'postwright[{extra}]'" in str(error)
    leave(client)


def test_an_identity_goes_to_a_mechanism_that_can_carry_it(world: World) -> None:
    guard = Guard("CRAM-MD5", "LOGIN", "PLAIN")
    client = enter(world, guard)
    client.settings.authorization_identity = "bob"
    client.connect()
    assert (guard.used, guard.users.acting) == ("PLAIN", "bob")
    leave(client)


def test_an_identity_is_never_dropped(world: World) -> None:
    client = enter(world, Guard("CRAM-MD5"), "CRAM-MD5")
    client.settings.authorization_identity = "bob"
    assert isinstance(failure(client, "connect"), NotAvailable)
    leave(client)


def test_a_token_may_also_be_the_password(world: World) -> None:
    guard = Guard("XOAUTH2")
    client = enter(world, guard, "XOAUTH2")
    client.settings.authorization_identity = ""
    client.password = f"Bearer {TOKEN}"
    client.connect()
    assert guard.verdicts == [True]
    leave(client)


def test_xoauth2_needs_a_user(world: World) -> None:
    client = enter(world, Guard("XOAUTH2"), "XOAUTH2")
    client.user = ""
    assert isinstance(failure(client, "connect"), InvalidValue)
    assert b"AUTH" not in world.heard
    leave(client)


def test_what_the_server_says_about_a_token_reaches_the_error(world: World) -> None:
    client = enter(world, Guard("XOAUTH2"), "XOAUTH2", password="old")
    assert '535 5.7.8 no; the server said: {"status":"401","schemes":"bearer"}' in str(failure(client, "connect"))
    leave(client)


def test_a_mechanism_of_somebody_else_is_taken_by_its_strength(world: World) -> None:
    def own(credentials: Credentials) -> Dialogue:
        challenge = yield b""
        yield challenge[::-1] + credentials.user.encode()

    def serve(_: Users) -> Server:
        return (yield b"abc") == b"cbaalice"

    register(Mechanism("X-OWN", client_first=False, start=own, strength=30))
    SERVERS["X-OWN"] = serve
    try:
        guard = Guard("PLAIN", "X-OWN")
        enter(world, guard).connect()
        assert (guard.used, guard.verdicts) == ("X-OWN", [True])
    finally:
        del REGISTER["X-OWN"], SERVERS["X-OWN"]


# Servers that cheat

SERVER_FIRST = ["CRAM-MD5", "DIGEST-MD5", "LOGIN"]


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256", "DIGEST-MD5"])
def test_a_login_without_the_server_s_proof_is_none(world: World, name: str) -> None:
    challenge = "" if name != "DIGEST-MD5" else "S: 334 bm9uY2U9Im4iLGFsZ29yaXRobT1tZDUtc2Vzcw==\nC: *\n"
    client = enter(world, PolitePeer(hello(f"AUTH {name}") + f"C: AUTH {name}*\n{challenge}S: 235 welcome"), name)
    error = failure(client, "connect")
    assert isinstance(error, LoginRefused)
    assert "prove" in str(error) or "first message" in str(error)
    assert not client.connected
    assert b"QUIT" not in world.heard


@pytest.mark.parametrize("name", ["LOGIN", "CRAM-MD5"])
def test_a_login_that_is_done_before_it_began_is_none(world: World, name: str) -> None:
    client = enter(world, PolitePeer(hello(f"AUTH {name}") + f"C: AUTH {name}\nS: 235 welcome"), name)
    assert "235 welcome, but" in str(failure(client, "connect"))
    assert not client.connected


class Cheat(Guard):
    """Sends something else than its proof."""

    def _respond(self, line: bytes) -> bytes:
        answer = super()._respond(line)
        if not answer.startswith(b"334"):
            return answer
        said = base64.b64decode(answer[4:].strip())
        for proof in (b"v=", b"rspauth="):
            if said.startswith(proof):
                said = proof + base64.b64encode(b"wrong" * 4)
        return b"334 " + base64.b64encode(said) + b"\r\n"


@pytest.mark.parametrize("name", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "DIGEST-MD5"])
def test_a_wrong_proof_ends_the_login(world: World, name: str) -> None:
    guard = Cheat(name)
    client = enter(world, guard, name)
    error = failure(client, "connect")
    assert isinstance(error, LoginRefused)
    assert "pro" in str(error)
    assert b"*\r\n" in guard.heard
    assert not client.connected
    assert b"MAIL" not in world.heard


@pytest.mark.parametrize("iterations", [1, 4095, 2_000_001, 1_000_000_000])
def test_iterations_out_of_bounds_are_not_computed(world: World, iterations: int) -> None:
    users = Users({"alice": PASSWORD}, iterations=iterations)
    client = enter(world, Guard("SCRAM-SHA-256", users=users), "SCRAM-SHA-256")
    # The server of the tests would compute them too, so it must not get that far.
    assert "4096 to 2000000" in str(failure(client, "connect"))


@pytest.mark.parametrize("challenge", ["", "AAAA", "////", "=" * 4, base64.b64encode(b"\xff" * 1400).decode()])
@pytest.mark.parametrize("name", sorted(set(VALUES) - {"LOGIN", "CRAM-MD5"}))
def test_endless_nonsense_is_cancelled(world: World, name: str, challenge: str) -> None:
    class Nonsense(Guard):
        def _respond(self, line: bytes) -> bytes:
            if line == b"*":
                return super()._respond(line)
            return f"334 {challenge}\r\n".encode()

    guard = Nonsense(name)
    error = failure(enter(world, guard, name), "connect")
    assert isinstance(error, LoginRefused)
    assert "makes no sense" in str(error)
    assert guard.heard.count(b"\r\n") < 30
    leave(client=world._clients[-1])


def test_a_mechanism_that_never_ends_is_ended(world: World) -> None:
    def endless(_: Credentials) -> Dialogue:
        while True:
            yield b"more"

    def serve(_: Users) -> Server:
        while True:
            yield b"and more"

    register(Mechanism("X-ENDLESS", client_first=True, start=endless, strength=30))
    SERVERS["X-ENDLESS"] = serve
    try:
        guard = Guard("X-ENDLESS")
        error = failure(enter(world, guard), "connect")
        assert isinstance(error, LoginRefused)
        assert "there are too many" in str(error)
        assert guard.heard.count(base64.b64encode(b"more")) == 17  # the first response, and an answer to each of 16
    finally:
        del REGISTER["X-ENDLESS"], SERVERS["X-ENDLESS"]


# Secrets

SECRETS = (PASSWORD, TOKEN)


def traces(guard: Guard) -> set[str]:
    """Everything by which the secrets could be known: themselves, in base64 and hashed, and all that was sent."""
    found = {challenge for challenge in guard.challenges if challenge}
    for secret in SECRETS:
        data = secret.encode()
        found |= {secret, data.hex(), base64.b64encode(data).decode().rstrip("=")}
        for algorithm in ("md5", "sha1", "sha256", "sha512"):
            digests = (hashlib.new(algorithm, data).digest(), hashlib.pbkdf2_hmac(algorithm, data, SALT, 4096))
            found |= {form for each in digests for form in (each.hex(), base64.b64encode(each).decode())}
    for line in bytes(guard.heard).split(b"\r\n"):
        word = line.split(b" ")[-1]
        if not word.isascii() or len(word) < 12 or line[:4] == b"EHLO" or b":" in line:
            continue
        found.add(word.decode())
        try:
            said = base64.b64decode(word, validate=True).decode("latin-1")
        except ValueError:
            continue
        found |= {part for part in (said, *said.replace("\0", " ").replace(",", " ").split()) if len(part) > 12}
    return found - {"mail.example.org", "smtp/127.0.0.1"}


def assert_hidden(found: set[str], *places: str) -> None:
    for place in places:
        for trace in found:
            assert trace not in place
            assert repr(trace)[1:-1] not in place


def shown(error: BaseException) -> str:
    """All that error trackers and log handlers can show of an error."""
    deep = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
    return f"{error} {error!r} {error.__dict__} {pickle.dumps(error)!r} {deep}"


@pytest.mark.parametrize("good", [True, False])
@pytest.mark.parametrize("name", VALUES)
def test_nobody_sees_a_secret(world: World, name: str, good: bool, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    users = Users({"alice": PASSWORD}, {"alice": TOKEN}) if good else Users({"alice": "other"}, {"alice": "other"})
    secret = TOKEN if name in {"XOAUTH2", "OAUTHBEARER"} else PASSWORD
    guard = Guard(name, users=users, refusal=f"535 5.7.8 {secret} is wrong")
    client = enter(world, guard, name)
    events = client.listen(*HANDLERS)
    if good or name == "EXTERNAL":
        client.connect()
        text = ""
    else:
        error = failure(client, "connect")
        text = shown(error) + client.last_reply
    plan = client.smtp._plan()
    assert events
    places = [repr(event) for event in events]
    places += [caplog.text, text, repr(client.smtp), repr(plan), repr(client._session.__dict__), repr(client.settings)]
    assert_hidden(traces(guard) - ({"alice"}), *places)
    leave(client)


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize(
    "fault", ["S: 535 no", "S: <close>", "S: 421 bye\nS: <close>", "S: nonsense", "S: 334 ####\nC: *\nS: 501 no"]
)
def test_no_error_shows_a_secret_whatever_went_wrong(world: World, name: str, fault: str) -> None:
    opening = f"C: AUTH {name}\nS: 334 YWJj\nC: *\n" if name == "LOGIN" else f"C: AUTH {name}*\n"
    peer = PolitePeer(hello(f"AUTH {name}") + opening + fault)
    client = enter(world, peer, name)
    error = failure(client, "connect")
    said = base64.b64encode(f"\0alice\0{PASSWORD}".encode()).decode()
    found = {PASSWORD, TOKEN, TOKEN[5:], said, base64.b64encode(PASSWORD.encode()).decode()}
    sent = [line.split(b" ") for line in bytes(peer.heard).split(b"\r\n") if line[:5] == b"AUTH "]
    found |= {words[2].decode() for words in sent if len(words) > 2}
    assert_hidden(found, shown(error))
    leave(client)


@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
def test_a_client_does_not_show_its_secrets(kind: type[SMTP | AsyncSMTP]) -> None:
    smtp = kind(user="alice", password=PASSWORD)
    smtp.settings.authorization_identity = TOKEN
    assert_hidden(set(SECRETS), repr(smtp), repr(smtp.settings), repr(smtp._plan()), repr(smtp._store))
    for keeper in (smtp, smtp.settings, smtp._plan(), smtp._store):
        with pytest.raises(TypeError):
            pickle.dumps(keeper)


# Functions that give secrets


class Source:
    """Gives one secret after the other, and notes which were refused."""

    def __init__(self, *secrets: str) -> None:
        self.secrets = list(secrets)
        self.asked = 0
        self.forgotten: list[str] = []

    def __call__(self) -> str:
        self.asked += 1
        return self.secrets[min(self.asked, len(self.secrets)) - 1]

    def forget(self, secret: str) -> None:
        self.forgotten.append(secret)


def test_a_function_is_asked_once_for_each_login(world: World) -> None:
    source = Source(PASSWORD)
    client = enter(world, Guard("PLAIN"), password=source)
    assert source.asked == 0
    client.connect()
    client.send()
    assert source.asked == 1
    client.disconnect()


def test_a_token_that_was_refused_is_asked_for_once_more(world: World) -> None:
    source = Source("old", TOKEN)
    guard = Guard("XOAUTH2")
    client = enter(world, guard, "XOAUTH2")
    client.settings.authorization_identity = source
    client.connect()
    assert (source.asked, source.forgotten, guard.verdicts) == (2, ["old"], [False, True])
    leave(client)


def test_the_same_secret_is_not_tried_twice(world: World) -> None:
    source = Source("wrong")
    guard = Guard("PLAIN")
    client = enter(world, guard, password=source)
    assert isinstance(failure(client, "connect"), LoginRefused)
    assert (source.asked, guard.verdicts) == (2, [False])


def test_a_second_refusal_is_the_last(world: World) -> None:
    source = Source("old", "older", TOKEN)
    guard = Guard("XOAUTH2")
    client = enter(world, guard, "XOAUTH2")
    client.settings.authorization_identity = source
    assert isinstance(failure(client, "connect"), LoginRefused)
    assert (source.asked, guard.verdicts) == (2, [False, False])
    leave(client)


@pytest.mark.parametrize("refusal", ["454 4.7.0 later", "534 5.7.9 other mechanism", "530 5.7.0 no"])
def test_other_refusals_are_not_about_the_secret(world: World, refusal: str) -> None:
    source = Source("old", PASSWORD)
    client = enter(world, Guard("PLAIN", refusal=refusal), password=source)
    assert isinstance(failure(client, "connect"), LoginRefused)
    assert source.asked == 1


@pytest.mark.parametrize("answer", [None, b"bytes", 7])
def test_a_function_must_give_a_text(world: World, answer: object) -> None:
    client = enter(world, Guard("PLAIN"), password=lambda: answer)
    assert isinstance(failure(client, "connect"), InvalidValue)
    assert b"AUTH" not in world.heard


def test_a_function_s_text_is_checked_and_not_shown(world: World) -> None:
    client = enter(world, Guard("PLAIN"), password=lambda: f"{PASSWORD}\n")
    error = failure(client, "connect")
    assert isinstance(error, InvalidValue)
    assert PASSWORD not in shown(error)


def test_a_function_s_own_error_comes_through(world: World) -> None:
    def broken() -> str:
        raise KeyError("no such entry")

    client = enter(world, Guard("PLAIN"), password=broken)
    with pytest.raises(KeyError, match="no such entry"):
        client.connect()
    client.disconnect()


def test_a_coroutine_function_gives_secrets_to_async_clients_alone(world: World) -> None:
    async def secret() -> str:
        return PASSWORD

    client = enter(world, Guard("PLAIN"), password=secret)
    if world.kind == "async":
        client.connect()
        return
    error = failure(client, "connect")
    assert isinstance(error, NotAvailable | InvalidValue)


def test_a_source_that_takes_its_time_disturbs_nobody(world: World) -> None:
    asked: list[threading.Thread] = []

    class Slow(Source):
        waits_for = "the vault"

        def __call__(self) -> str:
            asked.append(threading.current_thread())
            return super().__call__()

    enter(world, Guard("PLAIN"), password=Slow(PASSWORD)).connect()
    assert (asked != [threading.current_thread()]) == (world.kind != "scripted")


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], int]]:
    from postwright.session import login

    yield lambda: len(login._flights)
    assert login._flights == {}, "nobody is left waiting"


def test_no_question_is_left_open(world: World, counted: Callable[[], int]) -> None:
    during: list[int] = []

    def secret() -> str:
        during.append(counted())
        return PASSWORD

    enter(world, Guard("PLAIN"), password=secret).connect()
    assert during == [1]
    assert counted() == 0
