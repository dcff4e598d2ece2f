"""Real mail servers for the tests: where they listen, and what they have received.

Owns the Python side of this folder. The shell scripts start and stop the servers; ports.txt says what each port is for.
Never knows anything about postwright: what a server received is read from the files that the server wrote.
"""

import fcntl
import os
import re
import socket
import ssl
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, ClassVar, NamedTuple, NoReturn, Self

import pytest

from tests.support.ports import held

HERE = Path(__file__).parent
STATE = Path(os.environ.get("POSTWRIGHT_INTEROP") or "/var/lib/postwright-interop")
RUN = STATE / "run"
CANNOT_RUN_HERE = 3  # the scripts' exit code for it; any other failure is a failure of the tests
PATIENCE = 10.0  # seconds to wait for something that takes a few hundredths of one

TRACE = re.compile(rb"\AReceived:[^\n]*\n(?:[ \t][^\n]*\n)*")


lacking: set[str] = set()  # what was missing so far; conftest.py shows one line for each, not one for each test


def missing(what: str) -> NoReturn:
    """Skip the test, or fail it where everything was promised to be there: the one place that decides."""
    if os.environ.get("POSTWRIGHT_REQUIRE_SERVERS") == "1":
        pytest.fail(f"{what}; POSTWRIGHT_REQUIRE_SERVERS=1 says it must be there", pytrace=False)
    lacking.add(what)
    pytest.skip(what)


def ports(server: str) -> dict[str, int]:
    """Role -> port, from ports.txt."""
    first = int(os.environ.get("POSTWRIGHT_INTEROP_PORTS") or 20000)
    rows = (line.split() for line in (HERE / "ports.txt").read_text("utf-8").splitlines())
    return {row[1]: first + int(row[2]) for row in rows if row and row[0] == server}


def has_ipv6() -> bool:
    """Whether the `plain` ports listen on ::1 too."""
    try:
        return "00000000000000000000000000000001 " in Path("/proc/net/if_inet6").read_text("ascii")
    except OSError:
        return False


def new_token() -> str:
    """Text to put into a message, to find that message again."""
    return f"token-{uuid.uuid4().hex}"


# --- starting and stopping ---------------------------------------------------------------------------------------


