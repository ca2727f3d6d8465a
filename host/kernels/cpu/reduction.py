"""What a tile's sums take in: for every place of the kernel's window, the input's channels times a panel's weights."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import at, prefetch, spread
from host.kernels.cpu.registers import Sums
from host.kernels.cpu.tiling import numbers_at_once, vectors, window_runs
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution

_FEW = 8
"""Steps of the reduction that are written out instead of a loop over fewer than so many."""


LINE = 16
"""Numbers in a line of the caches."""


@dataclass(frozen=True, slots=True)
class Tile:
    """Neighbouring pixels whose sums are in registers while the reduction runs.

    Attributes:
        rows: Rows of pixels.
        columns: Columns of pixels.
        channels: Output channels of each pixel.
        vectors: These channels as `(start, lanes)`.
    """

    rows: int
    columns: int
    channels: int
    vectors: tuple[tuple[int, int], ...]

    @property
    def pixels(self) -> list[tuple[int, int]]:
        """Rows and columns, counted from the tile's corner."""
        return [(row, column) for row in range(self.rows) for column in range(self.columns)]

    def of_zeros(self) -> Sums:
        """Emits sums that are zero, a row of them for each pixel."""
        return Sums(self.rows * self.columns, self.channels, self.vectors)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ahead:
    """Weights that are called for while others are multiplied.

    Attributes:
        first: Index of the first one.
        share: How many of them belong to each number of the reduction.
    """

    first: Any
    share: int


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

    Attributes:
        weights: The same.
    """

    def __init__(self, spec: Convolution, panel: int, cpu: Cpu, source: Any, weights: Any) -> None:
        self._spec = spec
        self._panel = panel
        self._source = source
        self.weights = weights
        self._runs, self._numbers = window_runs(spec, cpu)
        self._together = numbers_at_once(spec, cpu)

    @property
    def weights_of_panel(self) -> int:
        """How many weights a panel holds."""
        return self._spec.kernel[0] * self._runs * self._numbers * self._panel

    def add_to(self, tile: Tile, sums: Sums, first: Any, panel: Any, ahead: Ahead | None) -> None:
        """Emits the whole reduction of one tile.

        Args:
            tile: The pixels.
            sums: What to add to.
            first: Index of the number that the window of the tile's corner begins with.
            panel: Index of the panel's first weight.
            ahead: What to call for on the way.
        """
        _, _, row_stride, column_stride = self._spec.input.strides
        row_step, column_step = row_stride * self._spec.dilation[0], column_stride * self._spec.dilation[1]
        with T.serial(0, self._spec.kernel[0]) as row, T.serial(0, self._runs) as run:
            taps = (row * self._runs + run) * self._numbers
            begin = first + row * row_step + run * column_step

            def step(number: Any, count: int) -> None:
                self._call_for(ahead, taps + number, count)
                start = begin + number * self._spec.input.strides[1]
                self._step(tile, sums, start, panel + (taps + number) * self._panel, count)

            self._run(step)

    def _run(self, step: Callable[[Any, int], None]) -> None:
        """Emits the steps over a run of numbers."""
        together = self._together
        whole, rest = divmod(self._numbers, together)
        _repeat(whole, lambda index: step(index * together, together), _FEW // together)
        for start, count in vectors(rest, together):
            step(whole * together + start, count)

    def _call_for(self, ahead: Ahead | None, taps: Any, count: int) -> None:
        if ahead:
            for start in range(0, ahead.share * count, LINE):
                prefetch(self.weights, ahead.first + taps * ahead.share + start, is_soon=False)

    def _step(self, tile: Tile, sums: Sums, begin: Any, weights: Any, count: int) -> None:
        """Adds the products of `count` neighbours."""
        _, _, row_stride, column_stride = self._spec.input.strides
        row_step, column_step = row_stride * self._spec.strides[0], column_stride * self._spec.strides[1]
        inputs = [
            self._source[at(begin + row * row_step + column * column_step, count)]
            for row, column in tile.pixels
        ]
        for lane in range(count):
            for row, start, lanes in sums.vectors:
                factor = inputs[row] if count == 1 else tirx.Shuffle([inputs[row]], [lane])
                weight = self.weights[at(weights + lane * self._panel + start, lanes)]
                sums.put(row, start, lanes, sums.get(row, start, lanes) + spread(factor, lanes) * weight)


def _repeat(count: int, body: Callable[[Any], None], few: int) -> None:
    """A loop, unrolled when it is shorter than `few`."""
    if count < few:
        for index in range(count):
            body(index)
        return
    with T.serial(0, count) as index:
        body(index)
