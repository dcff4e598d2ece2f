"""What the explorations of the queue share: processes that can be killed at any call, and a server that counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.crash.queues import Spooler
from tests.crash.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def spooler() -> Iterator[Spooler]:
    with Spooler() as made:
        yield made


@pytest.fixture(scope="module")
def sink() -> Iterator[Sink]:
    with Sink() as made:
        yield made
