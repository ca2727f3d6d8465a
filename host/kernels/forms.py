"""How an activation lies in memory: channels last inside a network, with a frame of zeros for those who pad."""

import math
from dataclasses import dataclass
from typing import Literal

Layout = Literal["channels-last", "channels-first"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A dense float32 activation in memory.

    The halo holds zeros that the tensor's producer writes, so that a convolution which pads reads over the image's
    edge without asking.

    Attributes:
        batch: Images.
        channels: Channels.
        height: Rows, without the halo.
        width: Columns, without the halo.
        layout: Which axis is contiguous: `(batch, height, width, channels)` or `(batch, channels, height, width)`.
        halo: Rows above and below, columns left and right, that hold zeros.
        rank: 4, or 2 for `(batch, channels)`.
        dtype: Element type.
    """

    batch: int = 1
    channels: int
    height: int = 1
    width: int = 1
    layout: Layout = "channels-last"
    halo: tuple[int, int] = (0, 0)
    rank: int = 4
    dtype: str = "float32"

    @property
    def shape(self) -> tuple[int, ...]:
        """Extents in memory, the halo included."""
        if self.rank == 2:
            return (self.batch, self.channels)
        rows, columns = self.height + 2 * self.halo[0], self.width + 2 * self.halo[1]
        if self.layout == "channels-last":
            return (self.batch, rows, columns, self.channels)
        return (self.batch, self.channels, rows, columns)

    @property
    def size(self) -> int:
        """Elements in memory, the halo included."""
        return math.prod(self.shape)

    @property
    def strides(self) -> tuple[int, int, int, int]:
        """Distance between neighbours along `(batch, channel, row, column)`, in elements."""
        rows, columns = self.height + 2 * self.halo[0], self.width + 2 * self.halo[1]
        if self.layout == "channels-last":
            return (rows * columns * self.channels, 1, columns * self.channels, self.channels)
        return (rows * columns * self.channels, rows * columns, columns, 1)

    @property
    def origin(self) -> int:
        """Where the first pixel behind the halo lies, in elements."""
        _, _, row, column = self.strides
        return self.halo[0] * row + self.halo[1] * column

    @property
    def is_dense(self) -> bool:
        """Whether there is no halo."""
        return self.halo == (0, 0)

    @property
    def logical_shape(self) -> tuple[int, int, int, int]:
        """`(batch, channels, height, width)`."""
        return (self.batch, self.channels, self.height, self.width)
