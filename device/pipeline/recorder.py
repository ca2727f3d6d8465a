"""What happened since a moment: the counters as they stood then, so that earlier work can be told apart."""

from collections.abc import Sequence

import numpy as np

from device.pipeline.outlet import Outlet
from device.pipeline.report import PipelineReport, StageSeries, pipeline_report
from device.pipeline.worker import Totals, Worker

_NS_PER_US = 1e3


class Recorder:
    """Reports what the workers did and what came out since the recorder was made.

    The period is counted from the output before the first one that counts; at the start of a pipeline, where
    there is none, from the first.

    Args:
        workers: For each stage its replicas.
        outlet: Where frames come out; no frame may come out while the recorder is being made.
    """

    def __init__(self, workers: Sequence[Sequence[Worker]], outlet: Outlet) -> None:
        self._workers = workers
        self._outlet = outlet
        self._first = outlet.count
        self._start_ns = outlet.last_ns
        self._marks = [[worker.totals() for worker in replicas] for replicas in workers]

    def report(self, *, unloaded: Sequence[int] = (), dropped: int = 0) -> PipelineReport | None:
        """What happened so far; nothing before enough frames have come out to tell a period.

        Args:
            unloaded: Latencies in nanoseconds of frames that were alone in the pipeline.
            dropped: How many frames were dropped.
        """
        stamps = self._outlet.stamps.since(self._first)
        frames = self._outlet.count - self._first
        start_ns = self._start_ns or self._outlet.first_ns
        intervals = frames if self._start_ns else frames - 1
        if intervals < 1:
            return None
        return pipeline_report(
            period_us=(int(stamps[-1]) - start_ns) / intervals / _NS_PER_US,
            frames=frames,
            stamps=stamps,
            latencies=self._outlet.latencies.since(self._first),
            unloaded=unloaded,
            stages=[
                _series(replicas, marks) for replicas, marks in zip(self._workers, self._marks, strict=True)
            ],
            dropped=dropped,
        )


def _series(replicas: Sequence[Worker], marks: Sequence[Totals]) -> StageSeries:
    since = list(zip(replicas, marks, strict=True))
    now = [worker.totals() for worker in replicas]
    changes = list(zip(now, marks, strict=True))
    return StageSeries(
        run_times=np.concatenate([worker.run_times.since(mark.frames) for worker, mark in since]),
        handovers=np.concatenate([worker.handovers.since(mark.frames) for worker, mark in since]),
        busy=sum(total.busy_ns - mark.busy_ns for total, mark in changes),
        wait=sum(total.wait_ns - mark.wait_ns for total, mark in changes),
        frames=sum(total.frames - mark.frames for total, mark in changes),
        replicas=len(replicas),
    )
