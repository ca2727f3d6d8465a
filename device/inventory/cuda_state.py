"""Whether TVM can use a GPU here, found out in a process of its own: a driver may end the one that asks it."""

import json
import os
import subprocess
from dataclasses import dataclass

from device.children import interpreter

_TIMEOUT_S = 60.0
_PROGRAM = """
import json, tvm.runtime
gpu = tvm.runtime.cuda(0)
if not tvm.runtime.enabled("cuda"):
    reason = "TVM's CUDA runtime does not load; `device-agent build-cuda-shim` makes TVM use an older CUDA"
    found = {"usable": False, "reason": reason}
elif not gpu.exist:
    found = {"usable": False, "reason": "the CUDA runtime finds no GPU"}
else:
    arch = "sm_" + gpu.compute_version.replace(".", "")
    found = {"usable": True, "name": gpu.device_name, "arch": arch}
print(json.dumps(found))
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class CudaState:
    """What there is of CUDA.

    Attributes:
        usable: Whether TVM can run kernels on a GPU here.
        reason: Why not, in one sentence; empty when it can.
        name: What the GPU calls itself; empty when there is none.
        arch: What to compile for, such as `sm_62`; empty when there is none.
    """

    usable: bool
    reason: str = ""
    name: str = ""
    arch: str = ""


def cuda_state(program: str = _PROGRAM) -> CudaState:
    """Asks TVM in a child process; takes a second or two.

    Args:
        program: What the child runs; it prints a state as JSON.
    """
    try:
        result = subprocess.run(
            [*interpreter(), "-c", program],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"TVM_USE_RUNTIME_LIB": "1"},
        )
    except (subprocess.TimeoutExpired, OSError) as error:
        return CudaState(usable=False, reason=f"TVM could not be asked: {error}")
    try:
        return CudaState(**json.loads(result.stdout))
    except (ValueError, TypeError):
        words = (result.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return CudaState(usable=False, reason=f"asking TVM ended with status {result.returncode}: {words}")
