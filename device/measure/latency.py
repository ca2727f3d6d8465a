"""Timing layers one after the other in network order, so that caches hold what they hold in the real run."""

import time
from collections.abc import Callable, Sequence
from itertools import accumulate, cycle, pairwise

import numpy as np
import numpy.typing as npt

NS_PER_S = 1_000_000_000

MOST_PASSES = 1000
"""More passes of one run are thinned out to about as many: a network of microseconds would fill the database."""

_LEAST_PART = 10
"""A layer keeps this part of its time at least."""

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

    def sample(self, seconds: float) -> npt.NDArray[np.float64]:
        """Takes the time of every layer, pass after pass, at least one pass, until `seconds` have passed.

        Returns:
            Latencies in microseconds, `(passes, layers)`.
        """
        return sample_in_turns([self], seconds)[0]

    @property
    def layers(self) -> tuple[Callable[[], None], ...]:
        """What runs each layer."""
        return self._layers

    @property
    def clock(self) -> Clock:
        """Where its times come from."""
        return self._clock

    def one_pass(self) -> list[int]:
        """Runs every layer once; returns the time stamps between them, one more than there are layers."""
        clock = self._clock
        stamps = [clock()]
        for run in self._layers:
            run()
            stamps.append(clock())
        return stamps


class QueuedLatencyLoop(LatencyLoop):
    """Times layers on a device that works through a queue.

    Waiting for it after every layer costs time that a stage, which waits once, does not spend. So every pass takes the
    whole network's time, too, and what the layers take longer than that together is taken off them in equal parts.

    Args:
        layers: For each layer what runs it to its end, in network order.
        whole: Runs all of them to the end of the last one.
        clock: Monotonic nanoseconds.
    """

    def __init__(
        self,
        layers: Sequence[Callable[[], None]],
        whole: Callable[[], None],
        clock: Clock = time.perf_counter_ns,
    ) -> None:
        super().__init__(layers, clock)
        self._whole = whole

    def one_pass(self) -> list[int]:
        """As above; the time stamps are those of layers that wait for each other only."""
        stamps = super().one_pass()
        begun = self._clock()
        self._whole()
        waited = max(0, stamps[-1] - stamps[0] - (self._clock() - begun)) // max(1, len(stamps) - 1)
        times = [after - before for before, after in pairwise(stamps)]
        return list(accumulate((max(took - waited, took // _LEAST_PART) for took in times), initial=0))


def warm_up_in_turns(loops: Sequence[LatencyLoop], seconds: float) -> None:
    """Runs networks in turns until `seconds` have passed, the first one at least once: clocks and caches settle."""
    clock = loops[0].clock
    end = clock() + int(seconds * NS_PER_S)
    for loop in cycle(loops):
        loop.one_pass()
        if clock() >= end:
            return


def sample_in_turns(loops: Sequence[LatencyLoop], seconds: float) -> list[npt.NDArray[np.float64]]:
    """Takes the times of several networks, pass by pass in turns, so that a disturbance meets all of them.

    Args:
        loops: The networks; all on the first one's clock.
        seconds: How long, for all together; each runs at least once.

    Returns:
        For each network its latencies in microseconds, `(passes, layers)`; of many passes some, evenly spread.
    """
    clock = loops[0].clock
    end = clock() + int(seconds * NS_PER_S)
    passes: list[list[list[int]]] = [[] for _ in loops]
    while not passes[0] or clock() < end:
        for loop, taken in zip(loops, passes, strict=True):
            taken.append(loop.one_pass())
    every = -(-len(passes[0]) // MOST_PASSES)
    return [_latencies_us(np.asarray(taken[::every], dtype=np.int64)) for taken in passes]


def _latencies_us(stamps: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    return np.diff(stamps, axis=1) / 1e3
