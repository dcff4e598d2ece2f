"""What all tests have in common: nothing is left behind, and the long forms run with --long."""

from __future__ import annotations

import gc
import os
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from postwright.spool.spares import Spares

if TYPE_CHECKING:
    from collections.abc import Iterator

_FDS = "/proc/self/fd"
_CHILDREN = "/proc/self/task/{0}/children"
_GRACE = 2.0


@pytest.fixture(autouse=True)
def no_spare_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process keeps files of a queue after it has deleted a number of them; each test begins anew."""
    monkeypatch.setattr("postwright.spool.directory.spares", Spares())


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--long", action="store_true", help="run the long forms of explorations too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--long"):
        return
    skip = pytest.mark.skip(reason="the long form runs with --long")
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(skip)


class Belongings(NamedTuple):
    """What this process holds."""

    threads: frozenset[threading.Thread]
    files: frozenset[str]
    children: frozenset[str]

    @classmethod
    def now(cls) -> Belongings:
        return cls(frozenset(threading.enumerate()), _files(), _children())

    def beyond(self, before: Belongings) -> list[str]:
        """Name what is held now and was not before."""
        return [
            *(f"thread {thread.name}" for thread in self.threads - before.threads),
            *(f"file {name}" for name in self.files - before.files),
            *(f"process {number}" for number in self.children - before.children),
        ]


def _files() -> frozenset[str]:
    found = set()
    for number in os.listdir(_FDS) if os.path.isdir(_FDS) else ():
        try:
            found.add(f"{number} {os.readlink(f'{_FDS}/{number}')}")
        except OSError:
            continue  # the listing's own descriptor
    return frozenset(found)


def _children() -> frozenset[str]:
    try:
        with open(_CHILDREN.format(os.getpid()), encoding="ascii") as listing:
            return frozenset(listing.read().split())
    except OSError:
        return frozenset()


@pytest.fixture(autouse=True)
def nothing_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """After each test there is no new thread, open file or child process."""
    before = Belongings.now()
    yield
    if "interop" in request.node.keywords:  # its servers outlive a test
        return
    end = time.monotonic() + _GRACE
    while left := Belongings.now().beyond(before):
        if time.monotonic() > end:
            pytest.fail(f"left behind: {', '.join(left)}")
        gc.collect()
        time.sleep(0.01)
