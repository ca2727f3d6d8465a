"""A pipeline's report carries the energy of a frame where the sensor had the time to see it."""

import pytest

from device.errors import PipelineStateError
from device.measure.pipeline_energy import MOST_READINGS, PipelineEnergy
from device.pipeline.null import null_pipeline
from device.pipeline.report import PipelineReport
from device.sensors import Gauge, Meter, Rail

POWER_MW = 5000.0
RAIL = Rail(name="VDD_IN", role="total", path="VDD_IN")


def meter(window_s: float = 0.005) -> Meter:
    return Meter([Gauge(rail=RAIL, read=lambda: POWER_MW, window_s=window_s, step_mw=0.0)])


class Counting:
    """A pipeline that remembers how many frames it was measured with, and stops after some measurements."""

    def __init__(self, measurements: int = 9) -> None:
        self.frames: list[int] = []
        self._left = measurements

    def measure(self, frames: int) -> PipelineReport:
        if not self._left:
            raise PipelineStateError("the pipeline does not run")
        self._left -= 1
        self.frames.append(frames)
        with null_pipeline([[()]]) as pipeline:
            return pipeline.measure(frames, warm_up_s=0)


def test_energy_is_the_boards_power_times_the_period() -> None:
    pipeline = Counting()
    report = PipelineEnergy(meter(), []).measure(pipeline, 50)
    assert report.energy_uj_per_frame == pytest.approx(POWER_MW * report.period_us / 1e3)
    assert report.energy_error_uj_per_frame == 0.0


def test_the_readings_are_kept_from_the_first_counted_frame_on() -> None:
    report = PipelineEnergy(meter(), []).measure(Counting(), 20_000)
    times_s = [time_s for time_s, _ in report.power]
    assert {power_mw for _, power_mw in report.power} == {POWER_MW}
    assert times_s[0] == 0.0
    assert times_s == sorted(times_s)
    assert times_s[-1] <= report.frames * report.period_us / 1e6
    assert 1 < len(times_s) <= MOST_READINGS


def test_a_short_run_is_followed_by_one_for_the_energy_alone() -> None:
    pipeline = Counting()
    report = PipelineEnergy(meter(), []).measure(pipeline, 50)
    first, second = pipeline.frames
    assert report.frames == first == 50
    assert second > first


def test_a_pipeline_that_was_stopped_meanwhile_has_no_energy() -> None:
    report = PipelineEnergy(meter(), []).measure(Counting(measurements=1), 50)
    assert report.frames == 50
    assert report.energy_uj_per_frame is None


def test_without_a_sensor_there_is_no_energy() -> None:
    pipeline = Counting()
    report = PipelineEnergy(Meter([]), []).measure(pipeline, 50)
    assert report.energy_uj_per_frame is None
    assert pipeline.frames == [50]
