"""A process that queues and processes, and can be made to die or to meet a fault before any call to the system.

Started as a program, it reads jobs (JSON, one a line) and forks a child for each: so a child costs a few milliseconds.
With ``--once JOB`` it does one job itself; that is what strace looks at.
"""

from __future__ import annotations

import errno
import fcntl
import functools
import json
import os
import signal
import socket
import sys
import time
from typing import Any

SPOOL_CALLS = (
    "open", "write", "pwrite", "pread", "fsync", "rename", "unlink", "stat", "fstat", "ftruncate", "fchmod", "scandir",
    "close",
)  # fmt: skip
SOCKET_CALLS = ("send", "sendmsg", "recv", "connect_ex", "close")


class Fates:
    """Counts calls; at one of them something happens in its place."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.count = 0
        self.job = job
        self.active = False
        self.names: list[str] = []

    def wrap(self, function: Any, name: str) -> Any:
        @functools.wraps(function)
        def wrapped(*args: Any, **keywords: Any) -> Any:
            if not self.active:
                return function(*args, **keywords)
            self.count += 1
            self.names.append(name)
            if self.count == self.job.get("kill"):
                os.kill(os.getpid(), signal.SIGKILL)
            if self.count == self.job.get("at"):
                if self.job["fault"] == "SHORT":
                    if name in {"write", "pwrite"} and len(args[1]) > 1:
                        return function(args[0], args[1][: len(args[1]) // 2], *args[2:])
                elif not name.startswith("socket.") and name not in {"close", "scandir"}:
                    number = getattr(errno, self.job["fault"])
                    raise OSError(number, os.strerror(number))
            if name == "fsync" and self.job.get("skip") == self.names.count("fsync"):
                return None
            if name == "flock" and self.job.get("no_lock"):
                return None
            return function(*args, **keywords)

        return wrapped

    def install(self) -> None:
        for name in SPOOL_CALLS:
            setattr(os, name, self.wrap(getattr(os, name), name))
        fcntl.flock = self.wrap(fcntl.flock, "flock")
        for name in SOCKET_CALLS:
            setattr(socket.socket, name, self.wrap(getattr(socket.socket, name), f"socket.{name}"))


def message(number: int | str, subject: str = "one", size: int = 300) -> bytes:
    """A message whose octets are known from its number."""
    text = f"line of {number}\r\n.dot\r\n" * (size // 20 + 1)
    return (
        f"From: a@example.org\r\nTo: b@example.org\r\nSubject: {subject}\r\n"
        f"Message-ID: <{number}@example.org>\r\n\r\n{text}"
    ).encode()


_write, _access = os.write, os.access
_listeners: list[int] = []


def note(text: str) -> None:
    """Say at once where the work stands: to the parent, and in a way that strace shows."""
    _access(f"/note/{text}", os.F_OK)
    for fd in _listeners:
        _write(fd, f"{text}\n".encode())


def settled(entry: Any, _: int) -> None:
    """Say that a message's fate was told."""
    note(f"settled/{entry.name}")


def decide(directory: str) -> None:
    """Send the first file again, and remove the second."""
    from postwright.spool import care

    first, second = sorted(os.listdir(directory))
    care.requeue(directory, first, time.time())
    note(f"settled/{first}")
    care.remove(directory, second)
    note(f"settled/{second}")


