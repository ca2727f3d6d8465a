"""The matrices of Winograd's minimal filtering for 3x3 kernels. Pure.

`Y = A ((G g G^T) * (B^T d B)) A^T` computes a tile `Y` of `m` x `m` results from `m + 2` x `m + 2` pixels `d` with one
multiplication a pixel, channel and kernel. Constructed after Toom and Cook from points at which polynomials are
evaluated, the last one being infinity.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

KERNEL = 3
"""Height and width of the kernels."""

_POINTS: Mapping[int, tuple[Fraction, ...]] = {
    2: (Fraction(1),),
    4: (Fraction(3, 4), Fraction(3, 2)),
}
"""By tile size; each with both signs, besides 0 and infinity. Exact in binary and chosen for a small error: with the
customary 1 and 2 the error of a tile of 4 is three to four times as large."""

SIZES = tuple(_POINTS)
"""Tile sizes that there are matrices for."""

Matrix = tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Transforms:
    """The matrices for one tile size.

    The points lie in the order 0, p, -p, q, -q, infinity. So from the second on, two neighbouring rows of `input` and
    two neighbouring columns of `output` differ only in the sign of every second number.

    Attributes:
        input: `B^T`, `(m + 2, m + 2)`.
        kernel: `G`, `(m + 2, 3)`.
        output: `A`, `(m, m + 2)`.
    """

    input: Matrix
    kernel: Matrix
    output: Matrix

    def of_kernels(self, weights: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Transforms kernels `(..., 3, 3)` to `(..., m + 2, m + 2)`, in double precision."""
        matrix = np.array(self.kernel)
        transformed = matrix @ weights.astype(np.float64) @ matrix.T
        result: npt.NDArray[np.float32] = transformed.astype(np.float32)
        return result


@cache
def transforms(size: int) -> Transforms:
    """The matrices for tiles of `size` x `size` results.

    Raises:
        ValueError: There are none for this size.
    """
    if size not in _POINTS:
        raise ValueError(f"Winograd's tiles are {' or '.join(map(str, SIZES))} pixels wide, not {size}")
    points = [Fraction(0), *(sign * point for point in _POINTS[size] for sign in (1, -1))]
    others = [points[:index] + points[index + 1 :] for index in range(len(points))]
    scales = [
        math.prod((point - other for other in rest), start=Fraction(1))
        for point, rest in zip(points, others, strict=True)
    ]
    kernel = [
        [point**power / scale for power in range(KERNEL)] for point, scale in zip(points, scales, strict=True)
    ]
    return Transforms(
        input=_floats([*([*_polynomial(rest), Fraction(0)] for rest in others), _polynomial(points)]),
        kernel=_floats([*kernel, _infinity(KERNEL)]),
        output=_floats(
            [*(point**power for point in points), _infinity(size)[power]] for power in range(size)
        ),
    )


def _polynomial(roots: Sequence[Fraction]) -> list[Fraction]:
    """Coefficients of the polynomial with these roots and a leading 1, the constant first."""
    coefficients = [Fraction(1)]
    for root in roots:
        shifted, scaled = [Fraction(0), *coefficients], [*coefficients, Fraction(0)]
        coefficients = [high - root * low for high, low in zip(shifted, scaled, strict=True)]
    return coefficients


def _infinity(size: int) -> list[Fraction]:
    """The highest coefficient alone."""
    return [Fraction(0)] * (size - 1) + [Fraction(1)]


def _floats(rows: Any) -> Matrix:
    return tuple(tuple(map(float, row)) for row in rows)
