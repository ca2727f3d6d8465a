"""One kernel as a program that a board can run by itself."""

from collections.abc import Sequence
from typing import Any

from host.kernels.packing import packed_shape
from host.kernels.specs import Spec
from host.kernels.variants import Variant


def program_of(function: Any, spec: Spec, variant: Variant, symbol: str) -> dict[str, Any]:
    """A `stageline.program/1` document with one call.

    Args:
        function: The kernel's TIR function, for the form of its parameters; the last one is its output.
        spec: What it computes.
        variant: Says whether it has packed weights, its second parameter.
        symbol: Of the function to call.
    """
    buffers = {f"p{index}": _buffer(parameter) for index, parameter in enumerate(function.params)}
    names = list(buffers)
    weights = names[1:2] if packed_shape(spec, variant) else []
    return {
        "schema": "stageline.program/1",
        "inputs": [name for name in names[:-1] if name not in weights],
        "outputs": names[-1:],
        "weights": weights,
        "buffers": buffers,
        "layers": [{"name": "trial", "calls": [{"function": symbol, "arguments": names}]}],
    }


def _buffer(parameter: Any) -> dict[str, Any]:
    shape: Sequence[int] = [int(extent) for extent in parameter.shape]
    return {"shape": shape, "dtype": str(parameter.dtype)}
