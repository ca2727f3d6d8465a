"""Any loop nest that TVM's operator fusion leaves: TVM's own default rules for GPUs bind its loops to threads."""

from typing import Any


def scheduled(function: Any, arch: str) -> Any:
    """Schedules a TIR kernel.

    Args:
        function: A TIR function with static buffers, as operator fusion leaves it.
        arch: The GPU's, such as `sm_62`.

    Returns:
        A TIR function with the same parameters and results.
    """
    import tvm
    from tvm.s_tir import dlight

    rules = dlight.gpu
    chain = dlight.ApplyDefaultSchedule(
        rules.Matmul(),
        rules.GEMV(),
        rules.Reduction(),
        rules.GeneralReduction(),
        rules.Transpose(),
        rules.Fallback(),
    )
    with tvm.target.Target({"kind": "cuda", "arch": arch}):
        return chain(tvm.IRModule({"main": function}))["main"]
