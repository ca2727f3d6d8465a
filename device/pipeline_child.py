"""The process in which a deployed pipeline runs; the agent talks to it over a socket (`device.messages`)."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from device.children import die_with_parent
from device.errors import DeviceError, PipelineStateError
from device.idle import IdleTimes
from device.measure.pipeline_energy import PipelineEnergy
from device.messages import Array, Message, receive, send
from device.pipeline import Overload, Pipeline
from device.sensors import Meter, open_gauges

_log = logging.getLogger(__name__)

_PROGRESS_EVERY_S = 0.5


class _Line:
    """The socket to the agent, for several threads."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._sending = threading.Lock()

    def send(
        self, kind: str, fields: dict[str, Any] | None = None, arrays: dict[str, Array] | None = None
    ) -> None:
        with self._sending:
            send(self._connection, Message(kind=kind, fields=fields or {}, arrays=arrays or {}))

    def messages(self) -> Iterator[Message]:
        while (message := receive(self._connection)) is not None:
            yield message


def main() -> None:
    """Serves the socket whose descriptor is the first argument until the pipeline has ended."""
    die_with_parent()
    os.chdir(Path(sys.argv[2]))
    line = _Line(socket.socket(fileno=int(sys.argv[1])))
    messages = line.messages()
    start = next(messages, None)
    if start is None:
        return
    try:
        _run(line, messages, start)
    except DeviceError as error:
        line.send("error", {"code": error.code, "message": error.message, "hint": error.hint})


def _run(line: _Line, messages: Iterator[Message], start: Message) -> None:
    depth = {"queue_depth": start.fields["queue_depth"]} if start.fields["queue_depth"] else {}
    overload = Overload.DROP if start.fields["drop_on_overload"] else Overload.BLOCK
    relay = _Relay(line, partial(Pipeline.load, overload=overload, **depth), start.fields["bundle"])
    frames = start.fields["frames"]
    report = relay.measure(messages, frames) if frames else relay.run(messages)
    line.send("report", {"report": report})


class _Relay:
    """One sequence of frames, through one pipeline after the other.

    The next pipeline is loaded while the present one works. Then the present one lets nothing more in and is drained,
    and the next frame goes to its successor: none is lost, and all come out in order.

    Args:
        line: Where to report.
        load: Loads a bundle's pipeline.
        bundle: The first one.
    """

    def __init__(self, line: _Line, load: Callable[[str], Pipeline], bundle: str) -> None:
        self._line = line
        self._load = load
        self._present = load(bundle)
        self._next: Pipeline | None = None
        self._generation = 0
        self._frames_before = 0
        self._is_stopping = False

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
        arrivals = _Arrivals(messages, self._prepare)
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
        while True:
            with self._present as pipeline:
                if self._generation == 0:
                    self._line.send("ready")
                yield pipeline
            if self._next is None or self._is_stopping:
                return
            self._present, self._next = self._next, None
            self._generation += 1

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
        while True:
            time.sleep(_PROGRESS_EVERY_S)
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


class _Arrivals:
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


if __name__ == "__main__":
    main()
