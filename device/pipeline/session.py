"""One run of a pipeline from start to stop: its threads and the queues between them."""

import threading
from collections.abc import Callable, Sequence
from itertools import pairwise

from device.errors import DeviceError, PipelineStateError
from device.pipeline.fairness import fairness
from device.pipeline.frames import Frame
from device.pipeline.intake import Overload, make_intake
from device.pipeline.links import Links
from device.pipeline.outlet import Outlet
from device.pipeline.recorder import Recorder
from device.pipeline.report import (
    PipelineMetrics,
    PipelineReport,
    ReplicaMetrics,
    StageMetrics,
    mean_period_us,
)
from device.pipeline.worker import Clock, Worker

_NS_PER_US = 1e3
_RECENT_FRAMES = 64


class Session:
    """Starts the workers and ends them.

    Args:
        frames: All frames of the pipeline.
        workers: For each stage its replicas, not started.
        overload: What to do with a source that is too fast.
        limit: How many frames may be between the first stage and the consumer.
        clock: Monotonic nanoseconds.

    Attributes:
        workers: For each stage its replicas.
        intake: Where frames go in.
        outlet: Where they come out.
    """

    def __init__(
        self,
        *,
        frames: Sequence[Frame],
        workers: Sequence[Sequence[Worker]],
        overload: Overload,
        limit: int,
        clock: Clock,
    ) -> None:
        widths = [1, *(len(replicas) for replicas in workers), 1]
        self._links = [Links(*pair) for pair in pairwise(widths)]
        self.workers = workers
        self.intake = make_intake(overload, frames, self._links[0].puts(0), limit)
        last = self._links[-1]
        self.outlet = Outlet(last.gets(0), last.entries(0))
        self._error: DeviceError | None = None
        self._clock = clock
        self._entering = threading.Lock()
        self._changing = threading.Lock()
        self._submitted = 0
        self._is_running = False
        self._started_ns = 0
        self._since_start = Recorder(workers, self.outlet)

    @property
    def error(self) -> DeviceError | None:
        """Why it broke off, if it did."""
        return self._error

    @property
    def is_running(self) -> bool:
        """Whether it was started and not yet ended."""
        return self._is_running

    def start(self) -> None:
        """Starts the threads one after the other, each bound before the next begins.

        Raises:
            PinningError: A thread could not be bound; none is left running.
        """
        fairness.begin()
        self._is_running = True
        try:
            for stage, replicas in enumerate(self.workers):
                for index, worker in enumerate(replicas):
                    gets, puts = self._links[stage].gets(index), self._links[stage + 1].puts(index)
                    worker.start(gets, puts, self.fail)
        except Exception as error:
            self.fail(PipelineStateError(f"the pipeline could not start: {error}"))
            self.join()
            raise
        self._started_ns = self._clock()
        self._since_start = Recorder(self.workers, self.outlet)

    def enter(self, fill: Callable[[Frame], None]) -> None:
        """Takes a frame, fills it and sends it on its way; several threads may do so.

        Args:
            fill: Writes the model's inputs.

        Raises:
            DeviceError: The pipeline has failed or was stopped.
        """
        with self._entering:
            frame = self.intake.take()
            self.stamp(frame)
            fill(frame)
            self.intake.enter(frame)

    def stamp(self, frame: Frame) -> None:
        """Marks a frame as the next that is submitted, now; one thread at a time may do so."""
        frame.number = self._submitted
        frame.entered_ns = frame.ready_ns = self._clock()
        self._submitted += 1

    def finish(self) -> None:
        """Makes the consumer pause after the frames that have entered so far."""
        with self._entering:
            self.outlet.finish(self.intake.accepted)

    def drain(self) -> None:
        """Lets nothing more in; what is inside comes out."""
        self.intake.close(None)
        with self._entering:
            self._links[0].end()

    def fail(self, error: DeviceError) -> None:
        """Breaks off: nothing more comes out. Only the first reason counts."""
        with self._changing:
            if self._error is not None:
                return
            self._error = error
        self.intake.close(error)
        for link in self._links:
            link.cut()

    def join(self) -> None:
        """Waits until every thread has left."""
        for replicas in self.workers:
            for worker in replicas:
                worker.join()
        with self._changing:
            if self._is_running:
                self._is_running = False
                fairness.end()

    def metrics(self) -> PipelineMetrics:
        """Counters so far; any thread may ask."""
        return PipelineMetrics(
            elapsed_us=(self._clock() - self._started_ns) / _NS_PER_US,
            frames_in=self.intake.accepted,
            frames_out=self.outlet.count,
            dropped=self.intake.dropped,
            period_us=mean_period_us(self.outlet.stamps.since(self.outlet.count - _RECENT_FRAMES)),
            stages=tuple(_stage_metrics(replicas) for replicas in self.workers),
        )

    def report(self) -> PipelineReport | None:
        """What happened since the start; nothing before two frames have come out."""
        return self._since_start.report(dropped=self.intake.dropped)


def _stage_metrics(replicas: Sequence[Worker]) -> StageMetrics:
    totals = [worker.totals() for worker in replicas]
    return StageMetrics(
        frames=sum(total.frames for total in totals),
        busy_us=sum(total.busy_ns for total in totals) / _NS_PER_US,
        wait_us=sum(total.wait_ns for total in totals) / _NS_PER_US,
        replicas=tuple(
            ReplicaMetrics(frames=total.frames, busy_us=total.busy_ns / _NS_PER_US) for total in totals
        ),
    )
