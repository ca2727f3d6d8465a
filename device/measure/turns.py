"""Measuring several engines in turns, so that whatever disturbs the machine meets all of them."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

NS_PER_S = 1_000_000_000
_NS_PER_US = 1e3

MIN_PASSES = 2
"""A turn holds at least this many passes, however slow the network."""

WARM_UP_PART = 0.3
"""This part of a turn's time runs untimed before it: caches and clocks are as the contender before left them."""

_LOOK_S = 0.01
_LOOKS = 30
_IDLE_PART = 0.1

Clock = Callable[[], int]
Run = Callable[[], object]
Stamps = npt.NDArray[np.int64]
Arrays = dict[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What a contender did in one of its turns.

    Attributes:
        frames: How many frames were timed.
        latency_us: Median time of a frame.
        throughput_fps: Frames a second.
    """

    frames: int
    latency_us: float
    throughput_fps: float

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


class Contender(Protocol):
    """An engine that runs the network on one frame in one of its modes; does nothing while it has no turn."""

    def outputs(self) -> Arrays:
        """What it computes from its frame, by the names of the model's outputs."""

    def turn(self, seconds: float) -> Turn:
        """Runs for about `seconds`, after a warm-up that is not counted."""


def time_passes(
    run: Run,
    seconds: float,
    *,
    begin: Callable[[], object] = lambda: None,
    clock: Clock = time.perf_counter_ns,
) -> Stamps:
    """Runs something again and again, first untimed, then timed.

    Args:
        run: Runs one frame to its end.
        seconds: How long to take times; there are at least `MIN_PASSES`.
        begin: Called between the untimed and the timed part, for those who begin together.
        clock: Monotonic nanoseconds.

    Returns:
        When each pass ended, after the moment at which the first began: `(passes + 1,)`, nanoseconds.
    """
    _warm_up(run, WARM_UP_PART * seconds, clock)
    begin()
    stamps = [clock()]
    end = stamps[0] + int(seconds * NS_PER_S)
    while len(stamps) <= MIN_PASSES or stamps[-1] < end:
        run()
        stamps.append(clock())
    return np.asarray(stamps, dtype=np.int64)


def turn_of(threads: Sequence[Stamps]) -> Turn:
    """Puts together what threads that worked at the same time measured.

    Args:
        threads: For each what `time_passes` gave.
    """
    latencies = np.concatenate([np.diff(stamps) for stamps in threads])
    rates = [NS_PER_S * (len(stamps) - 1) / float(stamps[-1] - stamps[0]) for stamps in threads]
    return Turn(
        frames=len(latencies),
        latency_us=float(np.median(latencies)) / _NS_PER_US,
        throughput_fps=sum(rates),
    )


def settle(
    busy_s: Callable[[], float] = time.process_time, sleep: Callable[[float], None] = time.sleep
) -> None:
    """Waits until this process is idle, but not for ever.

    Thread pools look out for more work for a tenth of a second after the last, on cores that the next contender needs.

    Args:
        busy_s: Seconds of CPU time that the process has used.
        sleep: Waits for some seconds.
    """
    for _ in range(_LOOKS):
        before = busy_s()
        sleep(_LOOK_S)
        if busy_s() - before < _IDLE_PART * _LOOK_S:
            return


def difference(found: Arrays, expected: Arrays) -> float:
    """Largest difference between two engines' outputs, relative to each output's largest value.

    Outputs of different names or shapes, and numbers that are none, differ infinitely.
    """
    if found.keys() != expected.keys():
        return float("inf")
    return max((_difference(found[name], expected[name]) for name in expected), default=0.0)


def _difference(found: npt.NDArray[Any], expected: npt.NDArray[Any]) -> float:
    if found.shape != expected.shape:
        return float("inf")
    if not expected.size:
        return 0.0
    exact = expected.astype(np.float64)
    largest = float(np.max(np.abs(exact))) or 1.0
    worst = float(np.max(np.abs(found.astype(np.float64) - exact))) / largest
    return worst if np.isfinite(worst) else float("inf")


def _warm_up(run: Run, seconds: float, clock: Clock) -> None:
    end = clock() + int(seconds * NS_PER_S)
    run()
    while clock() < end:
        run()
