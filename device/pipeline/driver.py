"""Driving a pipeline with synthetic frames from inside: the load is never what is measured."""

from collections.abc import Callable

from device.pipeline.frames import Frame
from device.pipeline.recorder import Recorder
from device.pipeline.report import PipelineReport
from device.pipeline.session import Session
from device.pipeline.worker import Clock

NS_PER_S = 1_000_000_000

_ALONE_FRAMES = 8
_ALONE_S = 0.5


class Driver:
    """Sends the same few frames round and round, never copying anything.

    First one frame alone, for the latency without waiting; then all at once, unmeasured until clocks and
    caches have settled; then the frames that count.

    Args:
        session: A started session with no frame inside.
        count: How many frames may be inside.
        clock: Monotonic nanoseconds.
    """

    def __init__(self, session: Session, count: int, clock: Clock) -> None:
        self._session = session
        self._intake = session.intake
        self._outlet = session.outlet
        self._frames = [self._intake.take() for _ in range(count)]
        self._clock = clock

    def fill(self, fill: Callable[[Frame], None]) -> None:
        """Writes the model's inputs of every frame."""
        for frame in self._frames:
            fill(frame)

    def run(self, frames: int, warm_up_s: float) -> PipelineReport | None:
        """Drives the pipeline and reports.

        Args:
            frames: How many frames to count.
            warm_up_s: How long to run before counting; at least until every frame has gone round twice.

        Returns:
            What happened; nothing when the pipeline was stopped too early to tell.
        """
        unloaded = self._one_at_a_time()
        for index, frame in enumerate(self._frames):
            self._send(frame, self._intake.enter if index else self._intake.reenter)
        self._warm_up(warm_up_s)
        recorder = Recorder(self._session.workers, self._outlet)
        self._turn(frames)
        report = recorder.report(unloaded=unloaded)
        self._collect()
        return report

    def _one_at_a_time(self) -> list[int]:
        end = self._clock() + int(_ALONE_S * NS_PER_S)
        latencies: list[int] = []
        first = self._frames[0]
        while len(latencies) < _ALONE_FRAMES and (not latencies or self._clock() < end):
            self._send(first, self._intake.reenter if latencies else self._intake.enter)
            if self._outlet.take() is None:
                return latencies
            latencies.append(int(self._outlet.latencies.since(self._outlet.count - 1)[0]))
        return latencies

    def _warm_up(self, seconds: float) -> None:
        end = self._clock() + int(seconds * NS_PER_S)
        while self._turn(2 * len(self._frames)) and self._clock() < end:
            pass

    def _turn(self, frames: int) -> bool:
        """Sends each of the next frames that come out in again; false when the pipeline has ended."""
        take, reenter = self._outlet.take, self._intake.reenter
        for _ in range(frames):
            frame = take()
            if frame is None:
                return False
            self._send(frame, reenter)
        return True

    def _collect(self) -> None:
        for _ in self._frames:
            if (frame := self._outlet.take()) is not None:
                self._intake.release(frame)

    def _send(self, frame: Frame, enter: Callable[[Frame], None]) -> None:
        self._session.stamp(frame)
        enter(frame)
