"""How a kernel is scheduled: a few numbers with a name that people can read and that can be read back.

A variant decides the generated code and the form of the weights; what is computed stays the same.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Direct:
    """A convolution as it is written: a tile of sums in registers, the reduction inside.

    Attributes:
        rows: Rows of a tile, in pixels.
        columns: Columns of a tile, in pixels.
        channels: Output channels of a tile; weights are packed in panels of as many.
        outer: Which loop is outside: panels of weights or rows of pixels.
    """

    rows: int
    columns: int
    channels: int
    outer: Literal["channels", "pixels"]


@dataclass(frozen=True, slots=True)
class Winograd:
    """A 3x3 convolution as products of matrices, one for each number of a transformed tile.

    Attributes:
        size: Rows and columns of a tile of results, in pixels.
        tiles: Tiles whose sums are in registers together.
        channels: Output channels whose sums are; weights are packed in panels of as many.
        block: Tiles that are transformed, multiplied and transformed back together.
        shared: What the cores share: all blocks, or each step of every block.
    """

    size: int
    tiles: int
    channels: int
    block: int
    shared: Literal["blocks", "steps"]


@dataclass(frozen=True, slots=True)
class Window:
    """A depthwise convolution or pooling: a tile of neighbouring results of the same channels in registers.

    Attributes:
        columns: Columns of a tile, in pixels.
        channels: Channels of a tile.
    """

    columns: int
    channels: int


@dataclass(frozen=True, slots=True)
class Rows:
    """A depthwise convolution and the 1x1 convolution behind it, some rows of pixels at a time.

    Attributes:
        rows: Rows whose depthwise results are kept until the 1x1 convolution has used them.
        window_columns: Columns of the first's tile.
        window_channels: Channels of the first's tile.
        columns: Columns of the second's tile.
        channels: Output channels of the second's tile; its weights are packed in panels of as many.
    """

    rows: int
    window_columns: int
    window_channels: int
    columns: int
    channels: int

    @property
    def depthwise(self) -> Window:
        """How the first is scheduled."""
        return Window(self.window_columns, self.window_channels)

    @property
    def pointwise(self) -> Direct:
        """How the second is scheduled."""
        return Direct(1, self.columns, self.channels, "pixels")


@dataclass(frozen=True, slots=True)
class Plain:
    """The one way to do it."""


@dataclass(frozen=True, slots=True)
class GpuTile:
    """A convolution as a product of matrices: a tile of both operands in shared memory, one of sums in registers.

    Attributes:
        pixels: Pixels whose sums a block of threads holds.
        channels: Output channels whose sums it holds.
        depth: Steps of the reduction that lie in shared memory at a time.
        thread_pixels: Pixels whose sums one thread holds.
        thread_channels: Output channels whose sums it holds.
        splits: Pieces of the reduction, for different blocks; where there are several, a second kernel adds them up.
    """

    pixels: int
    channels: int
    depth: int
    thread_pixels: int
    thread_channels: int
    splits: int

    @property
    def threads(self) -> int:
        """Threads of a block."""
        return self.pixels // self.thread_pixels * (self.channels // self.thread_channels)


@dataclass(frozen=True, slots=True)
class GpuDot:
    """A convolution of few pixels: threads share the reduction of each output channel.

    Attributes:
        threads: How many share one.
        channels: Output channels of a block of threads.
    """

    threads: int
    channels: int


@dataclass(frozen=True, slots=True)
class GpuWindow:
    """A depthwise convolution, a pooling or a convolution of tiny groups: a thread for a few results.

    Attributes:
        columns: Neighbouring pixels of a thread.
        lanes: Channels of a thread.
        slices: Threads that share the windows of these results.
    """

    columns: int
    lanes: int
    slices: int


@dataclass(frozen=True, slots=True)
class Tuned:
    """As a search on a board found it to be fast.

    Attributes:
        record: Digest of the tuning record that tells how: 16 hexadecimal digits.
        base: The variant whose order of the weights it takes.
    """

    record: str
    base: "Analytic"


Analytic = Direct | Winograd | Window | Rows | GpuTile | GpuDot | GpuWindow | Plain
"""Written from shape and processor alone."""

Variant = Analytic | Tuned

_KINDS: Mapping[str, type[Any]] = {
    kind.__name__.lower(): kind
    for kind in (Direct, Winograd, Window, Rows, GpuTile, GpuDot, GpuWindow, Plain)
}

_TUNED = "tuned"


def name_of(variant: Variant) -> str:
    """The variant as one word, such as `direct-1-14-32-channels`."""
    if isinstance(variant, Tuned):
        return tuned_name(variant.record, name_of(variant.base))
    return "-".join([type(variant).__name__.lower(), *map(str, dataclasses.astuple(variant))])


def variant_of(name: str) -> Variant:
    """The variant that `name_of` named.

    Raises:
        ValueError: This version knows no such variant.
    """
    kind, *values = name.split("-")
    if kind == _TUNED and len(values) > 1:
        return _tuned(values[0], variant_of("-".join(values[1:])))
    if kind not in _KINDS or len(values) != len(dataclasses.fields(_KINDS[kind])):
        raise ValueError(f"unknown kernel variant {name!r}")
    variant: Variant = _KINDS[kind](*(int(value) if value.isdigit() else value for value in values))
    return variant


def tuned_name(record: str, base: str) -> str:
    """The name of a tuned variant.

    Args:
        record: Digest of its record.
        base: Name of its base.
    """
    return f"{_TUNED}-{record}-{base}"


def analytic_of(variant: Variant) -> Analytic:
    """The variant itself, or what a tuned one is based on."""
    return variant.base if isinstance(variant, Tuned) else variant


def _tuned(record: str, base: Variant) -> Tuned:
    if isinstance(base, Tuned):
        raise ValueError(f"a tuned kernel is not the base of another: {record} on {base.record}")
    return Tuned(record, base)
