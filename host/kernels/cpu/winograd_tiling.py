"""How Winograd's convolutions are cut into tiles and blocks, and whether they are worth it. Pure."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from host.kernels.cpu.tiling import direct_candidates, direct_cycles, parts, total, vectors
from host.kernels.forms import Form
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution
from host.kernels.variants import Direct, Winograd
from host.kernels.winograd_transforms import KERNEL, SIZES

_ITEM_BYTES = 4
_MOST_OF_A_KIND = 3
LINE = 16
"""Numbers in a line of the caches."""

_COLLIDING = 256
"""Rows that are a multiple of as many numbers apart compete for few sets of the first cache."""

_MOST_SCRATCH_BYTES = 16 * 1024 * 1024
"""More memory than this is not worth a kernel's while on a small board."""

_GROUPS = (1, 2, 4)
"""Groups of tiles, as many as registers hold, in a block."""

_CORES = (1, 2, 4)
"""Cores that share the blocks, for whom a kernel should suit alike."""

_OPERATIONS = {2: (32, 24), 4: (144, 125)}
"""Vector operations for a tile by its size: of the input and of the output."""

_LAUNCH_CYCLES = 4000
"""For cores to begin and end a loop that they share."""

_LAST_CACHE_GAIN = 2.5
"""How much faster than memory a cache behind the second one is."""

_STORE_CYCLES = 2
"""For a number of one tile and the next, zeroed before the sums and stored after them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cover:
    """The tiles that cover a batch of images.

    Attributes:
        images: Images.
        rows: Tiles in an image's column.
        columns: Tiles in an image's row.
        reads_behind: Whether the last tiles of a column, of a row, reach behind the input's halo.
        writes_behind: Whether they reach behind the output.
    """

    images: int
    rows: int
    columns: int
    reads_behind: tuple[bool, bool]
    writes_behind: tuple[bool, bool]

    @property
    def count(self) -> int:
        """All tiles."""
        return self.images * self.rows * self.columns


def cover(spec: Convolution, size: int) -> Cover:
    """Cuts a convolution's output into tiles of `size` x `size` pixels."""
    source, output = spec.input, spec.output
    rows, columns = math.ceil(output.height / size), math.ceil(output.width / size)
    ends = (rows * size + KERNEL - 1 - spec.padding[0], columns * size + KERNEL - 1 - spec.padding[1])
    return Cover(
        images=output.batch,
        rows=rows,
        columns=columns,
        reads_behind=(ends[0] > source.height + source.halo[0], ends[1] > source.width + source.halo[1]),
        writes_behind=(rows * size > output.height, columns * size > output.width),
    )