def start(name: str) -> None:
    """Start a server (or `ca`: make the certificates) unless it is up; skip the test if it can't run here."""
    environment = os.environ | {"POSTWRIGHT_INTEROP_OWNER": "tests"}
    result = subprocess.run(
        [HERE / "up.sh", name], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if result.returncode == CANNOT_RUN_HERE:
        missing(result.stderr.strip())
    assert result.returncode == 0, f"up.sh {name}: {result.stderr}"


@contextmanager
def running(name: str) -> Iterator[None]:
    """Have a server up for a while; stop it afterwards if tests started it and no other test run is using it."""
    start(name)  # before the lease: a server whose files here have changed is renewed only while nobody holds one
    lease = _lease(name)
    try:
        start(name)  # whoever used it last may have stopped it in between
        yield
        if lease and _is_last(lease) and (RUN / name / "owner").read_text("ascii").strip() == "tests":
            subprocess.run([HERE / "down.sh", name], stdin=subprocess.DEVNULL, capture_output=True, check=True)
    finally:
        if lease:
            lease.close()


def _lease(name: str) -> IO[str] | None:
    # Each test run holds a shared lock while it uses a server. Whoever may not write here doesn't stop servers either.
    try:
        STATE.mkdir(parents=True, exist_ok=True)
        lease = (STATE / f"{name}.lease").open("w")
    except PermissionError:
        return None
    fcntl.flock(lease, fcntl.LOCK_SH)
    return lease


def _is_last(lease: IO[str]) -> bool:
    try:
        fcntl.flock(lease, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


# --- what was received -------------------------------------------------------------------------------------------


class Captured(NamedTuple):
    """A message as it was sent (CRLF, nothing added), and its envelope."""

    raw: bytes
    sender: str
    recipients: list[str]

    @property
    def number(self) -> int:
        """What stands first in its Message-ID, where tests count their messages."""
        found = re.search(rb"^Message-ID: <(\d+)\.", self.raw, re.MULTILINE)
        assert found, "it has no number"
        return int(found[1])


class CapturedVerb(NamedTuple):
    """The same, with the verb it came by: MAIL, SEND, SOML or SAML."""

    raw: bytes
    sender: str
    recipients: list[str]
    verb: str


def unseen(folder: Path, pattern: str, seen: set[tuple[Path, int]]) -> Iterator[tuple[Path, bytes]]:
    """Yield what came into the folder, or grew, since the last time, the newest first.

    Other runs of tests use the same folders: what one of them takes away meanwhile is not for us.
    """
    found = []
    for path in folder.glob(pattern):
        with suppress(FileNotFoundError):
            found.append((path, path.stat()))
    for path, stat in sorted(found, key=lambda item: item[1].st_mtime_ns, reverse=True):
        if (path, stat.st_size) not in seen:
            seen.add((path, stat.st_size))
            with suppress(FileNotFoundError):
                yield path, path.read_bytes()


def newest(folder: Path, pattern: str, *tokens: str, timeout: float = PATIENCE) -> tuple[Path, bytes]:
    """The newest file in the folder that contains all the tokens, waited for."""
    deadline = time.monotonic() + timeout
    seen: set[tuple[Path, int]] = set()
    while True:
        for path, data in unseen(folder, pattern, seen):
            if all(token.encode() in data for token in tokens):
                return path, data
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing in {folder} contains {' and '.join(tokens)} after {timeout} seconds")
        time.sleep(0.02)


def with_crlf(data: bytes) -> bytes:
    """Undo what Unix servers do to line ends; a CR that is alone stays so."""
    return data.replace(b"\n", b"\r\n")


def lines_of(path: Path) -> list[str]:
    return path.read_text("utf-8", "surrogateescape").splitlines()


# --- the servers -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Authority:
    """The certificates that ca/make-ca.sh makes: NAME.key, NAME.crt and NAME.chain, and clients' in many shapes."""

    folder: Path
    password: str = "testpass"

    @property
    def root(self) -> Path:
        """The trust anchor."""
        return self.folder / "root.pem"

    @property
    def root_with_crls(self) -> Path:
        """The trust anchor with both revocation lists."""
        return self.folder / "root+crl.pem"

    def path(self, file: str) -> Path:
        """Any file of the set, like client.pfx."""
        path = self.folder / file
        assert path.exists(), f"make-ca.sh makes no {file}"
        return path

    def context(self) -> ssl.SSLContext:
        """The standard library's TLS client, trusting this authority alone."""
        context = ssl.create_default_context(cafile=self.root)
        context.hostname_checks_common_name = False
        return context


@dataclass(frozen=True, kw_only=True)
class Server:
    """What all have: a host, certificates for it (also for `localhost`), and a port without surprises."""

    name: ClassVar[str]
    host: ClassVar[str] = "127.0.0.1"
    host6: ClassVar[str] = "::1"
    ca: Authority
    plain: int

    @property
    def folder(self) -> Path:
        """What the server writes: logs, mail, captures."""
        return RUN / self.name


@dataclass(frozen=True, kw_only=True)
class CapturingServer(Server):
    """*@capture.test for the exact bytes."""

    def newest_capture(self, token: str, *, timeout: float = PATIENCE) -> Captured:
        """What reached *@capture.test and contains the token."""
        return self._captured(*newest(self.folder / "capture", "*.eml", token, timeout=timeout))

    def captures(self, token: str, count: int, *, take: bool = False) -> list[Captured]:
        """All that reached *@capture.test and contains the token, once there are so many, or for long no more came.

        Args:
            token: What they contain.
            count: How many are waited for.
            take: Whether they go away, so that others have less to look through.
        """
        found: list[Captured] = []
        seen: set[tuple[Path, int]] = set()
        deadline = time.monotonic() + 3 * PATIENCE
        while len(found) < count and time.monotonic() < deadline:
            for path, data in unseen(self.folder / "capture", "*.eml", seen):
                if token.encode() in data:
                    found.append(self._captured(path, data))
                    deadline = time.monotonic() + 3 * PATIENCE
                    if take:
                        path.unlink()
                        path.with_suffix(".env").unlink()
            time.sleep(0.05)
        return found

    @staticmethod
    def _captured(path: Path, data: bytes) -> Captured:
        sender, *recipients = lines_of(path.with_suffix(".env"))
        return Captured(with_crlf(TRACE.sub(b"", data, count=1)), sender, recipients)

    def newest_trace(self, token: str, *, timeout: float = PATIENCE) -> str:
        """The Received header that the server put before it: the client's name, TLS and authentication."""
        _, data = newest(self.folder / "capture", "*.eml", token, timeout=timeout)
        trace = TRACE.match(data)
        assert trace, f"{self.name} wrote no Received header"
        return trace[0].decode("utf-8", "surrogateescape")


@dataclass(frozen=True, kw_only=True)
class MailServer(CapturingServer):
    """Postfix, Exim and Sendmail: mailboxes for users too."""

    implicit: int

    def mailbox(self, user: str, *tokens: str, timeout: float = PATIENCE) -> bytes:
        """The newest message in a user's mailbox (`bob`, `jürgen@bücher.example`) that contains the tokens, with all
        the headers that delivery added. Two tokens tell a delivery report from the message it is about.
        """
        local, _, domain = user.partition("@")
        folder = self.folder / "mail" / (domain or "example.test") / local / "new"
        try:
            return with_crlf(newest(folder, "*", *tokens, timeout=timeout)[1])
        except PermissionError:
            missing(f"the mailboxes of {self.name} can be read by root only")


@dataclass(frozen=True, kw_only=True)
class Postfix(MailServer):
    """Postfix with OpenSSL; `certificates` are the ports that show a particular certificate, by its name."""

    name = "postfix"
    small: int
    bare: int
    submission: int
    dovecot_sasl: int
    gssapi: int
    ask_certificate: int
    require_certificate: int
    tls12: int
    tls10: int
    error_limit: int
    hasty: int
    refusing: int
    three_recipients: int
    two_connections: int
    few_messages: int
    certificates: Mapping[str, int]

    @classmethod
    def described(cls, ca: Authority) -> Self:
        return cls(ca=ca, certificates=ports("certificate"), **ports(cls.name))


@dataclass(frozen=True, kw_only=True)
class Exim(MailServer):
    """Exim with GnuTLS; `certificates` are the ports that show a particular certificate, by its name."""

    name = "exim"
    small: int
    bare: int
    two_connections: int
    dovecot_sasl: int
    certificates: Mapping[str, int]

    @classmethod
    def described(cls, ca: Authority) -> Self:
        return cls(ca=ca, certificates=ports("exim_certificate"), **ports(cls.name))


@dataclass(frozen=True, kw_only=True)
class Sendmail(MailServer):
    """Sendmail with OpenSSL and Cyrus SASL."""

    name = "sendmail"
    open: int

    @classmethod
    def described(cls, ca: Authority) -> Self:
        return cls(ca=ca, **ports(cls.name))


@dataclass(frozen=True, kw_only=True)
class OpenSMTPD(CapturingServer):
    """OpenSMTPD: neither PIPELINING, CHUNKING, SMTPUTF8 nor TLS. It knows *@capture.test alone."""

    name = "opensmtpd"

    @classmethod
    def described(cls, ca: Authority) -> Self:
        return cls(ca=ca, **ports(cls.name))


@dataclass(frozen=True, kw_only=True)
class OldVerbs(Server):
    """The verbs of RFC 821. No TLS."""

    name = "oldverbs"

    @classmethod
    def described(cls, ca: Authority) -> Self:
        return cls(ca=ca, **ports(cls.name))

    def newest_capture(self, token: str, *, timeout: float = PATIENCE) -> CapturedVerb:
        """What reached anybody here and contains the token."""
        path, data = newest(self.folder / "capture", "*.eml", token, timeout=timeout)
        sender, *recipients, verb = lines_of(path.with_suffix(".env"))
        return CapturedVerb(data, sender, recipients, verb)


@dataclass(frozen=True, kw_only=True)
class Sink(Server):
    """Postfix's smtp-sink: takes everything, for load and for failures on demand. No TLS."""

    name = "sink"
    discard: int
    helo: int
    lmtp: int

    @classmethod
    def described(cls, ca: Authority) -> Self:
        return cls(ca=ca, **ports(cls.name))

    def newest_capture(self, token: str, *, timeout: float = PATIENCE) -> Captured:
        """What reached the `plain` port and contains the token."""
        head, raw = self._newest(token, timeout)
        addresses = [re.sub(r"^<(.*?)>.*$", r"\1", argument) for argument in _arguments(head)]
        return Captured(raw, addresses[0], addresses[1:])

    def newest_arguments(self, token: str, *, timeout: float = PATIENCE) -> list[str]:
        """What followed MAIL FROM: and then each RCPT TO: in that message's commands, parameters and all."""
        head, _ = self._newest(token, timeout)
        return _arguments(head)

    def _newest(self, token: str, timeout: float) -> tuple[str, bytes]:
        # smtp-sink begins the file with headers X-... of its own, then a Received header, then the message, then an empty line.
        _, data = newest(self.folder / "capture", "message.*", token, timeout=timeout)
        head, mark, rest = data.partition(b"\nReceived:")
        return head.decode("utf-8", "surrogateescape"), with_crlf(
            TRACE.sub(b"", (mark + rest)[1:], count=1).removesuffix(b"\n")
        )

    @contextmanager
    def failing(self, *options: str) -> Iterator[int]:
        """The port of one more smtp-sink with options of its own: `-r rcpt` 4xx, `-f data` 5xx, `-Q mail` 421 and the
        line closed, `-q .` the line closed, `-w 2` slow. Its manual page has them all.
        """
        postfix = STATE / "prefix" / "postfix" / "usr"
        user = ["-u", "postwright-mail"] if os.geteuid() == 0 else []
        environment = os.environ | {"LD_LIBRARY_PATH": str(postfix / "lib" / "postfix")}
        with held(self.host) as port:
            command = [str(postfix / "sbin" / "smtp-sink"), *user, *options, f"{self.host}:{port}", "64"]
            with subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL) as process:
                try:
                    _wait_for_listener(self.host, port, process)
                    yield port
                finally:
                    process.kill()


# --- proxies -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Dovecot(Server):
    """Dovecot's submission service, with every mechanism that it has; a login is all that matters here."""

    name = "dovecot"
    implicit: int

    @classmethod
    def described(cls, ca: Authority) -> Self:
        return cls(ca=ca, **ports(cls.name))

    @property
    def issuer_key(self) -> Path:
        """The key with which the issuer of tokens signs."""
        return self.folder / "issuer.key"


@dataclass(frozen=True, kw_only=True)
class Kdc:
    """MIT Kerberos: the realm EXAMPLE.TEST, with alice/alicepw, bob/bobpw and smtp/localhost."""

    name: ClassVar[str] = "krb5"
    kdc: int

    @classmethod
    def described(cls) -> Self:
        return cls(**ports(cls.name))

    @property
    def configuration(self) -> Path:
        """What KRB5_CONFIG must name."""
        return RUN / self.name / "krb5.conf"

    @property
    def keytab(self) -> Path:
        """Alice's keys."""
        return RUN / self.name / "alice.keytab"

    def get_ticket(self, user: str, password: str, cache: Path) -> None:
        """Have kinit put a ticket into a cache."""
        kinit = STATE / "prefix" / "krb5" / "usr" / "bin" / "kinit"
        environment = os.environ | {"KRB5_CONFIG": str(self.configuration)}
        command = [str(kinit), "-c", f"FILE:{cache}", user]
        subprocess.run(command, env=environment, input=password + "\n", text=True, capture_output=True, check=True)


FORBIDDEN_PORT = 4  # Dante and Squid lead to any port of this machine but to this one


@dataclass(frozen=True, kw_only=True)
class Proxy:
    """What all proxies have: a port for everybody, and one that wants `user` and `secret`."""

    name: ClassVar[str]
    host: ClassVar[str] = "127.0.0.1"
    user: ClassVar[str] = "proxyuser"
    secret: ClassVar[str] = "proxypw"
    open: int
    password: int

    @classmethod
    def described(cls) -> Self:
        return cls(**ports(cls.name))


class Dante(Proxy):
    """SOCKS4 and SOCKS5, with the rules of its configuration."""

    name = "dante"
    host6: ClassVar[str] = "::1"


class Microsocks(Proxy):
    """SOCKS5, small and without rules."""

    name = "microsocks"


class Squid(Proxy):
    """HTTP CONNECT, HTTP/1.1, with the rules of its configuration."""

    name = "squid"


class Tinyproxy(Proxy):
    """HTTP CONNECT, HTTP/1.0, without rules."""

    name = "tinyproxy"


def _arguments(head: str) -> list[str]:
    return re.findall(r"^X-(?:Mail|Rcpt)-Args: (.*)$", head, re.MULTILINE)


def _wait_for_listener(host: str, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            socket.create_connection((host, port)).close()
        except ConnectionRefusedError:
            assert process.poll() is None, f"{process.args!r} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{process.args!r} does not listen"
            time.sleep(0.02)
        else:
            return
