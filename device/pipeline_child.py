"""The process in which a deployed pipeline runs; the agent talks to it over a socket (`device.messages`)."""

import logging
import os
import socket
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from device.children import die_with_parent
from device.errors import DeviceError
from device.messages import Array, Message, receive, send
from device.pipeline import Overload, Pipeline
from device.relay import Relay

_log = logging.getLogger(__name__)


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
    relay = Relay(line, partial(Pipeline.load, overload=overload, **depth), start.fields["bundle"])
    frames = start.fields["frames"]
    report = relay.measure(messages, frames) if frames else relay.run(messages)
    line.send("report", {"report": report})


if __name__ == "__main__":
    main()
