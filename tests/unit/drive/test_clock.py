"""Randomness is fresh for everybody who asks for it: in any number of octets, in all threads, and after a fork."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from postwright.drive import clock


@pytest.mark.parametrize("count", [0, 1, 8, 16, 17, 1000])
def test_so_many_octets(count: int) -> None:
    assert len(clock.randomness(count)) == count


def test_no_block_comes_twice() -> None:
    with ThreadPoolExecutor(4) as threads:
        blocks = list(threads.map(clock.randomness, [16] * 2000))
    assert len(set(blocks)) == len(blocks)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # the test before this one had threads
def test_a_child_has_other_ones_than_its_parent() -> None:
    clock.randomness(16)
    end, start = os.pipe()
    child = os.fork()
    if not child:
        os.write(start, clock.randomness(16))
        os._exit(0)
    os.waitpid(child, 0)
    mine = [clock.randomness(16) for _ in range(200)]
    assert os.read(end, 16) not in mine
    os.close(end)
    os.close(start)
