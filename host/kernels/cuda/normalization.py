"""Kernels that normalise over channels: softmax and local response normalisation."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import Place, number, parameter_shapes, read, store, write_function
from host.kernels.cuda.emission import (
    clear_halo,
    fill,
    launched,
    put_results,
    registers,
    shared,
    synchronise,
    unrolled,
    when,
    workers,
)
from host.kernels.cuda.pointwise import element
from host.kernels.machines import Gpu
from host.kernels.specs import Lrn, Softmax
from host.kernels.variants import Plain

_LOWEST = -3.402823466e38
_MOST_THREADS = 256


def softmax(spec: Softmax, gpu: Gpu) -> Any:
    """Softmax over the channels of each row, a block of threads for a row.

    Args:
        spec: What to compute.
        gpu: What it will run on.

    Returns:
        A TIR function of input, the epilogue's operands and output.
    """
    channels = spec.input.channels
    threads = min(_MOST_THREADS, max(gpu.warp, 1 << (channels - 1).bit_length()))

    def body(source: Any, *targets: Any) -> None:
        with launched((spec.input.batch,), threads) as (image, thread):
            row = _Row(channels, threads, thread)

            def value_at(channel: Any) -> Any:
                return read(source, spec.input, Place(image, 0, 0, channel, 1))

            largest = row.joined(value_at, _LOWEST, tirx.max)

            def power_at(channel: Any) -> Any:
                return tirx.exp(value_at(channel) - largest)

            total = row.joined(power_at, 0.0, lambda left, right: left + right)
            with row.channels() as channel:
                result = registers(1)
                store(result, 0, 1, power_at(channel) / total)
                place = Place(image, 0, 0, channel, 1)
                put_results(spec.output, spec.epilogue, targets, result, 0, place)

    return write_function(parameter_shapes(spec, Plain()), body)


class _Row:
    """A row's channels shared out among the threads of a block, as many as a power of two."""

    def __init__(self, channels: int, threads: int, thread: Any) -> None:
        self._channels = channels
        self._threads = threads
        self._thread = thread

    @contextmanager
    def channels(self) -> Iterator[Any]:
        """A loop over those of one thread."""
        with T.serial(0, math.ceil(self._channels / self._threads)) as turn:
            channel = turn * self._threads + self._thread
            with when(None if self._channels % self._threads == 0 else channel < self._channels):
                yield channel

    def joined(self, value_at: Callable[[Any], Any], first: float, join: Callable[[Any, Any], Any]) -> Any:
        """One number made of all channels' values, known to every thread."""
        mine, found, thread = registers(1), shared(self._threads), self._thread
        fill(mine, 1, first)
        with self.channels() as channel:
            store(mine, 0, 1, join(mine[0], value_at(channel)))
        store(found, thread, 1, mine[0])
        synchronise()
        distance = self._threads // 2
        while distance:
            with when(thread < distance):
                store(found, thread, 1, join(found[thread], found[thread + distance]))
            synchronise()
            distance //= 2
        return found[0]


def lrn(spec: Lrn, gpu: Gpu) -> Any:
    """Local response normalisation, a thread for each number.

    Args:
        spec: What to compute.
        gpu: What it will run on.

    Returns:
        A TIR function of input, the epilogue's operands and output.
    """
    output, channels, reach = spec.output, spec.input.channels, spec.size // 2
    numbers = output.batch * output.height * output.width * channels

    def body(source: Any, *targets: Any) -> None:
        with workers(numbers, gpu) as (worker, threads):
            clear_halo(targets[-1], output, worker, threads)
            with when(None if threads == numbers else worker < numbers):
                place, total = element(output, worker, 1), registers(1)
                fill(total, 1, 0.0)
                with unrolled(spec.size) as shift:
                    channel = place.channel + shift - reach
                    with when(tirx.all(channel >= 0, channel < channels)):
                        value = read(source, spec.input, replace(place, channel=channel))
                        store(total, 0, 1, total[0] + value * value)
                result = registers(1)
                store(result, 0, 1, read(source, spec.input, place) / _power(spec, total[0]))
                put_results(output, spec.epilogue, targets, result, 0, place)

    return write_function(parameter_shapes(spec, Plain()), body)


def _power(spec: Lrn, total: Any) -> Any:
    """What a value is divided by; the usual exponent takes two square roots instead of a logarithm."""
    base = number(spec.bias) + number(spec.alpha / spec.size) * total
    if spec.beta == 0.75:
        root = tirx.sqrt(base)
        return root * tirx.sqrt(root)
    return tirx.power(base, number(spec.beta))
