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
_LINE = 16
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
    tile = math.ceil(channels / _LINE) * _LINE
    if tile % _COLLIDING == 0:
        tile += _LINE
    plane = tiles * tile
    return (plane + _LINE if plane // _LINE % 2 == 0 else plane), tile


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
    """Estimates the cycles that one core takes, the weights coming from memory."""
    tiles = cover(spec, variant.size)
    blocks = parts(tiles.count, variant.block)
    tile = Direct(1, variant.tiles, variant.channels, "pixels")
    products = sum(
        block.count * direct_cycles(_product(spec, block.size), tile, cpu) for block in blocks
    ) + _STORE_CYCLES * tiles.count * len(vectors(spec.output.channels, cpu.lanes))
    planes, scratch = _planes(variant.size), _scratch_bytes(spec, variant.size, blocks[0].size)
    weights = planes * spec.input.channels * spec.output.channels * _ITEM_BYTES
    stays = weights + scratch <= cpu.second_cache_bytes
    moved = weights if stays else weights * total(blocks)
    pushed_out = total(blocks) * scratch if scratch > cpu.second_cache_bytes else 0
    steps = max(planes * products, moved / cpu.memory_bytes) + 2 * pushed_out / cpu.memory_bytes
    return (steps + _transform_cycles(spec, variant.size, cpu)) * _imbalance(total(blocks))


def _direct_cycles(spec: Convolution, tile: Direct, cpu: Cpu) -> float:
    """The same for a direct convolution, which waits for weights that it sees for the first time."""
    weights = KERNEL**2 * spec.input.channels * spec.output.channels * _ITEM_BYTES
    return direct_cycles(spec, tile, cpu) + weights / cpu.memory_bytes


def _variants(spec: Convolution, cpu: Cpu) -> Iterator[Winograd]:
    for size in SIZES:
        count = cover(spec, size).count
        widest = direct_candidates(_product(spec, count), cpu)[0].columns
        blocks = {parts(count, min(groups * widest, count))[0].size for groups in _GROUPS}
        if _scratch_bytes(spec, size, count) <= _MOST_SCRATCH_BYTES:
            blocks.add(count)
        for block in sorted(blocks):
            tile = direct_candidates(_product(spec, block), cpu)[0]
            yield Winograd(size, tile.columns, tile.channels, block)


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
    """How much longer the busiest core takes than if the blocks could be shared evenly; a single one's steps can."""
    if blocks == 1:
        return 1.0
    return sum(math.ceil(blocks / cores) * cores / blocks for cores in _CORES) / len(_CORES)


def _scratch_bytes(spec: Convolution, size: int, tiles: int) -> int:
    planes = [scratch_shape(tiles, channels)[0] for channels in (spec.input.channels, spec.output.channels)]
    return _planes(size) * sum(planes) * _ITEM_BYTES


def _planes(size: int) -> int:
    return (size + KERNEL - 1) ** 2


def _size(form: Form) -> tuple[int, int]:
    return form.height, form.width
