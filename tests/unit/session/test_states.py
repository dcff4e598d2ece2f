"""The table of states hangs together."""

from __future__ import annotations

import pytest

from postwright.errors import NotPossibleNow
from postwright.session.states import MOVES, State, Step, move

NEXT = {state: {to for (start, _), to in MOVES.items() if start is state} for state in State}


def reachable(start: State) -> set[State]:
    found, waiting = {start}, [start]
    while waiting:
        fresh = NEXT[waiting.pop()] - found
        found |= fresh
        waiting += fresh
    return found


def test_every_state_can_be_reached_from_the_start() -> None:
    assert reachable(State.CLOSED) == set(State)


@pytest.mark.parametrize("state", State)
def test_every_state_can_be_left_in_order(state: State) -> None:
    assert State.CLOSED in reachable(state)


def test_every_step_is_in_the_table() -> None:
    assert {step for _, step in MOVES} == set(Step)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("step", Step)
def test_what_has_no_row_is_refused(state: State, step: Step) -> None:
    if (state, step) in MOVES:
        assert move(state, step) is MOVES[state, step]
    else:
        with pytest.raises(NotPossibleNow, match=f"{step.value} while {state.value}"):
            move(state, step)


def test_mail_needs_a_hello_and_data_needs_mail() -> None:
    assert {state for state, step in MOVES if step is Step.MAIL} == {State.READY}
    assert {state for state, step in MOVES if step is Step.DATA} == {State.OPEN}


def test_only_the_reply_leaves_the_state_in_which_a_fate_is_unknown() -> None:
    assert {step for state, step in MOVES if state is State.ENDED} == {Step.DONE}


def test_after_starttls_nothing_may_be_said_before_tls_is_on() -> None:
    assert MOVES[State.READY, Step.STARTTLS] is State.DIALED
    assert {step for state, step in MOVES if state is State.DIALED} == {Step.GREETING}
