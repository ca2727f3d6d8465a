"""Timing layers one after the other in network order, so that caches hold what they hold in the real run."""

import time
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

NS_PER_S = 1_000_000_000

Clock = Callable[[], int]


class LatencyLoop:
    """Runs a network again and again and takes the time of every layer.

    Args:
        layers: For each layer what runs it to its end, in network order.
        clock: Monotonic nanoseconds.
    """

    def __init__(self, layers: Sequence[Callable[[], None]], clock: Clock = time.perf_counter_ns) -> None:
        self._layers = tuple(layers)
        self._clock = clock

    def warm_up(self, seconds: float) -> None:
        """Runs at least once, until `seconds` have passed, without taking times: clocks and caches settle."""
        end = self._clock() + int(seconds * NS_PER_S)
        while True:
            for run in self._layers:
                run()
            if self._clock() >= end:
                return

    def sample(self, seconds: float) -> npt.NDArray[np.float64]:
        """Takes the time of every layer, pass after pass, at least one pass, until `seconds` have passed.

        Returns:
            Latencies in microseconds, `(passes, layers)`.
        """
        end = self._clock() + int(seconds * NS_PER_S)
        passes: list[list[int]] = []
        while not passes or self._clock() < end:
            passes.append(self._one_pass())
        stamps = np.asarray(passes, dtype=np.int64)
        return np.diff(stamps, axis=1) / 1e3

    def _one_pass(self) -> list[int]:
        clock = self._clock
        stamps = [clock()]
        for run in self._layers:
            run()
            stamps.append(clock())
        return stamps