def work(job: dict[str, Any], fates: Fates) -> dict[str, Any]:
    """Queue, then process, as the job says; tell what came out of it."""
    from postwright import SMTP, SMTPError
    from postwright.errors import QueueIncomplete
    from postwright.spool import spares

    if job.get("spares"):
        spares.FEW = 0  # else a few messages would leave none
    answer: dict[str, Any] = {"queued": [], "refused": [], "report": None, "error": ""}
    client = SMTP(mail_server="127.0.0.1", mail_port=job.get("port", 25), ssl_start_mode=3, timeout=20)
    client.settings.hello = "client.example.org"
    client.settings.keep_queue = bool(job.get("keep"))
    client.settings.use_chunking = bool(job.get("chunking"))
    client.settings.queue_connections = job.get("connections", 1)
    fates.active = True
    try:
        if job.get("batch"):
            rows = job.pop("messages")
            names = client.queue_many(job["dir"], [message(*row) for row in rows])
            for row, name in zip(rows, names, strict=True):
                if isinstance(name, str):
                    note(f"queued/{row[0]}/{name}")
                    answer["queued"].append([row[0], name])
                else:
                    answer["refused"].append([row[0], str(name)])
        put_all(client, job["dir"], job.get("messages", ()), answer)
        if job.get("care"):
            decide(job["dir"])
        for _ in range(int(job.get("process", 0))):
            try:
                report = client.process_queue(job["dir"], retry=bool(job.get("retry")), progress=settled)
            except QueueIncomplete as error:
                report = error.report
                answer["error"] = str(error)
            note("processed")
            answer["report"] = [[entry.name, entry.state, entry.outcome.value] for entry in report.entries]
        put_all(client, job["dir"], job.get("later", ()), answer)
    except SMTPError as error:
        answer["error"] = str(error)
    fates.active = False
    answer["calls"] = fates.names
    return answer


def put_all(client: Any, directory: str, messages: Any, answer: dict[str, Any]) -> None:
    """Queue messages one by one, and note what became of each."""
    from postwright import SMTPError

    for number, subject, size in messages:
        try:
            name = put(client, directory, number, subject, size)
        except SMTPError as error:
            answer["refused"].append([number, str(error)])
            continue
        note(f"queued/{number}/{name}")
        answer["queued"].append([number, name])


def put(client: Any, directory: str, number: int, subject: str, size: int) -> str:
    """Queue a message: finished, composed, or as a stream where it is large."""
    import io

    raw = message(number, subject, size)
    large = size >= 100_000
    if not large and number % 2 == 0:
        (name,) = client.queue_many(directory, [raw])
        if not isinstance(name, str):
            raise name
        return name
    head, _, body = raw.partition(b"\r\n\r\n")
    client.from_, client.send_to = "a@example.org", "b@example.org"
    client.other_headers = "\r\n" + head.decode()
    client.message = body
    client.set_message_stream(io.BytesIO(body) if large else None)
    found: str = client.queue(directory)
    return found


def serve() -> None:
    """Do job after job, each in a child of its own; many at once where a job says so."""
    from postwright import SMTP  # noqa: F401 - loaded once, for all children
    from postwright.component import enqueueing, queueing  # noqa: F401

    for line in sys.stdin:
        jobs = json.loads(line)
        pipes = [start(job) for job in jobs]
        print(json.dumps([finish(*pipe) for pipe in pipes]), flush=True)


def start(job: dict[str, Any]) -> tuple[int, int]:
    here, there = os.pipe()
    child = os.fork()
    if child:
        os.close(there)
        return child, here
    try:
        os.close(here)
        _listeners.append(there)
        fates = Fates(job)
        fates.install()
        note(json.dumps(work(job, fates)))
        os._exit(0)
    except BaseException as error:
        os.write(2, f"{error!r}\n".encode())
        os._exit(3)


def finish(child: int, pipe: int) -> dict[str, Any]:
    parts = []
    while part := os.read(pipe, 65536):
        parts.append(part)
    os.close(pipe)
    _, status = os.waitpid(child, 0)
    lines = b"".join(parts).decode().splitlines()
    queued = [line.split("/")[1:] for line in lines if line.startswith("queued/")]
    answer: dict[str, Any] = {"queued": queued, "report": None, "error": "died"}
    if lines and lines[-1].startswith("{"):
        answer = json.loads(lines[-1])
    return {**answer, "status": status}


if __name__ == "__main__":
    if sys.argv[1:2] == ["--once"]:
        once = json.loads(sys.argv[2])
        made = Fates(once)
        if set(once) & {"kill", "at", "skip", "no_lock"}:
            made.install()
        note("begin")
        print(json.dumps(work(once, made)))
    else:
        serve()
