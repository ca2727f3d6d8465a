"""Random tensors that stand in for weights and frames while a network is measured."""

import math

import numpy as np
import numpy.typing as npt

from device.program import Buffer

_MATRIX_AXES = 2


def stand_in(buffer: Buffer, random: np.random.Generator) -> npt.NDArray[np.generic]:
    """A tensor of the buffer's shape whose values neither grow nor fade from layer to layer.

    Denormal numbers would slow kernels down many times, so matrices are scaled by their fan-in (He et al., 2015) and
    everything smaller (biases, factors, variances) lies around one. Integers are zero: they may be indices.
    """
    if np.dtype(buffer.dtype).kind != "f":
        return np.zeros(buffer.shape, buffer.dtype)
    if sum(extent > 1 for extent in buffer.shape) < _MATRIX_AXES:
        return random.uniform(0.5, 1.5, buffer.shape).astype(buffer.dtype)
    fan_in = max(math.prod(buffer.shape[1:]), 1)
    return random.normal(0.0, math.sqrt(2 / fan_in), buffer.shape).astype(buffer.dtype)
