"""How many connections there may be, and who gets the next one: the policy alone, with a clock that tests move."""

from __future__ import annotations

import threading

import pytest

from postwright import errors
from postwright.component.places import Places
from postwright.component.throttle import GROWTH, TOGETHER, Throttle, burdened, complains
from postwright.words import Reply


class Clock:
    """A clock that only tests move."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def reply(code: int) -> Reply:
    return Reply(code, ("4.0.0 words",))


COMPLAINTS = [
    errors.ServiceClosing(reply=reply(421)),
    errors.GreetingRefused(reply=reply(450)),
    errors.LoginRefused(reply=reply(454)),
    errors.LoginRefused(reply=reply(432)),
]
BURDENS = [
    errors.MessageRefused(reply=reply(451)),
    errors.SenderRefused(reply=reply(452)),
    errors.SenderRefused(reply=reply(450)),
    errors.MessageRefused(reply=Reply(451, ("later",))),
]
OTHERS = [
    errors.GreetingRefused(reply=reply(554)),
    errors.LoginRefused(reply=reply(535)),
    errors.RecipientsRefused(reply=reply(450)),
    errors.RecipientsRefused(reply=reply(452)),
    errors.MessageRefused(reply=reply(554)),
    errors.SenderRefused(reply=Reply(450, ("4.1.8 no such domain now",))),
    errors.ConnectionDropped(),
    errors.NetworkError(code=10061),
    ValueError(),
]


@pytest.mark.parametrize("error", COMPLAINTS, ids=repr)
def test_a_complaint_is_one(error: errors.SMTPError) -> None:
    assert complains(error)
    assert burdened(error)


@pytest.mark.parametrize("error", BURDENS, ids=repr)
def test_no_room_for_a_message_is_a_burden_but_no_complaint_about_connections(error: errors.SMTPError) -> None:
    assert burdened(error)
    assert not complains(error)


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_what_concerns_one_message_is_no_complaint(error: Exception) -> None:
    assert not complains(error)
    assert not burdened(error)


def test_a_refused_connection_leaves_as_many_as_there_are() -> None:
    throttle = Throttle(10, Clock())
    throttle.refused(4)
    assert throttle.width == 4
    throttle.refused(0)
    assert throttle.width == 1


def test_a_burdened_server_gets_half_and_more_again_with_time() -> None:
    clock = Clock()
    throttle = Throttle(8, clock)
    throttle.burdened()
    throttle.burdened()  # at the same time
    assert throttle.width == 4
    clock.now += TOGETHER
    throttle.burdened()
    assert throttle.width == 2
    clock.now += 2.5 * GROWTH
    assert throttle.width == 4
    clock.now += 100 * GROWTH
    assert throttle.width == 8
    for _ in range(9):
        clock.now += TOGETHER
        throttle.burdened()
    assert throttle.width == 1


class Waiting:
    """A turn that notes when it was woken."""

    def __init__(self) -> None:
        self.refused: errors.SMTPError | None = None
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1

    def wait(self, seconds: float | None) -> bool:
        raise AssertionError(f"nobody waits here, least of all {seconds} s")


def test_places_are_given_in_turn_and_never_too_many() -> None:
    width = 2
    places = Places(lambda: width, threading.Lock())
    turns = [Waiting() for _ in range(6)]
    assert [places.ask(turn) for turn in turns] == [True, True, False, False, False, False]
    assert (places.taken, places.waiting) == (2, 4)
    places.leave()
    assert [turn.woken for turn in turns] == [0, 0, 1, 0, 0, 0]
    places.give_up(turns[3])  # it waits no more
    places.leave()
    assert [turn.woken for turn in turns] == [0, 0, 1, 0, 1, 0]
    places.give_up(turns[2])  # it was granted, and was not there any more: the next one has it
    assert [turn.woken for turn in turns] == [0, 0, 1, 0, 1, 1]
    assert (places.taken, places.waiting) == (2, 0)
    assert not places.ask(Waiting())


def test_fewer_places_are_given_once_there_are_fewer() -> None:
    width = 3
    places = Places(lambda: width, threading.Lock())
    assert all(places.ask(Waiting()) for _ in range(3))
    width = 1
    late = Waiting()
    assert not places.ask(late)
    assert places.crowded
    assert [places.leave(), places.leave()] == [2, 1]
    assert not late.woken
    assert places.leave() == 0
    assert late.woken


def test_who_waits_can_be_sent_away() -> None:
    places = Places(lambda: 1, threading.Lock())
    assert places.ask(Waiting())
    turns = [Waiting(), Waiting()]
    assert [places.ask(turn) for turn in turns] == [False, False]
    places.send_away(errors.Interrupted)
    assert [type(turn.refused) for turn in turns] == [errors.Interrupted] * 2
    for turn in turns:
        places.give_up(turn)
    assert places.taken == 1
