"""The server's side of SASL mechanisms, written for tests from the RFCs and not from the client."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from postwright.sasl.mechanism import ChallengeError, Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from postwright.sasl.mechanism import Dialogue, Mechanism

    Server = Generator[bytes, bytes, bool]

ALICE = Credentials(
    user="alice",
    password="sesame",
    host="mail.example.org",
    port=587,
    channel_binding=lambda kind: b"endpoint" if kind == "tls-server-end-point" else b"exported",
)
BEARER = ALICE._replace(password="", token="ya29.sesame")
SALT = b"0123456789abcdef"


@dataclass
class Users:
    """Who may log in, and what the server saw of it."""

    passwords: dict[str, str] = field(default_factory=lambda: {"alice": "sesame"})
    tokens: dict[str, str] = field(default_factory=lambda: {"alice": "ya29.sesame"})
    binding: bytes = b""
    """What ``p=`` must carry, with its kind before a colon; empty where there is no channel binding."""
    iterations: int = 4096
    acting: str = ""


def plain(users: Users) -> Server:
    who, name, password = (yield b"").decode().split("\0")
    users.acting = who
    return users.passwords.get(name) == password


def login(users: Users) -> Server:
    name = yield b"Username:"
    password = yield b"Password:"
    return users.passwords.get(name.decode()) == password.decode()


def cram(users: Users) -> Server:
    challenge = b"<1896.697170952@mail.example.org>"
    name, _, proof = (yield challenge).decode().rpartition(" ")
    return hmac.new(users.passwords[name].encode(), challenge, hashlib.md5).hexdigest() == proof


def digest(users: Users) -> Server:
    answer = yield b'realm="here",nonce="n0nce",qop="auth",charset=utf-8,algorithm=md5-sess'
    rows = dict(
        re.findall(r'([\w-]+)=(?:"([^"]*)"|([^,]*))', answer.decode())
        and [
            (name, quoted or bare)
            for name, quoted, bare in re.findall(r'([\w-]+)=(?:"([^"]*)"|([^,]*))', answer.decode())
        ]
    )
    users.acting = rows.get("authzid", "")
    start = hashlib.md5(f"{rows['username']}:here:{users.passwords.get(rows['username'], '')}".encode()).digest()
    tail = f":n0nce:{rows['cnonce']}" + (f":{users.acting}" if users.acting else "")
    key = hashlib.md5(start + tail.encode()).hexdigest()

    def proof(verb: str) -> str:
        aim = hashlib.md5(f"{verb}:{rows['digest-uri']}".encode()).hexdigest()
        return hashlib.md5(f"{key}:n0nce:00000001:{rows['cnonce']}:auth:{aim}".encode()).hexdigest()

    if rows["response"] != proof("AUTHENTICATE"):
        return False
    return (yield b"rspauth=" + proof("").encode()) == b""


def scram(algorithm: str) -> Callable[[Users], Server]:
    def serve(users: Users) -> Server:
        opening = (yield b"").decode()
        flag, who, bare = opening.split(",", 2)
        users.acting = who.removeprefix("a=")
        name, nonce = re.fullmatch(r"n=([^,]*),r=([^,]*)", bare).groups()  # type: ignore[union-attr]
        password = users.passwords.get(name, "").encode()
        first = f"r={nonce}server,s={base64.b64encode(SALT).decode()},i={users.iterations}"
        final = (yield first.encode()).decode()
        without, _, proof = final.rpartition(",p=")
        bound = base64.b64decode(without.split(",")[0].removeprefix("c="))
        expected = f"{flag},{who},".encode()
        if users.binding:
            kind, _, data = users.binding.partition(b":")
            expected = b"p=" + kind + f",{who},".encode() + data
        salted = hashlib.pbkdf2_hmac(algorithm, password, SALT, users.iterations)
        signed = f"{bare},{first},{without}".encode()
        key = hmac.digest(salted, b"Client Key", algorithm)
        stored = hashlib.new(algorithm, key).digest()
        mask = hmac.digest(stored, signed, algorithm)
        if bound != expected or bytes(a ^ b for a, b in zip(base64.b64decode(proof), mask, strict=True)) != key:
            return False
        signature = hmac.digest(hmac.digest(salted, b"Server Key", algorithm), signed, algorithm)
        return (yield b"v=" + base64.b64encode(signature)) == b""

    return serve


def bearer(pattern: str) -> Callable[[Users], Server]:
    def serve(users: Users) -> Server:
        match = re.fullmatch(pattern, (yield b"").decode())
        if match and users.tokens.get(match["user"]) == match["token"]:
            return True
        yield b'{"status":"401","schemes":"bearer"}'
        return False

    return serve


def external(users: Users) -> Server:
    users.acting = (yield b"").decode()
    return True


SERVERS: dict[str, Callable[[Users], Server]] = {
    "PLAIN": plain,
    "LOGIN": login,
    "CRAM-MD5": cram,
    "DIGEST-MD5": digest,
    **{
        f"SCRAM-SHA-{bits}{form}": scram(name)
        for bits, name in ((1, "sha1"), (256, "sha256"), (512, "sha512"))
        for form in ("", "-PLUS")
    },
    "XOAUTH2": bearer(r"user=(?P<user>[^\x01]*)\x01auth=Bearer (?P<token>[^\x01]*)\x01\x01"),
    "OAUTHBEARER": bearer(
        r"n,a=(?P<user>[^,]*),\x01host=[^\x01]+\x01port=\d+\x01auth=Bearer (?P<token>[^\x01]*)\x01\x01"
    ),
    "EXTERNAL": external,
}


def credentials_for(mechanism: Mechanism) -> Credentials:
    """Return what alice would log in with."""
    return BEARER if mechanism.takes_token else ALICE


def meet(mechanism: Mechanism, credentials: Credentials, users: Users) -> bool:
    """Let client and server speak until the server has decided, and see that the client agrees."""
    client, server = mechanism.start(credentials), SERVERS[mechanism.name](users)
    challenge, response = next(server), next(client)
    if not mechanism.client_first:
        assert response == b""
        response = client.send(challenge)
    try:
        while True:
            response = client.send(server.send(response))
    except StopIteration as stop:
        if stop.value is not True:
            return False
    return ended(client)


def ended(client: Dialogue) -> bool:
    """Whether the client has all that it wants from the server, which says that the login is done."""
    try:
        client.send(b"")
    except StopIteration:
        return True
    except ChallengeError:
        return False
    return False
