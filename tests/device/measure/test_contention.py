"""Layers are compared with and without neighbours, which work only while they are looked at."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from device.measure.contention import Neighbours, Samples, slowdown
from device.measure.latency import LatencyLoop


class Load:
    """Counts the copies that are at work; a layer of theirs takes a moment."""

    def __init__(self) -> None:
        self.passes = 0

    def copy(self) -> LatencyLoop:
        return LatencyLoop([self._work])

    def _work(self) -> None:
        self.passes += 1
        time.sleep(0.001)


def test_neighbours_work_only_while_asked() -> None:
    load = Load()
    neighbours = Neighbours([0], load.copy)
    before = load.passes
    with neighbours.at_work():
        while load.passes < before + 3:
            time.sleep(0.001)
    after = load.passes
    neighbours.close()
    assert before == 0
    assert load.passes == after


def test_ratios_are_those_of_the_medians_where_neighbours_do_harm() -> None:
    beside = []

    @contextmanager
    def at_work() -> Iterator[None]:
        beside.append(True)
        yield
        beside.clear()

    def sample(seconds: float) -> Samples:
        return np.tile([15.0, 9.0, 0.0, 20.0] if beside else [10.0, 10.0, 0.0, 10.0], (3, 1))

    assert slowdown(sample, at_work, 0.0).tolist() == [1.5, 1.0, 1.0, 2.0]
