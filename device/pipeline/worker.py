"""One replica of a stage: a thread that takes frames in turn, runs the stage on them and passes them on."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from queue import SimpleQueue

from device.errors import StageFailedError
from device.pipeline.frames import Frame
from device.pipeline.links import Get, Put, Signal
from device.pipeline.ring import Ring
from device.program import Run

Clock = Callable[[], int]
Pin = Callable[[Sequence[int]], None]
Fail = Callable[[StageFailedError], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """A replica's counters at one moment.

    Attributes:
        frames: How many frames it has worked on.
        busy_ns: Time spent in runs.
        wait_ns: Time spent between runs.
    """

    frames: int
    busy_ns: int
    wait_ns: int


class Worker:
    """A replica's thread.

    Waiting is everything between the end of one run and the beginning of the next, the first since the start,
    so busy and waiting time together are the whole time. The hand-over is that part of the waiting during
    which the frame was there already.

    Args:
        stage: Index of its stage.
        replica: Index within the stage.
        cpus: CPUs to bind to; none leaves it unbound.
        runs: For each frame's index what runs the stage on it.
        pin: Binds the calling thread.
        clock: Monotonic nanoseconds.

    Attributes:
        run_times: Nanoseconds of each run.
        handovers: Nanoseconds of each hand-over.
    """

    def __init__(
        self, *, stage: int, replica: int, cpus: Sequence[int], runs: Sequence[Run], pin: Pin, clock: Clock
    ) -> None:
        self.run_times = Ring()
        self.handovers = Ring()
        self._stage = stage
        self._replica = replica
        self._cpus = cpus
        self._runs = runs
        self._pin = pin
        self._clock = clock
        self._busy_ns = 0
        self._wait_ns = 0
        self._ready: SimpleQueue[Exception | None] = SimpleQueue()
        self._thread: threading.Thread | None = None

    def totals(self) -> Totals:
        """The counters; any thread may ask."""
        return Totals(frames=self.run_times.count, busy_ns=self._busy_ns, wait_ns=self._wait_ns)

    def start(self, gets: Sequence[Get], puts: Sequence[Put], fail: Fail) -> None:
        """Starts the thread and waits until it is bound.

        Args:
            gets: Where its frames come from, in turn.
            puts: Where they go, in turn.
            fail: Told when the stage raises.

        Raises:
            PinningError: It could not be bound.
        """
        name = f"stage {self._stage}.{self._replica}"
        self._thread = threading.Thread(target=self._main, args=(gets, puts, fail), name=name, daemon=True)
        self._thread.start()
        if error := self._ready.get():
            raise error

    def join(self) -> None:
        """Waits until the thread, if it was started, has left."""
        if self._thread is not None:
            self._thread.join()

    def _main(self, gets: Sequence[Get], puts: Sequence[Put], fail: Fail) -> None:
        try:
            if self._cpus:
                self._pin(self._cpus)
        except Exception as error:  # start() raises it in its caller's thread
            self._ready.put(error)
            return
        self._ready.put(None)
        self._work(gets, puts, fail)
        for put in puts:
            put(Signal.END)

    def _work(self, gets: Sequence[Get], puts: Sequence[Put], fail: Fail) -> None:
        clock, runs = self._clock, self._runs
        previous = clock()
        for get, put in zip(cycle(gets), cycle(puts), strict=True):
            frame = get()
            if not isinstance(frame, Frame):
                return
            started = clock()
            try:
                runs[frame.index]()
            except Exception as error:  # whatever a kernel raises ends the pipeline, with the place named
                fail(StageFailedError(self._stage, frame.number, f"{type(error).__name__}: {error}"))
                return
            ended = clock()
            handed = max(frame.ready_ns, previous)
            frame.ready_ns = ended
            put(frame)
            self._record(previous, handed, started, ended)
            previous = ended

    def _record(self, previous: int, handed: int, started: int, ended: int) -> None:
        self._wait_ns += started - previous
        self._busy_ns += ended - started
        self.handovers.add(started - handed)
        self.run_times.add(ended - started)
