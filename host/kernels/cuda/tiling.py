"""Which tiles a CUDA kernel uses: counted from the shape and the GPU's registers, caches and latencies. Pure."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from host.kernels.cpu.tiling import flattened
from host.kernels.machines import Gpu
from host.kernels.specs import Convolution, Pooling
from host.kernels.variants import GpuDot, GpuTile, GpuWindow, Variant

VECTOR = 4
"""float32 numbers that a thread reads or writes at once."""

PADDING = 4
"""Numbers between two steps' pixels in shared memory: turned vectors then fall on different banks."""

_ITEM_BYTES = 4
_MOST_CANDIDATES = 8
_PLAUSIBLE = 2.0
"""A tile this much slower on paper may still win on the board."""

_MOST_CUTS = 3

_FEW_PIXELS = 8
"""So few pixels do not fill a tile: the reduction is shared instead."""

_SPLITS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
_LEAST_TURNS = 4
"""Turns of a block's loop that are worth starting it for."""

_SPARE_REGISTERS = 40
"""What addresses and the compiler's own values take."""

_ISSUED = 0.5
"""Instructions that one warp begins in a cycle, between waiting for shared memory and for others."""

_READ_BYTES = 64
"""What a multiprocessor reads from the second cache in one cycle."""

_MOST_WRITTEN_OUT = 512
"""Multiply-adds of a turn; more do not fit into the cache of instructions."""

_LARGE_WINDOW = 16
"""Places of a window that several threads may share."""

_TINY_GROUP = 4

_SIZES = (16, 32, 64, 128)
_SHAPES = tuple(
    GpuTile(pixels, channels, depth, *each, 1)
    for pixels, channels, depth, each in product(
        _SIZES, _SIZES, (8, 16, 32), ((4, 4), (8, 4), (4, 8), (8, 8))
    )
)
"""Tiles to choose from."""


def pixels_of(spec: Convolution) -> int:
    """Pixels of all images that a convolution writes."""
    return spec.output.batch * spec.output.height * spec.output.width


def steps_of(spec: Convolution) -> int:
    """Products in each sum."""
    return spec.kernel[0] * spec.kernel[1] * spec.input.channels // spec.groups


def steps_of_split(spec: Convolution, tile: GpuTile) -> int:
    """Turns of a block's loop, each for `tile.depth` steps."""
    return math.ceil(steps_of(spec) / (tile.depth * tile.splits))


def reads_vectors(spec: Convolution) -> bool:
    """Whether neighbouring steps find neighbours in memory, always four of them."""
    inner = spec.input.channels // spec.groups
    return spec.input.layout == "channels-last" and inner % VECTOR == 0


def in_one_row(spec: Convolution) -> Convolution:
    """The same convolution on one long row of pixels, where the shape of the image does not matter."""
    output = spec.output
    sizes = {(form.height, form.width) for form in spec.epilogue.operands if form}
    return flattened(spec) if sizes <= {(output.height, output.width)} else spec


def candidates(spec: Convolution, gpu: Gpu) -> tuple[Variant, ...]:
    """Ways to schedule a convolution that could be the fastest, the likeliest first."""
    each = spec.output.channels // spec.groups
    if spec.is_depthwise or (spec.groups > 1 and each <= _TINY_GROUP):
        return window_candidates(spec, gpu)
    if pixels_of(spec) <= _FEW_PIXELS:
        return dot_candidates(spec)
    return tile_candidates(spec, gpu)


