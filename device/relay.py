"""One sequence of frames through one pipeline after the other, in the process where they run."""

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final, Protocol

from device.errors import DeviceError, PipelineStateError
from device.idle import IdleTimes
from device.measure.pipeline_energy import PipelineEnergy
from device.messages import Array, Message
from device.pipeline import Pipeline
from device.sensors import Meter, open_gauges

_PROGRESS_EVERY_S: Final = 0.5


class Line(Protocol):
    """The way to the agent."""

    def send(
        self, kind: str, fields: dict[str, Any] | None = None, arrays: dict[str, Array] | None = None
    ) -> None:
        """Sends a message; several threads may do so.

        Raises:
            OSError: The agent has gone.
        """


class Relay:
    """One sequence of frames, through one pipeline after the other.

    The next pipeline is loaded while the present one works. Then the present one lets nothing more in and is drained,
    and the next frame goes to its successor: none is lost, and all come out in order.

    Args:
        line: Where to report.
        load: Loads a bundle's pipeline.
        bundle: The first one.
    """

    def __init__(self, line: Line, load: Callable[[str], Pipeline], bundle: str) -> None:
        self._line = line
        self._load = load
        self._present = load(bundle)
        self._next: Pipeline | None = None
        self._generation = 0
        self._frames_before = 0
        self._is_stopping = False
        self._is_over = threading.Event()

    def measure(self, messages: Iterator[Message], frames: int) -> dict[str, Any]:
        """Runs frames of the board's own, and measures.

        Args:
            messages: What the agent says meanwhile.
            frames: How many frames to count.

        Returns:
            What the last pipeline measured, with the frames that all of them counted.
        """
        threading.Thread(target=self._obey, args=(messages,), name="obey", daemon=True).start()
        report: dict[str, Any] | None = None
        counted = 0
        for pipeline in self._pipelines():
            if self._is_stopping or self._next is not None:
                pipeline.stop()  # whoever said so may have come before it was started
            try:
                energy = PipelineEnergy(Meter(open_gauges()), pipeline.cpus)
                report = energy.measure(pipeline, frames - counted).to_document()
            except PipelineStateError:
                if self._next is None and report is None:
                    raise
            else:
                counted += report["frames"]
            self._frames_before += pipeline.metrics().frames_out
            if counted >= frames:
                break
        return (report or {}) | {"frames": counted}

    def run(self, messages: Iterator[Message]) -> dict[str, Any]:
        """Runs the frames that the agent sends.

        Returns:
            What the last pipeline reports.
        """
        arrivals = Arrivals(messages, self._prepare)
        report = None
        for pipeline in self._pipelines():
            for outputs in pipeline.run(arrivals.until(lambda: self._next is not None)):
                self._line.send("frame", {"number": self._frames_before + outputs.frame}, dict(outputs))
            report = pipeline.report() or report
            self._frames_before = arrivals.count
            self._is_stopping = arrivals.is_exhausted
        return report.to_document() if report else {"frames": self._frames_before}

    def _pipelines(self) -> Iterator[Pipeline]:
        """The present one, started, and its successors, as long as there are any."""
        threading.Thread(target=self._report_progress, name="progress", daemon=True).start()
        try:
            while True:
                with self._present as pipeline:
                    if self._generation == 0:
                        self._line.send("ready")
                    yield pipeline
                if self._next is None or self._is_stopping:
                    return
                self._present, self._next = self._next, None
                self._generation += 1
        finally:
            self._is_over.set()

    def _obey(self, messages: Iterator[Message]) -> None:
        """Does what the agent says during a run of the board's own frames."""
        for message in messages:
            if message.kind == "swap":
                self._load_next(message)
            elif message.kind == "stop":
                self._is_stopping = True
            if self._is_stopping or self._next is not None:
                self._present.stop()
            if self._is_stopping:
                return

    def _prepare(self, message: Message) -> None:
        threading.Thread(target=self._load_next, args=(message,), name="load", daemon=True).start()

    def _load_next(self, message: Message) -> None:
        try:
            self._next = self._load(message.fields["bundle"])
        except DeviceError as error:
            fields = {"code": error.code, "message": error.message, "hint": error.hint}
            self._line.send("swapped", {"error": fields})
        else:
            self._line.send("swapped", {"error": None})

    def _report_progress(self) -> None:
        idle = IdleTimes()
        while not self._is_over.wait(_PROGRESS_EVERY_S):
            shares = {str(cpu): share for cpu, share in idle.shares().items()}
            generation, before = self._generation, self._frames_before
            try:
                metrics = self._present.metrics()
                frames = before + metrics.frames_out
                fields = {"frames": frames, "generation": generation, "idle": shares}
                self._line.send("progress", fields | {"metrics": metrics.to_document()})
            except DeviceError:
                continue  # between two pipelines
            except OSError:
                return


class Arrivals:
    """Frames as they arrive, for one pipeline after the other.

    Args:
        messages: What the agent sends.
        swap: Told when it asks for another pipeline.

    Attributes:
        count: How many frames went to pipelines.
        is_exhausted: Whether no more will come.
    """

    def __init__(self, messages: Iterator[Message], swap: Callable[[Message], None]) -> None:
        self._messages = messages
        self._swap = swap
        self._held: dict[str, Array] | None = None
        self.count = 0
        self.is_exhausted = False

    def until(self, is_over: Callable[[], bool]) -> Iterator[dict[str, Array]]:
        """The frames for one pipeline: up to the first one that arrives when it is over."""
        while True:
            if self._held is None:
                message = next(self._messages, None)
                if message is not None and message.kind == "swap":
                    self._swap(message)
                    continue
                if message is None or message.kind != "frame":
                    self.is_exhausted = True
                    return
                self._held = dict(message.arrays)
            if is_over():
                return
            arrays, self._held = self._held, None
            self.count += 1
            yield arrays
