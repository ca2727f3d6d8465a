"""Convolutions of few pixels, such as fully connected layers: as fast as their weights can be read.

Weights lie channel by channel, so that the threads that share a channel's sums read one run of memory.
"""

import math
from typing import Any

from tvm import tirx

from host.kernels.cpu.emission import Place, at, parameter_shapes, store, write_function
from host.kernels.cuda.emission import (
    clear_halo,
    fill,
    launched,
    pixel_of,
    put_results,
    registers,
    repeated,
    shared,
    split,
    synchronise,
    when,
)
from host.kernels.cuda.tiling import VECTOR, pixels_of, reads_vectors, steps_of
from host.kernels.specs import Convolution
from host.kernels.variants import GpuDot

_AT_ONCE = 4
"""Turns that are written out, so that their reads are under way together."""


def dot(spec: Convolution, tile: GpuDot) -> Any:
    """A convolution of few pixels.

    Args:
        spec: What to compute.
        tile: How many threads share a sum.

    Returns:
        A TIR function of input, packed weights, the epilogue's operands and output.
    """

    def body(source: Any, weights: Any, *rest: Any) -> None:
        each = spec.output.channels // spec.groups
        blocks = math.ceil(spec.output.channels / tile.channels)
        threads = tile.channels * tile.threads
        with launched((blocks,), threads) as (block, thread):
            clear_halo(rest[-1], spec.output, block * threads + thread, blocks * threads)
            mine, share = split(thread, (tile.channels, tile.threads))
            channel = tirx.min(block * tile.channels + mine, spec.output.channels - 1)
            group = tirx.floordiv(channel, each)
            sums = registers(pixels_of(spec))
            fill(sums, pixels_of(spec), 0.0)
            _add_share(spec, tile, source, weights, sums, (group, channel, share))
            totals = _added_up(pixels_of(spec), threads, tile.threads, sums, (thread, share))
            _put(spec, tile, totals, rest, (block * tile.channels + mine, thread, share))

    return write_function(parameter_shapes(spec, tile), body)


def _add_share(
    spec: Convolution, tile: GpuDot, source: Any, weights: Any, sums: Any, who: tuple[Any, Any, Any]
) -> None:
    """Adds every product that falls to a thread."""
    group, channel, share = who
    lanes = VECTOR if reads_vectors(spec) else 1
    vectors = steps_of(spec) // lanes
    turns = math.ceil(vectors / tile.threads)
    factors, values = registers(lanes), registers(lanes)

    def add(turn: Any) -> None:
        vector = turn * tile.threads + share
        with when(None if vectors % tile.threads == 0 else vector < vectors):
            store(factors, 0, lanes, weights[at((channel * vectors + vector) * lanes, lanes)])
            for pixel in range(pixels_of(spec)):
                start = _index(spec, pixel, group, vector * lanes, lanes)
                store(values, 0, lanes, source[at(start, lanes)])
                for lane in range(lanes):
                    store(sums, pixel, 1, sums[pixel] + values[lane] * factors[lane])

    repeated(turns, _AT_ONCE, add)


def _index(spec: Convolution, pixel: int, group: Any, step: Any, lanes: int) -> Any:
    """Where a pixel's window has its step number `step`."""
    inner = spec.input.channels // spec.groups
    image, row, column = pixel_of(tirx.const(pixel, "int32"), spec.output)
    place, channel = tirx.floordiv(step, inner), tirx.floormod(step, inner)
    window_row, window_column = split(place, spec.kernel)
    return Place(
        image,
        row * spec.strides[0] - spec.padding[0] + window_row * spec.dilation[0],
        column * spec.strides[1] - spec.padding[1] + window_column * spec.dilation[1],
        group * inner + channel,
        lanes,
    ).index(spec.input)


def _added_up(pixels: int, threads: int, sharing: int, sums: Any, who: tuple[Any, Any]) -> Any:
    """Each thread's sums in shared memory, those of a channel's first thread being the totals."""
    thread, share = who
    found = shared(pixels * threads)
    for pixel in range(pixels):
        store(found, pixel * threads + thread, 1, sums[pixel])
    synchronise()
    distance = sharing // 2
    while distance:
        for pixel in range(pixels):  # each under a condition of its own: TVM wants barriers between them
            with when(share < distance):
                place = pixel * threads + thread
                store(found, place, 1, found[place] + found[place + distance])
        synchronise()
        distance //= 2
    return found


def _put(spec: Convolution, tile: GpuDot, totals: Any, targets: Any, who: tuple[Any, Any, Any]) -> None:
    """Stores the totals, a thread for each pixel."""
    channel, thread, share = who
    threads, pixels = tile.channels * tile.threads, pixels_of(spec)
    with when(tirx.all(share < pixels, channel < spec.output.channels)):
        place = Place(*pixel_of(share, spec.output), channel, 1)
        put_results(spec.output, spec.epilogue, targets, totals, share * threads + thread - share, place)
