"""The agent's end of a running pipeline, which lives in a child process so that a failing kernel takes nobody along."""

import queue
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from device.children import Child
from device.errors import ChildError, DeviceError, PipelineStateError, RelayedError
from device.messages import Array, Message, receive, send

START_TIMEOUT_S = 120.0
STOP_TIMEOUT_S = 30.0
_RESULTS_WAITING = 64
_SWAP_POLL_S = 0.1


class PipelineProcess:
    """A deployed pipeline in a process of its own.

    Args:
        bundle: The bundle's folder.
        frames: Number of synthetic frames to run and measure; 0 when frames are submitted.
        queue_depth: Frames that may wait between two stages; 0 for the runtime's default.
        drop_on_overload: Drop the oldest waiting frame instead of letting the source wait.

    Attributes:
        frames: How many have come out.
        metrics: Counters of the present pipeline, its generation (how often it was swapped), and the part of the time
            that each CPU was idle; None at first.

    Raises:
        DeviceError: The pipeline could not be loaded.
    """

    def __init__(self, bundle: Path, *, frames: int, queue_depth: int, drop_on_overload: bool) -> None:
        self._child = Child("device.pipeline_child")
        self._sending = threading.Lock()
        self._results: queue.Queue[Message | None] = queue.Queue(_RESULTS_WAITING)
        self._ready, self._finished = threading.Event(), threading.Event()
        self._error: DeviceError | None = None
        self._report: dict[str, Any] | None = None
        self._swaps: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self.frames = 0
        self.metrics: dict[str, Any] | None = None
        threading.Thread(target=self._listen, name="pipeline", daemon=True).start()
        options = {"frames": frames, "queue_depth": queue_depth, "drop_on_overload": drop_on_overload}
        self._send(Message(kind="start", fields={"bundle": str(bundle), **options}))
        if not self._ready.wait(START_TIMEOUT_S):
            self.kill()
            raise ChildError(f"the pipeline was not ready within {START_TIMEOUT_S:.0f} s")
        if self._error is not None:
            self.kill()
            raise self._error

    @property
    def is_finished(self) -> bool:
        """Whether it has ended, well or not."""
        return self._finished.is_set()

    def report(self) -> dict[str, Any]:
        """What the pipeline measured, once it has finished.

        Raises:
            DeviceError: It failed.
        """
        if self._error is not None:
            raise self._error
        if self._report is None:
            raise PipelineStateError("the pipeline has not finished")
        return self._report

    def wait(self, timeout_s: float) -> bool:
        """Waits for the end; whether it came."""
        return self._finished.wait(timeout_s)

    def submit(self, number: int, arrays: dict[str, Array]) -> None:
        """Hands a frame in; waits while the pipeline is full."""
        self._send(Message(kind="frame", fields={"number": number}, arrays=arrays))

    def end_of_input(self) -> None:
        """Says that no more frames come; those under way come out."""
        self._send(Message(kind="end"))

    def result(self, timeout_s: float) -> Message | None:
        """The next frame's outputs in order; None after the last.

        Raises:
            DeviceError: The pipeline failed.
            TimeoutError: None came in time.
        """
        try:
            message = self._results.get(timeout=timeout_s)
        except queue.Empty:
            raise TimeoutError from None
        if message is None and self._error is not None:
            raise self._error
        return message

    def swap(self, bundle: Path) -> None:
        """Loads another pipeline, which takes over with the next frame.

        Raises:
            DeviceError: It cannot be loaded; the present one goes on.
        """
        if self.is_finished:
            raise PipelineStateError("the pipeline has finished")
        self._send(Message(kind="swap", fields={"bundle": str(bundle)}))
        deadline = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline:
            with suppress(queue.Empty):
                error = self._swaps.get(timeout=_SWAP_POLL_S)
                if error is not None:
                    raise RelayedError(error["code"], error["message"], error["hint"])
                return
            if self.is_finished:
                raise PipelineStateError("the pipeline finished before it was swapped")
        raise ChildError(f"the next pipeline was not ready within {START_TIMEOUT_S:.0f} s")

    def stop(self) -> dict[str, Any]:
        """Drains and ends the pipeline.

        Returns:
            Its report.

        Raises:
            DeviceError: It failed, or did not end in time.
        """
        if not self.is_finished:
            self._send(Message(kind="stop"))
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while not self.wait(0.05) and time.monotonic() < deadline:
            self._discard_results()
        ended = self.is_finished
        self.kill()
        if not ended:
            raise ChildError(f"the pipeline did not drain within {STOP_TIMEOUT_S:.0f} s and was killed")
        return self.report()

    def kill(self) -> None:
        """Ends it at once."""
        self._child.kill()

    def _discard_results(self) -> None:
        while not self._results.empty():
            self._results.get_nowait()

    def _send(self, message: Message) -> None:
        try:
            with self._sending:
                send(self._child.socket, message)
        except OSError as error:
            self._finished.wait(1.0)
            raise self._error or ChildError(f"the pipeline's process {self._child.describe_end()}") from error

    def _listen(self) -> None:
        try:
            while (message := receive(self._child.socket)) is not None:
                self._handle(message)
        except OSError:
            pass  # killed
        if self._report is None and self._error is None:
            self._child.wait_for_end()
            self._error = ChildError(f"the pipeline's process {self._child.describe_end()}")
        self._ready.set()
        self._finished.set()
        self._put_result(None)

    def _handle(self, message: Message) -> None:
        match message.kind:
            case "ready":
                self._ready.set()
            case "progress":
                self.frames = int(message.fields["frames"])
                self.metrics = dict(message.fields)
            case "swapped":
                self._swaps.put(message.fields["error"])
            case "frame":
                self._put_result(message)
            case "report":
                self._report = message.fields["report"]
                self.frames = int(self._report["frames"])
            case "error":
                fields = message.fields
                self._error = RelayedError(fields["code"], fields["message"], fields["hint"])

    def _put_result(self, message: Message | None) -> None:
        while True:
            try:
                self._results.put(message, timeout=0.2)
            except queue.Full:
                if not self._child.is_alive:
                    self._discard_results()
                continue
            return
