"""The pipeline as its user sees it."""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from device.errors import PipelineStateError
from device.pipeline.bundle import Bundle
from device.pipeline.driver import Driver
from device.pipeline.feeder import Feeder
from device.pipeline.frames import Frame, Outputs, check_inputs, copy_outputs, make_frames
from device.pipeline.intake import Overload
from device.pipeline.layout import Interface
from device.pipeline.report import PipelineMetrics, PipelineReport
from device.pipeline.session import Session
from device.pipeline.stage import Stage, load_stages
from device.pipeline.stand_in import stand_in_frame
from device.pipeline.worker import Clock, Pin, Worker
from device.program.memory import aligned_block
from device.threads import pin_to_cpus

Arrays = Mapping[str, npt.NDArray[Any]]

DEFAULT_QUEUE_DEPTH = 1


class Pipeline:
    """Stages that work on different frames at the same time.

        with Pipeline.load("bundle") as pipeline:
            for outputs in pipeline.run(frames):
                ...

    While it runs, the interpreter's switch interval is shortened (`device.pipeline.fairness`).

    Args:
        interface: What goes in and out.
        stages: The stages, in order.
        queue_depth: How many frames may wait for each stage besides those that are worked on. More of them
            absorb unsteady stages and cost latency and memory.
        overload: What to do with a source that is faster than the pipeline: `block` or `drop`.
        pin: Binds the calling thread to CPUs.
        clock: Monotonic nanoseconds.

    Raises:
        BundleError: The stages do not fit together.
        ProgramError: A stage lacks a kernel or a weight.
        ValueError: An option has no meaning.
    """

    def __init__(
        self,
        interface: Interface,
        stages: Sequence[Stage],
        *,
        queue_depth: int = DEFAULT_QUEUE_DEPTH,
        overload: Overload | str = Overload.BLOCK,
        pin: Pin = pin_to_cpus,
        clock: Clock = time.monotonic_ns,
    ) -> None:
        if queue_depth < 0:
            raise ValueError(f"queue_depth must be at least 0, got {queue_depth}")
        programs = [stage.program for stage in stages]
        interface.check(programs)
        self.interface = interface
        self._stages = tuple(stages)
        self._overload = Overload(overload)
        self._pin = pin
        self._clock = clock
        self._limit = sum(stage.replicas for stage in stages) + queue_depth * len(stages)
        spare = max(queue_depth, 1) if self._overload is Overload.DROP else 0
        block = next((stage.runtime.block for stage in stages if stage.runtime.finish), aligned_block)
        self._frames = make_frames(self._limit + spare, interface, programs, block)
        self._runs = [stage.bind(self._frames, is_last=stage is stages[-1]) for stage in stages]
        self._session: Session | None = None
        self._consuming = threading.Lock()

    @classmethod
    def load(
        cls,
        folder: Path | str,
        *,
        queue_depth: int = DEFAULT_QUEUE_DEPTH,
        overload: Overload | str = Overload.BLOCK,
    ) -> Self:
        """Loads a bundle.

        With `TVM_USE_RUNTIME_LIB=1` in the environment this takes TVM's runtime only, without its compiler.

        Args:
            folder: Where it lies.
            queue_depth: How many frames may wait for each stage besides those that are worked on.
            overload: What to do with a source that is faster than the pipeline: `block` or `drop`.

        Raises:
            BundleError: The bundle is damaged, incomplete or made for other versions.
            ProgramError: A module cannot be loaded or lacks a kernel.
        """
        bundle = Bundle.open(Path(folder))
        return cls(bundle.layout.interface, load_stages(bundle), queue_depth=queue_depth, overload=overload)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.stop()
        else:
            self.abort()

    @property
    def cpus(self) -> tuple[int, ...]:
        """The CPUs that its threads are bound to."""
        return tuple(sorted({cpu for stage in self._stages for cpus in stage.replica_cpus for cpu in cpus}))

    def start(self) -> None:
        """Starts the threads and binds them to their CPUs.

        Raises:
            PinningError: A thread could not be bound.
            PipelineStateError: It runs already.
        """
        if self._session is not None and self._session.is_running:
            raise PipelineStateError("the pipeline runs already")
        self._session = Session(
            frames=self._frames,
            workers=[self._make_workers(index) for index in range(len(self._stages))],
            overload=self._overload,
            limit=self._limit,
            clock=self._clock,
        )
        self._session.start()

    def stop(self) -> None:
        """Lets nothing more in, waits until the stages are through with what is inside, and ends the threads.

        Outputs that nobody has taken can still be read from `results`.
        """
        if self._session is not None and self._session.is_running:
            self._session.drain()
            self._session.join()

    def abort(self) -> None:
        """Ends the threads as soon as each is through with its frame; all else inside is lost."""
        if self._session is not None and self._session.is_running:
            self._session.fail(PipelineStateError("the pipeline was aborted"))
            self._session.join()

    def submit(self, inputs: Arrays) -> None:
        """Sends a frame in; several threads may do so.

        Waits while the pipeline is full, or gives up the oldest waiting frame, whatever the pipeline was told
        to do.

        Args:
            inputs: The model's inputs; copied.

        Raises:
            FrameError: They are not what the model takes.
            StageFailedError: The pipeline has failed.
            PipelineStateError: It does not run.
        """
        check_inputs(self.interface, inputs)
        self._running().enter(lambda frame: _fill(frame, inputs))

    def finish(self) -> None:
        """Ends the sequence of frames: `results` ends after those that were submitted before.

        Frames submitted later belong to a new sequence, for which `results` is called again.
        """
        self._running().finish()

    def results(self) -> Iterator[Outputs]:
        """The outputs in the order in which the frames were submitted, until `finish` or `stop`.

        Raises:
            StageFailedError: A stage failed.
            PipelineStateError: Somebody else reads results, or the pipeline was never started.
        """
        session = self._latest()
        with self._exclusively():
            while (frame := session.outlet.take()) is not None:
                outputs = copy_outputs(self.interface, frame)
                session.intake.release(frame)
                yield outputs
        if session.error is not None:
            raise session.error

    def run(self, frames: Iterable[Arrays]) -> Iterator[Outputs]:
        """Sends frames through and gives their outputs, in order.

        The frames are taken from their iterable in a thread of their own, so that a camera that waits does
        not hold up outputs. If the outputs are not read to the end, the pipeline is aborted.

        Args:
            frames: The model's inputs, frame after frame.

        Raises:
            DeviceError: A stage failed or a frame does not fit; what the iterable raises comes out as it is.
        """
        feeder = Feeder(frames, submit=self.submit, finish=self.finish)
        is_complete = False
        feeder.start()
        try:
            yield from self.results()
            is_complete = True
        finally:
            feeder.stop()
            if not is_complete:
                self.abort()
        feeder.check()

    def measure(self, frames: int, inputs: Arrays | None = None, *, warm_up_s: float = 0.3) -> PipelineReport:
        """Drives the pipeline as fast as it goes with frames from inside, which are never copied.

        Args:
            frames: How many frames to count after the warm-up.
            inputs: The model's inputs for all of them; random ones if left out.
            warm_up_s: How long to run before counting.

        Raises:
            FrameError: The inputs are not what the model takes.
            StageFailedError: A stage failed.
            PipelineStateError: It does not run, is used otherwise, or was stopped before there was anything
                to report.
        """
        session = self._running()
        arrays = stand_in_frame(self.interface) if inputs is None else inputs
        check_inputs(self.interface, arrays)
        with self._exclusively():
            if session.intake.accepted != session.outlet.count:
                raise PipelineStateError(
                    "there are frames inside the pipeline", hint="read all results before measuring"
                )
            driver = Driver(session, self._limit, self._clock)
            driver.fill(lambda frame: _fill(frame, arrays))
            report = driver.run(frames, warm_up_s)
        if session.error is not None:
            raise session.error
        if report is None:
            raise PipelineStateError("the pipeline was stopped before a frame was counted")
        return report

    def metrics(self) -> PipelineMetrics:
        """Counters since the start; any thread may ask at any time.

        Raises:
            PipelineStateError: The pipeline was never started.
        """
        return self._latest().metrics()

    def report(self) -> PipelineReport | None:
        """What happened since the start; nothing before two frames have come out.

        Raises:
            PipelineStateError: The pipeline was never started.
        """
        return self._latest().report()

    def _make_workers(self, stage: int) -> list[Worker]:
        cpus = self._stages[stage].replica_cpus
        return [
            Worker(stage=stage, replica=index, cpus=cpus[index], runs=runs, pin=self._pin, clock=self._clock)
            for index, runs in enumerate(self._runs[stage])
        ]

    def _latest(self) -> Session:
        if self._session is None:
            raise PipelineStateError("the pipeline was never started")
        return self._session

    def _running(self) -> Session:
        session = self._latest()
        if not session.is_running:
            raise session.error or PipelineStateError("the pipeline does not run")
        return session

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if not self._consuming.acquire(blocking=False):
            raise PipelineStateError("the pipeline's results are read by somebody else")
        try:
            yield
        finally:
            self._consuming.release()


def _fill(frame: Frame, inputs: Arrays) -> None:
    for name, array in inputs.items():
        np.copyto(frame.arrays[name], array)
