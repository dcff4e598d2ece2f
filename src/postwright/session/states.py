"""The states of a connection, and what may happen in each: a table, with its theory.

Theory. A connection goes through a few states, and a step is allowed only where the table has a row for it. What the
table refuses is a mistake on our side, found before a byte is written. The server's mistakes are found by the reader
of replies and by the count of replies owed (``talk``).

- CLOSED: no line. The only step is to dial.
- DIALED: the line is open, and the server has not greeted. TLS may start here (implicit) or later (STARTTLS).
- GREETED: the 220 is here. Nothing but EHLO, HELO or QUIT may be said (RFC 5321 section 4.1.4).
- READY: between transactions. Everything that is not part of one may be said.
- OPEN: after MAIL, before the body. RCPT, DATA, BDAT; RSET leads back.
- BODY: DATA or BDAT was accepted, the body is going out, and its end has not been written: the mail is NOT_SENT.
- ENDED: the end of the body may have been written, and its reply is not here: the mail's fate is UNKNOWN.

STARTTLS leads from READY back to DIALED: until TLS is on, nothing may be said, not even QUIT. Then the greeting, which
is not repeated, counts again; all else that was learned in plaintext is forgotten (RFC 3207 section 4.2), and EHLO must
be said once more. Any fault of the line leads to CLOSED, from anywhere, and is no row.
"""

from __future__ import annotations

from enum import Enum

from postwright.errors import NotPossibleNow


class State(Enum):
    """Where a connection stands."""

    __hash__ = object.__hash__  # the table is asked at each step, and Enum's own goes through the name

    CLOSED = "closed"
    DIALED = "dialed"
    GREETED = "greeted"
    READY = "ready"
    OPEN = "open"
    BODY = "body"
    ENDED = "ended"


class Step(Enum):
    """What moves a connection from state to state; most are named after the command."""

    __hash__ = object.__hash__

    DIAL = "dial"
    GREETING = "greeting"
    HELLO = "hello"
    STARTTLS = "starttls"
    AUTH = "auth"
    ASK = "ask"  # VRFY, EXPN, NOOP and whatever a user sends: no transaction begins or ends
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END = "end"
    DONE = "done"
    RSET = "rset"
    QUIT = "quit"


MOVES: dict[tuple[State, Step], State] = {
    (State.CLOSED, Step.DIAL): State.DIALED,
    (State.DIALED, Step.GREETING): State.GREETED,
    (State.GREETED, Step.HELLO): State.READY,
    (State.GREETED, Step.QUIT): State.CLOSED,
    (State.READY, Step.HELLO): State.READY,
    (State.READY, Step.STARTTLS): State.DIALED,
    (State.READY, Step.AUTH): State.READY,
    (State.READY, Step.ASK): State.READY,
    (State.READY, Step.RSET): State.READY,
    (State.READY, Step.MAIL): State.OPEN,
    (State.READY, Step.QUIT): State.CLOSED,
    (State.OPEN, Step.RCPT): State.OPEN,
    (State.OPEN, Step.ASK): State.OPEN,
    (State.OPEN, Step.RSET): State.READY,
    (State.OPEN, Step.HELLO): State.READY,  # EHLO ends a transaction like RSET (RFC 5321 section 4.1.4)
    (State.OPEN, Step.DATA): State.BODY,
    (State.OPEN, Step.QUIT): State.CLOSED,
    (State.BODY, Step.RSET): State.READY,  # between BDAT chunks (RFC 3030 section 2)
    (State.BODY, Step.END): State.ENDED,
    (State.ENDED, Step.DONE): State.READY,
}


def move(state: State, step: Step) -> State:
    """Return the state after a step.

    Raises:
        NotPossibleNow: The step is not allowed in this state.
    """
    try:
        return MOVES[state, step]
    except KeyError:
        raise NotPossibleNow(f"{step.value} while {state.value}") from None
