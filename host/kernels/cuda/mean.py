"""How many pixels the mean of a window counts."""

from typing import Any

from tvm import tirx

from host.kernels.cpu.emission import Place, number
from host.kernels.specs import Pooling


def divisor(spec: Pooling, result: Place) -> Any:
    """What the sum over a window is divided by, a float32 number.

    Args:
        spec: The pooling.
        result: Which of its results.
    """
    if spec.counts_padding:
        return number(spec.kernel[0] * spec.kernel[1])
    rows = _overlap(result.row * spec.strides[0] - spec.padding[0], spec.kernel[0], spec.input.height)
    columns = _overlap(result.column * spec.strides[1] - spec.padding[1], spec.kernel[1], spec.input.width)
    return (rows * columns).astype("float32")


def _overlap(start: Any, size: int, image: int) -> Any:
    """How many of `size` pixels from `start` on lie in the image."""
    return tirx.min(start + size, image) - tirx.max(start, 0)
