"""How kernels are scheduled for a target: specs computed from a network, variants computed from shape and processor."""

from collections.abc import Mapping
from typing import Any

from host.kernels import cpu, cuda
from host.kernels.machines import describe_cpu, describe_gpu
from host.kernels.specs import Generic, Spec
from host.kernels.variants import Plain, Tuned, Variant

__all__ = ["candidates", "emit"]


def candidates(spec: Spec, target: Mapping[str, Any]) -> tuple[Variant, ...]:
    """Ways to schedule a kernel that could be the fastest, the likeliest first.

    Args:
        spec: What it computes.
        target: TVM's target as a dictionary.

    Returns:
        Nothing for two convolutions at once on a GPU, which has no such kernel.
    """
    if target["kind"] == "cuda":
        return cuda.candidates(spec, describe_gpu(target))
    return cpu.candidates(spec, describe_cpu(target))


def emit(spec: Spec, variant: Variant, target: Mapping[str, Any], code: Any = None, trace: str = "") -> Any:
    """A kernel as a TIR function with the parameters that its spec says.

    Args:
        spec: What it computes.
        variant: How it is scheduled.
        target: TVM's target as a dictionary.
        code: For a `Generic` spec its unscheduled TIR function.
        trace: For a `Tuned` variant the trace of its record.
    """
    if isinstance(variant, Tuned):
        from host.kernels import tuned

        return tuned.schedule(tuned.unscheduled(spec, variant.base, code), trace)
    if target["kind"] == "cuda":
        return cuda.emit(spec, variant, describe_gpu(target), code)
    if isinstance(spec, Generic):
        from host.kernels import generic

        if not isinstance(variant, Plain):
            raise ValueError(f"a generic kernel cannot be scheduled as {variant}")
        return generic.schedule(code)
    return cpu.emit(spec, variant, describe_cpu(target))
