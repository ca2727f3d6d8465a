"""Winograd's convolutions: tiles of pixels are transformed, multiplied as matrices and transformed back.

Each of the numbers that a transformed tile consists of makes a plane, and in each plane the tiles' channels are
multiplied with a matrix of weights. Some tiles, a block, go through the three steps together, so that what lies
between the steps stays in the second cache.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import (
    Place,
    at,
    clear_halo,
    each_part,
    finish,
    parameter_shapes,
    prefetch,
    store,
    write,
    write_function,
)
from host.kernels.cpu.tiling import Part, parts, total, vectors
from host.kernels.cpu.winograd_lines import Line, transform_input, transform_output
from host.kernels.cpu.winograd_products import Planes, Products
from host.kernels.cpu.winograd_tiling import Cover, cover
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution
from host.kernels.variants import Winograd
from host.kernels.winograd_transforms import KERNEL, transforms


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
        products = Products(spec, variant, cpu, weights)
        _Body(spec, variant, cpu, source, products, rest[:-1], rest[-1]).write()

    return write_function(parameter_shapes(spec, variant), body)


@dataclass(frozen=True, slots=True)
class _Scratch:
    """What lies between the steps for a block of tiles."""

    pixels: Planes
    products: Planes


@dataclass(frozen=True, slots=True)
class _Tile:
    """One tile: which one of its block, and its place among the tiles of all images."""

    index: Any
    image: Any
    row: Any
    column: Any

    @classmethod
    def of(cls, first: Any, index: Any, tiles: Cover) -> Self:
        line = tirx.floordiv(first + index, tiles.columns)
        column = tirx.floormod(first + index, tiles.columns)
        image, row = tirx.floordiv(line, tiles.rows), tirx.floormod(line, tiles.rows)
        return cls(index, T.bind(image), T.bind(row), T.bind(column))


def _bounds(index: Any, pieces: Sequence[Part]) -> tuple[Any, Any]:
    """Start and size of the piece that `index` counts."""
    last = pieces[-1]
    larger = sum(part.count for part in pieces[:-1])
    start = T.bind(index * last.size + tirx.min(index, larger))
    return start, T.bind(last.size + tirx.Select(index < larger, 1, 0))


class _Body:
    """The loops around the three steps, and the two transforms of one tile."""

    def __init__(
        self,
        spec: Convolution,
        variant: Winograd,
        cpu: Cpu,
        source: Any,
        products: Products,
        operands: Sequence[Any],
        target: Any,
    ) -> None:
        self._spec = spec
        self._variant = variant
        self._cpu = cpu
        self._source = source
        self._products = products
        self._operands = operands
        self._target = target
        self._tiles = cover(spec, variant.size)
        self._matrices = transforms(variant.size)
        self._edge = variant.size + KERNEL - 1

    def write(self) -> None:
        """Emits the whole computation."""
        blocks = parts(self._tiles.count, self._variant.block)
        if self._variant.shared == "blocks":
            with T.parallel(0, total(blocks)) as block:
                self._block(self._scratch(blocks[0].size), block, blocks, T.serial)
        else:
            scratch = self._scratch(blocks[0].size)
            with T.serial(0, total(blocks)) as block:
                self._block(scratch, block, blocks, T.parallel)

    def _scratch(self, tiles: int) -> _Scratch:
        forms = (self._spec.input, self._spec.output)
        pixels, products = (Planes.allocate(self._edge**2, tiles, form.channels) for form in forms)
        return _Scratch(pixels, products)

    def _block(self, scratch: _Scratch, block: Any, blocks: Sequence[Part], loop: Callable[..., Any]) -> None:
        """All three steps for some tiles."""
        panels = self._products.panels
        first, tiles = _bounds(block, blocks)
        with loop(0, tiles) as index:
            self._before(scratch.pixels, _Tile.of(first, index, self._tiles))
        with loop(0, self._edge**2 * total(panels)) as product:
            plane, panel = tirx.floordiv(product, total(panels)), tirx.floormod(product, total(panels))

            def of_block(first: Any, tiles: int) -> None:
                del first
                each_part(panel, panels, lambda *piece: self._multiply(scratch, plane, tiles, *piece))

            each_part(block, blocks, of_block)
        with loop(0, tiles) as index:
            self._after(scratch.products, _Tile.of(first, index, self._tiles))

    def _multiply(self, scratch: _Scratch, plane: Any, tiles: int, channel: Any, channels: int) -> None:
        self._products.multiply(scratch.pixels, scratch.products, plane, tiles, channel, channels)

    def _before(self, target: Planes, tile: _Tile) -> None:
        """Transforms a tile of the input; what it reads twice at the edge enters only results that are not stored."""
        form, size, padding = self._spec.input, self._variant.size, self._spec.padding
        row, column = T.bind(tile.row * size - padding[0]), T.bind(tile.column * size - padding[1])
        start = T.bind(Place(tile.image, row, column, 0, 1).index(form))
        left = (form.height + form.halo[0] - 1 - row, form.width + form.halo[1] - 1 - column)

        def body(is_edge: bool) -> None:
            rows, columns = (
                [
                    T.bind(tirx.min(step, most) * stride) if is_edge else step * stride
                    for step in range(self._edge)
                ]
                for most, stride in zip(left, form.strides[2:], strict=True)
            )

            def vector(channel: Any, lanes: int) -> None:
                base, place = T.bind(start + channel), T.bind(target.index(0, tile.index, channel))

                def pixel(row: int, column: int) -> Any:
                    return self._source[at(base + rows[row] + columns[column], lanes)]

                self._fetch_next(base, rows)
                values = transform_input(self._matrices.input, lanes, pixel)
                for plane, value in enumerate(value for line in values for value in line):
                    store(target.buffer, place + target.index(plane, 0, 0), lanes, value)

            self._each_vector(form.channels, vector)

        self._by_place(tile, self._tiles.reads_behind, body)

    def _fetch_next(self, base: Any, rows: Sequence[Any]) -> None:
        """Asks for the columns that the next tile adds; at a row's end for something that is not needed."""
        for row in rows:
            for column in range(self._edge, self._edge + self._variant.size):
                prefetch(self._source, base + row + column * self._spec.input.strides[3])

    def _after(self, source: Planes, tile: _Tile) -> None:
        """Transforms a tile's products back and stores what lies within the output."""
        size, form = self._variant.size, self._spec.output
        row, column = T.bind(tile.row * size), T.bind(tile.column * size)

        def body(is_edge: bool) -> None:
            def vector(channel: Any, lanes: int) -> None:
                base = T.bind(source.index(0, tile.index, channel))

                def product(row: int, column: int) -> Any:
                    return source.buffer[at(base + source.index(row * self._edge + column, 0, 0), lanes)]

                results = transform_output(self._matrices.output, lanes, product)
                corner = Place(tile.image, row, column, channel, lanes)
                if is_edge:
                    inside = tirx.min(form.height - row, size), tirx.min(form.width - column, size)
                    self._store_some(corner, results, inside)
                else:
                    self._store_all(corner, results)

            self._each_vector(form.channels, vector)

        self._by_place(tile, self._tiles.writes_behind, body)

    def _store_all(self, corner: Place, results: list[Line]) -> None:
        for row, line in enumerate(results):
            for column, value in enumerate(line):
                self._store(replace(corner, row=corner.row + row, column=corner.column + column), value)

    def _store_some(self, corner: Place, results: list[Line], inside: tuple[Any, Any]) -> None:
        """Stores `inside` rows and columns of a tile; in a loop, since an epilogue's code can be long."""
        for row, line in enumerate(results):
            values = T.alloc_buffer((len(line) * corner.lanes,), "float32")
            for column, value in enumerate(line):
                store(values, column * corner.lanes, corner.lanes, value)
            with T.serial(0, tirx.Select(row < inside[0], inside[1], 0)) as column:
                place = replace(corner, row=corner.row + row, column=corner.column + column)
                self._store(place, values[at(column * corner.lanes, corner.lanes)])

    def _store(self, place: Place, value: Any) -> None:
        result = finish(self._spec.epilogue, self._operands, value, place)
        write(self._target, self._spec.output, place, result)

    def _each_vector(self, channels: int, body: Callable[[Any, int], None]) -> None:
        lanes = self._cpu.lanes
        whole, rest = divmod(channels, lanes)
        if whole:
            with T.serial(0, whole) as index:
                body(index * lanes, lanes)
        for start, size in vectors(rest, lanes):
            body(whole * lanes + start, size)

    def _by_place(self, tile: _Tile, leaves: tuple[bool, bool], body: Callable[[bool], None]) -> None:
        """Calls `body(is_edge)`, in two branches where some tiles leave the image and others do not."""
        sides = ((tile.row, self._tiles.rows), (tile.column, self._tiles.columns))
        ends = [(index, count) for (index, count), leave in zip(sides, leaves, strict=True) if leave]
        if not ends or any(count == 1 for _, count in ends):
            body(bool(ends))
            return
        with T.If(tirx.all(*(index < count - 1 for index, count in ends))):
            with T.Then():
                body(False)
            with T.Else():
                body(True)
