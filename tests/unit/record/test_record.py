"""Records: values that compare, show and travel by their fields."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from postwright.events import StartTransfer, Transfer
from postwright.words import Address, QueueReport, Recipient, Reply

ANNA = Address("anna", "example.org", "Anna")


@pytest.mark.parametrize(
    "value",
    [ANNA, Recipient(ANNA), Reply(250, ("Ok",)), QueueReport(left=2), Transfer(0, 1, 2, b"x")],  # type: ignore[arg-type]
)
def test_a_copy_is_equal(value: Any) -> None:
    copy = pickle.loads(pickle.dumps(value))
    assert copy == value
    assert hash(copy) == hash(value)
    assert repr(copy) == repr(value)


def test_values_differ_by_any_field_and_by_their_kind() -> None:
    assert Address("anna", "example.org") != ANNA
    assert Address("a", "b", "c") != Reply("a", "b")  # type: ignore[arg-type]
    assert len({ANNA, Address("anna", "example.org", "Anna")}) == 1


def test_the_fields_are_shown_and_matched_in_their_order() -> None:
    assert repr(ANNA) == "Address(local_part='anna', domain='example.org', name='Anna')"
    match ANNA:
        case Address(local, domain):
            assert (local, domain) == ("anna", "example.org")


@pytest.mark.parametrize(
    ("values", "named"),
    [((), {}), ((1, 2, 3, 4, 5), {}), ((1,), {"direction": 1}), ((1, 2, 3, b""), {"other": 1})],
    ids=["too few", "too many", "twice", "unknown"],
)
def test_wrong_fields_are_refused(values: tuple[Any, ...], named: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match="Transfer"):
        Transfer(*values, **named)


def test_a_frozen_value_can_not_be_changed() -> None:
    event: Any = StartTransfer(0)  # type: ignore[arg-type]
    with pytest.raises(AttributeError, match="direction"):
        event.direction = 1
    with pytest.raises(AttributeError, match="direction"):
        del event.direction
