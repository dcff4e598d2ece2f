"""Handlers: assigned, taken as a decorator, overridden in a subclass, and taken away again."""

from __future__ import annotations

from typing import Any

import pytest

from postwright import SMTP, AsyncSMTP
from postwright.enums import Direction
from postwright.errors import InvalidValue, NotAvailable
from postwright.events import HANDLERS, Expand, PITrail, SSLServerAuthentication
from postwright.flow import Fire

SAMPLE = PITrail(Direction.CLIENT, "NOOP")


@pytest.mark.parametrize("kind", [SMTP, AsyncSMTP])
@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_can_be_assigned_read_and_removed(kind: type[SMTP | AsyncSMTP], name: str) -> None:
    smtp: Any = kind()
    assert getattr(smtp, name).handler is None

    def handle(_: object) -> None:
        return

    setattr(smtp, name, handle)
    assert getattr(smtp, name).handler is handle
    assert HANDLERS[name] in smtp._wanted
    setattr(smtp, name, None)
    assert getattr(smtp, name).handler is None
    assert HANDLERS[name] not in smtp._wanted
    assert kind(**{name: handle})._handlers == {HANDLERS[name]: handle}


def test_a_handler_can_be_a_decorated_function_which_stays_itself() -> None:
    smtp = SMTP()
    seen: list[PITrail] = []

    @smtp.on_pi_trail
    def note(event: PITrail) -> None:
        seen.append(event)

    smtp._dispatch(SAMPLE)
    note(SAMPLE)
    assert seen == [SAMPLE, SAMPLE]


def test_a_subclass_may_have_a_method_of_that_name() -> None:
    class Noting(SMTP):
        def __init__(self, **values: Any) -> None:
            self.seen: list[object] = []
            super().__init__(**values)

        def on_pi_trail(self, event: PITrail) -> None:  # type: ignore[override]  # that is the third way
            self.seen.append(event)

    first, second = Noting(), Noting()
    first._dispatch(SAMPLE)
    assert first.seen == [SAMPLE]
    assert second.seen == []
    assert PITrail in first._wanted
    assert Expand not in first._wanted


def test_an_event_without_a_handler_is_nobodys() -> None:
    assert SMTP()._dispatch(SAMPLE) is None


@pytest.mark.parametrize("handler", ["print", 1, object()])
def test_a_handler_must_be_callable(handler: Any) -> None:
    with pytest.raises(InvalidValue):
        SMTP().on_pi_trail = handler


def test_a_coroutine_function_needs_async_smtp() -> None:
    async def handle(_: object) -> None:
        return

    smtp = SMTP(on_pi_trail=handle)

    async def flow() -> None:
        await Fire(SAMPLE)

    with pytest.raises(NotAvailable, match="AsyncSMTP"), pytest.warns(RuntimeWarning, match="never awaited"):
        smtp._driver.run(flow())


def test_of_a_certificate_only_the_verdict_can_be_changed() -> None:
    event = SSLServerAuthentication(b"der", "CN=a", "CN=b", "OK", accept=True)
    event.accept = False
    assert event.accept is False
    for name in ("cert_encoded", "cert_subject", "cert_issuer", "status"):
        with pytest.raises(AttributeError):
            setattr(event, name, "other")


@pytest.mark.parametrize("name", HANDLERS)
def test_the_other_events_can_not_be_changed(name: str) -> None:
    kind: Any = HANDLERS[name]
    fields = kind.__match_args__
    if kind is SSLServerAuthentication:
        return
    event = kind(**dict.fromkeys(fields, "x"))
    for field in fields:
        with pytest.raises(AttributeError):
            setattr(event, field, "y")
