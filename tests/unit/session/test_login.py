"""Secrets from functions: while one connection asks, the others wait for its answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from postwright.errors import ConnectionDropped, ExtensionMissing, InactivityTimeout
from postwright.flow import Apart, Sleep, Wait
from postwright.options import Plan, Properties, Store
from postwright.session import login
from postwright.session.session import Session
from postwright.wire.extensions import Extensions

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
    try:
        more = flow.send(answer)
    except StopIteration as stop:
        value: str = stop.value
        return value
    raise AssertionError(f"it wishes {more} besides")


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
    assert isinstance(first(leader), Wait)
    assert isinstance(first(follower), Sleep)
    with pytest.raises(ConnectionDropped):
        leader.throw(ConnectionDropped())
    assert isinstance(follower.send(None), Wait)
    assert result(follower, "token") == "token"


def test_one_that_is_given_up_leaves_the_way_free() -> None:
    leader, follower = login._single_flight(source), login._single_flight(source)
    assert isinstance(first(leader), Wait)
    assert isinstance(first(follower), Sleep)
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
        waits_for = "the vault"

        def __call__(self) -> str:
            return "slow"

    flow = login._single_flight(Slow(), 7.0)
    wish = first(flow)
    assert isinstance(wish, Apart)
    assert (wish.whom, wish.timeout) == ("the vault", 7.0)
    assert result(flow, "slow") == "slow"


def test_an_answer_of_before_that_was_refused_is_none() -> None:
    leader, follower = login._single_flight(source), login._single_flight(source, refused="old")
    assert isinstance(first(leader), Wait)
    assert isinstance(first(follower), Sleep)
    assert result(leader, "old") == "old"
    assert isinstance(follower.send(None), Wait)
    assert result(follower, "old") == "old"


def test_who_waits_for_another_s_answer_has_patience_too() -> None:
    leader, follower = login._single_flight(source), login._single_flight(source, patience=0.05)
    assert isinstance(first(leader), Wait)
    assert isinstance(first(follower), Sleep)
    with pytest.raises(InactivityTimeout, match="another connection"):
        [follower.send(None) for _ in range(10)]
    leader.close()


# Which mechanism


class Layer:
    """TLS with some channel bindings."""

    def __init__(self, version: str, *kinds: str) -> None:
        self.version = version
        self.kinds = kinds

    def channel_binding(self, kind: str) -> bytes | None:
        return kind.encode() if kind in self.kinds else None


NEW = Layer("TLSv1.3", "tls-exporter", "tls-server-end-point")
OLD = Layer("TLSv1.2", "tls-unique", "tls-server-end-point")
WRONG = Layer("TLSv1.3", "tls-unique")
END_POINT = Layer("TLSv1.3", "tls-server-end-point")
NONE = Layer("TLSv1.3")

BARE, PLUS = "SCRAM-SHA-256", "SCRAM-SHA-256-PLUS"


def chosen(layer: Layer | None, *offered: str, asked: int = 0) -> str:
    store = Store()
    Properties(store).auth_mechanism = asked
    session = Session(Plan.of(store), clock=float, host_name="client.example", wanted=set())
    session.link.tls = layer  # type: ignore[assignment]
    session.extensions = Extensions({"AUTH": offered})
    choice = login.choose(session)
    try:
        choice.send(None)
    except StopIteration as stop:
        name: str = stop.value.name
        return name
    raise AssertionError("nothing has to be asked for that")


@pytest.mark.parametrize(
    ("layer", "best"),
    [(NEW, PLUS), (OLD, PLUS), (WRONG, BARE), (END_POINT, BARE), (NONE, BARE), (None, BARE)],
)
@pytest.mark.parametrize("asked", [0, 102])
def test_channel_binding_is_taken_where_servers_expect_its_kind(layer: Layer | None, best: str, asked: int) -> None:
    assert chosen(layer, "PLAIN", BARE, PLUS, asked=asked) == best


@pytest.mark.parametrize("layer", [NEW, OLD, END_POINT])
@pytest.mark.parametrize("asked", [0, 102])
def test_where_there_is_only_plus_any_kind_will_do(layer: Layer, asked: int) -> None:
    assert chosen(layer, "PLAIN", PLUS, asked=asked) == PLUS


def test_where_there_is_only_plus_and_no_binding_the_next_one_is_taken() -> None:
    assert chosen(NONE, "PLAIN", PLUS) == "PLAIN"
    with pytest.raises(ExtensionMissing, match="the server offers PLAIN, SCRAM-SHA-256-PLUS"):
        chosen(NONE, "PLAIN", PLUS, asked=102)


def test_a_binding_beats_a_longer_hash() -> None:
    assert chosen(NEW, "SCRAM-SHA-512", "SCRAM-SHA-1-PLUS") == "SCRAM-SHA-1-PLUS"


def test_tls_1_3_has_no_tls_unique_whatever_the_library_says() -> None:
    assert chosen(WRONG, BARE, PLUS) == BARE
