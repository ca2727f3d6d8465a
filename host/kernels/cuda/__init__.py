"""Kernels for NVIDIA's GPUs: every spec's code for every variant, float32 on CUDA cores.

Tensors begin at multiples of 16 bytes, as every allocator of CUDA and TVM places them.
"""

from typing import Any

from host.kernels.cuda.tiling import candidates as convolution_candidates
from host.kernels.cuda.tiling import window_candidates
from host.kernels.machines import Gpu
from host.kernels.specs import Convolution, Generic, Lrn, Pointwise, Pooling, Separable, Softmax, Spec
from host.kernels.variants import GpuDot, GpuTile, GpuWindow, Plain, Variant

__all__ = ["candidates", "emit"]


def candidates(spec: Spec, gpu: Gpu) -> tuple[Variant, ...]:
    """Ways to schedule a kernel that could be the fastest, the likeliest first."""
    if isinstance(spec, Convolution):
        return convolution_candidates(spec, gpu)
    if isinstance(spec, Pooling):
        return window_candidates(spec, gpu)
    return () if isinstance(spec, Separable) else (Plain(),)


def emit(spec: Spec, variant: Variant, gpu: Gpu, code: Any = None) -> Any:
    """A kernel as a TIR function.

    Args:
        spec: What it computes.
        variant: How it is scheduled.
        gpu: What it will run on.
        code: For a `Generic` spec its unscheduled TIR function.

    Raises:
        ValueError: The variant is not one for this spec.
    """
    from host.kernels.cuda.convolution import tiled
    from host.kernels.cuda.dot import dot
    from host.kernels.cuda.generic import scheduled
    from host.kernels.cuda.normalization import lrn, softmax
    from host.kernels.cuda.pointwise import pointwise
    from host.kernels.cuda.window import filtered, pooled

    match spec, variant:
        case Convolution(), GpuTile():
            function = tiled(spec, variant, gpu)
        case Convolution(), GpuDot():
            function = dot(spec, variant)
        case Convolution(), GpuWindow(slices=1):
            function = filtered(spec, variant, gpu)
        case Pooling(), GpuWindow():
            function = pooled(spec, variant, gpu)
        case Pointwise(), Plain():
            function = pointwise(spec, gpu)
        case Softmax(), Plain():
            function = softmax(spec, gpu)
        case Lrn(), Plain():
            function = lrn(spec, gpu)
        case Generic(), Plain():
            function = scheduled(code, gpu.arch)
        case _:
            raise ValueError(f"{type(spec).__name__} cannot be scheduled as {variant}")
    return function
