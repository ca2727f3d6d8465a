"""Weights in the order in which a kernel reads them. Pure; packed once, when a bundle is made."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from host.kernels.specs import Convolution, Separable, Spec
from host.kernels.variants import (
    Direct,
    GpuDot,
    GpuTile,
    GpuWindow,
    Rows,
    Tuned,
    Variant,
    Window,
    Winograd,
)
from host.kernels.winograd_transforms import KERNEL, transforms

Array = npt.NDArray[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packing:
    """How one of a kernel's arguments is packed.

    Attributes:
        argument: Index of the argument.
        spec: The convolution whose weights it is.
        variant: How that is scheduled.
    """

    argument: int
    spec: Convolution
    variant: Variant

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the packed weights."""
        return packed_shape(self.spec, self.variant) or ()

    def pack(self, weights: Array) -> Array:
        """Brings weights into that form."""
        return pack(self.spec, self.variant, weights)


def packings(spec: Spec, variant: Variant) -> tuple[Packing, ...]:
    """The arguments of a kernel that are packed weights, in order."""
    if isinstance(spec, Separable) and isinstance(variant, Rows):
        second = 2 + len(spec.depthwise.epilogue.operands)
        return (
            Packing(argument=1, spec=spec.depthwise, variant=variant.depthwise),
            Packing(argument=second, spec=spec.pointwise, variant=variant.pointwise),
        )
    if isinstance(spec, Convolution) and packed_shape(spec, variant):
        return (Packing(argument=1, spec=spec, variant=variant),)
    return ()


def packed_shape(spec: Spec, variant: Variant) -> tuple[int, ...] | None:
    """Shape of a convolution's packed weights; None for other kernels, which have none.

    Returns:
        For a direct convolution `(groups, panels, height, width, in / groups, panel)`, for Winograd's
        `(planes, panels, in, panel)`, for a depthwise one `(height, width, channels)`. For a GPU's tiles
        `(groups, steps, out / groups)` with both filled up to whole tiles, for its dot products `(out, steps)`, for
        its windows `(height, width, in / groups, out)`; a step is one number of `(height, width, in / groups)`.
    """
    if isinstance(variant, Tuned):
        return packed_shape(spec, variant.base)
    if not isinstance(spec, Convolution):
        return None
    height, width = spec.kernel
    if isinstance(variant, Direct):
        panels = math.ceil(spec.output.channels // spec.groups / variant.channels)
        return (spec.groups, panels, height, width, spec.input.channels // spec.groups, variant.channels)
    if isinstance(variant, Winograd):
        panels = math.ceil(spec.output.channels / variant.channels)
        return ((variant.size + KERNEL - 1) ** 2, panels, spec.input.channels, variant.channels)
    if isinstance(variant, Window):
        return (height, width, spec.output.channels)
    return _shape_on_gpu(spec, variant)


def _shape_on_gpu(spec: Convolution, variant: Variant) -> tuple[int, ...] | None:
    (height, width), inner = spec.kernel, spec.input.channels // spec.groups
    if isinstance(variant, GpuTile):
        each = spec.output.channels // spec.groups
        whole = variant.depth * variant.splits
        steps = math.ceil(height * width * inner / whole) * whole
        return (spec.groups, steps, math.ceil(each / variant.channels) * variant.channels)
    if isinstance(variant, GpuDot):
        return (spec.output.channels, height * width * inner)
    if isinstance(variant, GpuWindow):
        return (height, width, inner, spec.output.channels)
    return None


def pack(spec: Convolution, variant: Variant, weights: Array) -> Array:
    """Brings weights into the form of `packed_shape`; panels that the channels do not fill end with zeros.

    Args:
        spec: The convolution.
        variant: How it is scheduled.
        weights: As `spec.weights` says.
    """
    if isinstance(variant, Tuned):
        return pack(spec, variant.base, weights)
    natural = _natural(spec, weights)
    if isinstance(variant, Window):
        return np.ascontiguousarray(natural[:, 0].transpose(1, 2, 0))
    if isinstance(variant, Direct):
        return _panels(natural, spec.groups, variant.channels)
    if isinstance(variant, Winograd):
        return _planes(transforms(variant.size).of_kernels(natural), variant.channels)
    shape = _shape_on_gpu(spec, variant)
    if shape is not None:
        return _steps(natural, spec.groups, shape, is_transposed=isinstance(variant, GpuDot))
    raise ValueError(f"{variant} has no packed weights")


def _natural(spec: Convolution, weights: Array) -> Array:
    """`(out, in / groups, height, width)`."""
    if spec.weights == "oihw":
        return weights
    return weights.T.reshape(spec.output.channels, spec.input.channels, *spec.kernel)


def _panels(natural: Array, groups: int, size: int) -> Array:
    out, inner, height, width = natural.shape
    each = out // groups
    panels = math.ceil(each / size)
    padded = np.zeros((groups, panels * size, inner, height, width), natural.dtype)
    padded[:, :each] = natural.reshape(groups, each, inner, height, width)
    blocks = padded.reshape(groups, panels, size, inner, height, width)
    return np.ascontiguousarray(blocks.transpose(0, 1, 4, 5, 3, 2))


def _planes(transformed: Array, size: int) -> Array:
    """Panels of one product after the other, from `(out, in, rows, columns)`."""
    out, inner, height, width = transformed.shape
    panels = math.ceil(out / size)
    padded = np.zeros((panels * size, inner, height, width), transformed.dtype)
    padded[:out] = transformed
    blocks = padded.reshape(panels, size, inner, height * width)
    return np.ascontiguousarray(blocks.transpose(3, 0, 2, 1))


def _steps(natural: Array, groups: int, shape: tuple[int, ...], *, is_transposed: bool) -> Array:
    """A matrix of steps of the reduction and output channels, one for each group, filled up with zeros."""
    out = natural.shape[0]
    rows = natural.transpose(0, 2, 3, 1).reshape(out, -1)
    if is_transposed:
        return np.ascontiguousarray(rows)
    if len(shape) != 3:
        return np.ascontiguousarray(rows.T).reshape(shape)
    matrices = rows.reshape(groups, out // groups, -1).transpose(0, 2, 1)
    padded = np.zeros(shape, natural.dtype)
    padded[:, : matrices.shape[1], : matrices.shape[2]] = matrices
    return padded
