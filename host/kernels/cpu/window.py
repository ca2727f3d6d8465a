"""Depthwise convolutions and pooling: every channel for itself, a tile of neighbouring results in registers."""

from collections.abc import Callable, Sequence
from typing import Any

from tvm import tirx
from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import (
    Place,
    at,
    clear_halo,
    each_part,
    finish,
    larger,
    loop_parts,
    number,
    parameter_shapes,
    read,
    spread,
    tasks,
    write,
    write_function,
)
from host.kernels.cpu.registers import Sums
from host.kernels.cpu.tiling import panels_of, parts, vectors
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution, Pooling
from host.kernels.variants import Window

LOWEST = -3.402823466e38
"""What the largest of nothing is."""

_MOST_UNROLLED = 25

Add = Callable[[Any, Any, Any, Any, Place], Any]
"""What a vector is after it took in another: from both, the place in the window and the place of the result."""


def depthwise(spec: Convolution, tile: Window, cpu: Cpu) -> Any:
    """A convolution in which each channel is filtered for itself.

    Args:
        spec: What to compute.
        tile: Its columns and channels.
        cpu: The core that it will run on.

    Returns:
        A TIR function of input, weights `(height, width, channels)`, the epilogue's operands and output.
    """

    def body(source: Any, weights: Any, *rest: Any) -> None:
        clear_halo(rest[-1], spec.output, cpu.lanes)
        Windows(spec, tile, cpu, source, rest[:-1], rest[-1], 0.0, products_of(spec, weights)).write()

    return write_function(parameter_shapes(spec, tile), body)


def products_of(spec: Convolution, weights: Any) -> Add:
    """Takes in a pixel times the weights `(height, width, channels)` of a depthwise convolution."""

    def add(total: Any, value: Any, row: Any, column: Any, place: Place) -> Any:
        index = (row * spec.kernel[1] + column) * spec.output.channels + place.channel
        return total + value * weights[at(index, place.lanes)]

    return add


def pooling(spec: Pooling, tile: Window, cpu: Cpu) -> Any:
    """The largest value or the mean of each window.

    Args:
        spec: What to compute.
        tile: Its columns and channels.
        cpu: The core that it will run on.

    Returns:
        A TIR function of input, the epilogue's operands and output.
    """

    def body(source: Any, *rest: Any) -> None:
        def add(total: Any, value: Any, row: Any, column: Any, place: Place) -> Any:
            del row, column, place
            return larger(total, value, cpu) if spec.kind == "max" else total + value

        clear_halo(rest[-1], spec.output, cpu.lanes)
        start = LOWEST if spec.kind == "max" else 0.0
        Windows(spec, tile, cpu, source, rest[:-1], rest[-1], start, add).write()

    return write_function(parameter_shapes(spec, tile), body)


