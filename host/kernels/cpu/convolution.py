"""Convolutions as they are written: a tile of sums stays in registers while the reduction runs over it.

Weights come in panels, so that each step of the reduction reads one run of them and one number of each pixel, or a
few neighbouring ones.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from tvm import tirx

from host.kernels.cpu.emission import (
    Place,
    clear_halo,
    each_part,
    finish,
    loop_parts,
    parameter_shapes,
    prefetch,
    tasks,
    write,
    write_function,
)
from host.kernels.cpu.reduction import LINE, Ahead, Reduction, Tile
from host.kernels.cpu.registers import Sums
from host.kernels.cpu.tiling import flattened, panels_of, parts, total, vectors
from host.kernels.machines import Cpu
from host.kernels.packing import packed_shape
from host.kernels.specs import Convolution
from host.kernels.variants import Direct

_ITEM_BYTES = 4


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


@dataclass(frozen=True, slots=True)
class Results:
    """Where a convolution's sums go.

    Attributes:
        spec: The convolution.
        operands: Its epilogue's buffers.
        target: The output's buffer.
    """

    spec: Convolution
    operands: Sequence[Any]
    target: Any

    def write_tile(self, tile: Tile, corner: Place, reduce: Callable[[Sums], None]) -> None:
        """Emits a tile from its corner on, from zeros to results.

        Args:
            tile: The pixels.
            corner: Where its first pixel's first channel goes.
            reduce: Emits what the sums take in.
        """
        places = [
            Place(corner.image, corner.row + row, corner.column + column, corner.channel + start, lanes)
            for row, column in tile.pixels
            for start, lanes in tile.vectors
        ]
        sums = tile.of_zeros()
        self._call_for(places)
        reduce(sums)
        for place, vector in zip(places, sums.vectors, strict=True):
            value = finish(self.spec.epilogue, self.operands, sums.get(*vector), place)
            write(self.target, self.spec.output, place, value)

    def _call_for(self, places: Sequence[Place]) -> None:
        """Asks for the memory that a tile ends with, before its reduction: what it adds, and where it stores."""
        epilogue = zip(self.spec.epilogue.operands, self.operands, strict=True)
        for form, buffer in [(self.spec.output, self.target), *epilogue]:
            if form and (form.height, form.width) != (1, 1):
                for place in places:
                    prefetch(buffer, place.index(form))


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
        self._reduction = Reduction(spec, tile.channels, cpu, source, weights)
        self._results = Results(spec, operands, target)
        self._rows = parts(spec.output.height, tile.rows)
        self._columns = parts(spec.output.width, tile.columns)
        self._panels = panels_of(spec.output.channels // spec.groups, tile.channels)

    def write(self) -> None:
        """Emits the whole computation."""
        spec, count, rows = self._spec, total(self._panels), total(self._rows)
        if self._tile.outer == "channels":
            with tasks(spec.output.batch, spec.groups, count, rows) as (image, group, panel, row):
                self._task(image, group, panel, row)
        else:
            with tasks(spec.output.batch, rows, spec.groups, count) as (image, row, group, panel):
                self._task(image, group, panel, row)

    def _task(self, image: Any, group: Any, panel: Any, row_piece: Any) -> None:
        def of_panel(first: Any, channels: int) -> None:
            def of_rows(row: Any, rows: int) -> None:
                def of_columns(column: Any, columns: int) -> None:
                    corner = Place(image, row, column, first, 1)
                    index = row_piece * total(self._columns) + tirx.floordiv(column, columns)
                    tile = Tile(rows, columns, channels, vectors(channels, self._cpu.lanes))
                    self._one_tile(group, panel, index, corner, tile)

                loop_parts(self._columns, of_columns)

            each_part(row_piece, self._rows, of_rows)

        each_part(panel, self._panels, of_panel)

    def _one_tile(self, group: Any, panel: Any, index: Any, corner: Place, tile: Tile) -> None:
        """Sums up and stores a tile from `corner` on, whose channel counts within the group."""
        each = self._spec.output.channels // self._spec.groups
        panel_index = group * total(self._panels) + panel
        weights = panel_index * self._reduction.weights_of_panel
        first = self._first_input(group, corner)

        def reduce(sums: Sums) -> None:
            self._call_for_share(panel_index, index)
            self._reduction.add_to(tile, sums, first, weights, self._ahead(panel_index, index))

        self._results.write_tile(tile, replace(corner, channel=group * each + corner.channel), reduce)

    def _ahead(self, panel: Any, tile: Any) -> Ahead | None:
        """Which weights of the next panel each step of a tile's reduction calls for, so that they arrive in time.

        Where a panel serves only a few tiles, each of them calls for its share step by step.
        """
        if not self._is_far or not 1 < self._tiles <= self._tile.channels:
            return None
        size = self._reduction.weights_of_panel
        share = self._tile.channels // self._tiles
        return Ahead(first=(panel + 1) * size + tile * (share * (size // self._tile.channels)), share=share)

    def _call_for_share(self, panel: Any, tile: Any) -> None:
        """Where a panel serves many tiles, each of them calls for its few lines of the next one at once."""
        if not self._is_far or self._tiles <= self._tile.channels:
            return
        size = self._reduction.weights_of_panel
        lines = math.ceil(size / (LINE * self._tiles))
        for line in range(lines):
            start = (panel + 1) * size + (tile * lines + line) * LINE
            prefetch(self._reduction.weights, start, is_soon=False)

    @property
    def _tiles(self) -> int:
        """How many tiles a panel serves."""
        return total(self._rows) * total(self._columns)

    @property
    def _is_far(self) -> bool:
        """Whether panels follow one another from behind the second cache, and are waited for if nobody calls."""
        weights = math.prod(packed_shape(self._spec, self._tile) or ()) * _ITEM_BYTES
        return self._tile.outer == "channels" and weights > self._cpu.second_cache_bytes // 2

    def _first_input(self, group: Any, corner: Place) -> Any:
        """Index of the number that the window of the result at `corner` begins with."""
        spec = self._spec
        row = corner.row * spec.strides[0] - spec.padding[0]
        column = corner.column * spec.strides[1] - spec.padding[1]
        channel = group * (spec.input.channels // spec.groups)
        return Place(corner.image, row, column, channel, 1).index(spec.input)
