"""A mail server for tests of the program: it remembers everything, and answers what a test wants."""

import base64
import contextlib
import socket
import ssl
import threading
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import BinaryIO

HANG = "hang"
DROP = "drop"


@dataclass
class Mail:
    sender: str
    recipients: list[str]
    content: bytes
    encrypted: bool

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.content.replace(b"\r\n", b"\n"), policy=policy.default)


@dataclass
class Server:
    """Say in ``replies`` what to answer to commands that begin with a word; HANG and DROP are answers too.

    The answer to the end of the mail is that to ".".
    """

    context: ssl.SSLContext | None = None
    implicit: bool = False
    extensions: tuple[str, ...] = ("SIZE 20000000", "8BITMIME", "SMTPUTF8")
    replies: dict[str, str] = field(default_factory=dict)
    users: dict[str, str] = field(default_factory=dict)
    commands: list[str] = field(default_factory=list)
    mails: list[Mail] = field(default_factory=list)
    connections: int = 0
    peers: list[tuple[str, int]] = field(default_factory=list)
    shown: list[bytes | None] = field(default_factory=list)
    """The certificate that each client showed, as DER."""
    answers: list[str] = field(default_factory=list)
    """What clients said to mechanisms other than PLAIN and LOGIN."""

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._released = threading.Event()
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self.reached = threading.Event()
        """Set when the server begins to hang."""
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def said(self, verb: str) -> list[str]:
        return [command for command in self.commands if command.upper().startswith(verb)]

    def close(self) -> None:
        self._released.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(5)
            assert not thread.is_alive()

    def _listen(self) -> None:
        while True:
            try:
                sock, peer = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            self.peers.append(peer)
            thread = threading.Thread(target=self._serve, args=(sock,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, sock: socket.socket) -> None:
        sock.settimeout(20)
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(sock.close)
            if self.implicit and self.context:
                sock = self.context.wrap_socket(sock, server_side=True)
                stack.callback(sock.close)
            line = _Line(self, sock)
            while line.one():
                if line.upgrade and self.context:
                    line.file.close()
                    sock = self.context.wrap_socket(sock, server_side=True)
                    stack.callback(sock.close)
                    line = _Line(self, sock, greet=False)
            line.file.close()

    def hang(self) -> None:
        self.reached.set()
        self._released.wait(20)


class _Line:
    def __init__(self, server: Server, sock: socket.socket, *, greet: bool = True) -> None:
        self.server = server
        self.sock = sock
        self.file: BinaryIO = sock.makefile("rb")
        self.upgrade = False
        self.secure = isinstance(sock, ssl.SSLSocket)
        if isinstance(sock, ssl.SSLSocket):
            server.shown.append(sock.getpeercert(binary_form=True))
        self.sender = ""
        self.recipients: list[str] = []
        self.body = bytearray()
        self.open = not greet or self.say("greeting", "220 test ESMTP")

    def say(self, command: str, usual: str) -> bool:
        """Answer; False when that was the end."""
        reply = next(
            (r for start, r in self.server.replies.items() if command.upper().startswith(start.upper())), usual
        )
        if reply == HANG:
            self.server.hang()
            return False
        if reply == DROP:
            return False
        self.sock.sendall(reply.encode() + b"\r\n")
        self.accepted = reply[0] in "23"
        return not reply.startswith("421")

    def one(self) -> bool:
        """Take one command; False when that was the last."""
        raw = self.file.readline() if self.open else b""
        if not raw:
            return False
        command = raw.decode("utf-8", "replace").rstrip("\r\n")
        self.server.commands.append(command)
        verb = command.split(" ")[0].split(":")[0].upper()
        handler = getattr(self, f"_{verb.lower()}", None)
        if handler is not None:
            return bool(handler(command))
        return self.say(command, "250 2.0.0 Ok")

    def _ehlo(self, command: str) -> bool:
        offers = list(self.server.extensions)
        if self.server.context and not self.secure:
            offers.append("STARTTLS")
        if self.server.users and (self.secure or not self.server.context):
            offers.append("AUTH PLAIN LOGIN")
        lines = ["test", *offers]
        marks = ["-"] * (len(lines) - 1) + [" "]
        return self.say(command, "\r\n".join(f"250{mark}{text}" for mark, text in zip(marks, lines, strict=True)))

    def _starttls(self, command: str) -> bool:
        self.upgrade = self.say(command, "220 2.0.0 Go ahead") and self.accepted
        return True

    def _auth(self, command: str) -> bool:
        words = command.split(" ")
        if words[1] in {"XOAUTH2", "OAUTHBEARER", "EXTERNAL"}:
            self.server.answers.append(base64.b64decode(words[2].replace("=", "", words[2] == "=")).decode())
            return self.say(command, "235 2.7.0 Welcome")
        if words[1] == "PLAIN":
            _, user, password = base64.b64decode(words[2]).decode().split("\0")
        else:
            answers = []
            for question in (b"Username:", b"Password:"):
                self.sock.sendall(b"334 " + base64.b64encode(question) + b"\r\n")
                answers.append(base64.b64decode(self.file.readline()).decode())
            user, password = answers
        good = self.server.users.get(user) == password
        return self.say(command, "235 2.7.0 Welcome" if good else "535 5.7.8 Bad credentials")

    def _mail(self, command: str) -> bool:
        self.sender, self.recipients, self.body = command, [], bytearray()
        return self.say(command, "250 2.1.0 Ok")

    def _rcpt(self, command: str) -> bool:
        alive = self.say(command, "250 2.1.5 Ok")
        if alive and self.accepted:
            self.recipients.append(command)
        return alive

    def _data(self, command: str) -> bool:
        if not self.say(command, "354 Go on") or not self.accepted:
            return self.accepted
        while (raw := self.file.readline()) not in {b".\r\n", b""}:
            self.body += raw.removeprefix(b".")
        return bool(raw) and self._end()

    def _bdat(self, command: str) -> bool:
        words = command.split(" ")
        self.body += self.file.read(int(words[1]))
        return self._end() if words[-1] == "LAST" else self.say("chunk", "250 2.0.0 Ok")

    def _end(self) -> bool:
        alive = self.say(".", "250 2.0.0 Ok: queued as TEST0001")
        if alive and self.accepted:
            self.server.mails.append(Mail(self.sender, self.recipients, bytes(self.body), self.secure))
        return alive

    def _quit(self, command: str) -> bool:
        self.say(command, "221 2.0.0 Bye")
        return False
