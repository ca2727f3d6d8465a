"""Energy a frame of a running pipeline, from the board's total power beside it."""

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Protocol

from device.errors import PipelineStateError
from device.measure.energy import HEAD_WINDOWS, TAIL_WINDOWS, Sensor
from device.measure.metering import MeterRecorder, recorder_of, sensor_of
from device.measure.power import Power, Series, mean_power
from device.pipeline.report import PipelineReport
from device.sensors import Meter

MIN_WINDOWS = 10
"""A run that lasts fewer of the sensor's windows tells too little: another one is made for the energy alone."""


MOST_READINGS = 500
"""A report holds no more, however long the run."""


class Measurable(Protocol):
    """A started pipeline: a `device.pipeline.Pipeline`."""

    def measure(self, frames: int) -> PipelineReport:
        """Drives it as fast as it goes, and counts so many frames."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A report, the power while it was made, and the readings behind that."""

    report: PipelineReport
    power: Power | None
    readings: Series


class PipelineEnergy:
    """Adds the energy to what a pipeline reports.

    Args:
        meter: The board's rails.
        cpus: CPUs of the pipeline.
        clock: Monotonic seconds.
        sleep: Waits for seconds.
    """

    def __init__(
        self,
        meter: Meter,
        cpus: Sequence[int],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._clock = clock
        self._sensor = sensor_of(meter, lambda seconds: _wait(sleep, seconds))
        self._recorder = recorder_of(meter, self._sensor, cpus) if self._sensor else None

    def measure(self, pipeline: Measurable, frames: int) -> PipelineReport:
        """Measures a started pipeline as `Pipeline.measure` does, and its energy where the board tells its power.

        Args:
            pipeline: The pipeline.
            frames: How many frames to count. Where they pass too quickly for the sensor, others follow that count for
                the energy only.

        Raises:
            DeviceError: The pipeline failed.
        """
        if self._sensor is None or self._recorder is None:
            return pipeline.measure(frames)
        run = _run(pipeline, frames, self._sensor, self._recorder, self._clock)
        report = run.report
        if run.power is None:
            length_s = self._sensor.loop_s + _margins_s(self._sensor)
            more = int(length_s * report.throughput_fps) + 1
            with suppress(PipelineStateError):  # somebody has stopped it
                run = _run(pipeline, more, self._sensor, self._recorder, self._clock)
        return with_energy(replace(report, power=_thinned(run.readings)), run.power)


def _run(
    pipeline: Measurable, frames: int, sensor: Sensor, recorder: MeterRecorder, clock: Callable[[], float]
) -> _Run:
    """The frames that count are the last ones before the end; what came before is not looked at."""
    recorder.start()
    try:
        report = pipeline.measure(frames)
        ended_s = clock()
    finally:
        recorder.stop()
    began_s = ended_s - report.frames * report.period_us / 1e6
    readings = recorder.series().between(began_s, ended_s)
    steady = readings.between(
        began_s + HEAD_WINDOWS * sensor.window_s, ended_s - TAIL_WINDOWS * sensor.window_s
    )
    power = mean_power(steady, window_s=sensor.window_s, step_mw=sensor.step_mw)
    is_enough = power is not None and power.independent >= MIN_WINDOWS - 1
    return _Run(report=report, power=power if is_enough else None, readings=readings)


def _thinned(readings: Series) -> tuple[tuple[float, float], ...]:
    """Some of the readings, spread evenly, by the time since the first."""
    step = len(readings.times_s) // MOST_READINGS + 1
    times_s, power_mw = readings.times_s[::step], readings.power_mw[::step]
    return tuple(zip((times_s - times_s[:1]).round(4).tolist(), power_mw.tolist(), strict=True))


def with_energy(report: PipelineReport, power: Power | None) -> PipelineReport:
    """A report with the energy that the board's power means for a frame; unchanged where there is no power."""
    if power is None:
        return report
    return replace(
        report,
        energy_uj_per_frame=power.mean_mw * report.period_us / 1e3,
        energy_error_uj_per_frame=power.error_mw * report.period_us / 1e3,
    )


def _margins_s(sensor: Sensor) -> float:
    return (HEAD_WINDOWS + TAIL_WINDOWS) * sensor.window_s


def _wait(sleep: Callable[[float], None], seconds: float) -> int:
    sleep(seconds)
    return 1
