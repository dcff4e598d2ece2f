"""Parts of transcripts that many of them begin with."""

from __future__ import annotations

MAIL = """
    C: MAIL FROM:<a@example.org>
    S: 250 ok
    C: RCPT TO:<b@example.net>
    S: 250 ok
"""
"""One sender and one recipient, with a server that offers nothing."""

DATA = """
    C: DATA
    S: 354 go on
    C: <body>
"""

TAKEN = """
    S: 250 taken
    C: QUIT
    S: 221 bye
    S: <close>
"""


def hello(*extensions: str) -> str:
    """A greeting, and an EHLO whose answer offers these extensions."""
    lines = ["mx.example", *extensions]
    answers = (f"S: 250{'-' if i < len(lines) - 1 else ' '}{line}" for i, line in enumerate(lines))
    return "\n".join(["", "S: 220 mx.example", "C: EHLO client.example", *answers, ""])
