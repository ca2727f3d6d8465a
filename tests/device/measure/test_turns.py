"""Turns are warm before they count, pools are waited for, and outputs are compared before speeds."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.measure.turns import MIN_PASSES, difference, settle, time_passes, turn_of

MS = 1_000_000


class FakeClock:
    """Nanoseconds that pass only while something runs."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.passes = 0

    def __call__(self) -> int:
        return self.now_ns

    def run(self, duration_ms: int) -> Callable[[], None]:
        def one_pass() -> None:
            self.passes += 1
            self.now_ns += duration_ms * MS

        return one_pass


def test_passes_are_timed_for_as_long_as_asked_after_a_warm_up() -> None:
    clock = FakeClock()
    begun_after: list[int] = []
    stamps = time_passes(clock.run(10), 0.1, begin=lambda: begun_after.append(clock.passes), clock=clock)
    assert begun_after == [3]
    assert np.diff(stamps).tolist() == [10 * MS] * 10


def test_a_network_slower_than_its_turn_still_gets_a_median() -> None:
    clock = FakeClock()
    stamps = time_passes(clock.run(1000), 0.001, clock=clock)
    assert len(stamps) == MIN_PASSES + 1
    assert clock.passes == MIN_PASSES + 1


def test_threads_that_work_together_add_their_rates() -> None:
    fast, slow = np.arange(0, 101, 10) * MS, np.arange(0, 101, 20) * MS
    turn = turn_of([fast, slow])
    assert turn.frames == 15
    assert turn.throughput_fps == pytest.approx(150.0)
    assert turn.latency_us == 10_000


@pytest.mark.parametrize(("busy_looks", "looks"), [(0, 1), (4, 5), (10_000, 30)])
def test_settling_waits_for_busy_threads_but_not_for_ever(busy_looks: int, looks: int) -> None:
    now_s, busy_s, slept = 0.0, 0.0, 0

    def sleep(seconds: float) -> None:
        nonlocal now_s, busy_s, slept
        now_s += seconds
        slept += 1
        busy_s += 2 * seconds if slept <= busy_looks else 0.0

    settle(lambda: busy_s, sleep)
    assert slept == looks


@given(st.floats(-1e6, 1e6), st.floats(1e-3, 10))
def test_difference_is_relative_to_the_largest_value(value: float, share: float) -> None:
    expected = {"y": np.array([value, 2e6]), "z": np.array([1, 0])}
    found = {"y": np.array([value, 2e6 * (1 + share)]), "z": np.array([1, 0])}
    assert difference(found, expected) == pytest.approx(share)
    assert difference(expected, expected) == 0


@pytest.mark.parametrize(
    "found",
    [{}, {"x": np.ones(2)}, {"y": np.ones(3)}, {"y": np.array([1, np.nan])}, {"y": np.array([1, np.inf])}],
)
def test_outputs_that_cannot_be_compared_differ_infinitely(found: dict[str, np.ndarray]) -> None:
    assert difference(found, {"y": np.ones(2)}) == float("inf")


def test_outputs_that_are_all_zero_or_empty_can_be_compared() -> None:
    assert difference({"y": np.full(2, 0.5)}, {"y": np.zeros(2)}) == 0.5
    assert difference({"y": np.zeros(0)}, {"y": np.zeros(0)}) == 0
