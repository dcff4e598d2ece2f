"""The table: what is measured, against what, and what is owed (must) and aimed at (ambition)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Goal:
    """One figure of a row.

    Args:
        row: Its number.
        key: Its name inside the row.
        work: What is done.
        over: What it is compared with.
        must: What is owed; None where nothing is.
        ambition: What is aimed at.
        unit: "x" for a ratio; anything else is an amount, of which less is better unless ``more`` says so.
        less: Whether less is better.
    """

    row: int
    key: str
    work: str
    over: str
    must: float | None
    ambition: float
    unit: str = "x"
    less: bool = False


def _trip(row: int, key: str, work: str, must: float | None, ambition: float) -> Goal:
    return Goal(row, key, work, "the least possible", must, ambition, "round trips", less=True)


GOALS = (
    Goal(1, "batch", "finished messages of 1 KiB, one connection, PIPELINING", "smtp-source", 2.5, 3.7),
    Goal(2, "batch", "finished messages of 1 KiB, one connection, CHUNKING", "smtp-source", 15, 40),
    Goal(3, "smtp-source", "finished messages, 50 connections, asyncio", "smtp-source", 1.5, 2.4),
    Goal(3, "aiosmtplib", "finished messages, 50 connections, asyncio", "aiosmtplib", 7, 12),
    Goal(3, "Nodemailer", "finished messages, 50 connections, asyncio", "Nodemailer", 9, 15),
    Goal(4, "pipelining", "two processes with 25 connections each, PIPELINING", "smtp-source, 50 connections", 2, 3),
    Goal(4, "chunking", "two processes with 25 connections each, CHUNKING", "smtp-source, 50 connections", 8, 15),
    Goal(5, "text", "composing a text", "EmailMessage", 40, 130),
    Goal(5, "html", "composing text and HTML", "EmailMessage", 30, 80),
    Goal(5, "attachment", "composing with an attachment of 1 MiB", "EmailMessage", 8, 15),
    Goal(6, "smtplib", "composing and sending, one connection, PIPELINING", "smtplib", 8, 15),
    Goal(6, "Nodemailer", "composing and sending, one connection, PIPELINING", "Nodemailer", 4.5, 9),
    Goal(7, "base64", "DATA from a file, base64", "curl", 1.0, 1.2),
    Goal(7, "text", "DATA from a file, text", "curl", 0.65, 1.0),
    Goal(8, "base64", "BDAT from a file, base64", "curl", 2.5, 4),
    Goal(9, "chunking", "BDAT from a file through TLS", "curl", 1.8, 2.9),
    Goal(9, "data", "DATA from a file through TLS", "curl", 1.0, 1.5),
    Goal(10, "growth", "growth of the process while a large body goes out", "nothing", 8, 1, "MB", less=True),
    _trip(11, "plain", "one message, plaintext, BDAT", 4, 4),
    _trip(11, "implicit", "one message, implicit TLS, BDAT", 5, 5),
    _trip(11, "starttls", "one message, STARTTLS, BDAT", 7, 7),
    _trip(11, "plain data", "one message, plaintext, DATA", 5, 5),
    _trip(11, "implicit data", "one message, implicit TLS, DATA", 6, 6),
    _trip(11, "starttls data", "one message, STARTTLS, DATA", 8, 8),
    _trip(11, "kept", "one message on a connection that was kept, BDAT", None, 1),
    _trip(12, "data", "100 messages, DATA", 105, 104),
    _trip(12, "chunking", "100 messages, BDAT", 12, 7),
    Goal(13, "connections", "connections with verified TLS", "smtplib, a new default context each time", 15, 20),
    Goal(14, "import", "the time of the import", "import smtplib", 1.0, 0.7, less=True),
    *(
        Goal(15, f"{key} {state}", f"durable {work}, {where}", "a bare write, fsync, rename, fsync", must, aim)
        for state, where in (("used", "in a queue that is worked off"), ("new", "in a new directory"))
        for key, work, must, aim in (("one", "queue()", 0.9, 1.5), ("batch", "queue_many() of 128", 3, 10))
    ),
    Goal(
        16, "cost", "the component's cost over the bare session, a message", "the bare session", 15, 5, "us", less=True
    ),
    *(
        Goal(17, f"{name} {size}", f"processor time of TLS writes of {size} KiB, {name}", "a plain SSLSocket", 0.9, 1.0)
        for size in (16, 32, 64, 256)
        for name in ("PLATFORM", "INTERNAL")
    ),
)


def goals_of(row: int) -> tuple[Goal, ...]:
    """Return the figures of a row."""
    return tuple(goal for goal in GOALS if goal.row == row)


ROWS = tuple(sorted({goal.row for goal in GOALS}))


@dataclass(frozen=True)
class Figure:
    """What was measured.

    Args:
        goal: What for.
        values: One value for each turn.
        reason: Why there are none.
    """

    goal: Goal
    values: tuple[float, ...] = ()
    reason: str = ""

    @property
    def middle(self) -> float:
        """The median; of round trips the least, as what disturbs a run can only add to them."""
        if self.goal.unit == "round trips":
            return min(self.values)
        ordered = sorted(self.values)
        half = len(ordered) // 2
        return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2

    @property
    def shown(self) -> str:
        """The figure as it is shown, and judged."""
        if not self.values:
            return "-"
        return f"{self.middle:.0f}" if self.goal.unit == "round trips" else f"{self.middle:.3g}"

    @property
    def spread(self) -> str:
        """The least and the most."""
        return f"{min(self.values):.3g} to {max(self.values):.3g}" if self.values else "-"

    @property
    def verdict(self) -> str:
        """How it stands beside its goals."""
        if not self.values:
            return "not yet" if self.reason.startswith("not yet") or ": not yet" in self.reason else "not measured"
        value = float(self.shown)
        for name, wanted in (("ambition", self.goal.ambition), ("must", self.goal.must)):
            if wanted is not None and (value <= wanted if self.goal.less else value >= wanted):
                return name
        return "short" if self.goal.must is not None else "short of the ambition"
