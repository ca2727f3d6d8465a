"""One kernel is timed as often as it is worth, and its result told in few numbers."""

from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from device.measure.kernel import MAX_SAMPLES, MIN_SAMPLES, KernelTrial
from device.program import Buffer, Call, Layer, Program, PythonRuntime

Array = npt.NDArray[Any]

PROGRAM = Program(
    inputs=("x",),
    outputs=("y",),
    weights=("w",),
    buffers={
        "x": Buffer(shape=(40, 30), dtype="float32"),
        "w": Buffer(shape=(30, 20), dtype="float32"),
        "y": Buffer(shape=(40, 20), dtype="float32"),
    },
    layers=(Layer(name="trial", calls=(Call(function="product", arguments=("x", "w", "y")),)),),
)
TICK_NS = 1_000_000


def product(x: Array, w: Array, y: Array) -> None:
    np.matmul(x, w, out=y)


def by_rows(x: Array, w: Array, y: Array) -> None:
    for row in range(len(x)):
        y[row] = w.T @ x[row]


def almost(x: Array, w: Array, y: Array) -> None:
    np.matmul(x, w, out=y)
    y[17, 5] += 1


def idle(x: Array, w: Array, y: Array) -> None:
    pass


def trial(kernel: Any) -> KernelTrial:
    """A trial under a clock that advances by a millisecond whenever it is read."""
    ticks = count()
    return KernelTrial(PROGRAM, PythonRuntime({"product": kernel}), lambda: next(ticks) * TICK_NS)


def test_a_kernel_is_timed_for_a_while() -> None:
    samples = trial(product).sample(seconds=0.1, limit_us=1e9)
    assert MIN_SAMPLES < len(samples) < MAX_SAMPLES
    assert set(samples) == {1000.0}


def test_a_few_samples_are_taken_however_short_the_time() -> None:
    assert len(trial(product).sample(seconds=0.0, limit_us=1e9)) == MIN_SAMPLES


def test_a_slow_kernel_is_timed_once() -> None:
    assert trial(product).sample(seconds=0.1, limit_us=999.0) == [1000.0]


@pytest.mark.parametrize(("kernel", "agrees"), [(by_rows, True), (almost, False), (idle, False)])
def test_checks_tell_kernels_apart_that_compute_something_else(kernel: Any, agrees: bool) -> None:
    found: list[list[float]] = []
    for one in (product, kernel):
        timed = trial(one)
        timed.sample(seconds=0.0, limit_us=1e9)
        found.append(timed.checks())
    first, second = found
    assert np.allclose(first, second, rtol=1e-3, atol=1e-3) is agrees
