"""Statistics from stamps: means, medians over turns of replicas, percentiles only from enough samples."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from device.pipeline.report import StageSeries, mean_period_us, percentile, pipeline_report
from device.pipeline.ring import CAPACITY, Ring


def stage(replicas: int = 1) -> StageSeries:
    return StageSeries(
        run_times=np.array([1000, 3000, 2000]),
        handovers=np.array([500]),
        busy=6000,
        wait=4000,
        frames=3,
        replicas=replicas,
    )


@pytest.mark.parametrize(("percent", "enough"), [(90, 64), (95, 130), (99, 662)])
def test_percentile_needs_enough_samples(percent: int, enough: int) -> None:
    assert percentile(np.arange(enough - 1), percent) is None
    assert percentile(np.arange(enough) * 1000, percent) == pytest.approx(percent / 100 * (enough - 1))


def test_replicas_that_finish_together_do_not_halve_the_period() -> None:
    stamps = np.array([0, 1, 20_000, 20_001, 40_000, 40_001, 60_000, 60_001])
    report = pipeline_report(
        period_us=10.0,
        frames=8,
        stamps=stamps,
        latencies=np.array([5000, 7000, 6000]),
        unloaded=[4000, 3000, 9000],
        stages=[stage(replicas=2)],
        dropped=0,
    )
    assert report.period_median_us == pytest.approx(10.0)
    assert report.throughput_fps == pytest.approx(100_000)
    assert report.latency_us == pytest.approx(6.0)
    assert report.unloaded_latency_us == pytest.approx(4.0)


def test_stage_times_are_medians_and_totals() -> None:
    report = pipeline_report(
        period_us=1.0,
        frames=1,
        stamps=np.array([1]),
        latencies=np.array([1]),
        unloaded=[],
        stages=[stage()],
        dropped=2,
    )
    assert report.period_median_us is None
    assert report.dropped == 2
    (only,) = report.stages
    assert (only.time_us, only.busy_us, only.wait_us, only.handover_us) == pytest.approx((2.0, 6.0, 4.0, 0.5))


def test_period_needs_two_stamps() -> None:
    assert mean_period_us(np.array([], np.int64)) is None
    assert mean_period_us(np.array([5])) is None
    assert mean_period_us(np.array([0, 3000, 4000])) == pytest.approx(2.0)


@given(st.integers(0, 3 * CAPACITY), st.integers(-5, 3 * CAPACITY))
def test_ring_gives_the_latest_values_in_order(count: int, start: int) -> None:
    ring = Ring()
    ring.count = max(count - 40, 0)
    for value in range(ring.count, count):
        ring.add(value)
    values = ring.since(max(start, count - 40)).tolist()
    assert values == list(range(max(start, count - 40, 0), count))


def test_ring_never_gives_more_than_half_of_what_it_holds() -> None:
    ring = Ring()
    for value in range(CAPACITY + 10):
        ring.add(value)
    assert ring.since(0).tolist() == list(range(CAPACITY // 2 + 10, CAPACITY + 10))
