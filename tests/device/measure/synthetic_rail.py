"""A board on a clock of its own, with a power rail like that of a Jetson TX2: every truth about it is known."""

import math

import numpy as np

from device.measure.energy import Run, Sensor
from device.measure.power import Series

IDLE_MW, WINDOW_S, STEP_MW, NOISE_MW = 2000.0, 0.4, 76.0, 50.0
SENSOR = Sensor(rail="VDD_IN", window_s=WINDOW_S, step_mw=STEP_MW)


class SyntheticBoard:
    """Time passes only when something runs or sleeps.

    The sensor averages over windows of its own rhythm, adds noise, rounds to steps, and shows the last finished window.

    Args:
        seed: Of noise and rhythm.
        idle_mw: Power while nothing runs.
        drift_mw_per_s: By how much that grows.
        noise_mw: Standard deviation of a reading's noise.
        silent: The rail cannot be read.
    """

    def __init__(
        self,
        seed: int = 0,
        *,
        idle_mw: float = IDLE_MW,
        drift_mw_per_s: float = 0.0,
        noise_mw: float = NOISE_MW,
        silent: bool = False,
    ) -> None:
        self._random = np.random.default_rng(seed)
        self._idle_mw, self._drift_mw_per_s, self._noise_mw = idle_mw, drift_mw_per_s, noise_mw
        self._silent = silent
        self._phase_s = float(self._random.uniform(0, WINDOW_S))
        self._steps: list[tuple[float, float]] = [(0.0, 0.0)]
        self._shown: dict[int, float] = {}
        self._started_s = 0.0
        self.now_s = 10.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self._spend(seconds, 0.0)

    def layer(self, *, excess_mw: float, call_s: float) -> Run:
        """Something that takes `call_s` and so much more power than idling."""

        def run(seconds: float) -> int:
            calls = max(1, math.ceil(seconds / call_s))
            self._spend(calls * call_s, excess_mw)
            return calls

        return run

    def start(self) -> None:
        self._started_s = self.now_s

    def stop(self) -> None:
        pass

    def series(self) -> Series:
        times = np.arange(self._started_s, self.now_s, WINDOW_S / 4)
        return Series.of([] if self._silent else [(time, self._shows(time)) for time in times])

    def _spend(self, seconds: float, excess_mw: float) -> None:
        self._steps.append((self.now_s, excess_mw))
        self.now_s += seconds
        self._steps.append((self.now_s, 0.0))

    def _shows(self, time_s: float) -> float:
        window = math.floor((time_s - self._phase_s) / WINDOW_S) - 1
        if window not in self._shown:
            mean_mw = self._mean_mw(self._phase_s + window * WINDOW_S)
            noisy_mw = mean_mw + self._random.normal(0, self._noise_mw) if self._noise_mw else mean_mw
            self._shown[window] = math.floor(noisy_mw / STEP_MW + 0.5) * STEP_MW
        return self._shown[window]

    def _mean_mw(self, first_s: float) -> float:
        last_s, excess = first_s + WINDOW_S, 0.0
        for (begin_s, excess_mw), (end_s, _) in zip(
            self._steps, [*self._steps[1:], (math.inf, 0.0)], strict=True
        ):
            excess += excess_mw * max(0.0, min(end_s, last_s) - max(begin_s, first_s))
        drift_mw = self._drift_mw_per_s * (first_s + last_s) / 2
        return self._idle_mw + drift_mw + excess / WINDOW_S
