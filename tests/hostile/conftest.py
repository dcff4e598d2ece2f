"""Every attack meets both clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clients import World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=["sync", "async"])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Clients of both kinds; at the end each of them has sent one more message to a polite server."""
    with World(str(request.param)) as made:
        yield made