def scratch_shape(tiles: int, channels: int) -> tuple[int, int]:
    """Distances between planes and between tiles in a buffer `(plane, tile, channel)`, in numbers.

    Both begin at a line of the caches; planes lie an odd number of lines apart, since tiles are written to all of
    them at once.
    """
    tile = math.ceil(channels / LINE) * LINE
    if tile % _COLLIDING == 0:
        tile += LINE
    plane = tiles * tile
    return (plane + LINE if plane // LINE % 2 == 0 else plane), tile


def winograd_applies(spec: Convolution) -> bool:
    """Whether a convolution can be computed this way."""
    reach = [
        size + KERNEL - 1 - padding for size, padding in zip(_size(spec.output), spec.padding, strict=True)
    ]
    sides = zip(_size(spec.input), spec.input.halo, spec.padding, reach, strict=True)
    return (
        spec.kernel == (KERNEL, KERNEL)
        and spec.strides == spec.dilation == (1, 1)
        and spec.groups == 1
        and spec.input.layout == "channels-last"
        and all(padding <= halo and end <= size + halo for size, halo, padding, end in sides)
    )


def convolution_candidates(spec: Convolution, cpu: Cpu) -> tuple[Direct | Winograd, ...]:
    """Ways to compute a convolution, with or without transformation, the likeliest to be the fastest first."""
    direct = direct_candidates(spec, cpu)
    if not winograd_applies(spec):
        return direct
    ranked = sorted(_variants(spec, cpu), key=lambda variant: winograd_cycles(spec, variant, cpu))
    if not ranked:
        return direct
    first, others = ranked[0], [variant for variant in ranked if variant.size != ranked[0].size]
    if winograd_cycles(spec, first, cpu) > _direct_cycles(spec, direct[0], cpu):
        return (*direct[:_MOST_OF_A_KIND], first, *others[:1])
    alike = [variant for variant in ranked if variant.size == first.size]
    return (*alike[:_MOST_OF_A_KIND], *others[:1], direct[0])


def winograd_cycles(spec: Convolution, variant: Winograd, cpu: Cpu) -> float:
    """Estimates the cycles of a kernel on one core whose weights come from memory."""
    blocks = parts(cover(spec, variant.size).count, variant.block)
    scratch = _scratch_bytes(spec, variant.size, blocks[0].size)
    weights = _weight_cycles(spec, variant.size, total(blocks), scratch, cpu)
    cycles = (
        max(_product_cycles(spec, variant, cpu), weights)
        + total(blocks) * _scratch_cycles(scratch, cpu)
        + _transform_cycles(spec, variant.size, cpu)
    )
    if variant.shared == "steps":
        return cycles + _LAUNCH_CYCLES * (3 * total(blocks) - 1)
    return cycles * _imbalance(total(blocks))


def _product_cycles(spec: Convolution, variant: Winograd, cpu: Cpu) -> float:
    count = cover(spec, variant.size).count
    tile = Direct(1, variant.tiles, variant.channels, "pixels")
    sums = count * len(vectors(spec.output.channels, cpu.lanes))
    products = sum(
        part.count * direct_cycles(_product(spec, part.size), tile, cpu)
        for part in parts(count, variant.block)
    )
    return _planes(variant.size) * (products + _STORE_CYCLES * sums)


def _weight_cycles(spec: Convolution, size: int, blocks: int, scratch: int, cpu: Cpu) -> float:
    """Reading the weights once from memory, and for the other blocks from where they are then."""
    weights = _planes(size) * spec.input.channels * spec.output.channels * _ITEM_BYTES
    first = weights / cpu.memory_bytes
    if weights + scratch <= cpu.second_cache_bytes:
        return first
    return first + (blocks - 1) * (first / _LAST_CACHE_GAIN if weights <= cpu.last_cache_bytes else first)


def _scratch_cycles(scratch: int, cpu: Cpu) -> float:
    """Writing and reading what the second cache cannot hold between the steps; memory is read before it is written."""
    lost = min(1.0, max(0.0, scratch / cpu.second_cache_bytes - 1))
    moves = 2 if scratch <= cpu.last_cache_bytes else 3
    return moves * lost * scratch / cpu.memory_bytes


def _direct_cycles(spec: Convolution, tile: Direct, cpu: Cpu) -> float:
    """The same for a direct convolution, which waits for weights that it sees for the first time."""
    weights = KERNEL**2 * spec.input.channels * spec.output.channels * _ITEM_BYTES
    return direct_cycles(spec, tile, cpu) + weights / cpu.memory_bytes


def _variants(spec: Convolution, cpu: Cpu) -> Iterator[Winograd]:
    for size in SIZES:
        count = cover(spec, size).count
        widest = direct_candidates(_product(spec, count), cpu)[0].columns
        pieces = {parts(count, min(groups * widest, count)) for groups in (*_GROUPS, count)}
        for blocks in sorted(pieces, key=total):
            block = blocks[0].size
            tile = direct_candidates(_product(spec, block), cpu)[0]
            if _scratch_bytes(spec, size, block) <= _MOST_SCRATCH_BYTES:
                yield Winograd(size, tile.columns, tile.channels, block, "steps")
            if total(blocks) > 1:
                yield Winograd(size, tile.columns, tile.channels, block, "blocks")


def _product(spec: Convolution, tiles: int) -> Convolution:
    """One of a block's matrix products, as a convolution of a row of tiles."""
    _, channels = scratch_shape(tiles, spec.input.channels)
    return Convolution(
        input=Form(channels=channels, width=tiles),
        output=Form(channels=spec.output.channels, width=tiles),
        kernel=(1, 1),
    )


def _transform_cycles(spec: Convolution, size: int, cpu: Cpu) -> float:
    """Of all tiles, both transforms; moving the numbers costs as much as computing them."""
    before, after = (operations / cpu.multiply_adds for operations in _OPERATIONS[size])
    store = max(1.0, cpu.lanes * _ITEM_BYTES / 16)
    planes = _planes(size)
    channels = (spec.input.channels, spec.output.channels)
    read, written = (len(vectors(count, cpu.lanes)) for count in channels)
    each = read * (before + planes * store) + written * (after + (planes + size**2) * store / 2)
    return cover(spec, size).count * each


def _imbalance(blocks: int) -> float:
    """How much longer the busiest core takes than if the blocks could be shared evenly."""
    return sum(math.ceil(blocks / cores) * cores / blocks for cores in _CORES) / len(_CORES)


def _scratch_bytes(spec: Convolution, size: int, tiles: int) -> int:
    planes = [scratch_shape(tiles, channels)[0] for channels in (spec.input.channels, spec.output.channels)]
    return _planes(size) * sum(planes) * _ITEM_BYTES


def _planes(size: int) -> int:
    return (size + KERNEL - 1) ** 2


def _size(form: Form) -> tuple[int, int]:
    return form.height, form.width
