"""Whether this board's GPU can be used, found out in a process of its own: a driver may end the one that asks it."""

import json
import os
import subprocess
from dataclasses import dataclass

from device.children import interpreter

_TIMEOUT_S = 60.0


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


def state() -> CudaState:
    """Asks TVM in a child process; takes a second or two.

    The child loads the driver, the stand-in if there is one, and TVM's CUDA runtime, and asks the first GPU its name.
    """
    try:
        result = subprocess.run(
            [*interpreter(), "-m", "device.cuda.check"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env=os.environ | {"TVM_USE_RUNTIME_LIB": "1"},
        )
    except subprocess.TimeoutExpired:
        return CudaState(usable=False, reason=f"the GPU did not answer within {_TIMEOUT_S:.0f} s")
    except OSError as error:
        return CudaState(usable=False, reason=f"cannot start Python to ask for the GPU: {error.strerror}")
    try:
        return CudaState(**json.loads(result.stdout))
    except (ValueError, TypeError):
        words = (result.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return CudaState(
            usable=False, reason=f"asking for the GPU ended with status {result.returncode}: {words}"
        )
