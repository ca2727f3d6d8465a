"""Winograd's convolutions: tiles of pixels are transformed, multiplied as matrices and transformed back.

Each of the numbers that a transformed tile consists of makes a plane, and in each plane the tiles' channels are
multiplied with a matrix of weights. Some tiles, a block, go through the three steps together, so that what lies
between the steps stays in the second cache; or all of them do, where the weights are what is large.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Self

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import (
    Place,
    at,
    clear_halo,
    each_part,
    finish,
    loop_parts,
    parameter_shapes,
    prefetch,
    spread,
    store,
    tasks,
    write,
    write_function,
)
from host.kernels.cpu.registers import Sums
from host.kernels.cpu.tiling import Part, parts, total, vectors
from host.kernels.cpu.winograd_lines import transform_input, transform_output
from host.kernels.cpu.winograd_tiling import Cover, cover, scratch_shape
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution
from host.kernels.variants import Winograd
from host.kernels.winograd_transforms import KERNEL, transforms

_LINE = 16
"""Numbers in a line of the caches."""

_FEW_GROUPS = 4
"""A panel of weights that more groups of tiles use is long there when the last of them asks for it."""


def winograd(spec: Convolution, variant: Winograd, cpu: Cpu) -> Any:
    """A 3x3 convolution with fewer multiplications.

    Args:
        spec: What to compute; `winograd_applies` to it.
        variant: Sizes of tiles, panels and blocks.
        cpu: The core that it will run on.

    Returns:
        A TIR function of input, packed weights, the epilogue's operands and output.
    """

    def body(source: Any, weights: Any, *rest: Any) -> None:
        clear_halo(rest[-1], spec.output, cpu.lanes)
        _Body(spec, variant, cpu, source, weights, rest[:-1], rest[-1]).write()

    return write_function(parameter_shapes(spec, variant), body)


@dataclass(frozen=True, slots=True)
class _Planes:
    """A buffer `(plane, tile, channel)`."""

    buffer: Any
    plane: int
    tile: int

    @classmethod
    def allocate(cls, planes: int, tiles: int, channels: int) -> Self:
        plane, tile = scratch_shape(tiles, channels)
        return cls(T.alloc_buffer((planes * plane,), "float32"), plane, tile)

    def index(self, plane: Any, tile: Any, channel: Any) -> Any:
        return plane * self.plane + tile * self.tile + channel


@dataclass(frozen=True, slots=True)
class _Corner:
    """Where a tile begins, in tiles."""

    image: Any
    row: Any
    column: Any

    @classmethod
    def of(cls, tile: Any, tiles: Cover) -> Self:
        line = tirx.floordiv(tile, tiles.columns)
        image, row = tirx.floordiv(line, tiles.rows), tirx.floormod(line, tiles.rows)
        return cls(T.bind(image), T.bind(row), T.bind(tirx.floormod(tile, tiles.columns)))


class _Body:
    """The loops around the three steps, and the steps for one tile each."""

    def __init__(
        self,
        spec: Convolution,
        variant: Winograd,
        cpu: Cpu,
        source: Any,
        weights: Any,
        operands: Sequence[Any],
        target: Any,
    ) -> None:
        self._spec = spec
        self._variant = variant
        self._cpu = cpu
        self._source = source
        self._weights = weights
        self._operands = operands
        self._target = target
        self._tiles = cover(spec, variant.size)
        self._matrices = transforms(variant.size)
        self._edge = variant.size + KERNEL - 1
        whole, rest = divmod(spec.output.channels, variant.channels)
        self._panels = [Part(0, variant.channels, whole)] if whole else []
        self._panels += [Part(whole * variant.channels, rest, 1)] if rest else []

    def write(self) -> None:
        """Emits the whole computation."""
        blocks = parts(self._tiles.count, self._variant.block)
        if total(blocks) == 1:
            self._step_by_step()
            return
        with tasks(total(blocks)) as (block,):
            pixels, products = self._scratch(blocks[0].size)
            each_part(block, blocks, lambda first, tiles: self._block(pixels, products, first, tiles))

    def _scratch(self, tiles: int) -> tuple[_Planes, _Planes]:
        channels = (self._spec.input.channels, self._spec.output.channels)
        pixels, products = (_Planes.allocate(self._edge**2, tiles, count) for count in channels)
        return pixels, products

    def _block(self, pixels: _Planes, products: _Planes, first: Any, tiles: int) -> None:
        """All three steps for some tiles, one core's work."""
        with T.serial(0, tiles) as tile:
            self._before(pixels, tile, first + tile)
        with T.serial(0, self._edge**2) as plane:
            loop_parts(
                self._panels,
                lambda channel, channels: self._panel(pixels, products, plane, (channel, channels), tiles),
            )
        with T.serial(0, tiles) as tile:
            self._after(products, tile, first + tile)

    def _step_by_step(self) -> None:
        """Each step for all tiles, the cores sharing it."""
        tiles = self._tiles.count
        pixels, products = self._scratch(tiles)
        with tasks(tiles) as (tile,):
            self._before(pixels, tile, tile)
        with tasks(self._edge**2, total(self._panels)) as (plane, panel):
            each_part(
                panel,
                self._panels,
                lambda channel, channels: self._panel(pixels, products, plane, (channel, channels), tiles),
            )
        with tasks(tiles) as (tile,):
            self._after(products, tile, tile)

    def _before(self, pixels: _Planes, index: Any, tile: Any) -> None:
        """Transforms a tile of the input; what lies behind its edge only enters results that nobody stores."""
        spec, form, size = self._spec, self._spec.input, self._variant.size
        corner = _Corner.of(tile, self._tiles)
        row = T.bind(corner.row * size - spec.padding[0])
        column = T.bind(corner.column * size - spec.padding[1])
        start = T.bind(Place(corner.image, row, column, 0, 1).index(form))
        left = (form.height + form.halo[0] - 1 - row, form.width + form.halo[1] - 1 - column)

        def body(is_edge: bool) -> None:
            rows, columns = (
                [T.bind(tirx.min(step, most)) if is_edge and reads else step for step in range(self._edge)]
                for most, reads in zip(left, self._tiles.reads_behind, strict=True)
            )

            def vector(channel: Any, lanes: int) -> None:
                def pixel(row: int, column: int) -> Any:
                    where = rows[row] * form.strides[2] + columns[column] * form.strides[3]
                    return self._source[at(start + where + channel, lanes)]

                numbers = transform_input(self._matrices.input, lanes, pixel)
                for plane, value in enumerate(value for line in numbers for value in line):
                    store(pixels.buffer, pixels.index(plane, index, channel), lanes, value)

            self._each_vector(form.channels, vector)

        self._by_place(corner, self._tiles.reads_behind, body)

    def _panel(
        self, pixels: _Planes, products: _Planes, plane: Any, panel: tuple[Any, int], tiles: int
    ) -> None:
        """Multiplies the tiles of one plane with one panel of weights: `panel` is its first channel and their count."""
        inner, size = self._spec.input.channels, self._variant.channels
        first, channels = panel
        number = plane * total(self._panels) + tirx.floordiv(first, size)
        weights = T.bind(number * (inner * size))
        lanes = vectors(channels, self._cpu.lanes)

        def group(tile: Any, count: int) -> None:
            source = T.bind(pixels.index(plane, tile, 0))
            sums = Sums(count, channels, lanes)
            fetch = self._prefetch(weights + inner * size, tile, count, tiles)
            with T.serial(0, inner) as channel:
                fetch(channel)
                for row in range(count):
                    pixel = pixels.buffer[source + row * pixels.tile + channel]
                    for start, width in lanes:
                        product = (
                            spread(pixel, width) * self._weights[at(weights + channel * size + start, width)]
                        )
                        sums.put(row, start, width, sums.get(row, start, width) + product)
            target = T.bind(products.index(plane, tile, first))
            for row in range(count):
                for start, width in lanes:
                    store(
                        products.buffer,
                        target + row * products.tile + start,
                        width,
                        sums.get(row, start, width),
                    )

        loop_parts(parts(tiles, self._variant.tiles), group)

    def _prefetch(self, panel: Any, tile: Any, count: int, tiles: int) -> Callable[[Any], None]:
        """Each group of tiles asks for its share of the next panel, so that the memory is never idle."""
        if tiles > _FEW_GROUPS * count:
            return lambda channel: None
        size = self._spec.input.channels * self._variant.channels
        first = T.bind(panel + tirx.floordiv(tile * (size // _LINE), tiles) * _LINE)
        lines = math.ceil(self._variant.channels * count / (tiles * _LINE))

        def fetch(channel: Any) -> None:
            for line in range(lines):
                prefetch(self._weights, first + (channel * lines + line) * _LINE)

        return fetch

    def _after(self, products: _Planes, index: Any, tile: Any) -> None:
        """Transforms a tile's products back and stores what lies within the output."""
        spec, size = self._spec, self._variant.size
        corner = _Corner.of(tile, self._tiles)

        def body(is_edge: bool) -> None:
            def vector(channel: Any, lanes: int) -> None:
                def product(row: int, column: int) -> Any:
                    return products.buffer[
                        at(products.index(row * self._edge + column, index, channel), lanes)
                    ]

                for row, line in enumerate(transform_output(self._matrices.output, lanes, product)):
                    for column, value in enumerate(line):
                        place = Place(
                            corner.image,
                            corner.row * size + row,
                            corner.column * size + column,
                            channel,
                            lanes,
                        )
                        self._store(place, value, (is_edge and row > 0, is_edge and column > 0))

            self._each_vector(spec.output.channels, vector)

        self._by_place(corner, self._tiles.writes_behind, body)

    def _store(self, place: Place, value: Any, may_leave: tuple[bool, bool]) -> None:
        form, (below, beside) = self._spec.output, self._tiles.writes_behind
        checks = [place.row < form.height] if below and may_leave[0] else []
        checks += [place.column < form.width] if beside and may_leave[1] else []
        with ExitStack() as inside:
            if checks:
                inside.enter_context(T.If(tirx.all(*checks)))
                inside.enter_context(T.Then())
            result = finish(self._spec.epilogue, self._operands, value, place)
            write(self._target, form, place, result)

    def _each_vector(self, channels: int, body: Callable[[Any, int], None]) -> None:
        lanes = self._cpu.lanes
        whole, rest = divmod(channels, lanes)
        if whole:
            with T.serial(0, whole) as index:
                body(index * lanes, lanes)
        for start, size in vectors(rest, lanes):
            body(tirx.const(whole * lanes + start, "int32"), size)

    def _by_place(self, corner: _Corner, leaves: tuple[bool, bool], body: Callable[[bool], None]) -> None:
        """Calls `body(is_edge)`, in two branches where some tiles leave the image and others do not."""
        sides = [(corner.row, self._tiles.rows), (corner.column, self._tiles.columns)]
        last = [(index, count) for (index, count), leave in zip(sides, leaves, strict=True) if leave]
        if not last or any(count == 1 for _, count in last):
            body(bool(last))
            return
        with T.If(tirx.all(*(index < count - 1 for index, count in last))):
            with T.Then():
                body(False)
            with T.Else():
                body(True)
