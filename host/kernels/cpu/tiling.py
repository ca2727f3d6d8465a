"""Which tiles a CPU kernel uses: counted from the shape and the processor's registers, ports and caches. Pure."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from host.kernels.forms import Form
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution, Pooling
from host.kernels.variants import Direct, Window

_PLAUSIBLE = 1.12
"""A tile this much slower on paper may still win on the board."""

_MOST_CANDIDATES = 4
_MOST_VECTORS = 6
_MOST_PIXELS = 28
_ITEM_BYTES = 4

_LOADS_REACHED = 0.9
"""Part of the load ports' capacity that a kernel reaches next to its multiply-adds."""

_COLLISION = 1.6
"""More pixels in one set of the first cache than it has ways push each other out; measured for twice as many."""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of equal pieces along an axis: `count` pieces of `size`, the first at `start`."""

    start: int
    size: int
    count: int


def parts(extent: int, size: int) -> tuple[Part, ...]:
    """Cuts an axis into pieces of nearly equal size, none larger than `size`: the larger ones first."""
    pieces = math.ceil(extent / size)
    small, larger = divmod(extent, pieces)
    cut = larger * (small + 1)
    both = (Part(0, small + 1, larger), Part(cut, small, pieces - larger))
    return tuple(part for part in both if part.count)


def panels_of(channels: int, size: int) -> tuple[Part, ...]:
    """Cuts channels into panels of `size`, the last one smaller where they do not fill it."""
    whole, rest = divmod(channels, size)
    both = (Part(0, size, whole), Part(whole * size, rest, int(rest > 0)))
    return tuple(part for part in both if part.count)


def vectors(channels: int, lanes: int) -> tuple[tuple[int, int], ...]:
    """Cuts channels into vectors `(start, lanes)`: whole registers, then smaller powers of two."""
    found, start = [], 0
    while start < channels:
        while lanes > channels - start:
            lanes //= 2
        found.append((start, lanes))
        start += lanes
    return tuple(found)


def flattened(spec: Convolution) -> Convolution:
    """The same convolution on one long row of pixels, where the shape of the image does not matter."""
    forms = [spec.input, spec.output, *(form for form in spec.epilogue.operands if form)]
    is_matrix_product = spec.kernel == spec.strides == (1, 1) and spec.padding == (0, 0)
    if not is_matrix_product or not all(form.is_dense and form.layout == "channels-last" for form in forms):
        return spec
    operands = tuple(form and _row(form) for form in spec.epilogue.operands)
    return replace(
        spec,
        input=_row(spec.input),
        output=_row(spec.output),
        epilogue=replace(spec.epilogue, operands=operands),
    )


def window_runs(spec: Convolution, cpu: Cpu) -> tuple[int, int]:
    """How many runs of numbers a row of the kernel's window is read in, and how many numbers a run has.

    A run is a pixel's channels. Where lanes of a register are multipliers, pixels that lie side by side are one run.
    """
    columns, channels = spec.kernel[1], spec.input.channels // spec.groups
    is_one_run = spec.input.layout == "channels-last" and spec.groups == spec.dilation[1] == 1
    return (1, columns * channels) if is_one_run and not cpu.broadcasts_from_memory else (columns, channels)


def numbers_at_once(spec: Convolution, cpu: Cpu) -> int:
    """How many numbers of a run one load brings, each then a multiplier for all lanes."""
    if cpu.broadcasts_from_memory or spec.input.strides[1] != 1:
        return 1
    return vectors(window_runs(spec, cpu)[1], cpu.lanes)[0][1]


def direct_candidates(spec: Convolution, cpu: Cpu) -> tuple[Direct, ...]:
    """Tiles for a convolution that could be the fastest, the likeliest first."""
    spec = flattened(spec)
    costs = {tile: _cycles(spec, tile, cpu) for tile in _tiles(spec, cpu)}
    best = min(costs.values())
    ranked = sorted(
        (tile for tile in costs if costs[tile] <= best * _PLAUSIBLE), key=lambda tile: costs[tile]
    )
    first = _outer(spec, cpu, ranked[0])
    other = replace(first, outer="pixels" if first.outer == "channels" else "channels")
    rest = [_outer(spec, cpu, tile) for tile in ranked[1 : _MOST_CANDIDATES - 1]]
    return (first, *rest, other)


def direct_cycles(spec: Convolution, tile: Direct, cpu: Cpu) -> float:
    """Estimates the cycles that a direct convolution takes on one core, its operands being in the second cache."""
    return _cycles(spec, tile, cpu) * spec.kernel[0] * spec.kernel[1] * spec.input.channels / spec.groups


def window_candidates(spec: Convolution | Pooling, cpu: Cpu) -> tuple[Window, ...]:
    """Tiles for a depthwise convolution or a pooling, the likeliest first."""
    channels = min(cpu.lanes, spec.output.channels)
    most = (cpu.registers - 4) // 2
    likely = parts(spec.output.width, min(most, 8))[0].size
    small = parts(spec.output.width, 4)[0].size
    wide = min(2 * channels, spec.output.channels)
    found = (Window(likely, channels), Window(small, wide), Window(small, channels))
    return tuple(dict.fromkeys(found))


def _row(form: Form) -> Form:
    return replace(form, batch=1, height=1, width=form.batch * form.height * form.width, rank=4)


def _tiles(spec: Convolution, cpu: Cpu) -> Iterator[Direct]:
    """Every tile that fits into the registers, by size."""
    channels = spec.output.channels // spec.groups
    for count in range(1, min(_MOST_VECTORS, math.ceil(channels / cpu.lanes)) + 1):
        # one register for each vector of weights and one for a pixel, or for a vector of each pixel's channels
        pixels = (cpu.registers - count - 1) // count
        if numbers_at_once(spec, cpu) > 1:
            pixels = (cpu.registers - count) // (count + 1)
        for rows in range(1, min(4, spec.output.height) + 1):
            columns = min(pixels // rows, spec.output.width, _MOST_PIXELS)
            is_worthwhile = rows == 1 or columns == spec.output.width
            if columns and is_worthwhile:
                even = parts(spec.output.width, columns)[0].size
                yield Direct(rows, even, count * cpu.lanes, "channels")


def _cycles(spec: Convolution, tile: Direct, cpu: Cpu) -> float:
    """Cycles for one step of the reduction over all tiles."""
    rows, columns = parts(spec.output.height, tile.rows), parts(spec.output.width, tile.columns)
    each = spec.output.channels // spec.groups
    panels = [tile.channels] * (each // tile.channels) + (
        [each % tile.channels] if each % tile.channels else []
    )
    reach = spec.kernel[0] * spec.kernel[1] * spec.input.channels // spec.groups
    streams = tile.channels * reach * _ITEM_BYTES > cpu.first_cache_bytes // 2
    together = numbers_at_once(spec, cpu)

    def step(pixels: int, channels: int) -> float:
        return _step(pixels, len(vectors(channels, cpu.lanes)), together, cpu, streams)

    steps = sum(
        row.count * column.count * step(row.size * column.size, panel)
        for row in rows
        for column in columns
        for panel in panels
    )
    return steps * (_COLLISION if _collides(spec, tile, cpu) else 1.0)


def _step(pixels: int, count: int, together: int, cpu: Cpu, streams: bool) -> float:
    """Cycles for one step of the reduction of a tile; weights that the first cache cannot hold cost a little more."""
    arithmetic = max(pixels * count / cpu.multiply_adds, cpu.latency)
    loads = (pixels / together + count) / (_LOADS_REACHED * cpu.loads)
    waiting = count * cpu.lanes * _ITEM_BYTES / 128 if streams else 0.0
    return max(arithmetic, loads) + waiting + 0.1


def _collides(spec: Convolution, tile: Direct, cpu: Cpu) -> bool:
    """Whether a tile's pixels lie a power of two apart and so compete for few lines of the first cache."""
    page = cpu.first_cache_bytes // cpu.first_cache_ways
    distance = spec.input.strides[3] * spec.strides[1] * _ITEM_BYTES
    different = page // math.gcd(distance, page)
    return tile.rows * tile.columns / different > cpu.first_cache_ways


def _outer(spec: Convolution, cpu: Cpu, tile: Direct) -> Direct:
    """The loop order that moves less through the second cache."""
    weights = spec.output.channels * spec.input.channels // spec.groups * spec.kernel[0] * spec.kernel[1]
    pixels_first = weights * _ITEM_BYTES <= cpu.second_cache_bytes // 2
    if not pixels_first:
        rows = sum(part.count for part in parts(spec.output.height, tile.rows))
        panels = math.ceil(spec.output.channels / tile.channels)
        pixels_first = rows * weights < panels * spec.input.size and spec.output.height > 1
    return replace(tile, outer="pixels" if pixels_first else "channels")


def total(pieces: Sequence[Part]) -> int:
    """How many pieces there are."""
    return sum(part.count for part in pieces)
