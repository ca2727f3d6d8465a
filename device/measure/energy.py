"""Energy of layers that are much shorter than a power sensor's window.

A layer runs again and again until the sensor has seen it alone for many windows. The power while nothing runs is
taken before and after; what the layer adds to it, times the layer's duration, is its energy. Readings near the
borders, whose windows reach across, are dropped.

The procedure follows what has been published for such boards: long loops with a second on each side on the Jetson TX2
(NN-Profiler), idle power subtracted (Fuzzy Labs' power estimation on Orin Nano), repetition against sensors that see a
fraction of the time (Yang et al., arXiv 2312.02741).
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from device.measure.power import Power, Series, mean_power

HEAD_WINDOWS = 2
"""Dropped after every change: the window that reaches across it, and one in which regulators settle."""

TAIL_WINDOWS = 1
"""Dropped at the end, in case that the last reading came late."""

PRECISION = 0.02
"""A loop goes on until its error is at most this part of what it adds to the idle power."""

NETWORK_PRECISION = 0.005
"""The same for a whole network, with which the layers' sum is compared."""

MOST_TIMES = 3
"""A loop lasts at most so many times the least."""

DRIFT = 0.02
"""Idle powers before and after that differ by more than this part, and by more than their errors, have drifted."""

Run = Callable[[float], int]
"""Runs what is measured for about so many seconds; gives the number of runs."""


class Recorder(Protocol):
    """Takes readings of the board's total power."""

    def start(self) -> None:
        """Begins to take readings."""

    def series(self) -> Series:
        """The readings since the start."""

    def stop(self) -> None:
        """Ends taking them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sensor:
    """How a board's total power is read.

    Attributes:
        rail: The rails that add up to it, in words.
        window_s: Over which time a reading is an average.
        step_mw: How finely it is resolved; None where nobody says so.
    """

    rail: str
    window_s: float
    step_mw: float | None = None

    @property
    def loop_s(self) -> float:
        """How long to look at something at least: ten windows, but 3 s unless windows are short."""
        return max(10 * self.window_s, min(3.0, 50 * self.window_s), 0.5)

    @property
    def idle_s(self) -> float:
        """How long to look at the idle board: twice as long, since its error enters every layer's energy."""
        return 2 * self.loop_s


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """Something that ran again and again.

    Attributes:
        power: Of the whole board meanwhile; None where it could not be read.
        call_us: Mean time of one run.
        calls: How many runs.
    """

    power: Power | None
    call_us: float
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Idle:
    """Power while nothing runs, before and after some loops.

    Attributes:
        mean_mw: Mean of both.
        sd_mw: Standard deviation of the readings.
        error_mw: Half of the mean's 95 % confidence interval, drift included.
        drift_mw: After minus before.
        is_drifting: Whether they differ by more than chance explains.
    """

    mean_mw: float
    sd_mw: float
    error_mw: float
    drift_mw: float
    is_drifting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """What a loop adds to the idle power.

    Attributes:
        power_mw: Above idle; noise may make it negative.
        error_mw: Half of its 95 % confidence interval.
        is_resolved: Whether it is larger than its error.
    """

    power_mw: float
    error_mw: float
    is_resolved: bool


class EnergyBench:
    """Measures power while something runs and while nothing does.

    Args:
        recorder: Takes the readings.
        sensor: What they come from.
        clock: Monotonic seconds, that of the readings.
        sleep: Waits for seconds.
    """

    def __init__(
        self, recorder: Recorder, sensor: Sensor, clock: Callable[[], float], sleep: Callable[[float], None]
    ) -> None:
        self.sensor = sensor
        self._recorder = recorder
        self._clock = clock
        self._sleep = sleep

    def idle(self) -> Power | None:
        """Waits and takes the power while nothing runs; None where it cannot be read."""
        head_s, tail_s = self._margins_s
        started_s = self._clock()
        with _recording(self._recorder):
            self._sleep(head_s + self.sensor.idle_s + tail_s)
            return self._power(started_s)

    def loop(self, run: Run, idle: Power | None, precision: float = PRECISION) -> Loop:
        """Runs something until its power is known well enough, or long enough.

        Args:
            run: What to run.
            idle: Power while nothing runs.
            precision: Which part of what it adds to the idle power the error may be.
        """
        head_s, tail_s = self._margins_s
        started_s = self._clock()
        calls, rounds, power = 0, 0, None
        with _recording(self._recorder):
            calls += run(head_s + tail_s)
            while rounds < MOST_TIMES and not _is_precise(power, idle, precision):
                calls, rounds = calls + run(self.sensor.loop_s), rounds + 1
                power = self._power(started_s)
            elapsed_s = self._clock() - started_s
        return Loop(power=power, call_us=elapsed_s * 1e6 / calls, calls=calls)

    @property
    def _margins_s(self) -> tuple[float, float]:
        return HEAD_WINDOWS * self.sensor.window_s, TAIL_WINDOWS * self.sensor.window_s

    def _power(self, started_s: float) -> Power | None:
        head_s, tail_s = self._margins_s
        steady = self._recorder.series().between(started_s + head_s, self._clock() - tail_s)
        return mean_power(steady, window_s=self.sensor.window_s, step_mw=self.sensor.step_mw)


@contextmanager
def _recording(recorder: Recorder) -> Iterator[None]:
    recorder.start()
    try:
        yield
    finally:
        recorder.stop()


def idle_between(before: Power | None, after: Power | None) -> Idle | None:
    """Joins the idle powers before and after some loops; None where one could not be read.

    Between the two the idle power went from one to the other, nobody knows how: hence a share of the difference in the
    error (a uniform distribution's).
    """
    if before is None or after is None:
        return None
    drift_mw = after.mean_mw - before.mean_mw
    mean_mw = (before.mean_mw + after.mean_mw) / 2
    by_chance_mw = math.hypot(before.error_mw, after.error_mw)
    is_drifting = abs(drift_mw) > max(by_chance_mw, DRIFT * abs(mean_mw))
    unknown_mw = 1.96 * abs(drift_mw) / math.sqrt(12) if is_drifting else 0.0
    return Idle(
        mean_mw=mean_mw,
        sd_mw=math.hypot(before.sd_mw, after.sd_mw) / math.sqrt(2),
        error_mw=math.hypot(by_chance_mw / 2, unknown_mw),
        drift_mw=drift_mw,
        is_drifting=is_drifting,
    )


def excess(loop: Power, idle: Idle) -> Excess:
    """What a loop adds to the idle power."""
    power_mw, error_mw = loop.mean_mw - idle.mean_mw, math.hypot(loop.error_mw, idle.error_mw)
    return Excess(power_mw=power_mw, error_mw=error_mw, is_resolved=power_mw > error_mw)


def loop_document(loop: Loop, idle: Idle | None) -> dict[str, Any]:
    """A loop as the host gets it: powers in milliwatts, None where they could not be read."""
    above = excess(loop.power, idle) if loop.power is not None and idle is not None else None
    return {
        "call_us": loop.call_us,
        "calls": loop.calls,
        "power": asdict(loop.power) if loop.power else None,
        "excess": asdict(above) if above else None,
    }


def _is_precise(power: Power | None, idle: Power | None, precision: float) -> bool:
    if power is None or idle is None:
        return False
    return power.error_mw <= precision * abs(power.mean_mw - idle.mean_mw)
