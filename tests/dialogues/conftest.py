"""Every dialogue runs on the scripted driver and both real ones, and the server's words come in three ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.clients import KINDS, MODES, World

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(params=[f"{kind}-{mode}" for kind in KINDS for mode in MODES])
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    """Clients of all kinds; at the end each of them has sent one more message."""
    kind, mode = str(request.param).split("-")
    with World(kind, mode) as made:
        yield made
