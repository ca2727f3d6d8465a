"""Layers are timed one after the other, pass after pass, on an injected clock."""

from collections.abc import Callable

import numpy as np

from device.measure.latency import MOST_PASSES, LatencyLoop, QueuedLatencyLoop, warm_up_in_turns


class FakeClock:
    """Nanoseconds that pass only while a layer runs."""

    def __init__(self) -> None:
        self.now_ns = 0
        self.order: list[str] = []

    def __call__(self) -> int:
        return self.now_ns

    def layer(self, name: str, duration_us: int) -> Callable[[], None]:
        def run() -> None:
            self.order.append(name)
            self.now_ns += duration_us * 1000

        return run


def test_samples_hold_the_time_of_each_layer_in_network_order() -> None:
    clock = FakeClock()
    loop = LatencyLoop([clock.layer("a", 30), clock.layer("b", 70)], clock)
    samples = loop.sample(seconds=250e-6)
    assert clock.order == ["a", "b"] * 3
    np.testing.assert_array_equal(samples, [[30, 70]] * 3)


def test_a_network_slower_than_the_time_allowed_is_still_measured_once() -> None:
    clock = FakeClock()
    assert LatencyLoop([clock.layer("a", 5000)], clock).sample(seconds=0.001).shape == (1, 1)


def test_of_very_many_passes_some_are_kept_from_beginning_to_end() -> None:
    clock = FakeClock()
    samples = LatencyLoop([clock.layer("a", 1)], clock).sample(seconds=2.5 * MOST_PASSES / 1e6)
    assert len(clock.order) == 2.5 * MOST_PASSES
    assert MOST_PASSES / 2 < len(samples) <= MOST_PASSES


def test_warm_up_lasts_as_long_as_asked_and_runs_at_least_once() -> None:
    clock = FakeClock()
    loops = [LatencyLoop([clock.layer(name, 400)], clock) for name in "ab"]
    warm_up_in_turns(loops, seconds=0.001)
    assert clock.order == ["a", "b", "a"]
    warm_up_in_turns(loops, seconds=0.0)
    assert clock.order == ["a", "b", "a", "a"]


def test_layers_of_a_queue_take_together_what_the_network_takes() -> None:
    clock = FakeClock()
    wait_us, layers_us = 20, (100, 30, 50)
    layers = [clock.layer(name, took + wait_us) for name, took in zip("abc", layers_us, strict=True)]
    loop = QueuedLatencyLoop(layers, clock.layer("whole", sum(layers_us)), clock)
    assert loop.sample(seconds=0.0001).tolist() == [list(layers_us)]
    assert clock.order == ["a", "b", "c", "whole"]


def test_a_layer_of_a_queue_keeps_some_of_its_time() -> None:
    clock = FakeClock()
    loop = QueuedLatencyLoop([clock.layer("a", 10), clock.layer("b", 110)], clock.layer("whole", 60), clock)
    assert loop.sample(seconds=0.0001).tolist() == [[1.0, 80.0]]
