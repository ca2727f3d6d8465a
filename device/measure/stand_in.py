"""Random tensors that stand in for weights and frames while a network is measured."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from device.program import Buffer, Program, aligned_empty

Array = npt.NDArray[np.generic]

_MATRIX_AXES = 2
_SPREAD = 0.02
_PERIOD = 1_000_003
_ALIGNED = 16


class StandIns:
    """Random tensors for programs that compute the same in different ways.

    Values neither grow nor fade much from layer to layer: denormal numbers would slow kernels down many times. Large
    weights of all programs share one block of memory, each program's own weights lying side by side in it, so that
    trying a network in several ways takes no more memory than one of them.

    Args:
        programs: The programs.
    """

    def __init__(self, programs: Iterable[Program]) -> None:
        self._random = np.random.default_rng(0)
        size = max(sum(map(_room, map(program.buffers.__getitem__, program.weights))) for program in programs)
        period = self._random.normal(0.0, _SPREAD, _PERIOD).astype(np.float32)
        self._block = aligned_empty(Buffer(shape=(max(size, 1),), dtype="float32"))
        self._block[...] = np.resize(period, self._block.shape)

    def weights(self, program: Program) -> dict[str, Array]:
        """A tensor for each of a program's weights, in aligned memory."""
        found: dict[str, Array] = {}
        start = 0
        for name in program.weights:
            buffer = program.buffers[name]
            if room := _room(buffer):
                count = buffer.nbytes // self._block.itemsize
                found[name] = self._block[start : start + count].reshape(buffer.shape)
                start += room
            else:
                found[name] = self._small(buffer)
        return found

    def frame(self, buffer: Buffer) -> Array:
        """A tensor for an input. Integers are zero: they may be indices."""
        if np.dtype(buffer.dtype).kind != "f":
            return np.zeros(buffer.shape, buffer.dtype)
        return self._random.normal(0.0, 1.0, buffer.shape).astype(buffer.dtype)

    def _small(self, buffer: Buffer) -> Array:
        """Biases, factors, variances: around one."""
        array = aligned_empty(buffer)
        is_float = np.dtype(buffer.dtype).kind == "f"
        array[...] = self._random.uniform(0.5, 1.5, buffer.shape) if is_float else 0
        return array


def _room(buffer: Buffer) -> int:
    """Numbers that a large float32 weight takes in the block, up to the next aligned place; 0 for others."""
    if buffer.dtype != "float32" or sum(extent > 1 for extent in buffer.shape) < _MATRIX_AXES:
        return 0
    return -(-(buffer.nbytes // 4) // _ALIGNED) * _ALIGNED
