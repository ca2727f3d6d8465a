"""The latest values of a quantity, in memory that does not grow."""

from array import array

import numpy as np
import numpy.typing as npt

CAPACITY = 1 << 14
"""Values kept; a power of two."""


class Ring:
    """Keeps the latest whole numbers that one thread adds; any thread may read.

    Attributes:
        count: How many were added in all.
    """

    __slots__ = ("_values", "count")

    def __init__(self) -> None:
        self._values = array("q", bytes(8 * CAPACITY))
        self.count = 0

    def add(self, value: int) -> None:
        """Adds a value; only one thread may."""
        count = self.count
        self._values[count & (CAPACITY - 1)] = value
        self.count = count + 1

    def since(self, start: int) -> npt.NDArray[np.int64]:
        """The values from the one with index `start` on, as far as they are still kept.

        At most half the capacity is read, so that a thread that adds meanwhile does not disturb.
        """
        end = self.count
        indices = np.arange(max(start, end - CAPACITY // 2, 0), end)
        values = np.frombuffer(self._values, np.int64)
        return values.take(indices & (CAPACITY - 1))