class Windows:
    """Loops over rows, tiles of columns and vectors of channels; the window inside.

    Args:
        spec: What to compute.
        tile: Its columns and channels.
        cpu: The core that it will run on.
        source: The input's buffer.
        operands: The epilogue's buffers.
        target: The output's buffer.
        start: What each result is at first.
        add: How it takes in a vector.
        begin: Image and row that the output begins with, where that holds only some rows of one image.
    """

    def __init__(
        self,
        spec: Convolution | Pooling,
        tile: Window,
        cpu: Cpu,
        source: Any,
        operands: Sequence[Any],
        target: Any,
        start: float,
        add: Add,
        begin: tuple[Any, Any] = (0, 0),
    ) -> None:
        self._spec = spec
        self._cpu = cpu
        self._source = source
        self._operands = operands
        self._target = target
        self._start = start
        self._add = add
        self._begin = begin
        self._columns = parts(spec.output.width, tile.columns)
        self._channels = panels_of(spec.output.channels, tile.channels)

    def write(self) -> None:
        """Emits the whole computation."""
        output = self._spec.output
        if output.height > 1:
            with tasks(output.batch, output.height) as (image, row):
                self.write_row(image, row)
            return
        with tasks(output.batch, sum(part.count for part in self._channels)) as (image, piece):
            each_part(
                piece,
                self._channels,
                lambda channel, channels: loop_parts(
                    self._columns,
                    lambda column, columns: self._tile(image, 0, column, columns, channel, channels),
                ),
            )

    def write_row(self, image: Any, row: Any) -> None:
        """Emits the computation of one row of an image."""
        loop_parts(
            self._columns,
            lambda column, columns: loop_parts(
                self._channels,
                lambda channel, channels: self._tile(image, row, column, columns, channel, channels),
            ),
        )

    def _tile(self, image: Any, row: Any, column: Any, columns: int, channel: Any, channels: int) -> None:
        lanes = vectors(channels, self._cpu.lanes)
        places = [
            Place(image, row, column + index, channel + start, size)
            for index in range(columns)
            for start, size in lanes
        ]
        results = Sums(columns, channels, lanes, self._start)
        self._windows(places, results)
        for place, vector in zip(places, results.vectors, strict=True):
            mean = self._mean(results.get(*vector), place)
            value = finish(self._spec.epilogue, self._operands, mean, place)
            write(self._target, self._spec.output, place, value)

    def _windows(self, places: Sequence[Place], results: Sums) -> None:
        spec = self._spec
        height, width = spec.kernel
        first_image, first_row = self._begin

        def step(kernel_row: Any, kernel_column: Any) -> None:
            for place, vector in zip(places, results.vectors, strict=True):
                seen = Place(
                    first_image + place.image,
                    (first_row + place.row) * spec.strides[0]
                    - spec.padding[0]
                    + kernel_row * spec.dilation[0],
                    place.column * spec.strides[1] - spec.padding[1] + kernel_column * spec.dilation[1],
                    place.channel,
                    place.lanes,
                )
                value = self._seen(seen)
                results.put(*vector, self._add(results.get(*vector), value, kernel_row, kernel_column, place))

        if height * width <= _MOST_UNROLLED:
            for row in range(height):
                for column in range(width):
                    step(row, column)
        else:
            with T.grid(height, width) as (row, column):
                step(row, column)

    def _seen(self, place: Place) -> Any:
        """What a window finds at a place: outside the image nothing, which the halo's zeros may stand for."""
        value = read(self._source, self._spec.input, place)
        if not needs_check(self._spec):
            return value
        form = self._spec.input
        inside = tirx.all(
            place.row >= 0, place.row < form.height, place.column >= 0, place.column < form.width
        )
        return tirx.if_then_else(inside, value, spread(number(self._start), place.lanes))

    def _mean(self, value: Any, place: Place) -> Any:
        """Divides a sum by the number of pixels that it counts."""
        spec = self._spec
        if not isinstance(spec, Pooling) or spec.kind == "max":
            return value
        if spec.counts_padding or not leaves_image(spec):
            return value * spread(number(1.0 / (spec.kernel[0] * spec.kernel[1])), place.lanes)
        rows = overlap(place.row * spec.strides[0] - spec.padding[0], spec.kernel[0], spec.input.height)
        columns = overlap(place.column * spec.strides[1] - spec.padding[1], spec.kernel[1], spec.input.width)
        return value * spread(number(1.0) / (rows * columns).astype("float32"), place.lanes)


def needs_check(spec: Convolution | Pooling) -> bool:
    """Whether a window may read what is neither the image nor zeros that do no harm."""
    if isinstance(spec, Convolution) or not leaves_image(spec):
        return False
    zeros_do_no_harm = spec.kind == "average" or spec.is_nonnegative
    return not zeros_do_no_harm or not _halo_suffices(spec)


def _reach(spec: Pooling) -> list[tuple[int, int]]:
    """How far windows leave the image, before and behind it, by rows and by columns."""
    output, image = (spec.output.height, spec.output.width), (spec.input.height, spec.input.width)
    ends = [
        (output[axis] - 1) * spec.strides[axis]
        + (spec.kernel[axis] - 1) * spec.dilation[axis]
        + 1
        - spec.padding[axis]
        - image[axis]
        for axis in (0, 1)
    ]
    return [(spec.padding[axis], max(ends[axis], 0)) for axis in (0, 1)]


def leaves_image(spec: Pooling) -> bool:
    """Whether some window reaches over the image's edge."""
    return any(before or behind for before, behind in _reach(spec))


def _halo_suffices(spec: Pooling) -> bool:
    return all(max(sides) <= halo for sides, halo in zip(_reach(spec), spec.input.halo, strict=True))


def overlap(start: Any, size: int, image: int) -> Any:
    """How many of `size` pixels from `start` on lie in the image."""
    return tirx.min(start + size, image) - tirx.max(start, 0)
