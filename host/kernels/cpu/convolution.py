"""Convolutions as they are written: a tile of sums stays in registers while the reduction runs over it.

Weights come in panels, so that each step of the reduction reads one run of them and one number of each pixel.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import (
    Place,
    Registers,
    at,
    clear_halo,
    each_part,
    finish,
    loop_parts,
    parameter_shapes,
    prefetch,
    spread,
    tasks,
    write,
    write_function,
)
from host.kernels.cpu.tiling import Part, flattened, parts, total, vectors
from host.kernels.machines import Cpu
from host.kernels.packing import packed_shape
from host.kernels.specs import Convolution
from host.kernels.variants import Direct

_FEW_CHANNELS = 8
_LINE = 16


def direct(spec: Convolution, tile: Direct, cpu: Cpu) -> Any:
    """A convolution without any transformation.

    Args:
        spec: What to compute.
        tile: The tile of sums and the order of the loops around it.
        cpu: The core that it will run on.

    Returns:
        A TIR function of input, packed weights, the epilogue's operands and output.
    """

    def body(source: Any, weights: Any, *rest: Any) -> None:
        clear_halo(rest[-1], spec.output, cpu.lanes)
        _Body(flattened(spec), tile, cpu, source, weights, rest[:-1], rest[-1]).write()

    return write_function(parameter_shapes(spec, tile), body)


class _Body:
    """The loops around the tiles and the tile itself."""

    def __init__(
        self,
        spec: Convolution,
        tile: Direct,
        cpu: Cpu,
        source: Any,
        weights: Any,
        operands: Sequence[Any],
        target: Any,
    ) -> None:
        self._spec = spec
        self._tile = tile
        self._cpu = cpu
        self._source = source
        self._weights = weights
        self._operands = operands
        self._target = target
        self._rows = parts(spec.output.height, tile.rows)
        self._columns = parts(spec.output.width, tile.columns)
        each = spec.output.channels // spec.groups
        whole, rest = divmod(each, tile.channels)
        self._panels = [Part(0, tile.channels, whole)] if whole else []
        self._panels += [Part(whole * tile.channels, rest, 1)] if rest else []

    def write(self) -> None:
        """Emits the whole computation."""
        spec, panels, rows = self._spec, total(self._panels), total(self._rows)
        if self._tile.outer == "channels":
            with tasks(spec.output.batch, spec.groups, panels, rows) as (image, group, panel, row):
                self._task(image, group, panel, row)
        else:
            with tasks(spec.output.batch, rows, spec.groups, panels) as (image, row, group, panel):
                self._task(image, group, panel, row)

    def _task(self, image: Any, group: Any, panel: Any, row_piece: Any) -> None:
        def of_panel(first: Any, channels: int) -> None:
            def of_rows(row: Any, rows: int) -> None:
                def of_columns(column: Any, columns: int) -> None:
                    corner = Place(image, row, column, first, 1)
                    tile = row_piece * total(self._columns) + tirx.floordiv(column, columns)
                    shape = (rows, columns)
                    self._one_tile(group, panel, tile, corner, shape, vectors(channels, self._cpu.lanes))

                loop_parts(self._columns, of_columns)

            each_part(row_piece, self._rows, of_rows)

        each_part(panel, self._panels, of_panel)

    def _one_tile(
        self,
        group: Any,
        panel: Any,
        tile: Any,
        corner: Place,
        shape: tuple[int, int],
        lanes: Sequence[tuple[int, int]],
    ) -> None:
        """Sums up and stores `shape` pixels from `corner` on, whose channel counts within the group."""
        pixels = [(row, column) for row in range(shape[0]) for column in range(shape[1])]
        each = self._spec.output.channels // self._spec.groups
        sums = Registers([size for _ in pixels for _, size in lanes])
        sums.fill(0)
        self._call_for_results(group * each, corner, pixels, lanes)
        self._reduce(group, panel, tile, corner, pixels, lanes, sums)
        places = [(pixel, vector) for pixel in pixels for vector in lanes]
        for index, ((row, column), (start, size)) in enumerate(places):
            channel = group * each + corner.channel + start
            place = Place(corner.image, corner.row + row, corner.column + column, channel, size)
            value = finish(self._spec.epilogue, self._operands, sums[index], place)
            write(self._target, self._spec.output, place, value)

    def _call_for_results(
        self, first: Any, corner: Place, pixels: Sequence[tuple[int, int]], lanes: Sequence[tuple[int, int]]
    ) -> None:
        """Asks for the memory that a tile ends with, before its reduction: what it adds, and where it stores."""
        forms = [self._spec.output, *(form for form in self._spec.epilogue.operands if form)]
        buffers = [
            self._target,
            *(self._operands[i] for i, form in enumerate(self._spec.epilogue.operands) if form),
        ]
        for form, buffer in zip(forms, buffers, strict=True):
            for row, column in pixels:
                for start, size in lanes:
                    place = Place(
                        corner.image,
                        corner.row + row,
                        corner.column + column,
                        first + corner.channel + start,
                        size,
                    )
                    prefetch(buffer, place.index(form))

    def _prefetched(self) -> int:
        """Numbers of the next panel that each step of a tile's reduction calls for, so that it arrives in time.

        Weights that the second cache does not hold come from farther away; where a panel serves only a few tiles, they
        are waited for.
        """
        weights = math.prod(packed_shape(self._spec, self._tile) or ()) * 4
        tiles = total(self._rows) * total(self._columns)
        if self._tile.outer != "channels" or not 1 < tiles <= self._tile.channels:
            return 0
        return self._tile.channels // tiles if weights > self._cpu.second_cache_bytes // 2 else 0

    def _reduce(
        self,
        group: Any,
        panel: Any,
        tile: Any,
        corner: Place,
        pixels: Sequence[tuple[int, int]],
        lanes: Sequence[tuple[int, int]],
        sums: Registers,
    ) -> None:
        spec, form = self._spec, self._spec.input
        (kernel_rows, kernel_columns), inner = spec.kernel, spec.input.channels // spec.groups
        _, channel_stride, row_stride, column_stride = form.strides
        row_step, column_step = row_stride * spec.strides[0], column_stride * spec.strides[1]
        first = Place(
            corner.image,
            corner.row * spec.strides[0] - spec.padding[0],
            corner.column * spec.strides[1] - spec.padding[1],
            group * inner,
            1,
        ).index(form)
        panels = sum(part.count for part in self._panels)
        weights = (group * panels + panel) * (kernel_rows * kernel_columns * inner)

        panel_size = kernel_rows * kernel_columns * inner * self._tile.channels
        share = self._prefetched()
        ahead = (group * panels + panel + 1) * panel_size + tile * (
            share * (panel_size // self._tile.channels)
        )

        def step(kernel_row: Any, kernel_column: Any, channel: Any) -> None:
            taps = (kernel_row * kernel_columns + kernel_column) * inner + channel
            for start in range(0, share, _LINE):
                prefetch(self._weights, ahead + taps * share + start)
            base = (
                first
                + kernel_row * (row_stride * spec.dilation[0])
                + kernel_column * (column_stride * spec.dilation[1])
                + channel * channel_stride
            )
            panel_base = (
                weights + (kernel_row * kernel_columns + kernel_column) * inner + channel
            ) * self._tile.channels
            for index, (row, column) in enumerate(pixels):
                pixel = self._source[base + row * row_step + column * column_step]
                for vector, (start, size) in enumerate(lanes):
                    total = index * len(lanes) + vector
                    product = spread(pixel, size) * self._weights[at(panel_base + start, size)]
                    sums[total] = sums[total] + product

        _reduction(kernel_rows, kernel_columns, inner, step)


def _reduction(rows: int, columns: int, channels: int, step: Callable[[Any, Any, Any], None]) -> None:
    """Loops over the kernel's window and the input's channels; few channels are unrolled."""
    with T.serial(0, rows) as row, T.serial(0, columns) as column:
        if channels < _FEW_CHANNELS:
            for channel in range(channels):
                step(row, column, channel)
            return
        with T.serial(0, channels) as channel:
            step(row, column, channel)
