"""Errors carry their number, say what became of the mail, travel between processes, and are builtins where one fits."""

from __future__ import annotations

import copy
import errno
import inspect
import pickle
import subprocess
import sys

import pytest

from postwright import errors
from postwright.enums import Outcome, RecipientType
from postwright.errors import NetworkError, SMTPError
from postwright.errors.base import REGISTER
from postwright.errors.system import ROWS, code_for
from postwright.words import RecipientResult, Reply, SendResult

CLASSES = sorted(
    (
        c
        for c in vars(errors).values()
        if inspect.isclass(c)
        and issubclass(c, SMTPError)
        and c not in {errors.QueueIncomplete, errors.PartlyRefused}  # they need a report, a result
    ),
    key=lambda c: c.__name__,
)
REPLY = Reply(550, ("5.1.1 nobody\udcff",))
RESULTS = (RecipientResult("a@b.example", RecipientType.BCC, accepted=False, reply=REPLY),)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("travel", [lambda e: pickle.loads(pickle.dumps(e)), copy.copy, copy.deepcopy])
def test_an_error_travels_with_all_that_it_carries(kind: type[SMTPError], travel: object) -> None:
    error = kind("what happened", reply=REPLY, outcome=Outcome.UNKNOWN, recipients=RESULTS)
    assert callable(travel)
    again = travel(error)
    assert type(again) is kind
    assert str(again) == str(error)
    assert (again.reply, again.outcome, again.recipients) == (REPLY, Outcome.UNKNOWN, RESULTS)
    assert again.code == error.code
    assert again.is_transient == error.is_transient


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_has_words_and_they_have_its_number(kind: type[SMTPError]) -> None:
    assert kind.summary or kind is SMTPError
    error = kind("this and that")
    assert str(error).startswith(f"[{error.code}] ")
    assert "this and that" in str(error)
    assert error.message in str(error)
    assert error.outcome is Outcome.NOT_SENT
    assert error.recipients == ()


@pytest.mark.parametrize("kind", CLASSES)
def test_only_an_unknown_fate_warns_of_a_second_mail(kind: type[SMTPError]) -> None:
    assert "twice" not in str(kind())
    assert "twice" in str(kind(outcome=Outcome.UNKNOWN))
    assert "was taken" in str(kind(outcome=Outcome.SENT))


@pytest.mark.parametrize("code", sorted(REGISTER))
def test_every_number_has_a_class(code: int) -> None:
    for kind in REGISTER[code]:
        error = NetworkError(code=code) if kind is NetworkError else kind()
        assert error.code == code


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        (errors.ConnectionDropped, ConnectionError),
        (errors.CommunicationError, ConnectionError),
        (errors.MalformedReply, ConnectionError),
        (errors.ServiceClosing, ConnectionError),
        (errors.NetworkError, ConnectionError),
        (errors.HandshakeFailed, ConnectionError),
        (errors.CertificateRejected, ConnectionError),
        (errors.InactivityTimeout, TimeoutError),
        (errors.OperationTimeout, TimeoutError),
        (errors.AttachedFileUnreadable, OSError),
        (errors.FileUnreadable, OSError),
        (errors.InvalidValue, ValueError),
        (errors.InvalidAddress, ValueError),
        (errors.TextNotEncodable, ValueError),
        (errors.UnknownSetting, KeyError),
        (errors.ReadOnly, AttributeError),
        (errors.SecurityLibraryMissing, ImportError),
    ],
)
def test_builtins_catch_what_they_are_for(kind: type[SMTPError], builtin: type[Exception]) -> None:
    with pytest.raises(builtin) as caught:
        raise kind("why")
    assert str(caught.value) == str(kind("why"))
    assert str(caught.value).startswith("[")


def test_numbers_that_mean_two_things_have_two_classes() -> None:
    assert set(REGISTER[301]) == {errors.OperationTimeout, errors.Interrupted}
    assert set(REGISTER[302]) == {errors.AttachedFileUnreadable, errors.FileUnreadable}


