"""Kernels for CPUs: every spec's code for every variant."""

from typing import Any

from host.kernels.cpu.separable_tiling import rows_candidates
from host.kernels.cpu.tiling import window_candidates
from host.kernels.cpu.winograd_tiling import convolution_candidates, winograd_applies
from host.kernels.machines import Cpu
from host.kernels.specs import Convolution, Lrn, Pointwise, Pooling, Separable, Softmax, Spec
from host.kernels.variants import Direct, Plain, Rows, Variant, Window, Winograd

__all__ = ["candidates", "emit"]


def candidates(spec: Spec, cpu: Cpu) -> tuple[Variant, ...]:
    """Ways to schedule a kernel that could be the fastest, the likeliest first."""
    if isinstance(spec, Convolution):
        return window_candidates(spec, cpu) if spec.is_depthwise else convolution_candidates(spec, cpu)
    if isinstance(spec, Separable):
        return rows_candidates(spec, cpu)
    if isinstance(spec, Pooling):
        return window_candidates(spec, cpu)
    return (Plain(),)


def emit(spec: Spec, variant: Variant, cpu: Cpu) -> Any:
    """A kernel as a TIR function.

    Raises:
        ValueError: The variant is not one for this spec.
    """
    from host.kernels.cpu.convolution import direct
    from host.kernels.cpu.normalization import lrn, softmax
    from host.kernels.cpu.pointwise import pointwise
    from host.kernels.cpu.separable import separable
    from host.kernels.cpu.window import depthwise, pooling
    from host.kernels.cpu.winograd import winograd

    match spec, variant:
        case Convolution(), Direct():
            function = direct(spec, variant, cpu)
        case Convolution(), Winograd() if winograd_applies(spec):
            function = winograd(spec, variant, cpu)
        case Convolution(), Window():
            function = depthwise(spec, variant, cpu)
        case Separable(), Rows():
            function = separable(spec, variant, cpu)
        case Pooling(), Window():
            function = pooling(spec, variant, cpu)
        case Pointwise(), Plain():
            function = pointwise(spec, cpu)
        case Softmax(), Plain():
            function = softmax(spec, cpu)
        case Lrn(), Plain():
            function = lrn(spec, cpu)
        case _:
            raise ValueError(f"{type(spec).__name__} cannot be scheduled as {variant}")
    return function
