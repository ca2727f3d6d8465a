"""What a power sensor's readings are worth: mean, scatter and error of a steady stretch. Pure.

A sensor averages over a window and rounds to steps, so that reading it more often than once a window tells little more.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.float64]

MIN_INDEPENDENT = 3
"""Fewer independent readings say nothing about their scatter."""

_BATCH_WINDOWS = 4
_MIN_BATCHES = 5

_NORMAL_95 = 1.96


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Readings over a stretch of time.

    Attributes:
        times_s: When each was taken, `(n,)`, ascending.
        power_mw: What it said, `(n,)`.
    """

    times_s: Values
    power_mw: Values

    @classmethod
    def of(cls, readings: Sequence[tuple[float, float]]) -> "Series":
        """From pairs of time and power."""
        array = np.asarray(readings, dtype=np.float64).reshape(-1, 2)
        return cls(times_s=array[:, 0], power_mw=array[:, 1])

    def between(self, first_s: float, last_s: float) -> "Series":
        """The readings of a shorter stretch."""
        inside = (self.times_s >= first_s) & (self.times_s <= last_s)
        return Series(times_s=self.times_s[inside], power_mw=self.power_mw[inside])


@dataclass(frozen=True, slots=True, kw_only=True)
class Power:
    """Mean power over a steady stretch.

    Attributes:
        mean_mw: The mean.
        sd_mw: Standard deviation of the readings.
        error_mw: Half of the mean's 95 % confidence interval, what the sensor's steps hide included.
        readings: How many readings there were.
        independent: How many of them are independent: the stretch over the window.
        distinct: How many different values they had.
    """

    mean_mw: float
    sd_mw: float
    error_mw: float
    readings: int
    independent: int
    distinct: int


def mean_power(series: Series, *, window_s: float, step_mw: float | None = None) -> Power | None:
    """Condenses the readings of a steady stretch.

    Args:
        series: The readings.
        window_s: Over which time the sensor averages.
        step_mw: How finely it resolves; estimated from the readings where nobody says so.

    Returns:
        The power; None where there are too few readings to tell.
    """
    power = series.power_mw
    independent = int((series.times_s[-1] - series.times_s[0]) / window_s) if len(power) > 1 else 0
    if independent < MIN_INDEPENDENT:
        return None
    sd_mw = float(power.std(ddof=1))
    distinct = np.unique(power)
    step_mw = _smallest_step(distinct) if step_mw is None else step_mw
    scatter_mw = max(_error_mw(sd_mw, independent), _wander_mw(series, _BATCH_WINDOWS * window_s))
    return Power(
        mean_mw=float(power.mean()),
        sd_mw=sd_mw,
        error_mw=math.hypot(scatter_mw, _NORMAL_95 * hidden_by_steps_mw(sd_mw, step_mw)),
        readings=len(power),
        independent=independent,
        distinct=len(distinct),
    )


def hidden_by_steps_mw(sd_mw: float, step_mw: float) -> float:
    """Standard error that rounding leaves in a mean, however many readings it has.

    A steady value is off by up to half a step: `step / sqrt(12)`. Noise carries readings over the steps' borders so
    that the mean comes right again; the first harmonic of the error fades with `exp(-2 pi^2 sigma^2)` (Widrow and
    Kollar, Quantization Noise, 2008, section 4).

    Args:
        sd_mw: Standard deviation of the rounded readings.
        step_mw: The step.
    """
    if step_mw <= 0:
        return 0.0
    rounding_mw = step_mw / math.sqrt(12)
    noise_in_steps = math.sqrt(max(0.0, sd_mw**2 - rounding_mw**2)) / step_mw
    return rounding_mw * math.exp(-2 * math.pi**2 * noise_in_steps**2)


def student_95(freedom: int) -> float:
    """Two-sided 95 % quantile of Student's distribution (Abramowitz and Stegun, 26.7.5).

    Args:
        freedom: Degrees of freedom, at least 2; the error is below 0.2 % from 5 on.
    """
    z = _NORMAL_95
    first = (z**3 + z) / (4 * freedom)
    second = (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / (384 * freedom**3)
    return z + first + second + third


def changes_s(series: Series) -> float | None:
    """Median time between changes of the readings, which is the sensor's window where it is not known.

    Returns:
        Seconds; None where they changed too seldom to tell.
    """
    changed = np.flatnonzero(np.diff(series.power_mw)) + 1
    if len(changed) <= MIN_INDEPENDENT:
        return None
    return float(np.median(np.diff(series.times_s[changed])))


def _error_mw(sd_mw: float, count: int) -> float:
    return sd_mw / math.sqrt(count) * student_95(count - 1)


def _wander_mw(series: Series, batch_s: float) -> float:
    """The mean's error from the means of longer batches, which slow changes of the power do not escape."""
    batches = ((series.times_s - series.times_s[0]) / batch_s).astype(np.int64)
    counts, sums = np.bincount(batches), np.bincount(batches, weights=series.power_mw)
    is_whole = counts * 2 >= counts.max()  # the last one may be cut short
    means = sums[is_whole] / counts[is_whole]
    return _error_mw(float(means.std(ddof=1)), len(means)) if len(means) >= _MIN_BATCHES else 0.0


def _smallest_step(distinct: Values) -> float:
    return float(np.diff(distinct).min()) if len(distinct) > 1 else 0.0