@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (errors.Refused(reply=Reply(450, ("later",))), True),
        (errors.Refused(reply=Reply(550, ("never",))), False),
        (errors.Refused(), False),
        (errors.ServiceClosing(reply=Reply(421, ("off",))), True),
        (errors.ConnectionDropped(), True),
        (errors.InactivityTimeout(), True),
        (errors.MailServerMissing(), False),
        (errors.CertificateRejected(), False),
        (NetworkError(code=10061), True),
        (NetworkError(code=11001), False),
        (NetworkError(code=11002), True),
    ],
    ids=repr,
)
def test_it_is_known_whether_trying_again_may_help(error: SMTPError, transient: bool) -> None:
    assert error.is_transient == transient


@pytest.mark.parametrize("code", sorted(ROWS))
def test_every_row_of_the_network_table_is_an_error_of_its_own_number(code: int) -> None:
    error = pickle.loads(pickle.dumps(NetworkError("why", code=code)))
    assert error.code == code
    assert str(error) == f"[{code}] {ROWS[code][0]}: why"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.ECONNREFUSED, 10061),
        (errno.ECONNRESET, 10054),
        (errno.EPIPE, 10053),
        (errno.ETIMEDOUT, 10060),
        (9999, 10091),
    ],
)
def test_what_the_system_says_has_a_number(number: int, code: int) -> None:
    assert code_for(OSError(number, "why")) == code


def test_what_the_resolver_says_has_a_number() -> None:
    names = {-2: "EAI_NONAME", -3: "EAI_AGAIN", -4: "EAI_FAIL", -5: "EAI_NODATA"}
    assert [code_for(OSError(n, "why"), names) for n in (-2, -3, -4, -5, -99)] == [11001, 11002, 11003, 11004, 11003]


TAKEN = Reply(250, ("2.0.0 queued as 4XJ2kP5fZ1z9sT",))
LATER = Reply(452, ("4.2.2 full",))


def result(*replies: Reply) -> SendResult:
    """A message for so many recipients, and what the server said of each."""
    recipients = [
        RecipientResult(f"r{number}@b.example", RecipientType.TO, reply.code == 250, reply)
        for number, reply in enumerate(replies)
    ]
    return SendResult(TAKEN, "<1@a.example>", tuple(recipients))


def test_a_result_with_everyone_accepted_raises_nothing() -> None:
    result(TAKEN, TAKEN).raise_for_refused()


@pytest.mark.parametrize(("replies", "transient"), [((LATER, TAKEN, LATER), True), ((TAKEN, LATER, REPLY), False)])
@pytest.mark.parametrize("travel", [lambda e: e, lambda e: pickle.loads(pickle.dumps(e)), copy.copy])
def test_a_partly_refused_message_is_sent_and_says_who_was_refused(
    replies: tuple[Reply, ...], transient: bool, travel: object
) -> None:
    partly = result(*replies)
    with pytest.raises(errors.PartlyRefused) as caught:
        partly.raise_for_refused()
    assert callable(travel)
    error = travel(caught.value)
    assert error.result == partly
    assert error.recipients == partly.recipients
    assert (error.outcome, error.reply, error.is_transient) == (Outcome.SENT, LATER, transient)
    assert [f"<{r.address}>: {r.reply}" in str(error) for r in partly.refused] == [True] * len(partly.refused)
    assert "taken by the server" in str(error)


def test_the_result_that_the_package_gives_can_raise_without_anything_else_being_used() -> None:
    code = (
        "from postwright import RecipientResult, RecipientType, Reply, SendResult\n"
        "r = RecipientResult('a@b.example', RecipientType.TO, False, Reply(550, ('no',)))\n"
        "try: SendResult(Reply(250, ('ok',)), '', (r,)).raise_for_refused()\n"
        "except Exception as error: print(type(error).__name__)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "PartlyRefused\n"
