"""How frames get into a pipeline, and what happens when it is full."""

import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from itertools import cycle
from queue import SimpleQueue
from typing import Literal, Protocol

from device.errors import DeviceError, PipelineStateError
from device.pipeline.frames import Frame
from device.pipeline.links import Put, Signal


class Overload(StrEnum):
    """What happens to a source that is faster than the pipeline."""

    BLOCK = "block"
    """It waits."""

    DROP = "drop"
    """The oldest frame that no stage has begun is given up."""


class Intake(Protocol):
    """Hands out free frames and sends filled ones to the first stage's replicas in turn.

    `take` and `enter` are called by one source at a time, `release` by one consumer at a time.
    """

    @property
    def accepted(self) -> int:
        """How many frames were entered and not dropped."""

    @property
    def dropped(self) -> int:
        """How many entered frames were given up."""

    def take(self) -> Frame:
        """Gives a frame to fill.

        Raises:
            DeviceError: The pipeline has failed or was stopped.
        """

    def enter(self, frame: Frame) -> None:
        """Sends a filled frame on its way."""

    def release(self, frame: Frame) -> None:
        """Takes a frame back from the consumer."""

    def reenter(self, frame: Frame) -> None:
        """Sends a frame that came out in again, as it is."""

    def close(self, error: DeviceError | None) -> None:
        """Lets nothing more in; frames that entered are sent on unless there is an error."""


class BlockingIntake:
    """Makes the source wait for a free frame.

    Args:
        frames: All frames of the pipeline, free.
        puts: The first stage's replicas, in turn.
    """

    def __init__(self, frames: Iterable[Frame], puts: Sequence[Put]) -> None:
        self.accepted = 0
        self.dropped = 0
        self._free: SimpleQueue[Frame | Literal[Signal.END]] = SimpleQueue()
        for frame in frames:
            self._free.put(frame)
        self._puts: Iterator[Put] = cycle(puts)
        self._error: DeviceError | None = None

    def take(self) -> Frame:
        """Gives a free frame as soon as there is one."""
        if self._error is None:
            frame = self._free.get()
            if isinstance(frame, Frame):
                return frame
            self._free.put(Signal.END)
        raise self._error or PipelineStateError("the pipeline was stopped")

    def enter(self, frame: Frame) -> None:
        """Sends a filled frame on its way."""
        self.accepted += 1
        next(self._puts)(frame)

    def release(self, frame: Frame) -> None:
        """Takes a frame back from the consumer."""
        self._free.put(frame)

    def reenter(self, frame: Frame) -> None:
        """Sends a frame that came out in again, as it is."""
        self.enter(frame)

    def close(self, error: DeviceError | None) -> None:
        """Wakes a waiting source up."""
        self._error = self._error or error or PipelineStateError("the pipeline was stopped")
        self._free.put(Signal.END)


class DroppingIntake:
    """Never makes the source wait: filled frames queue here, and the oldest is given up when none is free.

    Replicas take turns at the frames that are really sent, so dropping leaves no gaps.

    Args:
        frames: All frames of the pipeline, free; more than `limit`.
        puts: The first stage's replicas, in turn.
        limit: How many frames may be between the first stage and the consumer.
    """

    def __init__(self, frames: Iterable[Frame], puts: Sequence[Put], limit: int) -> None:
        self.dropped = 0
        self._free = list(frames)
        self._waiting: deque[Frame] = deque()
        self._puts: Iterator[Put] = cycle(puts)
        self._credit = limit
        self._sent = 0
        self._error: DeviceError | None = None
        self._lock = threading.Lock()

    @property
    def accepted(self) -> int:
        """How many frames were entered and not dropped."""
        with self._lock:
            return self._sent + len(self._waiting)

    def take(self) -> Frame:
        """Gives a free frame, or that of the oldest waiting one."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._free:
                return self._free.pop()
            self.dropped += 1
            return self._waiting.popleft()

    def enter(self, frame: Frame) -> None:
        """Queues a filled frame, or sends it on its way."""
        with self._lock:
            self._waiting.append(frame)
            self._send()

    def release(self, frame: Frame) -> None:
        """Takes a frame back from the consumer; another one may follow into the pipeline."""
        with self._lock:
            self._free.append(frame)
            self._credit += 1
            self._send()

    def reenter(self, frame: Frame) -> None:
        """Sends a frame that came out in again, as it is."""
        with self._lock:
            self._credit += 1
            self._waiting.append(frame)
            self._send()

    def close(self, error: DeviceError | None) -> None:
        """Sends what waits, or throws it away if the pipeline failed."""
        with self._lock:
            self._error = self._error or error or PipelineStateError("the pipeline was stopped")
            if error is not None:
                self._waiting.clear()
            self._credit += len(self._waiting) + 1  # one more for a source that is just filling a frame
            self._send()

    def _send(self) -> None:
        while self._waiting and self._credit > 0:
            frame = self._waiting.popleft()
            self._sent += 1
            self._credit -= 1
            next(self._puts)(frame)


def make_intake(overload: Overload, frames: Sequence[Frame], puts: Sequence[Put], limit: int) -> Intake:
    """The intake for a policy.

    Args:
        overload: What to do with a source that is too fast.
        frames: All frames of the pipeline, free.
        puts: The first stage's replicas, in turn.
        limit: How many frames may be between the first stage and the consumer.
    """
    if overload is Overload.BLOCK:
        return BlockingIntake(frames, puts)
    return DroppingIntake(frames, puts, limit)
