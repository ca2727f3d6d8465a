"""How much longer layers take while the rest of the board works: cores share caches and memory.

Copies of the network run on the other cores, as they do in a pipeline. They are at work every other moment, so that
whatever else changes on the machine meets both sides of the comparison.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager

import numpy as np
import numpy.typing as npt

from device.measure.latency import LatencyLoop
from device.threads import pinned_thread

SLICE_S = 0.2
"""How long the neighbours are at work, and then not."""

Samples = npt.NDArray[np.float64]
Sample = Callable[[float], Samples]
"""Takes latencies for about so many seconds: microseconds, `(passes, layers)`."""

AtWork = Callable[[], AbstractContextManager[None]]


class Neighbours:
    """A network on other cores, one copy a core.

    Args:
        cpus: Ids of the cores.
        load: Makes a copy; called in the thread that will run it.
    """

    def __init__(self, cpus: Sequence[int], load: Callable[[], LatencyLoop]) -> None:
        self._threads = [pinned_thread([cpu]) for cpu in cpus]
        self._copies = [thread.submit(load).result() for thread in self._threads]

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """All copies run, pass after pass, until this ends."""
        is_over = threading.Event()

        def work(copy: LatencyLoop) -> None:
            while not is_over.is_set():
                copy.one_pass()

        pairs = zip(self._threads, self._copies, strict=True)
        running = [thread.submit(work, copy) for thread, copy in pairs]
        try:
            yield
        finally:
            is_over.set()
            for copy in running:
                copy.result()

    def close(self) -> None:
        """Ends the threads."""
        for thread in self._threads:
            thread.shutdown()


def slowdown(sample: Sample, at_work: AtWork, seconds: float) -> Samples:
    """Times layers with and without neighbours, in turns.

    Args:
        sample: Takes latencies of the layers.
        at_work: Under it the neighbours work.
        seconds: How long; each is looked at once at least.

    Returns:
        For each layer the ratio of the medians, `(layers,)`, 1 where neighbours do no harm.
    """
    alone: list[Samples] = []
    beside: list[Samples] = []
    end = time.monotonic() + seconds
    while not alone or time.monotonic() < end:
        alone.append(sample(SLICE_S))
        with at_work():
            beside.append(sample(SLICE_S))
    before, after = _medians(alone), _medians(beside)
    return np.divide(after, before, out=np.ones_like(before), where=after > before)


def _medians(slices: Sequence[Samples]) -> Samples:
    medians: Samples = np.median(np.concatenate(slices), axis=0)
    return medians
