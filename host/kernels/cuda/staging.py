"""How pieces of a convolution's operands come into shared memory: fetched into registers first, put down later."""

import math
from dataclasses import dataclass
from typing import Any

from tvm import tirx

from host.kernels.cpu.emission import Place, at, store
from host.kernels.cuda.emission import pixel_of, registers, shared, split, unrolled, when
from host.kernels.cuda.tiling import PADDING, VECTOR, pixels_of, reads_vectors, steps_of
from host.kernels.packing import packed_shape
from host.kernels.specs import Convolution
from host.kernels.variants import GpuTile


@dataclass(frozen=True, slots=True)
class Matrix:
    """A row of numbers for each step, in shared memory."""

    buffer: Any
    width: int

    def vector(self, step: Any, start: Any) -> Any:
        """Some neighbours of a row."""
        return self.buffer[at(step * self.width + start, VECTOR)]


@dataclass(frozen=True, slots=True)
class Piece:
    """Some steps of both operands."""

    pixels: Matrix
    weights: Matrix


class _Share:
    """Which of a matrix's elements a thread brings: number `turn * threads + thread` for each of its turns."""

    def __init__(self, elements: int, threads: int, thread: Any) -> None:
        self._elements = elements
        self._threads = threads
        self._thread = thread
        self.turns = math.ceil(elements / threads)

    def index(self, turn: int) -> Any:
        """The element's number."""
        return self._thread + turn * self._threads

    def exists(self, turn: int) -> Any:
        """A condition, or None where the element always exists."""
        return self.index(turn) < self._elements if (turn + 1) * self._threads > self._elements else None


class Weights:
    """The channels of some steps: rows of the packed weights.

    Args:
        spec: The convolution.
        tile: How it is cut.
        source: The packed weights' buffer.
        channel: The block's first channel within its group.
        group: The block's group.
        thread: This thread.
    """

    def __init__(
        self, spec: Convolution, tile: GpuTile, source: Any, channel: Any, group: Any, thread: Any
    ) -> None:
        _, self._steps, self._width = packed_shape(spec, tile) or (0, 0, 0)
        self._tile = tile
        self._source = source
        self._channel = channel
        self._group = group
        self._vectors = tile.channels // VECTOR
        self._share = _Share(tile.depth * self._vectors, tile.threads, thread)
        self._fetched = registers(self._share.turns * VECTOR)

    def place(self) -> Matrix:
        """Room for one piece."""
        return Matrix(shared(self._tile.depth * self._tile.channels), self._tile.channels)

    def fetch(self, piece: Any) -> None:
        """Begins to read a piece."""
        for turn in range(self._share.turns):
            step, vector = split(self._share.index(turn), (self._tile.depth, self._vectors))
            with when(self._share.exists(turn)):
                row = self._group * self._steps + piece * self._tile.depth + step
                start = row * self._width + self._channel + vector * VECTOR
                store(self._fetched, turn * VECTOR, VECTOR, self._source[at(start, VECTOR)])

    def put(self, matrix: Matrix) -> None:
        """Puts down what was fetched."""
        for turn in range(self._share.turns):
            with when(self._share.exists(turn)):
                value = self._fetched[at(turn * VECTOR, VECTOR)]
                store(matrix.buffer, self._share.index(turn) * VECTOR, VECTOR, value)


class Pixels:
    """What some steps find in the input, for each pixel of the output.

    Neighbouring threads read neighbours in memory: channels of a pixel, or pixels of a channel. Steps behind the last
    one find what it finds; their weights are zero.

    Args:
        spec: The convolution.
        tile: How it is cut.
        source: The input's buffer.
        pixel: The block's first pixel.
        group: The block's group.
        thread: This thread.
    """

    def __init__(
        self, spec: Convolution, tile: GpuTile, source: Any, pixel: Any, group: Any, thread: Any
    ) -> None:
        self._spec = spec
        self._tile = tile
        self._source = source
        self._inner = spec.input.channels // spec.groups
        self._lanes = VECTOR if reads_vectors(spec) else 1
        self._vectors = tile.depth // self._lanes
        self._share = _Share(tile.pixels * self._vectors, tile.threads, thread)
        self._fetched = registers(self._share.turns * self._lanes)
        self._corners = registers(self._share.turns, "int32")
        for turn in range(self._share.turns):
            index, _ = self._element(turn)
            corner = self._corner(tirx.min(pixel + index, pixels_of(spec) - 1), group)
            store(self._corners, turn, 1, tirx.floordiv(corner, self._lanes))

    def place(self) -> Matrix:
        """Room for one piece."""
        width = self._tile.pixels + PADDING
        return Matrix(shared(self._tile.depth * width), width)

    def fetch(self, piece: Any) -> None:
        """Begins to read a piece."""
        lanes = self._lanes
        for turn in range(self._share.turns):
            _, vector = self._element(turn)
            with when(self._share.exists(turn)):
                start = self._corners[turn] + self._offset(piece, vector)
                store(self._fetched, turn * lanes, lanes, self._source[at(start * lanes, lanes)])

    def put(self, matrix: Matrix) -> None:
        """Puts down what was fetched, turned so that the pixels of a step are neighbours."""
        for turn in range(self._share.turns):
            index, vector = self._element(turn)
            with when(self._share.exists(turn)), unrolled(self._lanes) as lane:
                target = (vector * self._lanes + lane) * matrix.width + index
                store(matrix.buffer, target, 1, self._fetched[turn * self._lanes + lane])

    def _element(self, turn: int) -> tuple[Any, Any]:
        """Pixel and vector of steps that the thread brings in a turn."""
        number = self._share.index(turn)
        if self._spec.input.layout == "channels-first":
            vector, pixel = split(number, (self._vectors, self._tile.pixels))
        else:
            pixel, vector = split(number, (self._tile.pixels, self._vectors))
        return pixel, vector

    def _corner(self, index: Any, group: Any) -> Any:
        """Where a pixel's window begins in the input."""
        spec = self._spec
        image, row, column = pixel_of(index, spec.output)
        row = row * spec.strides[0] - spec.padding[0]
        column = column * spec.strides[1] - spec.padding[1]
        return Place(image, row, column, group * self._inner, 1).index(spec.input)

    def _offset(self, piece: Any, within: Any) -> Any:
        """How many vectors behind a window's beginning a step reads."""
        spec, lanes, depth, inner = self._spec, self._lanes, self._vectors, self._inner // self._lanes
        _, channel_stride, row_stride, column_stride = spec.input.strides
        first, last = piece * depth, steps_of(spec) // lanes - 1
        is_filled_up = steps_of(spec) % (self._tile.depth * self._tile.splits) != 0
        if inner % depth == 0:
            # one place of the window for the whole piece
            first = tirx.min(first, last + 1 - depth) if is_filled_up else first
            place, channel = tirx.floordiv(first, inner), tirx.floormod(first, inner) + within
        else:
            step = tirx.min(first + within, last) if is_filled_up else first + within
            place, channel = tirx.floordiv(step, inner), tirx.floormod(step, inner)
        row, column = split(place, spec.kernel)
        return (
            row * (row_stride * spec.dilation[0] // lanes)
            + column * (column_stride * spec.dilation[1] // lanes)
            + channel * (channel_stride if lanes == 1 else 1)
        )
