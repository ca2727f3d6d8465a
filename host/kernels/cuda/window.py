"""Depthwise convolutions, convolutions of tiny groups and pooling: a thread for a few results of one row.

Neighbouring threads take neighbours in memory. Where windows are large and results few, as in global pooling, several
threads share a window and one of them adds up in shared memory.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import Place, at, number, parameter_shapes, read, store, write_function
from host.kernels.cpu.window import needs_check
from host.kernels.cuda.emission import (
    block_of,
    clear_halo,
    fill,
    launched,
    put_results,
    registers,
    shared,
    split,
    synchronise,
    unrolled,
    when,
)
from host.kernels.cuda.mean import divisor
from host.kernels.machines import Gpu
from host.kernels.specs import Convolution, Pooling
from host.kernels.variants import GpuWindow

_LOWEST = -3.402823466e38
_MOST_UNROLLED = 25


def filtered(spec: Convolution, tile: GpuWindow, gpu: Gpu) -> Any:
    """A convolution with few channels in a group, depthwise above all.

    Args:
        spec: What to compute.
        tile: What a thread computes.
        gpu: What it will run on.

    Returns:
        A TIR function of input, weights `(height, width, in / groups, out)`, the epilogue's operands and output.
    """
    inner, outputs = spec.input.channels // spec.groups, spec.output.channels
    each = outputs // spec.groups

    def body(source: Any, weights: Any, *rest: Any) -> None:
        def add(sums: Any, start: Any, seen: Place, place: int | Any, result: Place) -> None:
            with T.serial(0, inner) as step:
                factors, values = registers(tile.lanes), registers(tile.lanes)
                index = (place * inner + step) * outputs + result.channel
                store(factors, 0, tile.lanes, weights[at(index, tile.lanes)])
                if each == 1:
                    value = read(source, spec.input, seen)
                    store(values, 0, tile.lanes, value)
                else:
                    first = tirx.floordiv(result.channel, each) * inner + step
                    one = source[Place(seen.image, seen.row, seen.column, first, 1).index(spec.input)]
                    fill_with(values, tile.lanes, one)
                with unrolled(tile.lanes) as lane:
                    total = sums[start + lane] + values[lane] * factors[lane]
                    store(sums, start + lane, 1, total)

        _Windows(spec, tile, gpu, rest, 0.0, add).write()

    return write_function(parameter_shapes(spec, tile), body)


def pooled(spec: Pooling, tile: GpuWindow, gpu: Gpu) -> Any:
    """The largest value or the mean of each window.

    Args:
        spec: What to compute.
        tile: What a thread computes.
        gpu: What it will run on.

    Returns:
        A TIR function of input, the epilogue's operands and output.
    """
    first = _LOWEST if spec.kind == "max" else 0.0
    join = tirx.max if spec.kind == "max" else (lambda left, right: left + right)

    def body(source: Any, *rest: Any) -> None:
        def add(sums: Any, start: Any, seen: Place, place: int | Any, result: Place) -> None:
            del place, result
            values = registers(tile.lanes)
            fill(values, tile.lanes, first)
            form = spec.input
            inside = None
            if needs_check(spec):
                inside = tirx.all(
                    seen.row >= 0, seen.row < form.height, seen.column >= 0, seen.column < form.width
                )
            with when(inside):
                store(values, 0, tile.lanes, read(source, form, seen))
            with unrolled(tile.lanes) as lane:
                store(sums, start + lane, 1, join(sums[start + lane], values[lane]))

        _Windows(spec, tile, gpu, rest, first, add, join).write()

    return write_function(parameter_shapes(spec, tile), body)


def fill_with(buffer: Any, count: int, value: Any) -> None:
    """Writes one value into registers."""
    with unrolled(count) as lane:
        store(buffer, lane, 1, value)


class _Windows:
    """The kernel around: which thread takes which results and which part of their windows.

    Args:
        spec: What to compute.
        tile: What a thread computes.
        gpu: What it will run on.
        targets: Buffers of the epilogue's operands and of the output.
        first: What every result is at first.
        add: Takes in what a window holds at a place: sums, the first of them, where to read, the place's number
            within the window, which result.
        join: Joins what threads that share a window found.
    """

    def __init__(
        self,
        spec: Convolution | Pooling,
        tile: GpuWindow,
        gpu: Gpu,
        targets: Sequence[Any],
        first: float,
        add: Callable[[Any, Any, Place, Any, Place], None],
        join: Callable[[Any, Any], Any] | None = None,
    ) -> None:
        self._spec = spec
        self._tile = tile
        self._targets = targets
        self._first = first
        self._add = add
        self._join = join
        output = spec.output
        self._extents = (
            output.batch,
            output.height,
            math.ceil(output.width / tile.columns),
            output.channels // tile.lanes,
        )
        self._count = math.prod(self._extents)
        self._block = max(1, block_of(self._count * tile.slices, gpu) // tile.slices)

    def write(self) -> None:
        """Emits the whole kernel."""
        tile, threads = self._tile, self._block * self._tile.slices
        blocks = math.ceil(self._count / self._block)
        with launched((blocks,), threads) as (block, thread):
            clear_halo(self._targets[-1], self._spec.output, block * threads + thread, blocks * threads)
            part, mine = split(thread, (tile.slices, self._block))
            worker = block * self._block + mine
            is_whole = self._count % self._block == 0
            if tile.slices > 1:
                self._share(worker if is_whole else tirx.min(worker, self._count - 1), part, mine)
                return
            with when(None if is_whole else worker < self._count):
                results = self._results(worker)
                sums = registers(tile.columns * tile.lanes)
                fill(sums, tile.columns * tile.lanes, self._first)
                self._whole_windows(sums, results)
                self._put(sums, results)

    def _results(self, worker: Any) -> list[Place]:
        """What a thread computes; the last ones of a row may be another thread's, too."""
        output, tile = self._spec.output, self._tile
        if output.layout == "channels-last":
            image, row, columns, vector = split(worker, self._extents)
        else:
            image, vector, row, columns = split(
                worker, (self._extents[0], self._extents[3], *self._extents[1:3])
            )
        column = columns * tile.columns
        if output.width % tile.columns:
            column = tirx.min(column, output.width - tile.columns)
        return [
            Place(image, row, column + index, vector * tile.lanes, tile.lanes)
            for index in range(tile.columns)
        ]

    def _whole_windows(self, sums: Any, results: Sequence[Place]) -> None:
        height, width = self._spec.kernel
        is_small = height * width <= _MOST_UNROLLED
        with unrolled(height) if is_small else T.serial(0, height) as row, unrolled(width) as column:
            for index, result in enumerate(results):
                self._add(
                    sums,
                    index * self._tile.lanes,
                    self._seen(result, row, column),
                    row * width + column,
                    result,
                )

    def _seen(self, result: Place, row: Any, column: Any) -> Place:
        spec = self._spec
        return Place(
            result.image,
            result.row * spec.strides[0] - spec.padding[0] + row * spec.dilation[0],
            result.column * spec.strides[1] - spec.padding[1] + column * spec.dilation[1],
            result.channel,
            result.lanes,
        )

    def _share(self, worker: Any, part: Any, mine: Any) -> None:
        """Several threads take every so-manieth place of a window; the first one joins what they found."""
        lanes, slices = self._tile.lanes, self._tile.slices
        (result,), places = self._results(worker), math.prod(self._spec.kernel)
        sums, found = registers(lanes), shared(slices * self._block * lanes)
        fill(sums, lanes, self._first)
        with T.serial(0, math.ceil(places / slices)) as turn:
            place = turn * slices + part
            with when(None if places % slices == 0 else place < places):
                row, column = split(place, self._spec.kernel)
                self._add(sums, 0, self._seen(result, row, column), place, result)
        store(found, (part * self._block + mine) * lanes, lanes, sums[at(0, lanes)])
        synchronise()
        with when(part == 0):
            with unrolled(slices - 1) as other, unrolled(lanes) as lane:
                value = found[((other + 1) * self._block + mine) * lanes + lane]
                store(sums, lane, 1, self._joined(sums[lane], value))
            self._put(sums, [result])

    def _joined(self, left: Any, right: Any) -> Any:
        if self._join is None:
            raise ValueError(f"threads cannot share a window of {self._spec}")
        return self._join(left, right)

    def _put(self, sums: Any, results: Sequence[Place]) -> None:
        lanes = self._tile.lanes
        for index, result in enumerate(results):
            if isinstance(self._spec, Pooling) and self._spec.kind == "average":
                factor = number(1.0) / divisor(self._spec, result)
                with unrolled(lanes) as lane:
                    store(sums, index * lanes + lane, 1, sums[index * lanes + lane] * factor)
            put_results(self._spec.output, self._spec.epilogue, self._targets, sums, index * lanes, result)
