"""What a tile's sums take in: for every place of the kernel's window, the input's channels times a panel's weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import at, number, spread, store
from host.kernels.cpu.tiling import numbers_at_once, vectors, window_runs
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution

_FEW = 8
"""Steps of the reduction that are written out instead of a loop over fewer than so many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Sums of neighbouring pixels, in registers while the reduction runs.

    Attributes:
        pixels: Rows and columns, counted from the tile's corner.
        vectors: A pixel's channels as `(start, lanes)`.
        sums: A local buffer with the channels of one pixel after the other.
    """

    pixels: tuple[tuple[int, int], ...]
    vectors: tuple[tuple[int, int], ...]
    sums: Any

    @classmethod
    def of_zeros(cls, rows: int, columns: int, vectors: tuple[tuple[int, int], ...]) -> "Tile":
        """Emits a tile whose sums are zero."""
        pixels = tuple((row, column) for row in range(rows) for column in range(columns))
        width = sum(size for _, size in vectors)
        sums = T.alloc_buffer((len(pixels) * width,), "float32", scope="local")
        tile = cls(pixels=pixels, vectors=vectors, sums=sums)
        for pixel in range(len(pixels)):
            for start, size in vectors:
                store(sums, tile._place(pixel, start), size, spread(number(0), size))
        return tile

    def value(self, pixel: int, start: int, size: int) -> Any:
        """The sums of one vector."""
        return self.sums[at(self._place(pixel, start), size)]

    def add(self, pixel: int, start: int, size: int, product: Any) -> None:
        """Emits the addition of a product to the sums of one vector."""
        store(self.sums, self._place(pixel, start), size, self.value(pixel, start, size) + product)

    def _place(self, pixel: int, start: int) -> int:
        return pixel * sum(size for _, size in self.vectors) + start


class Reduction:
    """Emits the loops over the kernel's window and the input's channels.

    Where the processor multiplies by a lane of a register, one load brings several neighbouring numbers; otherwise
    each number is read as an operand for all lanes.

    Args:
        spec: The convolution.
        panel: Output channels in a panel of weights.
        cpu: The core that it will run on.
        source: The input's buffer.
        weights: The packed weights' buffer.
    """

    def __init__(self, spec: Convolution, panel: int, cpu: Cpu, source: Any, weights: Any) -> None:
        self._spec = spec
        self._panel = panel
        self._source = source
        self._weights = weights
        self._runs, self._numbers = window_runs(spec, cpu)
        self._together = numbers_at_once(spec, cpu)

    @property
    def weights_of_panel(self) -> int:
        """How many weights a panel holds."""
        return self._spec.kernel[0] * self._runs * self._numbers * self._panel

    def add_to(self, tile: Tile, first: Any, panel: Any) -> None:
        """Emits the whole reduction of one tile.

        Args:
            tile: What to add to.
            first: Index of the number that the window of the tile's corner begins with.
            panel: Index of the panel's first weight.
        """
        _, _, row_stride, column_stride = self._spec.input.strides
        row_step, column_step = row_stride * self._spec.dilation[0], column_stride * self._spec.dilation[1]
        with T.serial(0, self._spec.kernel[0]) as row, T.serial(0, self._runs) as run:
            weights = panel + (row * self._runs + run) * (self._numbers * self._panel)
            self._add_run(tile, first + row * row_step + run * column_step, weights)

    def _add_run(self, tile: Tile, begin: Any, weights: Any) -> None:
        stride, together = self._spec.input.strides[1], self._together
        whole, rest = divmod(self._numbers, together)

        def step(number: Any, count: int) -> None:
            self._step(tile, begin + number * stride, weights + number * self._panel, count)

        _repeat(whole, lambda index: step(index * together, together), _FEW // together)
        for start, count in vectors(rest, together):
            step(whole * together + start, count)

    def _step(self, tile: Tile, begin: Any, weights: Any, count: int) -> None:
        """Adds the products of `count` neighbours."""
        _, _, row_stride, column_stride = self._spec.input.strides
        row_step, column_step = row_stride * self._spec.strides[0], column_stride * self._spec.strides[1]
        inputs = [
            self._source[at(begin + row * row_step + column * column_step, count)]
            for row, column in tile.pixels
        ]
        for lane in range(count):
            for pixel, value in enumerate(inputs):
                for start, size in tile.vectors:
                    weight = self._weights[at(weights + lane * self._panel + start, size)]
                    factor = value if count == 1 else tirx.Shuffle([value], [lane])
                    tile.add(pixel, start, size, spread(factor, size) * weight)


def _repeat(count: int, body: Callable[[Any], None], few: int) -> None:
    """A loop, unrolled when it is shorter than `few`."""
    if count < few:
        for index in range(count):
            body(index)
        return
    with T.serial(0, count) as index:
        body(index)
