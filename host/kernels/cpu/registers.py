"""A tile of sums that stays in the processor's registers."""

from collections.abc import Sequence
from typing import Any

from tvm.tirx.script.builder import ir as T  # noqa: N812 - the name that TVM's users know

from host.kernels.cpu.emission import at, number, spread, store

_STACK_BYTES = 1024
"""TVM takes smaller buffers from the stack (`kMaxStackAlloca`), and only those of global scope. LLVM turns them into
registers whatever else the loop does; larger ones come from the heap, where a prefetch, say, stops it."""

_ITEM_BYTES = 4


class Sums:
    """Rows of float32 vectors, all equal at first.

    Args:
        rows: How many rows.
        width: Numbers in a row.
        lanes: Start and lanes of each vector of a row.
        first: What every number is at first.

    Attributes:
        vectors: Row, start within the row and lanes of each vector.
    """

    def __init__(self, rows: int, width: int, lanes: Sequence[tuple[int, int]], first: float = 0.0) -> None:
        self.vectors = [(row, start, size) for row in range(rows) for start, size in lanes]
        self._width = width
        self._rows = max(1, (_STACK_BYTES // _ITEM_BYTES - 1) // width)
        pieces = (min(self._rows, rows - done) for done in range(0, rows, self._rows))
        self._buffers = [T.alloc_buffer((piece * width,), "float32") for piece in pieces]
        for vector in self.vectors:
            self.put(*vector, spread(number(first), vector[2]))

    def get(self, row: int, start: int, lanes: int) -> Any:
        """A vector's value."""
        return self._buffers[row // self._rows][at(self._index(row, start), lanes)]

    def put(self, row: int, start: int, lanes: int, value: Any) -> None:
        """Replaces a vector."""
        store(self._buffers[row // self._rows], self._index(row, start), lanes, value)

    def _index(self, row: int, start: int) -> int:
        return row % self._rows * self._width + start
