"""Where frames come out, in order, and are time-stamped."""

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import cycle

from device.pipeline.frames import Frame
from device.pipeline.links import Get, Put, Signal
from device.pipeline.ring import Ring


class Outlet:
    """The consumer's end of a pipeline.

    A frame is out when the last stage was done with it and with all frames before it, whenever the consumer
    takes it.

    Args:
        gets: The last stage's replicas, in turn.
        puts: The same queues' other ends, in the same order.

    Attributes:
        first_ns: When the first frame came out; 0 before.
        last_ns: When the latest frame came out; 0 before.
        stamps: Monotonic nanoseconds at which frames came out.
        latencies: Nanoseconds that each frame took from the source on.
    """

    def __init__(self, gets: Sequence[Get], puts: Sequence[Put]) -> None:
        self.stamps = Ring()
        self.latencies = Ring()
        self._gets: Iterator[Get] = cycle(gets)
        self._get: Get | None = None
        self._puts = puts
        self._pauses: deque[int] = deque()
        self._has_ended = False
        self.first_ns = 0
        self.last_ns = 0

    @property
    def count(self) -> int:
        """How many frames have come out."""
        return self.stamps.count

    def finish(self, count: int) -> None:
        """Makes `take` give nothing once after `count` frames in all; any thread may call this."""
        self._pauses.append(count)
        self._puts[count % len(self._puts)](Signal.FINISHED)

    def take(self) -> Frame | None:
        """Waits for the next frame.

        Returns:
            The frame, or nothing at a pause of the source or when the pipeline has ended.
        """
        while not self._has_ended:
            if self._pauses and self._pauses[0] == self.count:
                self._pauses.popleft()
                return None
            token = self._next_get()()
            if isinstance(token, Frame):
                self._get = None
                self._stamp(token)
                return token
            self._has_ended = token is Signal.END
        return None

    def _next_get(self) -> Get:
        if self._get is None:
            self._get = next(self._gets)
        return self._get

    def _stamp(self, frame: Frame) -> None:
        self.last_ns = max(self.last_ns, frame.ready_ns)
        self.first_ns = self.first_ns or self.last_ns
        self.stamps.add(self.last_ns)
        self.latencies.add(self.last_ns - frame.entered_ns)
