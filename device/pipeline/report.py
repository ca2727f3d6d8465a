"""What a pipeline did: counters while it runs, a report in the end. Pure."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import lcm
from typing import Any

import numpy as np
import numpy.typing as npt

Series = npt.NDArray[np.int64]

PERCENTILE_SAMPLES = {90: 64, 95: 130, 99: 662}
"""How many samples a percentile needs before its estimate means something (MLPerf LoadGen's early stopping
bound: the fewest samples for which the percentile can be claimed with 99 % confidence)."""

_NS_PER_US = 1e3


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplicaMetrics:
    """Counters of one replica since the start.

    Attributes:
        frames: Frames it has worked on.
        busy_us: Time spent working.
    """

    frames: int
    busy_us: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StageMetrics:
    """Counters of one stage since the start.

    Attributes:
        frames: Frames that all replicas together have worked on.
        busy_us: Time that they spent working.
        wait_us: Time that they spent between frames.
        replicas: Each one's own.
    """

    frames: int
    busy_us: float
    wait_us: float
    replicas: tuple[ReplicaMetrics, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineMetrics:
    """Counters of a running pipeline since its start.

    Attributes:
        elapsed_us: Time since the start.
        frames_in: Frames accepted.
        frames_out: Frames that came out.
        dropped: Frames given up because the source was too fast.
        period_us: Mean time between the latest outputs; nothing before there are two.
        stages: The stages' counters, in order.
    """

    elapsed_us: float
    frames_in: int
    frames_out: int
    dropped: int
    period_us: float | None
    stages: tuple[StageMetrics, ...]

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageReport:
    """What a stage did during a measurement, all replicas together.

    Attributes:
        time_us: Median time that the stage worked on a frame.
        handover_us: Median time that passed between a frame being ready, with its replica idle, and the work
            beginning.
        busy_us: Total time spent working.
        wait_us: Total time spent between frames.
        frames: Frames it worked on.
        replicas: How many replicas took frames in turn.
    """

    time_us: float
    handover_us: float
    busy_us: float
    wait_us: float
    frames: int
    replicas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineReport:
    """What a pipeline did during a measurement.

    Attributes:
        frames: Frames that came out.
        period_us: Mean time between outputs.
        period_median_us: Median of the same over whole turns of the replicas; nothing for few frames.
        throughput_fps: Frames a second, the inverse of `period_us`.
        latency_us: Median time of a frame from the source to its output, waiting included.
        latency_p90_us: 90th percentile; nothing where there are too few frames for it.
        latency_p95_us: 95th percentile.
        latency_p99_us: 99th percentile.
        unloaded_latency_us: Median latency of a frame that is alone in the pipeline; nothing where not
            measured.
        energy_uj_per_frame: Energy a frame, of the whole board; nothing without a sensor.
        energy_error_uj_per_frame: Half of its 95 % confidence interval.
        power: Readings of the board's power while the frames were counted: seconds since the first, milliwatts.
        stages: The stages, in order.
        dropped: Frames given up because the source was too fast.
    """

    frames: int
    period_us: float
    period_median_us: float | None
    throughput_fps: float
    latency_us: float
    latency_p90_us: float | None
    latency_p95_us: float | None
    latency_p99_us: float | None
    unloaded_latency_us: float | None
    energy_uj_per_frame: float | None
    stages: tuple[StageReport, ...]
    dropped: int
    energy_error_uj_per_frame: float | None = None
    power: tuple[tuple[float, float], ...] = ()

    def to_document(self) -> dict[str, Any]:
        """As JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageSeries:
    """What the replicas of one stage recorded during a measurement, in nanoseconds.

    Attributes:
        run_times: Times of single runs.
        handovers: Times of single hand-overs.
        busy: Total time spent in runs.
        wait: Total time spent between runs.
        frames: How many runs.
        replicas: How many replicas.
    """

    run_times: Series
    handovers: Series
    busy: int
    wait: int
    frames: int
    replicas: int


def pipeline_report(
    *,
    period_us: float,
    frames: int,
    stamps: Series,
    latencies: Series,
    unloaded: Sequence[int],
    stages: Sequence[StageSeries],
    dropped: int,
) -> PipelineReport:
    """Condenses what was recorded during a measurement.

    Args:
        period_us: Mean time between outputs.
        frames: How many came out.
        stamps: When the latest of them did, in nanoseconds.
        latencies: Their latencies in nanoseconds.
        unloaded: Latencies of frames that were alone in the pipeline.
        stages: What the stages recorded.
        dropped: How many frames were dropped.
    """
    return PipelineReport(
        frames=frames,
        period_us=period_us,
        period_median_us=_median_period(stamps, lcm(*(stage.replicas for stage in stages))),
        throughput_fps=1e6 / period_us,
        latency_us=_median(latencies),
        latency_p90_us=percentile(latencies, 90),
        latency_p95_us=percentile(latencies, 95),
        latency_p99_us=percentile(latencies, 99),
        unloaded_latency_us=_median(np.asarray(unloaded)) if unloaded else None,
        energy_uj_per_frame=None,
        stages=tuple(_stage_report(stage) for stage in stages),
        dropped=dropped,
    )


def percentile(samples: Series, percent: int) -> float | None:
    """A percentile in microseconds of samples in nanoseconds, or nothing if there are too few to tell."""
    if len(samples) < PERCENTILE_SAMPLES[percent]:
        return None
    return float(np.percentile(samples, percent)) / _NS_PER_US


def mean_period_us(stamps: Series) -> float | None:
    """Mean time between outputs, or nothing for fewer than two."""
    intervals = len(stamps) - 1
    return float(stamps[-1] - stamps[0]) / intervals / _NS_PER_US if intervals > 0 else None


def _stage_report(stage: StageSeries) -> StageReport:
    return StageReport(
        time_us=_median(stage.run_times),
        handover_us=_median(stage.handovers),
        busy_us=stage.busy / _NS_PER_US,
        wait_us=stage.wait / _NS_PER_US,
        frames=stage.frames,
        replicas=stage.replicas,
    )


def _median_period(stamps: Series, turn: int) -> float | None:
    """Replicas may finish together and then pause together; whole turns of them are comparable."""
    if len(stamps) <= turn:
        return None
    return _median(stamps[turn:] - stamps[:-turn]) / turn


def _median(samples: Series) -> float:
    return float(np.median(samples)) / _NS_PER_US if len(samples) else 0.0
