"""The process in which a deployed pipeline runs; the agent talks to it over a socket (`device.messages`)."""

import logging
import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from device.children import die_with_parent
from device.errors import DeviceError
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
    pipeline = Pipeline.load(start.fields["bundle"], overload=overload, **depth)
    with pipeline:
        line.send("ready")
        threading.Thread(target=_report_progress, args=(line, pipeline), name="progress", daemon=True).start()
        if frames := start.fields["frames"]:
            threading.Thread(
                target=_watch_for_stop, args=(messages, pipeline), name="watch", daemon=True
            ).start()
            report = (
                PipelineEnergy(Meter(open_gauges()), pipeline.cpus).measure(pipeline, frames).to_document()
            )
        else:
            report = _run_submitted(line, messages, pipeline)
    line.send("report", {"report": report})


def _run_submitted(line: _Line, messages: Iterator[Message], pipeline: Pipeline) -> dict[str, Any]:
    def frames() -> Iterator[dict[str, Array]]:
        for message in messages:
            if message.kind != "frame":
                return
            yield dict(message.arrays)

    count = 0
    for outputs in pipeline.run(frames()):
        count += 1
        line.send("frame", {"number": outputs.frame}, dict(outputs))
    report = pipeline.report()
    return report.to_document() if report else {"frames": count}


def _watch_for_stop(messages: Iterator[Message], pipeline: Pipeline) -> None:
    """Ends a run of synthetic frames when the agent says so."""
    for message in messages:
        if message.kind == "stop":
            pipeline.stop()
            return


def _report_progress(line: _Line, pipeline: Pipeline) -> None:
    while True:
        time.sleep(_PROGRESS_EVERY_S)
        try:
            line.send("progress", {"frames": pipeline.metrics().frames_out})
        except (DeviceError, OSError):
            return


if __name__ == "__main__":
    main()
