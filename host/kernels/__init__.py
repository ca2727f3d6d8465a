"""How a kernel is scheduled for a target: rules computed from its shape, the general one last."""

from typing import Any

__all__ = ["schedule"]


def schedule(function: Any, target: Any) -> Any:
    """Schedules a TIR kernel for a target.

    Args:
        function: A TIR function as operator fusion leaves it.
        target: The `tvm.target.Target` that it will run on.

    Returns:
        A TIR function with the same parameters and results.
    """
    from host.kernels import generic

    del target  # the one rule so far holds for every CPU
    return generic.schedule(function)
