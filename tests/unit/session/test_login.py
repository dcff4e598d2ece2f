"""Secrets from functions: while one connection asks, the others wait for its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postwright.errors import ConnectionDropped
from postwright.flow import Call, Sleep, Wait
from postwright.session import login

if TYPE_CHECKING:
    from collections.abc import Iterator

    from postwright.flow import Effect, Flow


@pytest.fixture(autouse=True)
def nobody_is_left_waiting() -> Iterator[None]:
    yield
    assert login._flights == {}


def first(flow: Flow[str]) -> Effect[Any]:
    """Return what a flow wishes first."""
    return flow.send(None)


def result(flow: Flow[str], answer: object = None) -> str:
    """Answer a flow's wish, which must be its last."""
    with pytest.raises(StopIteration) as stop:
        flow.send(answer)
    value: str = stop.value.value
    return value


def source() -> str:
    return "unused: the flows are answered by hand"


def test_two_that_ask_at_once_share_the_answer() -> None:
    leader, follower = login._single_flight(source), login._single_flight(source)
    assert isinstance(first(leader), Wait)
    assert isinstance(first(follower), Sleep)
    assert isinstance(follower.send(None), Sleep)
    assert result(leader, "token") == "token"
    assert result(follower) == "token"


def test_who_comes_later_asks_again() -> None:
    for answer in ("one", "two"):
        flow = login._single_flight(source)
        assert isinstance(first(flow), Wait)
        assert result(flow, answer) == answer


def test_when_asking_fails_the_next_one_asks() -> None:
    leader, follower = login._single_flight(source), login._single_flight(source)
    first(leader)
    first(follower)
    with pytest.raises(ConnectionDropped):
        leader.throw(ConnectionDropped())
    assert isinstance(follower.send(None), Wait)
    assert result(follower, "token") == "token"


def test_one_that_is_given_up_leaves_the_way_free() -> None:
    leader, follower = login._single_flight(source), login._single_flight(source)
    first(leader)
    first(follower)
    leader.close()
    assert isinstance(follower.send(None), Wait)
    follower.close()


def test_different_functions_do_not_wait_for_each_other() -> None:
    one, other = login._single_flight(source), login._single_flight(lambda: "other")
    assert isinstance(first(one), Wait)
    assert isinstance(first(other), Wait)
    one.close()
    other.close()


class Vault:
    """Its method is a new object each time, and the same question."""

    def token(self) -> str:
        return "vault"


def test_a_method_is_the_same_question_wherever_it_is_named() -> None:
    vault = Vault()
    leader, follower = login._single_flight(vault.token), login._single_flight(vault.token)
    assert isinstance(first(leader), Wait)
    assert isinstance(first(follower), Sleep)
    leader.close()
    follower.close()


class Unhashable:
    """Can be called, and is no key of a dictionary."""

    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> str:
        return "unhashable"


def test_a_source_need_not_be_hashable() -> None:
    odd = Unhashable()
    leader, follower = login._single_flight(odd), login._single_flight(odd)
    assert isinstance(first(leader), Wait)
    assert isinstance(first(follower), Sleep)
    assert result(leader, "token") == "token"
    assert result(follower) == "token"


def test_a_source_that_takes_its_time_is_called_aside() -> None:
    class Slow(Vault):
        blocking = True

        def __call__(self) -> str:
            return "slow"

    flow = login._single_flight(Slow())
    assert isinstance(first(flow), Call)
    assert result(flow, "slow") == "slow"
