"""Convolutions as products of matrices that are never written down: pixels times steps, steps times channels.

A step of the reduction is one number of the kernel's window: a row, a column, an input channel. A block of threads
walks over the steps: it brings a piece of both operands into shared memory while it multiplies the piece before, and
each thread keeps its tile of sums in registers. `_Tile.multiply` is the one place that knows how two pieces are
multiplied: what would change for tensor cores.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import Place, at, parameter_shapes, store, write_function
from host.kernels.cuda.emission import (
    clear_halo,
    fill,
    launched,
    pixel_of,
    put_results,
    registers,
    split,
    synchronise,
    unrolled,
    when,
    workers,
)
from host.kernels.cuda.staging import Piece, Pixels, Weights
from host.kernels.cuda.tiling import VECTOR, in_one_row, pixels_of, steps_of_split
from host.kernels.machines import Gpu
from host.kernels.specs import Convolution
from host.kernels.variants import GpuTile


def tiled(spec: Convolution, tile: GpuTile, gpu: Gpu) -> Any:
    """A convolution without any transformation.

    Args:
        spec: What to compute.
        tile: The tile of sums and how the reduction is cut.
        gpu: What it will run on.

    Returns:
        A TIR function of input, packed weights, the epilogue's operands and output.
    """

    def body(source: Any, weights: Any, *rest: Any) -> None:
        flat = in_one_row(spec)
        if tile.splits == 1:
            _Product(flat, tile, source, weights, rest).write()
            return
        sums = T.alloc_buffer((tile.splits * pixels_of(flat) * flat.output.channels,), "float32")
        _Product(flat, tile, source, weights, [sums]).write()
        _add_up(flat, tile.splits, sums, rest, gpu)

    return write_function(parameter_shapes(spec, tile), body)


class _Product:
    """The kernel that multiplies; writes results, or the sums of one split of the reduction behind another's.

    Args:
        spec: What to compute.
        tile: How.
        source: The input's buffer.
        weights: The packed weights'.
        targets: Those of the epilogue's operands and of the output, or one for sums.
    """

    def __init__(
        self, spec: Convolution, tile: GpuTile, source: Any, weights: Any, targets: Sequence[Any]
    ) -> None:
        self._spec = spec
        self._tile = tile
        self._source = source
        self._weights = weights
        self._targets = targets
        self._pixels = pixels_of(spec)
        self._each = spec.output.channels // spec.groups
        self._grid = (
            math.ceil(self._pixels / tile.pixels),
            math.ceil(self._each / tile.channels),
            spec.groups * tile.splits,
        )

    def write(self) -> None:
        """Emits the whole kernel."""
        tile = self._tile
        with launched(self._grid, tile.threads) as (x, y, z, thread):
            group, part = split(z, (self._spec.groups, tile.splits))
            if tile.splits == 1:
                block = (z * self._grid[1] + y) * self._grid[0] + x
                count = math.prod(self._grid) * tile.threads
                clear_halo(self._targets[-1], self._spec.output, block * tile.threads + thread, count)
            sums = _Tile(tile, thread)
            self._reduce(sums, x * tile.pixels, y * tile.channels, group, part, thread)
            self._put(sums, x * tile.pixels, y * tile.channels, group, part)

    def _reduce(self, sums: "_Tile", pixel: Any, channel: Any, group: Any, part: Any, thread: Any) -> None:
        """Walks over the steps, two pieces a turn, so that each has its own place in shared memory."""
        tile, count = self._tile, steps_of_split(self._spec, self._tile)
        first = part * count
        pixels = Pixels(self._spec, tile, self._source, pixel, group, thread)
        weights = Weights(self._spec, tile, self._weights, channel, group, thread)
        here, there = (Piece(pixels.place(), weights.place()) for _ in range(2))

        def bring(step: Any, target: Piece, condition: Any, meanwhile: Callable[[], None]) -> None:
            with when(condition):
                pixels.fetch(first + step)
                weights.fetch(first + step)
            meanwhile()
            with when(condition):
                pixels.put(target.pixels)
                weights.put(target.weights)
            synchronise()

        bring(0, here, None, lambda: None)
        if count > 1:
            with T.serial(0, count // 2) as pair:
                bring(pair * 2 + 1, there, None, lambda: sums.multiply(here))
                is_more = None if count % 2 else pair * 2 + 2 < count
                bring(pair * 2 + 2, here, is_more, lambda: sums.multiply(there))
        if count % 2:
            sums.multiply(here)

    def _put(self, sums: "_Tile", pixel: Any, channel: Any, group: Any, part: Any) -> None:
        """Stores a thread's sums; those behind the last pixel or channel are nobody's."""
        tile, output, each = self._tile, self._spec.output, self._each
        lanes = VECTOR if each % VECTOR == 0 else 1
        with unrolled(tile.thread_pixels) as row, unrolled(tile.thread_channels // lanes) as vector:
            index, within = pixel + sums.pixel(row), channel + sums.channel(vector * lanes)
            is_inside = None if self._pixels % tile.pixels == 0 else index < self._pixels
            is_channel = None if each % tile.channels == 0 else within < each
            with when(is_inside), when(is_channel):
                start = row * tile.thread_channels + vector * lanes
                place = Place(*pixel_of(index, output), group * each + within, lanes)
                if tile.splits == 1:
                    put_results(output, self._spec.epilogue, self._targets, sums.values, start, place)
                else:
                    target = (part * self._pixels + index) * output.channels + place.channel
                    store(self._targets[0], target, lanes, sums.values[at(start, lanes)])


class _Tile:
    """A thread's sums: groups of four neighbours along both axes, so that shared memory is read in vectors."""

    def __init__(self, tile: GpuTile, thread: Any) -> None:
        self._tile = tile
        self._across = tile.channels // tile.thread_channels
        self._down = tile.pixels // tile.thread_pixels
        self._row, self._column = split(thread, (self._down, self._across))
        self.values = registers(tile.thread_pixels * tile.thread_channels)
        self._pixels = registers(tile.thread_pixels)
        self._channels = registers(tile.thread_channels)
        fill(self.values, tile.thread_pixels * tile.thread_channels, 0.0)

    def pixel(self, index: Any) -> Any:
        """Where in the block's tile the thread's pixel number `index` lies."""
        return (index // VECTOR * self._down + self._row) * VECTOR + index % VECTOR

    def channel(self, index: Any) -> Any:
        """Where in the block's tile the thread's channel number `index` lies."""
        return (index // VECTOR * self._across + self._column) * VECTOR + index % VECTOR

    def multiply(self, piece: Piece) -> None:
        """Adds the products of all steps of a piece."""
        tile = self._tile
        with unrolled(tile.depth) as step:
            for first in range(0, tile.thread_pixels, VECTOR):
                value = piece.pixels.vector(step, self.pixel(first))
                store(self._pixels, first, VECTOR, value)
            for first in range(0, tile.thread_channels, VECTOR):
                value = piece.weights.vector(step, self.channel(first))
                store(self._channels, first, VECTOR, value)
            with unrolled(tile.thread_pixels) as row, unrolled(tile.thread_channels) as column:
                index = row * tile.thread_channels + column
                product = self._pixels[row] * self._channels[column]
                store(self.values, index, 1, self.values[index] + product)


def _add_up(spec: Convolution, splits: int, sums: Any, targets: Sequence[Any], gpu: Gpu) -> None:
    """The kernel that adds the splits' sums, always in the same order, and finishes the results."""
    output, pixels = spec.output, pixels_of(spec)
    lanes = VECTOR if output.channels % VECTOR == 0 else 1
    vectors = output.channels // lanes
    with workers(pixels * vectors, gpu) as (worker, count):
        clear_halo(targets[-1], output, worker, count)
        with when(None if count == pixels * vectors else worker < pixels * vectors):
            pixel, vector = split(worker, (pixels, vectors))
            total = registers(lanes)
            fill(total, lanes, 0.0)
            with unrolled(splits) as part:
                start = (part * pixels * vectors + worker) * lanes
                store(total, 0, lanes, total[at(0, lanes)] + sums[at(start, lanes)])
            place = Place(*pixel_of(pixel, output), vector * lanes, lanes)
            put_results(output, spec.epilogue, targets, total, 0, place)