def dot_candidates(spec: Convolution) -> tuple[GpuDot, ...]:
    """Ways to share out few pixels' sums: a warp for each channel, and more threads for longer sums."""
    likely = 32 if steps_of(spec) <= 32 * 128 else 128
    found = [GpuDot(threads, max(1, 128 // threads)) for threads in (likely, 32, 64, 128, 256)]
    return tuple(dict.fromkeys(found))


def tile_candidates(spec: Convolution, gpu: Gpu) -> tuple[GpuTile, ...]:
    """Tiles by their estimated time: different ones, and of the likeliest also other cuts of the reduction."""
    costs = {tile: cycles(spec, tile, gpu) for tile in _tiles(spec, gpu)}
    ranked = sorted(costs, key=lambda tile: (costs[tile], _preference(tile)))
    found: list[GpuTile] = []
    for tile in ranked:
        alike = sum(_outline(tile) == _outline(other) for other in found)
        most = _MOST_CUTS if found and _outline(tile) == _outline(found[0]) else 1
        if alike < most and costs[tile] <= costs[ranked[0]] * _PLAUSIBLE:
            found.append(tile)
    return tuple(found[:_MOST_CANDIDATES])


def window_candidates(spec: Convolution | Pooling, gpu: Gpu) -> tuple[GpuWindow, ...]:
    """Results of a thread, and how many threads share a large window, the likeliest first."""
    lanes = window_lanes(spec)
    places = spec.kernel[0] * spec.kernel[1]
    results = spec.output.batch * spec.output.height * spec.output.width * spec.output.channels
    busy = gpu.multiprocessors * gpu.threads_of_all // 4
    if isinstance(spec, Pooling) and places >= _LARGE_WINDOW and results // lanes < busy:
        slices = min(32, 1 << (places.bit_length() - 2))
        found = [GpuWindow(1, count, slices) for count in (1, lanes)]
        return tuple(dict.fromkeys((*found, GpuWindow(1, 1, max(1, slices // 4)), GpuWindow(1, lanes, 1))))
    counts = [lane for lane in (4, 2, 1) if lane <= lanes]
    shapes = [
        (columns, count) for columns, count in product((4, 2, 1), counts) if columns <= spec.output.width
    ]
    fitting = [shape for shape in shapes if results // math.prod(shape) >= busy]
    likely = fitting[0] if fitting else (1, counts[0])
    found = [GpuWindow(columns, count, 1) for columns, count in (likely, *shapes)]
    return tuple(dict.fromkeys(found))[:_MOST_CANDIDATES]


def window_lanes(spec: Convolution | Pooling) -> int:
    """Most channels that a thread can read and write at once."""
    forms = (spec.input, spec.output)
    if any(form.layout != "channels-last" and form.rank == 4 for form in forms):
        return 1
    is_grouped = isinstance(spec, Convolution) and not spec.is_depthwise
    channels = spec.output.channels // (spec.groups if is_grouped and isinstance(spec, Convolution) else 1)
    return next(lanes for lanes in (4, 2, 1) if channels % lanes == 0)


def cycles(spec: Convolution, tile: GpuTile, gpu: Gpu) -> float:
    """Estimates the cycles that a convolution takes.

    Each multiprocessor has to begin its blocks' instructions, wait for their pieces of the operands, and all of them
    together read these from the second cache; the slowest of the three counts.
    """
    turns, blocks = steps_of_split(spec, tile), _blocks(spec, tile)
    rounds, resident = math.ceil(blocks / gpu.multiprocessors), _resident(tile, gpu)
    together = min(rounds, resident)
    rate = min(gpu.cores, together * tile.threads * _ISSUED)
    turn = max(together * tile.threads * _instructions(spec, tile) / rate, gpu.latency)
    busy = math.ceil(rounds / resident) * (turns * turn + 2 * gpu.latency)
    read = turns * tile.depth * (tile.pixels + tile.channels) * _ITEM_BYTES
    reading = max(blocks * read / gpu.cache_bytes, rounds * read / _READ_BYTES)
    return max(busy, reading) + _adding_up(spec, tile, gpu)


def shared_bytes(tile: GpuTile) -> int:
    """Shared memory of a block: two pieces of both operands."""
    return 2 * tile.depth * (tile.pixels + PADDING + tile.channels) * _ITEM_BYTES


def _blocks(spec: Convolution, tile: GpuTile) -> int:
    each = spec.output.channels // spec.groups
    tiles = math.ceil(pixels_of(spec) / tile.pixels) * math.ceil(each / tile.channels)
    return tiles * spec.groups * tile.splits


def _instructions(spec: Convolution, tile: GpuTile) -> float:
    """Instructions of a thread for one turn: multiply-adds, reads of shared memory, bringing the next pieces."""
    sums = tile.thread_pixels * tile.thread_channels
    # a vector for the whole warp takes the time of two multiply-adds
    reads = 2 * (tile.thread_pixels + tile.thread_channels) / VECTOR
    lanes = VECTOR if reads_vectors(spec) else 1
    pixels = tile.pixels * tile.depth / tile.threads * (1 + 6 / lanes)
    weights = tile.channels * tile.depth / tile.threads * (3 / VECTOR)
    return tile.depth * (sums + reads) + pixels + weights + 20


def _resident(tile: GpuTile, gpu: Gpu) -> int:
    """Blocks that a multiprocessor holds at a time."""
    limits = (
        gpu.shared_bytes_of_all // (shared_bytes(tile) + 1024),
        gpu.threads_of_all // tile.threads,
        gpu.registers_of_all // (tile.threads * _registers(tile)),
    )
    return max(1, min(limits))


def _registers(tile: GpuTile) -> int:
    brought = (tile.pixels + tile.channels) * tile.depth // tile.threads
    sums = tile.thread_pixels * tile.thread_channels
    return sums + 2 * (tile.thread_pixels + tile.thread_channels) + brought + _SPARE_REGISTERS


def _adding_up(spec: Convolution, tile: GpuTile, gpu: Gpu) -> float:
    """Cycles of the second kernel."""
    if tile.splits == 1:
        return 0.0
    moved = 2 * tile.splits * pixels_of(spec) * spec.output.channels * _ITEM_BYTES
    return gpu.launch + 2 * gpu.latency + moved / gpu.cache_bytes


def _tiles(spec: Convolution, gpu: Gpu) -> Iterator[GpuTile]:
    """Every tile whose threads are whole warps and whose operands fit into shared memory.

    A tile is not much larger than the result, unless there is no such tile.
    """
    each, pixels, steps = spec.output.channels // spec.groups, pixels_of(spec), steps_of(spec)
    possible = [tile for tile in _SHAPES if _fits(tile, gpu)]
    wanted = [t for t in possible if t.pixels < 2 * max(pixels, 16) and t.channels < 2 * max(each, 16)]
    least = min(tile.pixels * tile.channels for tile in possible)
    for tile in wanted or [tile for tile in possible if tile.pixels * tile.channels == least]:
        yield tile
        for splits in _SPLITS[1:]:
            if steps >= splits * tile.depth * _LEAST_TURNS:
                yield replace(tile, splits=splits)


def _fits(tile: GpuTile, gpu: Gpu) -> bool:
    is_whole = tile.threads % gpu.warp == 0 and 2 * gpu.warp <= tile.threads <= 8 * gpu.warp
    is_small = shared_bytes(tile) <= gpu.shared_bytes and _registers(tile) <= gpu.registers * 3 // 4
    return (
        is_whole and is_small and tile.depth * tile.thread_pixels * tile.thread_channels <= _MOST_WRITTEN_OUT
    )


def _outline(tile: GpuTile) -> tuple[int, ...]:
    """What makes a tile another one: not how the reduction is cut."""
    return (tile.pixels, tile.channels, tile.thread_pixels * tile.thread_channels)


def _preference(tile: GpuTile) -> tuple[int, ...]:
    """Between tiles of the same time: fewer splits, then larger tiles."""
    return (tile.splits, -tile.pixels * tile.channels, -tile.depth, tile.thread_pixels, tile.pixels)
