"""What it takes to bring tensors into another device's memory and back, by size."""

import time
from collections.abc import Callable, Sequence

import numpy as np

from device.measure.latency import Clock
from device.program import Run, Runtime

SIZES = (1 << 12, 1 << 16, 1 << 18, 1 << 20, 1 << 22)
"""Bytes; tensors between layers are of such sizes."""

ENERGY_SIZE = 1 << 18
"""At which the energy is measured."""

SAMPLES = 50

_WARM_UP = 5


def copies(runtime: Runtime, size: int) -> dict[str, Run]:
    """What a pipeline does with a tensor of a size: `in`, before a stage on the device, and `out`, behind it."""
    array = runtime.block(size).view("float32")
    array.fill(0)
    return {"in": _all(runtime.receive(array).copies), "out": _all(runtime.send(array).copies)}


def time_transfers(
    runtime: Runtime, clock: Clock = time.perf_counter_ns
) -> dict[str, dict[str, list[float]]]:
    """Times copies both ways.

    Returns:
        For `in` and `out`, for each size in bytes, the samples in microseconds.
    """
    found: dict[str, dict[str, list[float]]] = {"in": {}, "out": {}}
    for size in SIZES:
        for direction, run in copies(runtime, size).items():
            found[direction][str(size)] = _samples(run, clock)
    return found


def _samples(run: Run, clock: Clock) -> list[float]:
    stamps = []
    for _ in range(_WARM_UP):
        run()
    for _ in range(SAMPLES):
        stamps.append(clock())
        run()
    stamps.append(clock())
    return list((np.diff(stamps) / 1e3).tolist())


def _all(runs: Sequence[Run]) -> Callable[[], None]:
    def run() -> None:
        for step in runs:
            step()

    return run
