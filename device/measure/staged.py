"""Our own engine as a contender: a deployed bundle as whole passes of its one stage, or as a pipeline."""

from math import ceil, lcm

from device.errors import BundleError
from device.measure.turns import WARM_UP_PART, Arrays, Turn, time_passes, turn_of
from device.pipeline import Bundle, Pipeline
from device.pipeline.frames import Frame, copy_outputs, make_frames
from device.pipeline.stage import load_stages
from device.program import Run
from device.threads import pinned_thread

_US_PER_S = 1e6
_MIN_FRAMES = 4


class WholePasses:
    """A bundle of one stage, run by one thread that is bound to the stage's CPUs: the latency without any queue.

    Args:
        bundle: The verified bundle.
        frame: What to run on.

    Raises:
        BundleError: It has several stages or replicas, or cannot be read.
        PinningError: The thread could not be bound.
    """

    def __init__(self, bundle: Bundle, frame: Arrays) -> None:
        if len(bundle.layout.stages) != 1 or len(bundle.layout.stages[0].replica_cpus) != 1:
            raise BundleError("whole passes need a bundle of one stage that runs once")
        (cpus,) = bundle.layout.stages[0].replica_cpus
        self._interface = bundle.layout.interface
        self._worker = pinned_thread(cpus)
        self._frame, self._run = self._worker.submit(_load_passes, bundle).result()
        for name, array in frame.items():
            self._frame.arrays[name][...] = array

    def outputs(self) -> Arrays:
        """What it computes from its frame."""
        self._worker.submit(self._run).result()
        return dict(copy_outputs(self._interface, self._frame))

    def turn(self, seconds: float) -> Turn:
        """Runs pass after pass."""
        return turn_of([self._worker.submit(time_passes, self._run, seconds).result()])


class WholePipeline:
    """A bundle as the pipeline that it is; its threads sleep between the turns.

    Its latency is that of a frame that is alone inside, its throughput that of a pipeline that is always full.

    Args:
        bundle: The verified bundle.
        frame: What to run on.

    Raises:
        BundleError: It cannot be read.
        PinningError: A thread could not be bound.
    """

    def __init__(self, bundle: Bundle, frame: Arrays) -> None:
        self._frame = frame
        self._together = lcm(*(len(stage.replica_cpus) for stage in bundle.layout.stages))
        self._period_us: float | None = None
        self._pipeline = Pipeline(bundle.layout.interface, load_stages(bundle))
        self._pipeline.start()

    def outputs(self) -> Arrays:
        """What it computes from its frame."""
        (outputs,) = self._pipeline.run([self._frame])
        return dict(outputs)

    def turn(self, seconds: float) -> Turn:
        """Runs as many frames as take about `seconds`, as far as it is known."""
        report = self._pipeline.measure(self._frames(seconds), self._frame, warm_up_s=WARM_UP_PART * seconds)
        self._period_us = report.period_us
        latency_us = report.unloaded_latency_us
        return Turn(
            frames=report.frames,
            latency_us=report.latency_us if latency_us is None else latency_us,
            throughput_fps=report.throughput_fps,
        )

    def _frames(self, seconds: float) -> int:
        """Whole rounds of the replicas: within one they may come out in a bunch."""
        wanted = 0.0 if self._period_us is None else seconds * _US_PER_S / self._period_us
        return self._together * ceil(max(wanted, _MIN_FRAMES) / self._together)


def _load_passes(bundle: Bundle) -> tuple[Frame, Run]:
    (stage,) = load_stages(bundle)
    (frame,) = make_frames(1, bundle.layout.interface, [stage.program])
    ((run,),) = stage.bind([frame], is_last=True)
    return frame, run
