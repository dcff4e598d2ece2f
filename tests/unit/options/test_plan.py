"""A plan holds every option as it was, and refuses to change."""

from __future__ import annotations

import pytest

from postwright import errors
from postwright.options.config import config
from postwright.options.option import Store
from postwright.options.plan import Plan
from postwright.options.tables import Properties, Settings


def test_a_plan_keeps_what_was_set() -> None:
    store = Store()
    Properties(store).subject = "before"
    plan = Plan.of(store)
    Properties(store).subject = "after"
    Settings(store).send_rset = False
    assert (plan.properties.subject, plan.settings.send_rset) == ("before", True)


def test_a_plan_refuses_to_change() -> None:
    plan = Plan.of(Store())
    with pytest.raises(errors.ReadOnly, match="plan"):
        plan.properties.subject = "x"
    with pytest.raises(errors.ReadOnly, match="plan"):
        plan.settings.send_rset = False
    with pytest.raises(errors.ReadOnly, match="plan"):
        config(plan.settings._store, "SendRSET=False")
    with pytest.raises(AttributeError):
        plan.settings = Settings(Store())


def test_a_plan_knows_neither_the_line_nor_the_host() -> None:
    store = Store()
    store.live = {"local_host": "192.0.2.1", "local_port": 40000}.get
    store.host_name = lambda: "me.example"
    plan = Plan.of(store)
    assert (plan.properties.local_host, plan.settings.local_port, plan.settings.hello) == ("", 0, "")


def test_a_plan_is_free_of_locks_and_leaves_the_store_open() -> None:
    store = Store()
    Plan.of(store)
    Properties(store).subject = "still open"
    assert Properties(store).subject == "still open"
