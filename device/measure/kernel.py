"""One kernel by itself, as a search for schedules wants it timed: quickly, and with a check of what it computes."""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from device.measure.latency import NS_PER_S, Clock
from device.measure.stand_in import StandIns
from device.program import Executor, HostRuntime, Program, aligned_copy

Array = npt.NDArray[Any]

MIN_SAMPLES = 5
MAX_SAMPLES = 200

_SWEPT_BYTES = 1 << 23
"""More than the second-level cache of any board of interest."""

_CHECKS = 64


class KernelTrial:
    """A program of one kernel on stand-in tensors.

    Before each run the caches are swept and the inputs written again: in a network, too, a kernel finds its weights far
    away and its input close by.

    Args:
        program: The kernel's only call.
        runtime: Where the kernel comes from.
        clock: Monotonic nanoseconds.
    """

    def __init__(self, program: Program, runtime: HostRuntime, clock: Clock = time.perf_counter_ns) -> None:
        stand_ins = StandIns([program])
        weights = {name: runtime.share(array) for name, array in stand_ins.weights(program).items()}
        self._frames = {name: stand_ins.frame(program.buffers[name]) for name in program.inputs}
        self._inputs = {name: aligned_copy(array) for name, array in self._frames.items()}
        self._outputs = {
            name: aligned_copy(np.ones(program.buffers[name].shape, program.buffers[name].dtype))
            for name in program.outputs
        }
        bound = Executor(program, runtime, weights).bind(
            {name: runtime.share(array) for name, array in self._inputs.items()},
            {name: runtime.share(array) for name, array in self._outputs.items()},
        )
        self._run: Callable[[], None] = bound.run
        self._swept = np.ones(_SWEPT_BYTES // 8)
        self._clock = clock

    def sample(self, seconds: float, limit_us: float) -> list[float]:
        """Takes times until some of them are there and `seconds` have passed, at most `MAX_SAMPLES`.

        Args:
            seconds: How long to measure at least.
            limit_us: One sample is enough of a kernel that is slower than this.

        Returns:
            Microseconds of each run but the first one.
        """
        self._once()
        end = self._clock() + int(seconds * NS_PER_S)
        samples: list[float] = []
        while len(samples) < MIN_SAMPLES or (self._clock() < end and len(samples) < MAX_SAMPLES):
            samples.append(self._once())
            if samples[0] > limit_us:
                break
        return samples

    def checks(self) -> list[float]:
        """What the kernel wrote, in few numbers: sums with changing signs over pieces of its outputs."""
        flat = np.concatenate([array.ravel() for array in self._outputs.values()]).astype(np.float64)
        flat *= np.random.default_rng(1).choice((-1.0, 1.0), flat.size)
        starts = np.unique(np.linspace(0, flat.size, _CHECKS, endpoint=False, dtype=np.int64))
        sums: list[float] = np.add.reduceat(flat, starts).tolist()
        return sums

    def _once(self) -> float:
        self._swept.sum()
        for name, array in self._inputs.items():
            array[...] = self._frames[name]
        start = self._clock()
        self._run()
        return (self._clock() - start) / 1e3
